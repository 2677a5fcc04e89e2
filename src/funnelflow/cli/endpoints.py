"""Checking whom a workspace tells, for ``check``."""

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from funnelflow.cli.find import workspace_root
from funnelflow.cli.session import Session
from funnelflow.definition import Position, Problem
from funnelflow.errors import ConfigurationError
from funnelflow.store import read_config
from funnelflow.store.config import CONFIG_FILE
from funnelflow.store.notices import NoticesError
from funnelflow.store.sites import masked_source

__all__ = ["EndpointCheck", "check_endpoints"]


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
    from funnelflow.cli.endpoints_in_use import problems_of  # noqa: PLC0415  # loads the database

    return EndpointCheck(len(config.notices), problems_of(config, session), _sources(path))


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
