"""What an event of the vocabulary does by itself: looked up once per definition."""

import datetime as dt
from collections.abc import Mapping

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    TIMESTAMP,
    Expression,
    Facts,
    Field,
    Value,
)
from funnelflow.engine.machine import StageEvent
from funnelflow.engine.records import Contact, Event
from funnelflow.errors import FieldError

__all__ = ["Declared", "Derived", "apply_sets", "defaults_of"]

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
        """Give the event with what its definition takes for granted where it says nothing."""
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
