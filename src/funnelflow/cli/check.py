"""``funnelflow check``: everything that is wrong with definitions, at once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import click

from funnelflow.cli.complete import complete_code, complete_definition
from funnelflow.cli.endpoints import EndpointCheck, check_endpoints, check_plugins
from funnelflow.cli.find import definitions_here, library_here, reading_of, workspace_root
from funnelflow.cli.layout import paragraph
from funnelflow.cli.options import as_json, command
from funnelflow.cli.output import counted, note, page_for, say, say_text, write_json
from funnelflow.cli.session import Session, current
from funnelflow.cli.text import Span, line
from funnelflow.definition import CODES, Definition, render_problems
from funnelflow.errors import UnknownNameError

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
        return _explain(explain, session)
    return _check(definitions, "json" if session.json else form, session, strict=strict)


def _check(definitions: tuple[str, ...], form: Format, session: Session, *, strict: bool) -> int:
    library = library_here(session)
    told, found = _to_check(definitions, session)
    readings = [reading_of(source, library) for source in found]
    problems = [problem for reading in readings for problem in reading.problems]
    problems += told.problems
    sources = {path: text for reading in readings for path, text in reading.sources.items()}
    say_text(render_problems(problems, {**sources, **told.sources}, form))
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    note(_summary(len(readings), told.count, errors, warnings))
    return 1 if errors or (strict and warnings) else 0


def _to_check(
    definitions: tuple[str, ...], session: Session
) -> tuple[EndpointCheck, Sequence[Path | Definition]]:
    """Give what endpoints are like, if they are to be checked, and the definitions."""
    if not definitions:
        told = check_plugins(session, check_endpoints(session))
        return told, definitions_here((), session, is_enough=bool(told.count or told.problems))
    found = definitions_here(definitions, session)
    is_inside = any(_is_inside(source, session) for source in found)
    if not is_inside:
        return EndpointCheck(), found
    return check_plugins(session, check_endpoints(session)), found


def _is_inside(source: Path | Definition, session: Session) -> bool:
    """Tell whether a definition stands in the workspace."""
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


def _explain(code: str, session: Session) -> int:
    """Say what a code means, and what to do about it."""
    known = CODES.get(code.upper())
    if known is None:
        raise UnknownNameError("code", code, CODES)
    if session.json:
        write_json(
            {
                "code": known.code,
                "severity": known.severity,
                "title": known.title,
                "explanation": known.explanation,
            }
        )
        return 0
    head = line(Span(f"{known.code} ({known.severity}): {known.title}", "strong"))
    say([head, (), *paragraph(known.explanation, page_for(sys.stdout), indent=2)])
    return 0
