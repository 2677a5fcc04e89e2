"""What is wrong with a definition: one record a fault, collected so that all are told at once."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria import Position
from funnelflow.definition.codes import Severity, severity_of
from funnelflow.definition.yaml.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    line_and_column,
)
from funnelflow.errors import Error, nearest

"""Where things stand in a file, exactly: the place of a record knows the places of its parts.

A record from a file carries a `SourcePath`, a position that also remembers the YAML node it was
read from. So a problem with the second name under ``from:`` can be shown where it stands,
and no record has to carry a position for each of its parts. A place pickles and compares as
the bare `Position` it is.
"""


Step: TypeAlias = str | int


@frozen
class Span:
    """A stretch of one line: a position and the column after its last character.

    `about` says in words where it is, for what stands in no file; `excerpt` is the text in
    which it is then, with where it begins and ends.
    """

    position: Position | None
    end_column: int | None = None
    about: str = ""
    excerpt: tuple[str, int, int] | None = None


NOWHERE = Span(None)
"""The span of what was built in Python."""


@frozen
class SourcePath(Position):
    """A position that remembers the node that stands there, and the key it stands under."""

    node: Node = field(eq=False, repr=False, kw_only=True)
    key: ScalarNode | None = field(default=None, eq=False, repr=False, kw_only=True)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a bare position: the file's nodes stay behind."""
        return (Position, (self.path, self.line, self.column))


def span_of(path: str, node: Node) -> Span:
    """Give the stretch that a node takes up in its first line."""
    if isinstance(node, MappingNode) and node.keys:
        first = next(iter(node.keys.values()))
        return span_of(path, first)
    end = node.end_column if node.end_line == node.line else None
    return Span(Position(path, node.line, node.column), end)


def locate(position: Position | None, *steps: Step) -> Span:
    """Give where a part of a record stands.

    Args:
        position: The record's own.
        steps: The way to the part: keys, and the numbers of items. Where a step leads
            nowhere (the part was not written, or a lone item stands for a list of one),
            the place reached so far is given.

    Returns:
        The span of the part, of the key the record stands under when there are no steps, or
        `NOWHERE`.
    """
    if not isinstance(position, SourcePath):
        return Span(position)
    if not steps:
        return span_of(position.path, position.key or position.node)
    node = _follow(position.node, steps)
    if node is position.node:
        return span_of(position.path, position.key or node)
    return span_of(position.path, node)


def locate_key(position: Position | None, *steps: Step) -> Span:
    """Give where the key stands that the last of `steps` names; else the same as `locate`."""
    if isinstance(position, SourcePath) and steps:
        node = _follow(position.node, steps[:-1])
        if isinstance(node, MappingNode) and steps[-1] in node.keys:
            return span_of(position.path, node.keys[str(steps[-1])])
    return locate(position, *steps)


def locate_text(position: Position | None, start: int, end: int) -> Span:
    """Give where characters `start` to `end` of a text stand, of which `position` is the place."""
    if not isinstance(position, SourcePath) or not isinstance(position.node, ScalarNode):
        if position is None:
            return NOWHERE
        first = position.column + start
        return Span(Position(position.path, position.line, first), position.column + end)
    node = position.node
    line, column = line_and_column(node, start)
    last_line, last_column = line_and_column(node, max(end - 1, start))
    until = last_column + 1 if last_line == line else None
    return Span(Position(position.path, line, column), until)


def _follow(node: Node, steps: tuple[Step, ...]) -> Node:
    """Go down from a node as far as the steps lead."""
    for step in steps:
        if isinstance(step, int) and isinstance(node, SequenceNode) and step < len(node.items):
            node = node.items[step]
        elif isinstance(step, str) and isinstance(node, MappingNode) and step in node.values:
            node = node.values[step]
        else:
            return node
    return node


MOST = 200
"""How many errors and how many warnings of one check are kept; more have one cause."""

_MANY = 200
"""With so many names the nearest is looked for only among those that are alike at a glance."""

Help: TypeAlias = str | Callable[[], str]


@frozen
class Problem:
    """One fault of a definition.

    Attributes:
        code: A code of `CODES`, or one of the codes of criteria.
        severity: ``error`` or ``warning``.
        message: What is wrong, one sentence without a full stop.
        position: Where; None for a definition that was built in Python.
        end_column: The column after the last character, if it ends in the same line.
        help: What to do next; empty when the message says it.
        name: What the definition or file is called where there is no position.
        excerpt: Where there is no position: an expression, and where in it the fault
            begins and ends.
    """

    code: str
    severity: Severity
    message: str
    position: Position | None = None
    end_column: int | None = None
    help: str = ""
    name: str = ""
    excerpt: tuple[str, int, int] | None = None

    @property
    def path(self) -> str:
        """Give the file it stands in, or the name of the definition."""
        return self.position.path if self.position else self.name

    def order(self) -> tuple[str, int, int, str]:
        """Give what problems are sorted by: file, line, column, code."""
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
        """Give the error as data, with every problem."""
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

    def add(self, code: str, span: Span, message: str, help: Help = "") -> None:  # noqa: A002
        """Keep one problem of a code of `CODES`.

        Args:
            code: Its code, which decides its severity.
            span: Where it stands.
            message: What is wrong.
            help: What to do; given as a function where finding it out takes time.
        """
        self.report(code, severity_of(code), span, message, help)

    def report(
        self,
        code: str,
        severity: Severity,
        span: Span,
        message: str,
        help: Help = "",  # noqa: A002
    ) -> None:
        """Keep one problem of any code with the severity given."""
        if self._kept[severity] >= MOST:
            self.left_out[severity] += 1
            return
        self._kept[severity] += 1
        text = help if isinstance(help, str) else help()
        name = ", ".join(part for part in (self.name, span.about) if part)
        self.found.append(
            Problem(
                code,
                severity,
                message,
                position=span.position,
                end_column=span.end_column,
                help=text,
                name=name,
                excerpt=span.excerpt,
            )
        )

    def extend(self, problems: Iterable[Problem]) -> None:
        """Keep problems that were found elsewhere."""
        self.found.extend(problems)

    def take(self, other: "Problems") -> None:
        """Keep everything that was found elsewhere, and what was left out there."""
        self.extend(other.found)
        self.left_out.update(other.left_out)

    @property
    def has_errors(self) -> bool:
        """Tell whether anything found stops the definition from being run."""
        return any(problem.severity == "error" for problem in self.found)

    def all(self) -> tuple[Problem, ...]:
        """Give what was found in the order of the file, each once, and say if more was left out."""
        ordered = tuple(sorted(dict.fromkeys(self.found), key=Problem.order))
        if not self.left_out.total():
            return ordered
        severity: Severity = "error" if self.left_out["error"] else "warning"
        more = f"{self.left_out.total():,} more problems are not listed"
        help_text = "correct the first ones and check again"
        return (*ordered, Problem("F009", severity, more, help=help_text, name=ordered[-1].path))


def did_you_mean(name: str, known: Iterable[str], *, kind: str = "") -> Callable[[], str]:
    """Give the help for an unknown name: the nearest known one, or which ones there are."""

    def find() -> str:
        names = tuple(known)
        guess = nearest(name, names if len(names) < _MANY else _alike(name, names))
        if guess is not None:
            return f"did you mean {guess!r}?"
        if not names:
            return ""
        more = ", …" if len(names) > 8 else ""  # noqa: PLR2004
        return f"known {kind or 'name'}s: {', '.join(names[:8])}{more}"

    return find


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
