"""What is wrong with a definition: one record a problem, all reported at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria import EXPRESSION_CODES, MORE, SEVERITIES, Catalogue, Position, Severity
from funnelflow.definition.model import EventType, Group, Invariant, Scenario, Stage, Transition
from funnelflow.definition.yaml.nodes import (
    MappingNode,
    Node,
    SourcePath,
    Span,
    Step,
    position_of,
)
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

NOWHERE: Final = Span(None)
"""The span of what was built in Python."""


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
    """Collects the problems of one check.

    Attributes:
        name: What stands in where there is no position.
        found: The problems that were kept.
        left_out: How many were not.
        is_partial: Whether parts could not be read, so that checks of the whole would find
            faults that are none.
        doubtful: Fields whose declaration could not be read as it was meant.
    """

    name: str = ""
    found: list[Problem] = field(factory=list)
    is_partial: bool = False
    doubtful: set[str] = field(factory=set)
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


@frozen
class Place:
    """A record, or a part of one, and where what is wrong with it is reported.

    Attributes:
        problems: Where it is reported.
        position: Where the record was written; None if it was built in Python.
        about: What the record is, in words.
        steps: The path from the record to the part.
        is_key: Whether the key is meant under which the part stands.
    """

    problems: Problems = field(repr=False)
    position: Position | None
    about: str = ""
    steps: tuple[Step, ...] = ()
    is_key: bool = False

    def part(self, *steps: Step) -> "Place":
        """Return the place of a part."""
        return Place(self.problems, self.position, self.about, (*self.steps, *steps))

    def key(self) -> "Place":
        """Return the place of the key under which the part stands."""
        return Place(self.problems, self.position, self.about, self.steps, is_key=True)

    def inside(self, record: Any, about: str) -> "Place":
        """Return the place of a record that is a part of this one."""
        whole = f"{self.about}, {about}" if self.about and about else self.about or about
        return Place(self.problems, record.position or self.position, whole)

    def of_node(self, node: Node, *, is_named: bool = False) -> "Place":
        """Return the place of a record that a node says, which is this part, perhaps by name."""
        position = self.position
        assert isinstance(position, SourcePath)
        key = None
        if is_named and isinstance(outer := position.below(*self.steps[:-1]), MappingNode):
            key = outer.keys[str(self.steps[-1])]
        return Place(self.problems, position_of(position.path, node, key))

    def node(self) -> Node | None:
        """Return the node of the part, or the last one on the way there; None without a file."""
        at = self.position
        return at.below(*self.steps) if isinstance(at, SourcePath) else None

    def span(self) -> Span:
        """Return the span in the file, or the words."""
        if isinstance(self.position, SourcePath):
            return self.position.span(*self.steps, is_key=self.is_key)
        return Span(self.position, about="" if self.position else self.about)

    def text_span(self, text: str, start: int, end: int) -> Span:
        """Return the span of some characters of the part's text, or the text with the words."""
        if isinstance(self.position, SourcePath):
            return self.position.text_span(start, end, *self.steps)
        excerpt = None if self.position else (text, start, end)
        return Span(self.position, about="" if self.position else self.about, excerpt=excerpt)

    def report(
        self,
        code: str,
        variant: str = "",
        /,
        suggestion: Suggestion | None = None,
        **parameters: object,
    ) -> None:
        """Report a problem with the part; see `Problems.report`."""
        self.problems.report(code, self.span(), variant, suggestion, **parameters)


def place_of(problems: Problems, record: Any, called: str | int) -> Place:
    """Return the place of a part of a definition, called by its name, or its number from 0."""
    noun = _NOUNS[type(record)]
    if isinstance(called, str):
        return Place(problems, record.position, f"{noun} {called!r}")
    about = f"{noun} {called + 1} ({_WORDS[type(record)](record)})"
    return Place(problems, record.position, about)


_NOUNS: Final = {
    Stage: "stage",
    Group: "block of criteria",
    EventType: "event",
    Transition: "transition",
    Scenario: "scenario",
    Invariant: "invariant",
}
_WORDS: Final[dict[type, Callable[[Any], str]]] = {
    Transition: lambda transition: f"{', '.join(transition.sources)} to {transition.to}",
    Scenario: lambda scenario: scenario.story,
    Invariant: lambda invariant: invariant.label,
}


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
    return f"{problem.position or problem.name}: {problem.code} {problem.message}"


def _first_help(errors: list[Problem]) -> str:
    return next((problem.help for problem in errors if problem.help), "")
