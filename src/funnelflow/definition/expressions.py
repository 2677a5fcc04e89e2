"""The expressions of one definition: what each may name, and each compiled once."""

from collections.abc import Iterable, Mapping

from attrs import define, evolve, field

from funnelflow.criteria import (
    BOOLEAN,
    TEXT,
    CriterionError,
    Expression,
    ExpressionProblem,
    Field,
    Position,
    Scope,
    Type,
    compile_expression,
)
from funnelflow.definition.places import Place, Span, locate_text
from funnelflow.definition.problems import Problems
from funnelflow.definition.records import EventType, Vocabulary
from funnelflow.definition.written.nodes import Scalar

__all__ = ["EVENT_FACTS", "Expressions"]

EVENT_FACTS = (
    Field("name", TEXT, about="The event's name."),
    Field("actor", TEXT, about="Who did it, or recorded it."),
)
"""What is known of every event beside its fields."""


@define
class Expressions:
    """Compiles the expressions of a definition; the same one in the same place is done once.

    Attributes:
        vocabulary: The fields and events that expressions may name.
        doubtful: Fields whose declaration has faults: what they do to expressions is no news.
    """

    vocabulary: Vocabulary
    doubtful: frozenset[str] = frozenset()
    _scopes: dict[tuple[str, ...], Scope] = field(factory=dict)
    _compiled: dict[tuple[str, tuple[str, ...], Type], Expression | CriterionError] = field(
        factory=dict
    )

    def compile(
        self,
        source: str,
        events: tuple[str, ...],
        position: Position | None,
        about: str,
        problems: Problems,
        expect: Type = BOOLEAN,
    ) -> Expression | None:
        """Compile an expression; None when it has errors, which are then reported.

        Args:
            source: The expression.
            events: The events that ``event.x`` may be about; empty for all of them.
            position: Where it stands.
            about: What it belongs to, for a definition that was built in Python.
            problems: Where its faults are reported, warnings too.
            expect: The type it must have.
        """
        key = (source, events if "event" in source else (), expect)
        result = self._compiled.get(key)
        if result is None:
            result = self._compile(source, key[1], expect)
            self._compiled[key] = result
        found = result.problems if isinstance(result, CriterionError) else result.warnings
        for problem in found:
            self._report(problem, source, position, about, problems)
        return None if isinstance(result, CriterionError) else result

    def _compile(
        self, source: str, events: tuple[str, ...], expect: Type
    ) -> Expression | CriterionError:
        try:
            return compile_expression(source, self._scope(events), expect)
        except CriterionError as error:
            return error

    def _scope(self, events: tuple[str, ...]) -> Scope:
        """Give what an expression may name that is about some events."""
        if events not in self._scopes:
            known = self.vocabulary.events
            about = [known[name] for name in events or known if name in known]
            self._scopes[events] = Scope(
                self.vocabulary.fields, _event_fields(self.vocabulary.fields, about)
            )
        return self._scopes[events]

    def _report(
        self,
        problem: ExpressionProblem,
        source: str,
        position: Position | None,
        about: str,
        problems: Problems,
    ) -> None:
        """Report a problem where it stands in the file."""
        if problem.code >= _OF_TYPES and any(f".{name}" in source for name in self.doubtful):
            return
        cut = _cut_at(position)
        if cut is not None and problem.severity == "error" and problem.end >= len(source):
            problems.add("F005", cut, _CUT, f"write '{source.replace(chr(39), chr(39) * 2)} #…'")
            return
        span = locate_text(position, problem.start, problem.end)
        if position is None:
            span = Span(None, about=about)
        problems.report(problem.code, problem.severity, span, problem.message, problem.help)


_OF_TYPES = "E140"
"""The codes of criteria from here on are about types, and about what follows from them."""
_CUT = "YAML takes ' #' and what follows for a comment: put the expression in quotes"


def _cut_at(position: Position | None) -> Span | None:
    """Give where a comment cut off a plain expression; None if none did."""
    node = position.node if isinstance(position, Place) else None
    if position is None or not isinstance(node, Scalar) or not node.comment:
        return None
    start = Position(position.path, node.end_line, node.comment)
    return Span(start, node.comment + 1)


def _event_fields(contact: Mapping[str, Field], events: Iterable[EventType]) -> dict[str, Field]:
    """Give what ``event.x`` may be: the contact's fields, the events' own, name and actor."""
    own: dict[str, Field] = {}
    for event in events:
        for name, declared in event.fields.items():
            own[name] = _either(own[name], declared) if name in own else declared
    return {**contact, **own, **{fact.name: fact for fact in EVENT_FACTS}}


def _either(first: Field, second: Field) -> Field:
    """Give a field that may have the values of two of one name."""
    if not first.choices or not second.choices:
        return evolve(first, choices=())
    return evolve(first, choices=tuple(dict.fromkeys((*first.choices, *second.choices))))
