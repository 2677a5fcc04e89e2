"""Which snapshots that said what was known have to be evidence before a change is decided.

What a snapshot says of a field holds from its time. Where nothing comes before it, it changes
nothing that it said what was known; but evidence of an earlier time, or the taking back of some,
may change what was known then. So before a change, of each content of the contact the first
snapshot behind the time that the change is about is written out: from there on all is as it was,
and the later ones go on saying what is known. Where transitions set a field of the content, a
change may be felt at any time behind, and all of them are written out.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain as chained
from typing import Any, NamedTuple, TypeAlias

from attrs import define

from funnelflow.engine import Event
from funnelflow.engine.story import ENTER, UNMERGE, VOID
from funnelflow.errors import FieldError
from funnelflow.storage.changes import Change
from funnelflow.storage.row_format import decode, dump_facts
from funnelflow.storage.sightings import SaidAt, Sighting, Sightings
from funnelflow.storage.told import Told
from funnelflow.storage.tracked_contacts import LoadedDefinition, TrackedContact

ReadTold: TypeAlias = Callable[[TrackedContact], list[Told]]
"""Returns what was told of a contact."""


class Due(NamedTuple):
    """A snapshot that has to be evidence.

    Attributes:
        chain: Whose it is.
        mark: What it said.
        said: When, and the run that read it.
    """

    chain: TrackedContact
    mark: Sighting
    said: SaidAt


class _Spot(NamedTuple):
    """A time at which the story is told otherwise.

    Attributes:
        at: The time.
        fields: The fields that may be others from there on; None for any.
        lasting: The fields that may be set at any time behind.
    """

    at: dt.datetime
    fields: frozenset[str] | None
    lasting: frozenset[str]


@define(eq=False)
class SaidAgain:
    """Finds what has to be written out before changes.

    Attributes:
        sightings: The marks of the contacts.
        told: Reads what was told of a contact.
        find_home: Finds the definition of a funnel that is entered.
    """

    sightings: Sightings
    told: ReadTold
    find_home: Callable[[str], LoadedDefinition]

    def is_marked(self, target: TrackedContact) -> bool:
        """Whether any snapshot of a contact, or of those merged into it, is noted."""
        return any(self.sightings.of(one.number) for one in target.united())

    def all_of(self, target: TrackedContact, is_wanted: Callable[[Due], bool]) -> list[Due]:
        """Return what is noted of a contact and is wanted, in the order of time."""
        found = (
            Due(one, mark, said)
            for one in target.united()
            for mark in self.sightings.of(one.number)
            for said in self.sightings.said(mark)
        )
        return sorted(filter(is_wanted, found), key=lambda due: due.said.at)

    def before(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        other: TrackedContact | None,
    ) -> list[Due]:
        """Return what has to be written out before evidence, in the order of time.

        Args:
            chain: To whom it is addressed.
            target: Whose story it comes into.
            event: The evidence.
            other: Who is merged, or given back; None for nobody.
        """
        found: list[Due] = []
        for people, spots in self._spots(chain, target, event, other):
            if not spots:
                continue
            for one in people:
                for mark in self.sightings.of(one.number):
                    said = self.sightings.said(mark)
                    found += (Due(one, mark, each) for each in _behind(mark, said, spots))
        return sorted(found, key=lambda due: due.said.at)

    def repeating(self, chain: TrackedContact, sequences: Iterable[Any]) -> list[Due]:
        """Return what repeats rows of a contact that are taken back by themselves.

        Nobody can name it, and it says what the row says, so that it goes with it; up to the
        next snapshot of any of its fields.
        """
        told = [one for one in self.told(chain) if one.contact == chain.number]
        snapshots = sorted((o for o in told if o.event.asserted), key=lambda one: one.event.at)
        marks = {mark.facts: mark for mark in self.sightings.of(chain.number)}
        found: dict[Due, None] = {}
        wanted = set(sequences)
        for place, one in enumerate(snapshots):
            mark = marks.get(dump_facts(one.event.facts))
            if one.sequence not in wanted or mark is None:
                continue
            later = (
                o.event.at for o in snapshots[place + 1 :] if mark.fields & o.event.facts.keys()
            )
            end = next(later, None)
            repeated = (
                Due(chain, mark, said)
                for said in self.sightings.said(mark)
                if one.event.at <= said.at and (end is None or said.at < end)
            )
            found.update(dict.fromkeys(repeated))
        return list(found)

    def _spots(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        other: TrackedContact | None,
    ) -> Iterator[tuple[list[TrackedContact], list[_Spot]]]:
        """Yield where the story is told otherwise, with whose snapshots may say something then."""
        reach = _Reach(target)
        mine = list(target.united())
        if other is not None:
            theirs = list(other.united())
            gone = {one.number for one in theirs} if event.name == UNMERGE else set()
            mine = [one for one in mine if one.number not in gone]
            told, added = self.told(target), self.told(other)
            yield theirs, [reach.spot(o.event) for o in told if o.contact not in gone]
            yield mine, [reach.spot(one.event) for one in added]
        elif event.name == VOID:
            yield mine, [reach.spot(one.event) for one in self._about(chain, event)]
        elif event.name == ENTER:
            fields = self.find_home(str(event.about[0])).funnel.derived
            yield mine, [_Spot(_EVER, frozenset(), fields)]
        else:
            yield mine, [reach.spot(event)]

    def _about(self, chain: TrackedContact, event: Event) -> list[Told]:
        """Return the evidence that a void takes back, or restores."""
        of = {one.sequence: one for one in self.told(chain) if one.contact == chain.number}
        left: list[Any] = [*event.about]
        found: dict[Any, Told] = {}
        while left:
            one = of.get(sequence := left.pop())
            if one is not None and sequence not in found:
                found[sequence] = one
                left += one.event.about if one.event.name == VOID else ()
        return list(found.values())


_EVER = dt.datetime.min.replace(tzinfo=dt.UTC)


class _Reach:
    """Tells which fields evidence about a contact may change, in any of its funnels."""

    def __init__(self, target: TrackedContact) -> None:
        self._linked = [position.loaded.funnel.linked for position in target.positions()]
        moves = (position.loaded.set_by_moves for position in target.positions())
        self._lasting = frozenset(chained.from_iterable(moves))

    def spot(self, event: Event) -> _Spot:
        """Return where, and in what, a story is told otherwise with evidence, or without it."""
        if event.asserted:
            return _Spot(event.at, None, self._lasting)
        found = (linked.events.get(event.name) for linked in self._linked)
        sets = (name for one in found if one is not None for name, _ in one.sets)
        return _Spot(event.at, frozenset(chained(event.facts, sets)), self._lasting)


def _behind(mark: Sighting, said: Sequence[SaidAt], spots: Iterable[_Spot]) -> list[SaidAt]:
    """Return which snapshots of a content have to be written out, in the order of time."""
    wanted: set[int] = set()
    for at, fields, lasting in spots:
        first = bisect_right(said, at, key=lambda one: one.at)
        if mark.fields & lasting:
            wanted.update(range(first, len(said)))
        elif first < len(said) and (fields is None or mark.fields & fields):
            wanted.add(first)
    return [said[place] for place in sorted(wanted)]


def as_change(due: Due, target: TrackedContact) -> Change:
    """Return the change that writes a snapshot out, with what the contact's funnels can read."""
    facts: dict[str, Any] = {}
    said: Mapping[str, Any] = decode(due.mark.facts)
    for name, value in said.items():
        for position in target.positions():
            known = position.loaded.funnel.linked.fields.get(name)
            if known is None:
                continue
            try:
                facts[name] = None if value is None else known.from_json(value)
                known.normalise(facts[name])
            except (FieldError, ValueError, TypeError):
                facts.pop(name, None)
                continue
            break
    return Change(
        due.chain.contact.id,
        "set",
        due.said.at,
        facts,
        due.said.run.actor,
        future=True,  # it was taken when it was noted
        asserted=True,
    )
