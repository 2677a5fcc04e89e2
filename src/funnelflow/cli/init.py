"""``funnelflow init``: a new workspace in a directory."""

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from funnelflow.cli.find import reading_of, source_of
from funnelflow.cli.options import command, complete_definition, dry_run
from funnelflow.cli.output import hint, note_dry_run, say
from funnelflow.cli.session import current
from funnelflow.cli.text import TextSpan, line
from funnelflow.definition import DefinitionError, SchemaName, schema_text
from funnelflow.errors import ConfigurationError
from funnelflow.workspace.settings import library_of
from funnelflow.workspace.workspace import Workspace

SETTINGS = "funnelflow.toml"
IGNORED = """\
# The data of the workspace; the settings and definitions beside it belong in version control.
*.db
*.db-shm
*.db-wal
*.rejects.*
"""
SCHEMA_LINE = re.compile(
    r"^(# yaml-language-server: \$schema=).*?(\w+\.schema\.json)$", re.MULTILINE
)
"""The comment that tells editors which schema completes a file."""


@command(
    "init",
    "funnelflow init",
    "funnelflow init sales --funnel dialogue",
    "funnelflow init sales --database postgresql://localhost/sales --dry-run",
)
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option(
    "--funnel",
    default="standard",
    show_default=True,
    metavar="NAME",
    shell_complete=complete_definition,
    help="The definition to start from: a name or a file.",
)
@dry_run
def init(directory: Path | None, funnel: str, *, dry_run: bool) -> int:
    """Make a workspace in a directory.

    Writes the settings, a copy of the definition with its vocabulary to make
    your own, and a database. Nothing that is there is written over.
    """
    session = current()
    root = (directory or Path(session.workspace or ".")).absolute()
    name, files = plan(root, funnel)
    if dry_run:
        say_plan(root, files)
        return 0
    make_workspace(root, name, files, session.database)
    say(
        [
            line(TextSpan("workspace made: ", "good"), str(root)),
            line("funnel: ", TextSpan(name, "strong")),
        ]
    )
    start = "" if root == Path.cwd() else f"cd {shlex.quote(from_here(root))} && "
    hint(f"{start}funnelflow show {name}\nthen: funnelflow add ada email=ada@example.com")
    return 0


def plan(root: Path, funnel: str) -> tuple[str, dict[Path, str]]:
    """Name the funnel and give the files of a new workspace that are not there yet.

    Raises:
        ConfigurationError: There is a workspace already, or a file would be written over.
        UnknownNameError: There is no such definition.
        DefinitionError: The definition has errors.
    """
    if (root / SETTINGS).exists():
        raise ConfigurationError(
            f"there is a workspace already: {root / SETTINGS}",
            hint="use it, or choose another directory",
        )
    library = current().host.library(library_of(root))
    source = source_of(funnel, library)
    reading = reading_of(source, library)
    if reading.definition is None or reading.linked is None:
        raise DefinitionError(reading.problems)
    copies = _copies(reading.sources, source, root) if isinstance(source, Path) else {}
    _refuse_overwriting(copies)
    copies |= _schemas(root / "definitions" / "schemas")
    ignore = root / ".gitignore"
    new = {path: text for path, text in copies.items() if not path.exists()}
    return reading.definition.name, new if ignore.exists() else {**new, ignore: IGNORED}


def say_plan(root: Path, files: Iterable[Path]) -> None:
    """Write what making a workspace would write."""
    say(line("would write ", TextSpan(str(path), "strong")) for path in [root / SETTINGS, *files])
    note_dry_run("written")


def make_workspace(
    root: Path, funnel: str, files: Mapping[Path, str], database: str | None = None
) -> None:
    """Write the files of a workspace, then its settings and its database; all, or nothing.

    Raises:
        ConfigurationError: There is a workspace already, or it cannot be made.
        StoreError: The database cannot be made.
    """
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            written.append(path)
            path.write_text(text, encoding="utf-8", newline="\n")
        Workspace.create(root, funnel, database=database, plugins=current().host).close()
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _copies(sources: Mapping[str, str], source: Path, root: Path) -> dict[Path, str]:
    """Return the files that a definition consists of, each with its place in the workspace."""
    own = root / "definitions"
    copies = {}
    for name, text in sources.items():
        path = Path(name)
        nested = path.parent.name == "vocabularies"
        folder = own / "vocabularies" if nested else own
        schemas = "../schemas/" if nested else "schemas/"
        copies[folder / path.name] = SCHEMA_LINE.sub(rf"\g<1>{schemas}\g<2>", text)
    return {path: text for path, text in copies.items() if path.absolute() != source.absolute()}


def _schemas(folder: Path) -> dict[Path, str]:
    """Return the schemas, so that editors complete the definitions beside them."""
    names: tuple[SchemaName, ...] = ("definition", "vocabulary")
    return {folder / f"{name}.schema.json": schema_text(name) for name in names}


def _refuse_overwriting(copies: Mapping[Path, str]) -> None:
    """Refuse when a file of another content stands where a copy would go."""
    for path, text in copies.items():
        if path.exists() and path.read_text(encoding="utf-8", errors="replace") != text:
            raise ConfigurationError(
                f"{path} is there already, and nothing is written over",
                hint="move it away, or name it: funnelflow init --funnel " + path.stem,
            )


def from_here(root: Path) -> str:
    """Return a path as it is typed in the current directory."""
    try:
        return str(root.relative_to(Path.cwd()))
    except ValueError:
        return str(root)
