"""``funnelflow check``: everything that is wrong with definitions, at once."""

from collections.abc import Iterable, Iterator, Mapping
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
from funnelflow.definition.field_types import type_conflicts
from funnelflow.errors import ConfigurationError, UnknownNameError
from funnelflow.plugins import Plugin
from funnelflow.plugins.configuration import CONFIG_FILE
from funnelflow.storage.subscriptions import SubscriptionsError, masked_source
from funnelflow.toml_source import FilePlace
from funnelflow.workspace.settings import read_config


@frozen
class WorkspaceCheck:
    """What a check of a workspace found beside its definitions.

    Attributes:
        endpoints: How many endpoints there are.
        problems: What is wrong with them, with plugins, or with the settings themselves.
        sources: The text of the settings, as it may be shown.
    """

    endpoints: int = 0
    problems: tuple[Problem, ...] = ()
    sources: Mapping[str, str] = field(factory=dict)


def check_workspace(session: Session) -> WorkspaceCheck:
    """Check the settings, every endpoint and every plugin of the workspace; outside of one nothing.

    Endpoints are held to the files of the definitions. The database only says which funnels are in
    use; without one it is the funnel of the settings.
    """
    root = workspace_root(session)
    if root is None:
        return WorkspaceCheck()
    path = root / CONFIG_FILE
    count, problems = _check_endpoints(session, root, path)
    broken = (plugin for plugin in session.host.plugins if plugin.status == "broken")
    problems += [problem for plugin in broken for problem in _of_plugin(plugin, path)]
    return WorkspaceCheck(count, tuple(problems), _sources(path) if problems else {})


def _check_endpoints(session: Session, root: Path, path: Path) -> tuple[int, list[Problem]]:
    """Return how many endpoints there are, and what is wrong with them or with the settings."""
    try:
        config = read_config(root, flags={"database": session.database})
    except ConfigurationError as error:
        return 0, list(_of_settings(error, path))
    if not config.subscriptions:
        return 0, []
    from funnelflow.cli.deliver import problems_of  # noqa: PLC0415  # loads the database

    return len(config.subscriptions), list(problems_of(config, session))


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
    of its funnelflow.toml is checked too, and every plugin. A field has one type in a
    workspace: definitions are held to each other and, where they are not of its own funnel only,
    to those in use. Exits 1 if there is an error.
    """
    session = current()
    if explain is not None:
        return _explain(explain)
    form = "json" if session.json else form
    library = library_here(session)
    named = definitions_here(definitions, session) if definitions else ()
    is_inside = not named or any(_is_inside(source, session) for source in named)
    here = check_workspace(session) if is_inside else WorkspaceCheck()
    found = named or definitions_here((), session, is_enough=bool(here.endpoints or here.problems))
    readings = [reading_of(source, library) for source in found]
    problems = [problem for reading in readings for problem in reading.problems]
    sound = [reading.definition for reading in readings if reading.linked and reading.definition]
    problems += type_conflicts(sound, _in_use(session, sound) if is_inside else ())
    problems += here.problems
    sources = {path: text for reading in readings for path, text in reading.sources.items()}
    say_text(render_problems(problems, {**sources, **here.sources}, form))
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = sum(problem.severity == "warning" for problem in problems)
    note(_summary(len(readings), here.endpoints, errors, warnings))
    return 1 if errors or (strict and warnings) else 0


def _is_inside(source: Path | Definition, session: Session) -> bool:
    """Return whether a definition stands in the workspace."""
    root = workspace_root(session)
    return (
        root is not None
        and isinstance(source, Path)
        and source.resolve().is_relative_to(root.resolve())
    )


def _in_use(session: Session, checked: Iterable[Definition]) -> list[Definition]:
    """Return the definitions that the workspace uses; none outside, or without a database.

    Where the workspace's own funnel is all that is checked, nothing is loaded for that.
    """
    root = workspace_root(session)
    if root is None:
        return []
    try:
        own = read_config(root, flags={"database": session.database}).funnel
    except ConfigurationError:
        return []
    if all(definition.name == own for definition in checked):
        return []
    from funnelflow.cli.deliver import opened_if_usable  # noqa: PLC0415  # loads the database

    with opened_if_usable(session) as workspace:
        names = workspace.funnels() if workspace is not None else ()
        return [workspace.linked(name).definition for name in names] if workspace else []


def _summary(files: int, endpoints: int, errors: int, warnings: int) -> str:
    also = f" and {counted(endpoints, 'endpoint')}" if endpoints else ""
    checked = f"{counted(files, 'definition')}{also} checked: "
    if not errors and not warnings:
        return checked + "nothing is wrong"
    found = {"error": errors, "warning": warnings}
    return checked + ", ".join(counted(count, what) for what, count in found.items() if count)


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
