"""Checking whom a workspace tells, for ``check``."""

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from funnelflow.cli.find import workspace_root
from funnelflow.cli.hosting import host_of
from funnelflow.cli.session import Session
from funnelflow.definition import Position, Problem
from funnelflow.errors import ConfigurationError
from funnelflow.store import read_config
from funnelflow.store.config import CONFIG_FILE
from funnelflow.store.notices import NoticesError
from funnelflow.store.sites import masked_source

__all__ = ["EndpointCheck", "check_endpoints", "check_plugins"]


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


def check_plugins(session: Session, told: EndpointCheck) -> EndpointCheck:
    """Check that every plugin of the workspace can be used.

    Args:
        session: Has the plugins.
        told: What a check of endpoints found, to which it is added.
    """
    root = workspace_root(session)
    plugins = host_of(session).plugins if root is not None else ()
    broken = [plugin for plugin in plugins if plugin.status == "broken"]
    if root is None or not broken:
        return told
    path = root / CONFIG_FILE
    found = tuple(
        _placed(
            "F708",
            f"plugin {plugin.name}: ",
            problem,
            path,
            f"funnelflow plugins show {plugin.name}",
        )
        for plugin in broken
        for problem in plugin.problems
    )
    return EndpointCheck(told.count, (*told.problems, *found), {**told.sources, **_sources(path)})


def _of_settings(error: ConfigurationError, path: Path) -> tuple[Problem, ...]:
    """Give what is wrong with the settings as problems with their places."""
    if isinstance(error, NoticesError):
        return error.problems
    return (_placed("F706", "", error.message, path, error.hint),)


def _placed(code: str, about: str, said: str, path: Path, hint: str) -> Problem:
    """Give a problem of the settings with the place that its message begins with, if any."""
    found = re.fullmatch(rf"{re.escape(str(path))}(?::(\d+))?(?::(\d+))?: (.*)", said, re.DOTALL)
    message = about + (found[3] if found else said)
    at = Position(str(path), int(found[1]), int(found[2] or 1)) if found and found[1] else None
    return Problem(code, "error", message, at, help=hint, name=str(path))


def _sources(path: Path) -> dict[str, str]:
    """Give the settings as they may be shown; nothing where they cannot be read."""
    try:
        return {str(path): masked_source(path.read_text(encoding="utf-8-sig"))}
    except (OSError, ValueError):
        return {}
