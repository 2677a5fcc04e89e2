"""What was told about a contact, as a story for a definition to fold; knows no database."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import NamedTuple

from attrs import define, evolve, field

from funnelflow.criteria import TEXT, Field, Value
from funnelflow.criteria.value_forms import shown
from funnelflow.definition import Linked, LinkedTransition
from funnelflow.engine import Event, Veto
from funnelflow.engine.answers import AnsweredRow
from funnelflow.engine.story import ENTER, LEAVE, MERGE, UNMERGE, VOID, StoryRow, taken_back
from funnelflow.errors import ConflictError, FieldError, UsageError
from funnelflow.storage.tracked_contacts import LoadedDefinition, TrackedContact

PENDING = 1 << 62
"""What the arrivals of evidence that is not stored yet begin with."""


class Told(NamedTuple):
    """A piece of evidence as the database knows it.

    Attributes:
        contact: The number of the contact to whom it was addressed.
        sequence: Its place among what was addressed to that contact.
        arrival: Its place among all evidence.
        event: What it says.
        funnel: The funnel in which it was decided first.
    """

    contact: int
    sequence: int
    arrival: int
    event: Event
    funnel: str = ""


def as_story(told: Sequence[Told], funnel: str) -> tuple[list[StoryRow], Event | None]:
    """Return what was told as the story of a funnel.

    Args:
        told: The evidence, in any order.
        funnel: The funnel.

    Returns:
        The story, and the evidence that the contact entered the funnel; None for where the story
        begins.
    """
    told = [one for one in told if one.event.name != "adopt" or _adopted(one) == funnel]
    return _rows(told), memberships(told).get(funnel)


def _adopted(one: Told) -> str:
    """Return the funnel that an adoption is about."""
    return str(one.event.about[0]) if one.event.about else one.funnel


def memberships(
    told: Iterable[Told], root: int = 0, until: dt.datetime | None = None
) -> dict[str, Event | None]:
    """Return the funnels that a contact is in, as its story says, in the order of entering them.

    Args:
        told: The evidence, in any order.
        root: The contact at the head of the story, whose first funnel comes first.
        until: The moment that is asked about; None for the end of the story.

    Returns:
        Each funnel with the evidence that the contact entered it; None where the story begins.
    """
    rows = list(told)
    first: dict[int, Told] = {}
    for one in rows:
        known = first.get(one.contact)
        if known is None or one.sequence < known.sequence:
            first[one.contact] = one
    homes = sorted(first.values(), key=lambda one: (one.contact != root, one.arrival))
    said = [one for one in rows if one.event.name in _ABOUT_FUNNELS and one.event.about]
    if not said:
        return dict.fromkeys(one.funnel for one in homes)
    said.sort(key=lambda one: one.arrival)
    found: dict[str, Event | None] = {_now(one.funnel, said): None for one in homes}
    voided = taken_back(_rows(rows))
    for one in sorted(said, key=lambda one: one.event.at):
        funnel = _now(str(one.event.about[0]), said, one.arrival)
        if one.arrival in voided or (until is not None and one.event.at > until):
            continue
        if one.event.name == ENTER:
            found.setdefault(funnel, one.event)
        elif one.event.name == LEAVE and len(found) > 1:
            found.pop(funnel, None)
    return found


_ABOUT_FUNNELS = frozenset({ENTER, LEAVE, "adopt"})


def _now(funnel: str, said: Iterable[Told], since: int = -1) -> str:
    """Return what stands for a funnel now: others were taken into use in its stead since then."""
    for one in said:
        if one.event.name == "adopt" and one.arrival > since and one.event.about[1:] == (funnel,):
            funnel = str(one.event.about[0])
    return funnel


def answered(told: Iterable[Told]) -> list[AnsweredRow]:
    """List what plugins' criteria answered in what was told."""
    found = (AnsweredRow(one.event.at, one.arrival, one.event.answers) for one in told)
    return [row for row in found if row.answers]


def as_row(one: Told, told: Iterable[Told]) -> StoryRow:
    """Return one piece of evidence as a row of the story that it comes into."""
    return _row(one, _arrivals(told))


_OTHERWISE = {
    "adopt": "take the version before into use: funnelflow adopt FILE",
    MERGE: "take the stories apart again: funnelflow unmerge",
    UNMERGE: "put the stories together again: funnelflow merge",
    ENTER: "let the contact leave the funnel: funnelflow leave",
    LEAVE: "let the contact enter the funnel again: funnelflow enter",
}
"""What is not taken back by a void, with how it is."""


