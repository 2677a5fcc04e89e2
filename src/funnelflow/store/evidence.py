"""Stored evidence as the engine takes it, also for a definition that never saw it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, evolve, field

from funnelflow.criteria import Field, Value
from funnelflow.definition import Linked, LinkedTransition
from funnelflow.engine import Event, Veto
from funnelflow.errors import FieldError
from funnelflow.store.codec import load_vetoes
from funnelflow.store.faults import UNREADABLE, altered
from funnelflow.store.shelf import Running
from funnelflow.store.times import from_text

__all__ = ["Reader", "read_event"]


def read_event(running: Running, row: Any) -> Event:
    """Read the evidence of a row of the history by the definition that decided it.

    Args:
        running: That definition.
        row: A row with the columns of the table, by name.

    Raises:
        StoreError: Its columns are not what was once written there.
    """
    try:
        return _read_event(running, row)
    except UNREADABLE:
        raise altered(f"row {row.sequence} of the history of {row.contact_id!r}") from None


def _read_event(running: Running, row: Any) -> Event:
    """Read the evidence of a row as it is."""
    return Event(
        row.event,
        from_text(row.at),
        running.codec.load_facts(row.event, row.facts),
        row.actor,
        tuple(json.loads(row.roles)),
        row.to_stage,
        row.reason,
        bool(row.force),
        load_vetoes(row.vetoes),
    )


@define(eq=False)
class Reader:
    """Reads evidence for a definition that may not be the one that decided it.

    Facts are held to the fields of the reading definition: what is no value of them is left
    out, as it would be if it came in now, and counted. Vetoes hold for the transitions between
    the same stages. Events it does not know stay: they
    happened, and say when; the engine makes nothing of them.

    Attributes:
        running: The reading definition.
        dropped: How many facts were no value of its fields.
    """

    running: Running
    dropped: int = 0
    _differ: dict[tuple[str, str], Mapping[str, Field] | None] = field(factory=dict, repr=False)

    def read(self, decided: Running, row: Any) -> Event:
        """Read one row, decided by another definition or by this one."""
        event = read_event(decided, row)
        if decided.digest == self.running.digest:
            return event
        if event.vetoes:
            linked = decided.funnel.linked, self.running.funnel.linked
            event = event._replace(vetoes=_translated(event.vetoes, *linked))
        if not event.facts:
            return event
        fields = self._fields_unless_same(decided, event.name)
        if fields is None:
            return event
        return event._replace(facts=self._fit(event.facts, fields))

    def _fields_unless_same(self, decided: Running, event: str) -> Mapping[str, Field] | None:
        """Give the fields to hold the facts of an event to; None where both read them the same."""
        key = (decided.digest, event)
        if key not in self._differ:
            before, after = (_fields(d.funnel.linked, event) for d in (decided, self.running))
            self._differ[key] = None if before == after else after
        return self._differ[key]

    def _fit(
        self, facts: Mapping[str, Value | None], fields: Mapping[str, Field]
    ) -> dict[str, Value | None]:
        """Keep the facts that are values of the fields."""
        fitting: dict[str, Value | None] = {}
        for name, value in facts.items():
            if name not in fields:
                continue
            try:
                fitting[name] = fields[name].normalise(value)
            except FieldError:
                self.dropped += 1
        return fitting


def _translated(vetoes: Iterable[Veto], before: Linked, after: Linked) -> tuple[Veto, ...]:
    """Give vetoes against the transitions of another definition that lead the same way."""
    return tuple(
        evolve(veto, index=new.index)
        for veto in vetoes
        if veto.index < len(before.transitions)
        for old in (before.transitions[veto.index],)
        for new in after.transitions
        if new.to == old.to and not _leaves(new).isdisjoint(_leaves(old))
    )


def _leaves(transition: LinkedTransition) -> set[str]:
    return {leaf for leaf, _ in transition.sources}


def _fields(linked: Linked, event: str) -> Mapping[str, Field]:
    """Give the fields whose facts an event may bring."""
    declared = linked.events.get(event)
    return linked.fields if declared is None else {**linked.fields, **declared.event.fields}
