"""The expressions of one definition: what each may name, and each compiled once."""

from collections.abc import Iterable, Mapping

from attrs import define, evolve, field, frozen

from funnelflow.criteria import (
    BOOLEAN,
    CriterionError,
    Expression,
    ExpressionProblem,
    Field,
    Position,
    Scope,
    Type,
    compile_expression,
)
from funnelflow.definition.model import EventType, Vocabulary
from funnelflow.definition.problems import Place
from funnelflow.definition.yaml.nodes import ScalarNode, Span


@frozen
class Written:
    """An expression where it was written.

    Attributes:
        source: The expression.
        place: Where it stands.
        events: The events that ``event.x`` may be about; empty for all of them.
        expect: The type it must have.
        is_condition: Whether it decides something; a constant would then be suspicious.
    """

    source: str
    place: Place
    events: tuple[str, ...] = ()
    expect: Type = BOOLEAN
    is_condition: bool = True


@define
class Expressions:
    """Compiles the expressions of a definition; each one that means the same is compiled once.

    Attributes:
        vocabulary: The fields and events that expressions may name.
        doubtful: Fields whose declaration has problems: what they do to expressions is no news.
        is_stored: Whether all were accepted before: each is then compiled where it is used.
    """

    vocabulary: Vocabulary
    doubtful: frozenset[str] = frozenset()
    is_stored: bool = False
    _scopes: dict[tuple[str, ...], Scope] = field(factory=dict)
    _compiled: dict[tuple[str, tuple[str, ...], Type], Expression | CriterionError] = field(
        factory=dict
    )

    def compile(self, written: Written) -> Expression | None:
        """Return what an expression compiles to; None, after a report, when it has errors."""
        events = written.events if "event" in written.source else ()
        key = (written.source, events, written.expect)
        result = self._compiled.get(key)
        if result is None:
            result = self._compile(*key)
            self._compiled[key] = result
        if isinstance(result, CriterionError):
            found = result.problems
        else:
            found = () if self.is_stored else result.warnings
        for problem in found:
            if not self._is_no_news(problem, written):
                report_expression(problem, written)
        return None if isinstance(result, CriterionError) else result

    def _compile(
        self, source: str, events: tuple[str, ...], expect: Type
    ) -> Expression | CriterionError:
        make = Expression if self.is_stored else compile_expression
        try:
            return make(source, self._scope(events), expect)
        except CriterionError as error:
            return error

    def _scope(self, events: tuple[str, ...]) -> Scope:
        """Return what an expression may name that is about some events."""
        if events not in self._scopes:
            known = self.vocabulary.events
            about = [known[name] for name in events or known if name in known]
            self._scopes[events] = Scope(
                self.vocabulary.fields, _event_fields(self.vocabulary.fields, about)
            )
        return self._scopes[events]

    def _is_no_news(self, problem: ExpressionProblem, written: Written) -> bool:
        """Whether a problem follows from another one, or is none for a mere value."""
        if not written.is_condition and problem.code in _CONSTANT:
            return problem.start == 0 and problem.end == len(written.source)
        return problem.code >= _OF_TYPES and any(f".{n}" in written.source for n in self.doubtful)


def report_expression(problem: ExpressionProblem, written: Written) -> None:
    """Report a problem where it stands in the file, or show the expression."""
    place = written.place
    cut = _cut_at(place)
    if cut is not None and problem.severity == "error" and problem.end >= len(written.source):
        source = written.source.replace("'", "''")
        place.problems.report("F005", cut, "comment", quoted=f"'{source} #…'")
        return
    span = place.text_span(written.source, problem.start, problem.end)
    place.problems.report(problem.code, span, problem.variant, **problem.parameters)


_CONSTANT = ("E190", "E191")
_OF_TYPES = "E140"
"""The codes of criteria from here on are about types, and about what follows from them."""


def _cut_at(place: Place) -> Span | None:
    """Return where a comment cut off a plain expression; None if none did."""
    node, position = place.node(), place.position
    if position is None or not isinstance(node, ScalarNode) or not node.comment:
        return None
    start = Position(position.path, node.end_line, node.comment)
    return Span(start, node.comment + 1)


def _event_fields(contact: Mapping[str, Field], events: Iterable[EventType]) -> dict[str, Field]:
    """Return what ``event.x`` may be: the contact's fields and the events' own."""
    own: dict[str, Field] = {}
    for event in events:
        for name, declared in event.fields.items():
            own[name] = _either(own[name], declared) if name in own else declared
    return {**contact, **own}


def _either(first: Field, second: Field) -> Field:
    """Return a field that may have the values of two of one name."""
    if not first.choices or not second.choices:
        return evolve(first, choices=())
    return evolve(first, choices=tuple(dict.fromkeys((*first.choices, *second.choices))))
