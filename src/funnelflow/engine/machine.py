"""What an event of the vocabulary does by itself: looked up once per definition."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias, cast

import transitions

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    TIMESTAMP,
    Expression,
    Facts,
    Field,
    Fields,
    Value,
    compile_rule,
)
from funnelflow.definition import Linked, LinkedTransition
from funnelflow.engine.decisions import Cause, Contact, Event, Outcome, Taken
from funnelflow.errors import FieldError

AUTOMATIC = "(automatic)"
TIMED = "(timed)"

_CAUSES: tuple[Cause, ...] = ("event", "automatic", "move")

Rule: TypeAlias = Callable[[Fields, Facts, dt.datetime, tuple[str, ...]], bool]


class StageState(transitions.State):
    """A leaf stage."""


class GuardedTransition(transitions.Transition):
    """A transition between two leaf stages, with its compiled rule.

    Attributes:
        index: Its place in the definition, from 0.
        rule: True when the criteria are met; None when there are none.
        rank: Its place in the order in which the transitions out of its source are tried.
        on: The events that take it.
        by: The roles that may take it; empty for everybody.
        waits: Whether only time takes it, and no event.
        taken: The record of its being taken at an event's own moment, by cause.
        alone: The outcome in which it is the only one taken, by an event.
    """

    dest: str

    def __init__(
        self,
        source: str,
        dest: str,
        *_callbacks: None,
        linked: LinkedTransition,
        rule: Rule | None,
        rank: int,
    ) -> None:
        super().__init__(source, dest)
        written = linked.transition
        self.index = linked.index
        self.rule = rule
        self.rank = rank
        self.on = written.on
        self.by = written.by
        self.waits = written.after is not None and not written.on
        self.taken = {cause: Taken(linked.index, source, dest, cause) for cause in _CAUSES}
        self.alone = Outcome("moved", (self.taken["event"],))
        self._after = written.after
        self._since = written.since

    def is_open(self, contact: Contact, event: Event, now: dt.datetime) -> bool:
        """Whether the criteria are met and no plugin vetoed it."""
        if self.rule is not None and not self.rule(contact.fields, event.facts, now, event.roles):
            return False
        return not self.is_vetoed(event)

    def is_vetoed(self, event: Event) -> bool:
        """Whether a plugin closed it for this event."""
        return any(veto.index == self.index for veto in event.vetoes)

    def due(self, contact: Contact) -> dt.datetime | None:
        """Return the moment at which it is taken by itself; None if time does not take it."""
        start = contact.since
        if self._after is None or start is None:
            return None
        if self._since == "activity" and contact.active is not None:
            start = max(start, contact.active)
        try:
            return start + self._after
        except OverflowError:  # beyond the year 9999 is never
            return None


class StageEvent(transitions.Event):
    """The transitions that one event takes, by the stage they leave, in the order tried."""

    def __init__(self, name: str, machine: transitions.Machine) -> None:
        super().__init__(name, machine)
        # The machine makes transitions of no other class.
        self._leaving = cast("Mapping[str, list[GuardedTransition]]", self.transitions)

    def leaving(self, stage: str) -> Sequence[GuardedTransition]:
        """Return the transitions out of a leaf stage, innermost source first, then file order."""
        return self._leaving.get(stage, ())

    def trigger(  # type: ignore[override]  # the machine is only ever run by `Funnel`
        self, model: Contact, event: Event, now: dt.datetime, closed: Collection[str] = ()
    ) -> GuardedTransition | None:
        """Take the first open transition that enters no `closed` stage.

        Returns:
            The transition that was taken, with the contact's stage changed; None if none was.
        """
        for transition in self._leaving.get(model.stage, ()):
            rule = transition.rule  # as in `is_open`, without a call
            if rule is not None and not rule(model.fields, event.facts, now, event.roles):
                continue
            if transition.dest in closed or (event.vetoes and transition.is_vetoed(event)):
                continue
            model.stage = transition.dest
            return transition
        return None


class FunnelMachine(transitions.Machine):
    """The machine of one definition; it holds no contacts."""

    state_cls = StageState
    transition_cls = GuardedTransition
    event_cls = StageEvent

    def __init__(self, linked: Linked) -> None:
        super().__init__(
            model=None,
            states=list(linked.leaves),
            initial=linked.initial,
            auto_transitions=False,
            model_attribute="stage",
        )
        rules = [t.rule and compile_rule(t.rule) for t in linked.transitions]
        for rank, (source, transition) in enumerate(_in_order_tried(linked)):
            rule = rules[transition.index]
            for trigger in _triggers(transition):
                self.add_transition(
                    trigger, source, transition.to, linked=transition, rule=rule, rank=rank
                )

    def event(self, name: str) -> StageEvent | None:
        """Return the transitions that the named event takes; None if it takes none."""
        found = self.events.get(name)
        assert found is None or isinstance(found, StageEvent)
        return found


def _in_order_tried(linked: Linked) -> list[tuple[str, LinkedTransition]]:
    """List (leaf, transition) so that an inner source comes before an outer, then file order."""
    pairs: list[tuple[int, int, str, Any]] = [
        (-depth, t.index, leaf, t) for t in linked.transitions for leaf, depth in t.sources
    ]
    return [(leaf, t) for _, _, leaf, t in sorted(pairs, key=lambda pair: pair[:2])]


def _triggers(linked: LinkedTransition) -> tuple[str, ...]:
    """Name the machine's triggers for a transition: its events, the clock, or neither."""
    written = linked.transition
    if written.is_automatic:
        return (AUTOMATIC,)
    return written.on if written.after is None else (*written.on, TIMED)


_WHOLE = (BOOLEAN, INTEGER, TIMESTAMP, DURATION)
"""Types of which every value that an expression can give is a value of a field."""


class Declared:
    """What the machine does on one event of the vocabulary, looked up once per definition."""

    __slots__ = ("defaults", "sets", "trigger")

    def __init__(
        self,
        defaults: dict[str, Value],
        sets: tuple["Derived", ...],
        trigger: StageEvent | None,
    ) -> None:
        self.defaults = defaults
        self.sets = sets
        self.trigger = trigger

    def complete(self, event: Event) -> Event:
        """Return the event with what its definition takes for granted where it says nothing."""
        if self.defaults.keys() <= event.facts.keys():
            return event
        facts = {**self.defaults, **event.facts}
        return event._replace(facts=facts)


class Derived:
    """A field that an event derives, and how: looked up once per definition."""

    __slots__ = ("name", "normalise", "value")

    def __init__(self, target: Field, expression: Expression) -> None:
        self.name = target.name
        self.value = expression.value
        fits = expression.type == target.type in _WHOLE and not target.choices
        self.normalise = None if fits else target.normalise


def apply_sets(sets: tuple[Derived, ...], contact: Contact, facts: Facts, now: dt.datetime) -> None:
    """Derive fields from an event; all read the contact as it was before any of them.

    A value that cannot be computed, or is none of its field's, leaves the field as it was.
    """
    fields = contact.fields
    for one, value in [(one, one.value(fields, facts, now)) for one in sets]:
        fitting = value
        if one.normalise is not None:
            try:
                fitting = one.normalise(value)
            except FieldError:
                continue
        if fitting is not None:
            fields[one.name] = fitting


def defaults_of(fields: Mapping[str, Field]) -> dict[str, Value]:
    """Collect the values that fields have until something else is known."""
    return {name: f.default for name, f in fields.items() if f.default is not None}
