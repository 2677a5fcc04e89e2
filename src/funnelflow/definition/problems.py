"""What is wrong with a definition: one record a problem, all reported at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria import EXPRESSION_CODES, MORE, SEVERITIES, Catalogue, Position, Severity
from funnelflow.definition.source_locations import NOWHERE, Span
from funnelflow.errors import Error, nearest

CODES: Final = Catalogue("funnelflow.definition", EXPRESSION_CODES)
"""Every code that a check may report, in order: the definition's own, then the expressions'."""

MOST = 200
"""How many errors and how many warnings of one check are kept; more have one cause."""

_MANY = 200
"""With so many names the nearest is looked for only among those that are alike at a glance."""

_MOST_KNOWN = 8
"""How many names are listed."""

Suggestion: TypeAlias = Callable[[], Mapping[str, Any]]
"""Finds out further parameters of a problem."""


@frozen
class Problem:
    """One thing that is wrong with a definition, as data; its text is made when it is shown.

    Attributes:
        code: A code of `CODES`.
        span: Where it is.
        parameters: What the templates of the code are filled in with.
        variant: Which of the code's wordings it has; empty for the first.
        name: What the definition or file is called where there is no position.
        severity: ``error``, ``warning`` or ``note``; that of the code.
    """

    code: str
    span: Span = NOWHERE
    parameters: Mapping[str, Any] = field(factory=dict, hash=False)
    variant: str = ""
    name: str = field(default="", kw_only=True)
    severity: Severity = field(kw_only=True)

    @severity.default
    def _severity_of_code(self) -> Severity:
        return CODES[self.code].severity

    @property
    def message(self) -> str:
        """What is wrong, one sentence without a full stop."""
        return CODES[self.code].message(self.variant, self.parameters)

    @property
    def help(self) -> str:
        """What to do next; empty when the message says it."""
        return CODES[self.code].help(self.variant, self.parameters)

    @property
    def position(self) -> Position | None:
        """Where it begins; None for a definition that was built in Python."""
        return self.span.position

    @property
    def end_column(self) -> int | None:
        """The column after the last character, if it ends in the same line."""
        return self.span.end_column

    @property
    def excerpt(self) -> tuple[str, int, int] | None:
        """Where there is no position: an expression, and the part of it that is wrong."""
        return self.span.excerpt

    @property
    def path(self) -> str:
        """The file it stands in, or the name of the definition."""
        return self.position.path if self.position else self.name

    def order(self) -> tuple[str, int, int, str]:
        """Return what problems are sorted by: file, line, column, code."""
        if self.position is None:
            return (self.name, 0, 0, self.code)
        return (self.position.path, self.position.line, self.position.column, self.code)


class DefinitionError(Error):
    """A definition with problems.

    Attributes:
        problems: All of them, warnings included, in the order of the file.
        sources: The text of the files they stand in, by path, where it is at hand.
    """

    code = "definition"

    def __init__(
        self, problems: Iterable[Problem], sources: Mapping[str, str] | None = None
    ) -> None:
        self.problems = tuple(problems)
        self.sources = dict(sources or {})
        errors = [problem for problem in self.problems if problem.severity == "error"]
        super().__init__("\n".join(_line(problem) for problem in errors), hint=_first_help(errors))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the problems, from which the message is made again."""
        return (type(self), (self.problems, self.sources))

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with every problem."""
        problems = [
            {"code": p.code, "path": p.path, "message": p.message, "help": p.help}
            for p in self.problems
        ]
        return {**super().to_json(), "problems": problems}


@define
class Problems:
    """Collects the problems of one check; `name` stands in where there is no position."""

    name: str = ""
    found: list[Problem] = field(factory=list)
    left_out: Counter[Severity] = field(factory=Counter)
    _kept: Counter[Severity] = field(factory=Counter)

    def report(
        self,
        code: str,
        span: Span,
        variant: str = "",
        /,
        suggestion: Suggestion | None = None,
        **parameters: object,
    ) -> None:
        """Keep one problem of a code of `CODES`.

        Args:
            code: Its code, which decides its severity and its words.
            span: Where it stands.
            variant: Which of the code's wordings it has; empty for the first.
            suggestion: Gives further parameters; asked only if the problem is kept, since
                finding them takes time.
            parameters: What the templates of the code are filled in with.
        """
        severity = CODES[code].severity
        if self._kept[severity] >= MOST:
            self.left_out[severity] += 1
            return
        self._kept[severity] += 1
        further = suggestion() if suggestion else {}
        name = ", ".join(part for part in (self.name, span.about) if part)
        self.found.append(Problem(code, span, {**parameters, **further}, variant, name=name))

    def extend(self, problems: Iterable[Problem]) -> None:
        """Keep problems that were found elsewhere."""
        self.found.extend(problems)

    def take(self, other: "Problems") -> None:
        """Keep everything that was found elsewhere, and what was left out there."""
        self.extend(other.found)
        self.left_out.update(other.left_out)

    @property
    def has_errors(self) -> bool:
        """Whether anything found stops the definition from being run."""
        return any(problem.severity == "error" for problem in self.found)

    def all(self) -> tuple[Problem, ...]:
        """Return what was found in the order of the file, each once, and last what was left out."""
        ordered = tuple(sorted(dict.fromkeys(self.found), key=Problem.order))
        if not self.left_out.total():
            return ordered
        severity = next(kind for kind in SEVERITIES if self.left_out[kind])
        count = {"count": self.left_out.total()}
        last = Problem("F009", NOWHERE, count, name=ordered[-1].path, severity=severity)
        return (*ordered, last)


def suggest(name: str, known: Iterable[str]) -> Suggestion:
    """Return what finds, for an unknown name, the nearest known one or which ones there are.

    It gives the parameter `guess`, or else the parameter `known`, or neither.
    """

    def find() -> dict[str, Any]:
        names = tuple(known)
        guess = nearest(name, names if len(names) < _MANY else _alike(name, names))
        if guess is not None:
            return {"guess": guess}
        more = (MORE,) if len(names) > _MOST_KNOWN else ()
        return {"known": (*names[:_MOST_KNOWN], *more)} if names else {}

    return find


def suggest_event(name: str, events: Mapping[str, Any]) -> Suggestion:
    """Return what finds the event meant: by an alias, or the nearest name.

    Args:
        name: What was written.
        events: The event types by name.
    """
    renamed = next((known for known, event in events.items() if name in event.aliases), None)
    return suggest(name, events) if renamed is None else lambda: {"guess": renamed}


def _alike(name: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the names that are worth comparing in full: of like length, with a like end."""
    folded = name.casefold()
    for other in names:
        if 3 * abs(len(other) - len(name)) <= len(name) + 2:
            ends = other.casefold()
            if ends[:1] == folded[:1] or ends[-2:] == folded[-2:]:
                yield other


def _line(problem: Problem) -> str:
    where = problem.position
    place = f"{where.path}:{where.line}:{where.column}" if where else problem.name
    return f"{place}: {problem.code} {problem.message}"


def _first_help(errors: list[Problem]) -> str:
    return next((problem.help for problem in errors if problem.help), "")
