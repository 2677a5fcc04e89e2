"""Problems as people and programs want to read them."""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Literal, TypeAlias

from funnelflow.criteria import Position
from funnelflow.definition.problems import CODES, Problem

Lines: TypeAlias = Mapping[str, Sequence[str]]

WIDEST = 160
"""How many characters of a line are shown."""


def concise(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Return one line a problem: ``path:line:column: CODE message``."""
    return "".join(f"{headline(problem)}\n" for problem in problems)


def full(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:
    """Return each problem with its line, carets under the exact span, and the help."""
    paths = {problem.path for problem in problems} & sources.keys()
    lines = {path: sources[path].split("\n") for path in paths}
    return "\n".join(_full(problem, lines) for problem in problems)


def headline(problem: Problem) -> str:
    """Return the first line about a problem."""
    kind = "" if problem.severity == "error" else f"{problem.severity}: "
    return safe(f"{problem.position or problem.name}: {problem.code} {kind}{problem.message}")


def safe(text: str) -> str:
    """Return text in which nothing steers a terminal: such characters are written as escapes."""
    return "".join(_visible(character) for character in text)


def _full(problem: Problem, sources: Lines) -> str:
    lines = [headline(problem), *_excerpt(problem, sources)]
    if problem.help:
        lines.append(f"{' ' * _margin(problem)}help: {safe(problem.help)}")
    return "\n".join(lines) + "\n"


def _margin(problem: Problem) -> int:
    return len(str(problem.position.line)) + 3 if problem.position else 2


def _excerpt(problem: Problem, sources: Lines) -> list[str]:
    """Return the line a problem stands in, or the expression, with the carets under it."""
    margin = " " * (_margin(problem) - 1)
    if problem.position is None:
        return _carets("", margin, *problem.excerpt) if problem.excerpt else []
    line = _line(problem.position, sources)
    if line is None:
        return []
    start = min(problem.position.column - 1, len(line))
    end = len(line.rstrip()) if problem.end_column is None else problem.end_column - 1
    return _carets(f"  {problem.position.line}", margin, line, start, end)


def _line(position: Position, sources: Lines) -> str | None:
    """Return the line of a position; None if its text is not at hand."""
    lines = sources.get(position.path, ())
    return lines[position.line - 1] if position.line <= len(lines) else None


def _carets(number: str, margin: str, line: str, start: int, end: int) -> list[str]:
    shown, indent, width = _marked(line, start, max(end, start + 1))
    return [
        f"{margin} |",
        f"{number.ljust(len(margin))} | {shown}".rstrip(),
        f"{margin} | {' ' * indent}{'^' * width}",
    ]


def _marked(line: str, start: int, end: int) -> tuple[str, int, int]:
    """Return a line fit to be shown, the width before the carets, and their number."""
    first = max(0, start - WIDEST // 2) if len(line) > WIDEST else 0
    last = min(len(line), first + WIDEST)
    before = "…" if first else ""
    after = "…" if last < len(line) else ""
    indent = len(before) + _width(line[first:start])
    marked = line[start : min(end, last)]
    return before + safe(line[first:last]) + after, indent, max(1, _width(marked))


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes up."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    shown = _visible(character)
    if len(shown) > 1:
        return len(shown)
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _visible(character: str) -> str:
    """Write a character as itself, or as an escape if it would steer the terminal."""
    if character == "\t":
        return " "
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Cn", "Co"):
        return character.encode("unicode_escape").decode()
    return character


SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def json_text(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Return a JSON list with an object for each problem."""
    return json.dumps([problem_to_json(problem) for problem in problems], indent=2) + "\n"


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON values; line and column are null where there is no file."""
    position = problem.position
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "path": problem.path,
        "line": position.line if position else None,
        "column": position.column if position else None,
        "end_column": problem.end_column,
        "help": problem.help,
    }


def github(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Return a workflow command for each problem, which GitHub shows beside the line.

    See https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
    """
    return "".join(_command(problem) for problem in problems)


def _command(problem: Problem) -> str:
    properties = {"title": problem.code}
    position = problem.position
    if position:
        properties = {"file": position.path, "line": str(position.line)}
        properties |= {"col": str(position.column)}
        if problem.end_column:
            properties |= {"endColumn": str(problem.end_column)}
        properties |= {"title": problem.code}
    text = problem.message + (f" ({problem.help})" if problem.help else "")
    named = "" if position else f"{problem.position or problem.name}: "
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    command = "notice" if problem.severity == "note" else problem.severity
    return f"::{command} {listed}::{_data(safe(named + text))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(safe(text)).replace(":", "%3A").replace(",", "%2C")


def sarif(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Return a SARIF 2.1.0 log with one run.

    See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
    """
    used = sorted({problem.code for problem in problems})
    rules = [_rule(code) for code in used]
    results = [_result(problem, used.index(problem.code)) for problem in problems]
    driver = {"name": "funnelflow", "informationUri": "https://pypi.org/project/funnelflow/"}
    run = {
        "tool": {"driver": {**driver, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    known = CODES.get(code)
    if known is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": known.explanation},
        "defaultConfiguration": {"level": known.severity},
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    text = problem.message + (f" ({problem.help})" if problem.help else "")
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": text},
    }
    if problem.position:
        return {**result, "locations": [{"physicalLocation": _location(problem, problem.position)}]}
    name = {"fullyQualifiedName": problem.name}
    return {**result, "locations": [{"logicalLocations": [name]}]}


def _location(problem: Problem, position: Position) -> dict[str, Any]:
    region = {"startLine": position.line, "startColumn": position.column}
    if problem.end_column:
        region |= {"endColumn": problem.end_column}
    return {"artifactLocation": {"uri": _uri(position.path)}, "region": region}


def _uri(path: str) -> str:
    """Return a path as a URI: absolute ones with their scheme, relative ones as they are."""
    pure = PurePath(path)
    return pure.as_uri() if pure.is_absolute() else _quoted(pure.as_posix())


def _quoted(path: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415  # used by this format alone

    return quote(path)


Format: TypeAlias = Literal["full", "concise", "json", "github", "sarif"]

FORMATS = {"full": full, "concise": concise, "json": json_text, "github": github, "sarif": sarif}


def render_problems(
    problems: Iterable[Problem],
    sources: Mapping[str, str],
    format: Format = "full",  # noqa: A002
) -> str:
    """Return problems as text.

    Args:
        problems: The problems.
        sources: The text of the files they stand in, by path, for the lines that are shown.
        format: ``full`` for people, with the line and a caret; ``concise`` with one line a
            problem; ``json``; ``github`` for workflow commands; ``sarif`` for SARIF 2.1.0.

    Returns:
        The text, ending in a line break unless it is empty.
    """
    return FORMATS[format](tuple(problems), sources)
