"""What is wrong with an expression: every problem with its place and the next step."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from funnelflow.errors import FunnelflowError

__all__ = ["CriterionError", "ExpressionProblem", "Severity", "show_problem"]

Severity: TypeAlias = Literal["error", "warning"]


def _printable(text: str) -> str:
    """Keep what an expression contains from moving the cursor of whoever reads about it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "·" for char in text)


@frozen
class ExpressionProblem:
    """One thing that is wrong, or suspicious, in an expression.

    Attributes:
        code: Stable, listed in `codes`.
        message: What is wrong, in one line.
        start: Where it begins: a character offset in the source, from 0.
        end: Where it ends; the character at `end` is no part of it.
        help: What to write instead, or empty.
        severity: An error keeps the expression from compiling, a warning does not.
    """

    code: str
    message: str = field(converter=_printable)
    start: int
    end: int
    help: str = field(default="", converter=_printable)
    severity: Severity = "error"

    def to_json(self) -> dict[str, Any]:
        """Give the problem as data."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "start": self.start,
            "end": self.end,
            "help": self.help,
        }


class CriterionError(FunnelflowError):
    """An expression that does not compile, with everything that is wrong with it.

    Attributes:
        source: The expression as it was written.
        problems: At least one, in the order of their places.
    """

    code = "criterion"

    def __init__(self, source: str, problems: Sequence[ExpressionProblem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.start, problem.end)))
        super().__init__(self._told(), hint=self.problems[0].help)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error travel between processes."""
        return CriterionError, (self.source, self.problems)

    def show(self) -> str:
        """Show every problem with the source line, a caret and what to write instead."""
        return "\n".join(show_problem(self.source, problem) for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """Give the error as data, with its problems."""
        return {**super().to_json(), "problems": [problem.to_json() for problem in self.problems]}

    def _told(self) -> str:
        """Say in one line what is wrong first, and how much else is."""
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"{first.message} at character {first.start + 1} of the criterion{more}"


def show_problem(source: str, problem: ExpressionProblem) -> str:
    """Show a problem with its source line and a caret under its place."""
    begin = source.rfind("\n", 0, problem.start) + 1
    end = source.find("\n", begin)
    text = source[begin:] if end < 0 else source[begin:end]
    line = "".join(char if char.isprintable() else " " for char in text)
    column = problem.start - begin
    width = max(1, min(problem.end, begin + len(text)) - problem.start)
    shown = [f"{problem.code} {problem.message}", f"  {line}", f"  {' ' * column}{'^' * width}"]
    return "\n".join([*shown, f"  help: {problem.help}"] if problem.help else shown)