def require_voidable(
    told: Sequence[Told], chain: TrackedContact, event: Event, *, is_run: bool
) -> None:
    """Refuse to take back what is not there, or not in force.

    Args:
        told: The story that the contact's evidence is part of.
        chain: The contact.
        event: The void.
        is_run: Whether it is part of taking back a run, all of which it may be about: also what
            is taken back already, which then stays so.

    Raises:
        UsageError: There is no such row, or it is taken back in another way.
        ConflictError: It has been taken back.
    """
    name, rows = chain.contact.id, {o.sequence: o for o in told if o.contact == chain.number}
    look = f"`funnelflow history {quote(name)} --as-known`"
    if not event.about:
        raise UsageError("no row is named that is to be taken back", hint=f"{look} numbers them")
    arrivals = _arrivals(told)
    by = {} if is_run else taken_back(_row(one, arrivals) for one in told)
    voids = {one.arrival: one.sequence for one in rows.values()}
    for sequence in event.about:
        one = rows.get(sequence) if isinstance(sequence, int) else None
        if one is None:
            length = f"its history has {chain.sequence:,}"
            raise UsageError(f"{name} has no row {sequence}: {length}", hint=f"{look} numbers them")
        if one.event.name in _OTHERWISE and not is_run:
            what = f"row {sequence} of {name} is {one.event.name}, which no void takes back"
            raise UsageError(what, hint=_OTHERWISE[one.event.name])
        if one.arrival in by:
            void = voids[by[one.arrival]]
            raise ConflictError(
                f"row {sequence} of {name} is taken back already, by row {void}",
                hint=f"to restore it, take that back: funnelflow void {quote(name)} {void}",
            )


def _rows(told: Sequence[Told]) -> list[StoryRow]:
    if not any(one.event.name == VOID for one in told):
        return [StoryRow(one.arrival, one.event, (), one.event.asserted) for one in told]
    arrivals = _arrivals(told)
    return [_row(one, arrivals) for one in told]


@define(eq=False)
class Fitter:
    """Fits evidence to a definition that may not be the one that decided it.

    Facts are held to the fields of the reading definition: text that means a value of them is read
    as a person's input would be, and a number or a length of time becomes text where they are text.
    What is no value of them is left out, as it would be if it came in now, and counted. Vetoes
    hold for the transitions between the same stages. Events it does not know stay: they happened,
    and say when; the engine makes nothing of them.

    Attributes:
        loaded: The reading definition.
        dropped: Field to how many facts were no value of it.
    """

    loaded: LoadedDefinition
    dropped: Counter[str] = field(factory=Counter)
    _differ: dict[tuple[str, str], Mapping[str, Field] | None] = field(factory=dict, repr=False)

    def fit(
        self, decided: LoadedDefinition, event: Event, voted: LoadedDefinition | None = None
    ) -> Event:
        """Fit evidence.

        Args:
            decided: The definition that decided it, or decided it first.
            event: What it says in the funnel of the reading definition.
            voted: The definition against whose transitions vetoes are; None for `decided`.
        """
        if decided.digest == self.loaded.digest:
            return event
        if event.vetoes and (voted or decided).digest != self.loaded.digest:
            event = event._replace(vetoes=self._fit_vetoes(voted or decided, event.vetoes))
        if not event.facts:
            return event
        fields = self._fields_unless_same(decided, event.name)
        if fields is None:
            return event
        return event._replace(facts=self._fit(event.facts, fields))

    def _fit_vetoes(self, decided: LoadedDefinition, vetoes: Iterable[Veto]) -> tuple[Veto, ...]:
        """Return vetoes against the transitions of another definition that lead the same way."""
        before, after = decided.funnel.linked, self.loaded.funnel.linked
        return tuple(
            evolve(veto, index=new.index)
            for veto in vetoes
            if veto.index < len(before.transitions)
            for old in (before.transitions[veto.index],)
            for new in after.transitions
            if new.to == old.to and not _leaves(new).isdisjoint(_leaves(old))
        )

    def _fields_unless_same(
        self, decided: LoadedDefinition, event: str
    ) -> Mapping[str, Field] | None:
        """Return the fields that facts of an event are held to; None where they are the same."""
        key = (decided.digest, event)
        if key not in self._differ:
            before, after = (_fields(d.funnel.linked, event) for d in (decided, self.loaded))
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
                fitting[name] = _converted(fields[name], value)
            except FieldError:
                self.dropped[name] += 1
        return fitting


def _converted(wanted: Field, value: Value | None) -> Value | None:
    """Return a value of another field as one of this.

    Raises:
        FieldError: It means none.
    """
    if isinstance(value, str) and wanted.type != TEXT:
        return wanted.parse(value)
    if wanted.type == TEXT and isinstance(value, int | float | dt.timedelta):
        return wanted.normalise(shown(value))
    return wanted.normalise(value)


def _leaves(transition: LinkedTransition) -> set[str]:
    return {leaf for leaf, _ in transition.sources}


def _fields(linked: Linked, event: str) -> Mapping[str, Field]:
    """Return the fields whose facts an event may bring."""
    declared = linked.events.get(event)
    return linked.fields if declared is None else {**linked.fields, **declared.event.fields}


def _arrivals(told: Iterable[Told]) -> dict[tuple[int, int], int]:
    return {(one.contact, one.sequence): one.arrival for one in told}


def _row(one: Told, arrivals: dict[tuple[int, int], int]) -> StoryRow:
    event = one.event
    voids: tuple[int, ...] = ()
    if event.name == VOID:
        places = [(one.contact, sequence) for sequence in event.about if isinstance(sequence, int)]
        voids = tuple(arrivals[place] for place in places if place in arrivals)
    return StoryRow(one.arrival, event, voids, event.asserted)
