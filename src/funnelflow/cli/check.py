"""``funnelflow check``: everything that is wrong with definitions, at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import click
from attrs import field, frozen

from funnelflow.cli.find import definitions_here, library_here, reading_of, workspace_root
from funnelflow.cli.options import as_json, command, complete_code, complete_definition
from funnelflow.cli.output import counted, note, say_text
from funnelflow.cli.session import Session, answer, current
from funnelflow.cli.text import line, strong
from funnelflow.criteria import Position
from funnelflow.definition import CODES, Definition, Problem, Span, render_problems
from funnelflow.errors import ConfigurationError, UnknownNameError
from funnelflow.plugins import Plugin
from funnelflow.plugins.configuration import CONFIG_FILE
from funnelflow.storage.subscriptions import SubscriptionsError, masked_source
from funnelflow.toml_source import FilePlace
from funnelflow.workspace.settings import read_config


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
    if not config.subscriptions:
        return EndpointCheck()
    from funnelflow.cli.deliver import problems_of  # noqa: PLC0415  # loads the database

    return EndpointCheck(len(config.subscriptions), problems_of(config, session), _sources(path))


def check_plugins(session: Session, endpoints: EndpointCheck) -> EndpointCheck:
    """Check that every plugin of the workspace can be used.

    Args:
        session: Has the plugins.
        endpoints: What a check of endpoints found, to which it is added.
    """
    root = workspace_root(session)
    plugins = session.host.plugins if root is not None else ()
    broken = [plugin for plugin in plugins if plugin.status == "broken"]
    if root is None or not broken:
        return endpoints
    path = root / CONFIG_FILE
    found = tuple(problem for plugin in broken for problem in _of_plugin(plugin, path))
    return EndpointCheck(
        endpoints.count, (*endpoints.problems, *found), {**endpoints.sources, **_sources(path)}
    )


def _of_settings(error: ConfigurationError, path: Path) -> tuple[Problem, ...]:
    """Return what is wrong with the settings as problems with their places."""
    if isinstance(error, SubscriptionsError):
        return error.problems
    at = Position(str(path), error.line, error.column or 1) if error.line else None
    parameters = {"reason": error.reason, "hint": error.hint}
    return (Problem("F706", Span(at), parameters, name=str(path)),)


def _of_plugin(plugin: Plugin, path: Path) -> Iterator[Problem]:
    """Yield what is wrong with a plugin, its settings with their places."""
    hint, name = f"funnelflow plugins show {plugin.name}", str(path)
    for fault in plugin.faults:
        reason = f"plugin {plugin.name}: {fault.advice}"
        line = fault.place.line if isinstance(fault.place, FilePlace) else 0
        at = Position(name, line, 1) if line else None
        yield Problem("F708", Span(at), {"reason": reason, "hint": hint}, name=name)
    for problem in () if plugin.faults else plugin.problems:
        reason = f"plugin {plugin.name}: {problem}"
        yield Problem("F708", Span(None), {"reason": reason, "hint": hint}, name=name)


def _sources(path: Path) -> dict[str, str]:
    """Return the settings as they may be shown; nothing where they cannot be read."""
    try:
        return {str(path): masked_source(path.read_text(encoding="utf-8-sig"))}
    except (OSError, ValueError):
        return {}


FORMATS = ("full", "concise", "json", "github", "sarif")
Format: TypeAlias = Literal["full", "concise", "json", "github", "sarif"]


@command(
    "check",
    "funnelflow check",
    "funnelflow check standard dialogue",
    "funnelflow check definitions/standard.yaml --format concise",
    "funnelflow check --explain F405",
)
@click.argument(
    "definitions", nargs=-1, metavar="[DEFINITION]...", shell_complete=complete_definition
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="full",
    show_default=True,
    help="How problems are written.",
)
@click.option("--strict", is_flag=True, help="Exit 1 for warnings too.")
@click.option(
    "--explain",
    metavar="CODE",
    shell_complete=complete_code,
    help="Explain a code of a problem, such as F405.",
)
@as_json
def check(definitions: tuple[str, ...], form: Format, *, strict: bool, explain: str | None) -> int:
    """Find everything wrong with definitions.

    All of it at once, each problem with its place and what to do about it.
    DEFINITION is a file or the name of a definition; without any, all of the
    workspace's are checked. With what stands in a workspace every [[notify]]
    of its funnelflow.toml is checked too, and every plugin. Exits 1 if there is an error.
    """
    session = current()
    if explain is not None:
        return _explain(explain)
    return _check(definitions, "json" if session.json else form, session, strict=strict)


def _check(definitions: tuple[str, ...], form: Format, session: Session, *, strict: bool) -> int:
    library = library_here(session)
    endpoints, found = _to_check(definitions, session)
    readings = [reading_of(source, library) for source in found]
    problems = [problem for reading in readings for problem in reading.problems]
    problems += endpoints.problems
    sources = {path: text for reading in readings for path, text in reading.sources.items()}
    say_text(render_problems(problems, {**sources, **endpoints.sources}, form))
    found_as = Counter(problem.severity for problem in problems)
    errors, warnings = found_as["error"], found_as["warning"]
    note(_summary(len(readings), endpoints.count, errors, warnings))
    return 1 if errors or (strict and warnings) else 0


def _to_check(
    definitions: tuple[str, ...], session: Session
) -> tuple[EndpointCheck, Sequence[Path | Definition]]:
    """Return what endpoints are like, if they are to be checked, and the definitions."""
    if not definitions:
        endpoints = check_plugins(session, check_endpoints(session))
        return endpoints, definitions_here(
            (), session, is_enough=bool(endpoints.count or endpoints.problems)
        )
    found = definitions_here(definitions, session)
    is_inside = any(_is_inside(source, session) for source in found)
    if not is_inside:
        return EndpointCheck(), found
    return check_plugins(session, check_endpoints(session)), found


def _is_inside(source: Path | Definition, session: Session) -> bool:
    """Return whether a definition stands in the workspace."""
    root = workspace_root(session)
    return (
        root is not None
        and isinstance(source, Path)
        and source.resolve().is_relative_to(root.resolve())
    )


def _summary(files: int, endpoints: int, errors: int, warnings: int) -> str:
    also = f" and {counted(endpoints, 'endpoint')}" if endpoints else ""
    checked = f"{counted(files, 'definition')}{also} checked: "
    if not errors and not warnings:
        return checked + "nothing is wrong"
    found = [counted(errors, "error")] if errors else []
    found += [counted(warnings, "warning")] if warnings else []
    return checked + ", ".join(found)


def _explain(code: str) -> int:
    """Write what a code means, and what to do about it."""
    known = CODES.get(code.upper())
    if known is None:
        raise UnknownNameError("code", code, CODES)
    names = ("code", "severity", "title", "explanation")
    head = line(strong(f"{known.code} ({known.severity}): {known.title}"))
    answer(
        lambda: {name: getattr(known, name) for name in names},
        lambda page: [head, (), *page.paragraph(known.explanation, indent=2)],
    )
    return 0
