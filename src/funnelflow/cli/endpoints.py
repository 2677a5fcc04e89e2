"""Checking whom a workspace tells, for ``check`` and ``doctor``."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from funnelflow.cli.find import library_here, workspace_root
from funnelflow.cli.hosting import host_of
from funnelflow.cli.session import Session
from funnelflow.definition import Library, Linked, Position, Problem, link
from funnelflow.errors import ConfigurationError, FunnelflowError
from funnelflow.notify import check_notices
from funnelflow.store import Config, Notice, Workspace, read_config
from funnelflow.store.config import CONFIG_FILE
from funnelflow.store.notices import NoticesError
from funnelflow.store.shelf import Shelf
from funnelflow.store.sites import masked_source

__all__ = ["EndpointCheck", "check_endpoints", "endpoints_in_use"]


@frozen
class EndpointCheck:
    """What a check of endpoints found.

    Attributes:
        count: How many there are.
        problems: What is wrong with them, or with the settings of the workspace.
        sources: The text of the settings, as it may be shown.
    """

    count: int = 0
    problems: tuple[Problem, ...] = ()
    sources: Mapping[str, str] = field(factory=dict)


def endpoints_in_use(workspace: Workspace) -> list[tuple[Notice, tuple[Problem, ...]]]:
    """Check every endpoint against the definitions that decide now."""
    in_use = workspace.funnels() or (workspace.config.funnel,)
    return list(check_notices(workspace.config, workspace.plugins, in_use, workspace.linked))


def check_endpoints(session: Session) -> EndpointCheck:
    """Check every endpoint of the workspace against the files of its definitions.

    The database only says which funnels are in use; without one it is the funnel of the
    settings. Outside of a workspace there is nothing to check.
    """
    root = workspace_root(session)
    if root is None:
        return EndpointCheck()
    path = root / CONFIG_FILE
    try:
        config = read_config(root, flags={"database": session.database})
    except ConfigurationError as error:
        return EndpointCheck(0, _of_settings(error, path), _sources(path))
    if not config.notices:
        return EndpointCheck()
    with _opened(session) as workspace:
        problems = _all_problems(config, session, workspace)
    return EndpointCheck(len(config.notices), problems, _sources(path))


def _all_problems(
    config: Config, session: Session, workspace: Workspace | None
) -> tuple[Problem, ...]:
    library = library_here(session)
    in_use = workspace.funnels() if workspace is not None else ()
    finder = _Finder(library, workspace)
    checked = check_notices(config, host_of(session), in_use or (config.funnel,), finder.find)
    return tuple(problem for _, problems in checked for problem in problems)


@frozen
class _Finder:
    """Finds definitions: in their files, and where those cannot be used in the database."""

    library: Library
    workspace: Workspace | None

    def find(self, name: str) -> Linked:
        try:
            return link(Shelf(self.library).file(name), self.library)
        except FunnelflowError:
            if self.workspace is None:
                raise
            return self.workspace.linked(name)


@contextmanager
def _opened(session: Session) -> Iterator[Workspace | None]:
    """Open the workspace if its database can be used; give None where it cannot."""
    try:
        workspace = session.open()
    except FunnelflowError:
        yield None
        return
    with workspace:
        yield workspace


def _of_settings(error: ConfigurationError, path: Path) -> tuple[Problem, ...]:
    """Give what is wrong with the settings as problems with their places."""
    if isinstance(error, NoticesError):
        return error.problems
    found = re.fullmatch(
        rf"{re.escape(str(path))}(?::(\d+))?(?::(\d+))?: (.*)", error.message, re.DOTALL
    )
    message = found[3] if found else error.message
    at = Position(str(path), int(found[1]), int(found[2] or 1)) if found and found[1] else None
    return (Problem("F706", "error", message, at, help=error.hint, name=str(path)),)


def _sources(path: Path) -> dict[str, str]:
    """Give the settings as they may be shown; nothing where they cannot be read."""
    try:
        return {str(path): masked_source(path.read_text(encoding="utf-8-sig"))}
    except (OSError, ValueError):
        return {}
