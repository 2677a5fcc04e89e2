"""Problems for people: one line each, or with the line of the file and a caret under it."""

import unicodedata
from collections.abc import Mapping, Sequence

from funnelflow.definition.problems import Problem

__all__ = ["concise", "full", "safe", "where"]

WIDEST = 160
"""How many characters of a line are shown."""


def concise(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:  # noqa: ARG001
    """Give one line a problem: ``path:line:column: CODE message``."""
    return "".join(f"{headline(problem)}\n" for problem in problems)


def full(problems: Sequence[Problem], sources: Mapping[str, str]) -> str:
    """Give each problem with its line, carets under the exact stretch, and the help."""
    return "\n".join(_full(problem, sources) for problem in problems)


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


def _full(problem: Problem, sources: Mapping[str, str]) -> str:
    lines = [headline(problem), *_excerpt(problem, sources)]
    if problem.help:
        margin = " " * _margin(problem)
        lines.append(f"{margin}= help: {safe(problem.help)}")
    return "\n".join(lines) + "\n"


def _margin(problem: Problem) -> int:
    return len(str(problem.position.line)) + 3 if problem.position else 2


def _excerpt(problem: Problem, sources: Mapping[str, str]) -> list[str]:
    """Give the line a problem stands in, and the carets."""
    position = problem.position
    if position is None or position.path not in sources:
        return []
    lines = sources[position.path].split("\n")
    if position.line > len(lines):
        return []
    line = lines[position.line - 1]
    start = min(position.column - 1, len(line))
    end = len(line.rstrip()) if problem.end_column is None else problem.end_column - 1
    shown, indent, width = _marked(line, start, max(end, start + 1))
    margin = " " * (_margin(problem) - 1)
    number = f"  {position.line} "
    return [f"{margin} |", f"{number}| {shown}".rstrip(), f"{margin} | {' ' * indent}{'^' * width}"]


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
