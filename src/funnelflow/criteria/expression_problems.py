"""What is wrong with an expression: every problem with its place and the next step."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from funnelflow.criteria.message_catalogue import Catalogue, Severity
from funnelflow.errors import Error

EXPRESSION_CODES: Final = Catalogue("funnelflow.criteria")
"""Every code that is reported about an expression, in order."""


@frozen(order=True)
class Position:
    """A place in a file.

    Attributes:
        path: The file as it was named; empty for text that came from no file.
        line: Counts from 1.
        column: Counts characters from 1.
    """

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return the place as editors and compilers do: ``path:line:column``."""
        return f"{self.path}:{self.line}:{self.column}"


def _printable(value: object) -> object:
    """Return a parameter, so that what an expression contains moves no cursor where it is read."""
    if isinstance(value, tuple):
        return tuple([_printable(item) for item in value])
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(char if char.isprintable() else "·" for char in value)


def _all_printable(parameters: Mapping[str, object]) -> Mapping[str, object]:
    return {name: _printable(value) for name, value in parameters.items()}


@frozen
class ExpressionProblem:
    """One thing that is wrong, or suspicious, in an expression, as data.

    Attributes:
        code: A code of `EXPRESSION_CODES`.
        start: Where it begins: a character offset in the source, from 0.
        end: Where it ends; the character at `end` is no part of it.
        parameters: What the templates of the code are filled in with.
        variant: Which of the code's wordings it has; empty for the first.
    """

    code: str
    start: int
    end: int
    parameters: Mapping[str, Any] = field(factory=dict, converter=_all_printable, hash=False)
    variant: str = ""

    @property
    def severity(self) -> Severity:
        """An error keeps the expression from compiling, a warning does not."""
        return EXPRESSION_CODES[self.code].severity

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        return EXPRESSION_CODES[self.code].message(self.variant, self.parameters)

    @property
    def help(self) -> str:
        """What to write instead, or empty."""
        return EXPRESSION_CODES[self.code].help(self.variant, self.parameters)

    def to_json(self) -> dict[str, Any]:
        """Return the problem as data."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "start": self.start,
            "end": self.end,
            "help": self.help,
        }


class CriterionError(Error):
    """An expression that does not compile, with everything that is wrong with it.

    Attributes:
        source: The expression as it was written.
        problems: At least one, in the order of their places.
    """

    code = "criterion"

    def __init__(self, source: str, problems: Sequence[ExpressionProblem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.start, problem.end)))
        super().__init__(self._summary(), hint=self.problems[0].help)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the source and its problems."""
        return CriterionError, (self.source, self.problems)

    def show(self) -> str:
        """Return every problem with the source line, a caret and what to write instead."""
        return "\n".join(show_problem(self.source, problem) for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with its problems."""
        return {**super().to_json(), "problems": [problem.to_json() for problem in self.problems]}

    def _summary(self) -> str:
        """Return in one line what is wrong first, and how much else is."""
        first = self.problems[0]
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"{first.message} at character {first.start + 1} of the criterion{more}"


def show_problem(source: str, problem: ExpressionProblem) -> str:
    """Return a problem with its source line and a caret under its place."""
    begin = source.rfind("\n", 0, problem.start) + 1
    end = source.find("\n", begin)
    text = source[begin:] if end < 0 else source[begin:end]
    line = "".join(char if char.isprintable() else " " for char in text)
    column = problem.start - begin
    width = max(1, min(problem.end, begin + len(text)) - problem.start)
    shown = [f"{problem.code} {problem.message}", f"  {line}", f"  {' ' * column}{'^' * width}"]
    return "\n".join([*shown, f"  help: {problem.help}"] if problem.help else shown)
