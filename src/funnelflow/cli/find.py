"""Finding the definitions that a command is asked about: files, or names.

No database is needed for it: a definition can be written, checked and tried before there
is anything to store.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from funnelflow.cli.session import Session
from funnelflow.definition import (
    Definition,
    Library,
    Linked,
    LoadedFile,
    check,
    link,
    load_definition,
    read_definition,
)
from funnelflow.errors import ConfigurationError, UnknownNameError, UsageError
from funnelflow.workspace.settings import find_workspace, library_of, read_config

SUFFIXES = {".yaml", ".yml"}
MOST = 20
"""How many definitions are read to complete a word."""


def library_here(session: Session) -> Library:
    """Return where definitions are looked up: the workspace's directory, then those that ship."""
    root = workspace_root(session)
    library = Library() if root is None else library_of(root)
    return session.host.library(library)


def names_here(session: Session) -> tuple[str, ...]:
    """Name every definition there is: the workspace's, the plugins' and those that ship.

    Only the ``definitions/`` of a workspace counts; beside it may lie files of other kinds.
    """
    root = workspace_root(session)
    library = Library() if root is None else Library((root / "definitions",))
    return tuple(session.host.library(library).names())


def workspace_root(session: Session) -> Path | None:
    """Return the directory of the workspace; None outside of one.

    Raises:
        ConfigurationError: A directory was named, and it has no workspace.
    """
    try:
        return find_workspace(session.workspace)
    except ConfigurationError:
        if session.workspace is not None:
            raise
        return None


def path_of(target: str, library: Library) -> Path:
    """Return the file that a name or a path means.

    Raises:
        UnknownNameError: It is no file, and no definition has that name.
    """
    path = Path(target)
    if path.suffix in SUFFIXES or len(path.parts) > 1 or path.is_file():
        return path
    found = library.find(target)
    if found is None:
        raise UnknownNameError("definition", target, library.names())
    return Path(found)


def source_of(target: str, library: Library) -> Path | Definition:
    """Return what a name or a path means: a file, or a plugin's record.

    Raises:
        UnknownNameError: It is no file, and no definition has that name.
    """
    if target in library.definitions and library.find(target) is None:
        return library.definitions[target]
    return path_of(target, library)


def reading_of(source: Path | Definition, library: Library) -> LoadedFile:
    """Read a definition with everything that is wrong with it, from its file or its record."""
    if isinstance(source, Path):
        return read_definition(source, library)
    problems = check(source, library)
    sound = not any(problem.severity == "error" for problem in problems)
    return LoadedFile(source, link(source, library) if sound else None, problems, {})


def linked_from(source: Path | Definition, library: Library) -> Linked:
    """Load a definition that is expected to be sound, from its file or its record.

    Raises:
        DefinitionError: It has problems.
    """
    return load_definition(source, library) if isinstance(source, Path) else link(source, library)


def definition_here(target: str, session: Session) -> Linked:
    """Load the definition that a name or a path means.

    Raises:
        UnknownNameError: There is none.
        DefinitionError: It has problems.
    """
    library = library_here(session)
    return linked_from(source_of(target, library), library)


def definitions_here(
    targets: Iterable[str], session: Session, *, is_enough: bool = False
) -> Sequence[Path | Definition]:
    """Return what the targets mean; without targets, all files of the workspace.

    Args:
        targets: Files and names.
        session: Says which workspace it is.
        is_enough: Whether the workspace may have no files.

    Raises:
        UnknownNameError: A target is neither a file nor the name of a definition.
        UsageError: Nothing was named and there is no workspace to look in.
    """
    named = list(targets)
    if named:
        library = library_here(session)
        return [source_of(target, library) for target in named]
    root = workspace_root(session)
    found = sorted((root / "definitions").glob("*.y*ml")) if root is not None else []
    if not found and not is_enough:
        raise UsageError(
            "no definition was named, and there is no workspace with any here",
            hint="name files or definitions: funnelflow check my-funnel.yaml standard",
        )
    return found


def workspace_funnels(session: Session, library: Library) -> list[Path]:
    """Return the files of the workspace's definitions, the default funnel's first."""
    root = workspace_root(session)
    if root is None:
        return []
    default = library.find(read_config(root).funnel)
    others = sorted((root / "definitions").glob("*.yaml"))[:MOST]
    return list(dict.fromkeys([*([Path(default)] if default else []), *others]))


def default_definition(session: Session) -> str:
    """Name the workspace's default funnel.

    Raises:
        UsageError: There is no workspace here.
    """
    root = workspace_root(session)
    if root is None:
        raise UsageError(
            "no definition was named, and there is no workspace here",
            hint="name a file or a definition, such as `standard`",
        )
    return read_config(root).funnel
