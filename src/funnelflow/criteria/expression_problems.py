"""What is wrong with an expression: every problem with its place and the next step."""

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from funnelflow.errors import Error


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
        """Write the place as editors and compilers do: ``path:line:column``."""
        return f"{self.path}:{self.line}:{self.column}"


EXPRESSION_CODES: Final[dict[str, str]] = {
    "E101": "the expression is empty",
    "E102": "the expression is too long",
    "E103": "the expression is nested too deep",
    "E104": "the expression has too many operators",
    "E105": "a character or sign that has no meaning in an expression",
    "E106": "a text without its closing quote",
    "E107": "a backslash followed by something that is no escape sequence",
    "E108": "something is missing, or stands where it cannot",
    "E109": "a bracket without its counterpart",
    "E110": "`=` or `===` where `==` is meant",
    "E111": "`and`, `or` or `not` where `&&`, `||` or `!` is meant",
    "E112": "`=>` or `=<` where `>=` or `<=` is meant",
    "E113": "`<>` where `!=` is meant",
    "E114": "curly quotes around a text",
    "E115": "a single `&` or `|` where `&&` or `||` is meant",
    "E116": "a number with a unit, a separator or a currency sign in it",
    "E117": "a number that is too large",
    "E118": "unsigned numbers and bytes, which are not used",
    "E119": "a comment inside an expression",
    "E120": "comparisons in a chain, like `1 < x < 3`",
    "E121": "`null`, which is not used: a fact that nobody knows is absent",
    "E122": "square brackets that pick something out",
    "E123": "a regular expression",
    "E124": "a macro such as `exists` or `all`",
    "E125": "a function of CEL that is not part of the criteria language",
    "E126": "a function that does not exist",
    "E127": "a function with the wrong arguments",
    "E130": "a field that does not exist",
    "E131": "a name that has no meaning, or lacks `contact.` or `event.` before it",
    "E132": "a field of something that has no fields",
    "E133": "`has()` of something that is no field",
    "E140": "values of types that do not compare",
    "E141": "arithmetic that mixes numbers and whole numbers",
    "E142": "an operator that does not go with these types",
    "E143": "a value where a condition is needed",
    "E144": "branches of `?:` of different types",
    "E145": "a list of different types",
    "E146": "a list in a list, or a map",
    "E147": "a value of another type than the one wanted",
    "E148": "a function of text or lists used on something else",
    "E150": "a text in `timestamp()` that is no timestamp",
    "E151": "a text in `duration()` that is no duration",
    "E152": "a time or duration finer than a microsecond",
    "E153": "a date that is not wrapped in `timestamp()`",
    "E154": "a value that is none of the field's choices",
    "E190": "a criterion, or a part of it, that can never hold",
    "E191": "a criterion, or a part of it, that always holds",
    "E192": "a calculation that has no result, like a division by zero",
}


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
        super().__init__(self._told(), hint=self.problems[0].help)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error travel between processes."""
        return CriterionError, (self.source, self.problems)

    def show(self) -> str:
        """Show every problem with the source line, a caret and what to write instead."""
        return "\n".join(show_problem(self.source, problem) for problem in self.problems)

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with its problems."""
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
