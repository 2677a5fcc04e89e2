"""Problems for people: one line each, or with the line of the file and a caret under it."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from funnelflow.criteria import Position
from funnelflow.definition.problems import Problem

__all__ = ["concise", "full", "safe", "where"]

Lines: TypeAlias = Mapping[str, Sequence[str]]

WIDEST = 160
"""How many characters of a line are shown."""


def concise(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Give one line a problem: ``path:line:column: CODE message``."""
    return "".join(f"{headline(problem)}\n" for problem in problems)


def full(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:
    """Give each problem with its line, carets under the exact stretch, and the help."""
    paths = {problem.path for problem in problems} & sources.keys()
    lines = {path: sources[path].split("\n") for path in paths}
    return "\n".join(_full(problem, lines) for problem in problems)


def headline(problem: Problem) -> str:
    """Give the first line about a problem."""
    kind = "warning: " if problem.severity == "warning" else ""
    return safe(f"{where(problem)}: {problem.code} {kind}{problem.message}")


def where(problem: Problem) -> str:
    """Give the place of a problem: ``path:line:column``, or the name of the definition."""
    return str(problem.position) if problem.position else problem.name


def safe(text: str) -> str:
    """Give text in which nothing steers a terminal: such characters are written as escapes."""
    return "".join(_visible(character) for character in text)


def _full(problem: Problem, sources: Lines) -> str:
    lines = [headline(problem), *_excerpt(problem, sources)]
    if problem.help:
        lines.append(f"{' ' * _margin(problem)}help: {safe(problem.help)}")
    return "\n".join(lines) + "\n"


def _margin(problem: Problem) -> int:
    return len(str(problem.position.line)) + 3 if problem.position else 2


def _excerpt(problem: Problem, sources: Lines) -> list[str]:
    """Give the line a problem stands in, or the expression, with the carets under it."""
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
    """Give the line of a position; None if its text is not at hand."""
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
    """Give a line fit to be shown, the width before the carets, and their number."""
    first = max(0, start - WIDEST // 2) if len(line) > WIDEST else 0
    last = min(len(line), first + WIDEST)
    before = "…" if first else ""
    after = "…" if last < len(line) else ""
    indent = len(before) + _width(line[first:start])
    stretch = line[start : min(end, last)]
    return before + safe(line[first:last]) + after, indent, max(1, _width(stretch))


def _width(text: str) -> int:
    """Tell how many columns of a terminal a text takes up."""
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
