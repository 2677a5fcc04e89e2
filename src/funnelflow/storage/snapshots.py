"""Snapshots in a unit of work: what they say is known, noted, or recorded as evidence."""

from collections.abc import Iterable

from attrs import evolve
from sqlalchemy import Connection

from funnelflow.engine import Event
from funnelflow.engine.story import VOID
from funnelflow.storage.change_parser import REGROUPING
from funnelflow.storage.changes import Change
from funnelflow.storage.dialects import Bulk
from funnelflow.storage.fold import Fold
from funnelflow.storage.partition import FindHome
from funnelflow.storage.row_format import horizon, to_text
from funnelflow.storage.said_again import Due, SaidAgain, as_change
from funnelflow.storage.sightings import Sightings
from funnelflow.storage.tracked_contacts import TrackedContact


class Snapshots:
    """What snapshots said, of the contacts of a unit of work.

    Args:
        connection: The transaction.
        bulk: The bulk statements of the database.
        fold: The fold of the unit of work, into which they go as evidence.
        find_home: Finds the definition of a funnel that is entered.
    """

    def __init__(self, connection: Connection, bulk: Bulk, fold: Fold, find_home: FindHome) -> None:
        self._fold = fold
        self._partition = fold.partition
        self._contacts = fold.partition.contacts
        self._sightings = Sightings(connection, bulk)
        self._again = SaidAgain(self._sightings, fold.told, find_home)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever noted."""
        return self._sightings.is_empty

    @property
    def noted(self) -> int:
        """How many were noted in this unit of work, as they said what was known."""
        return self._sightings.noted

    def load(self) -> None:
        """Read what was noted of the contacts that were read."""
        self._sightings.load(one.number for one in self._contacts.values())

    def write(self) -> None:
        """Write what was noted."""
        self._sightings.write()

    def look_for_first(self) -> None:
        """Find out of whom that was read a snapshot is evidence; `note` asks for it."""
        self._sightings.look_for_first(c.number for c in self._contacts.values() if c.stored)

    def knows(self, tracked: TrackedContact, said: Event) -> bool:
        """Whether all that evidence says of a contact was known at its time, in all funnels."""
        positions = tracked.positions()
        for position in positions:
            then, clock = position.contact, position.contact.clock
            funnel = position.loaded.funnel
            if clock is not None and said.at < clock:
                then = self._fold.before(tracked, said, position)
            if position.loaded.set_by_moves & said.facts.keys():  # also by time, until then
                then = then.copy()
                funnel.step(then, Event("tick", said.at))
            known, fields = then.fields, funnel.linked.fields
            for name, value in said.facts.items():
                if known.get(name) != value and (name in fields or len(positions) == 1):
                    return False
        return True

    def note(self, contact_id: str, said: Event, *, is_own: bool) -> bool:
        """Note that a snapshot said what was known.

        Args:
            contact_id: Whom it is about.
            said: What it said, and when.
            is_own: Whether that is a time of its own, and not the one of the run.

        Returns:
            False where it has to be recorded: none of the contact is evidence yet, or the time
            lies in the future, where that is refused.
        """
        if said.at > horizon(self._partition.now):
            return False
        if not said.facts:
            return True
        number, run = self._contacts[contact_id].number, self._partition.run or 0
        return self._sightings.note(number, said.facts, to_text(said.at), run, is_own=is_own)

    def recorded(self, contact_id: str, said: Event) -> None:
        """Note that a snapshot was recorded as evidence."""
        if said.facts:
            number = self._contacts[contact_id].number
            self._sightings.recorded(number, to_text(said.at))

    def record_before(self, change: Change) -> Change:
        """Record what said what was known, where a change makes that another.

        Returns:
            The change; one that takes back a snapshot takes back what repeated it with it.
        """
        chain = self._contacts.get(change.contact_id)
        if chain is None or change.key in self._partition.keys:
            return change
        target, is_marked = chain.root or chain, self._again.is_marked
        if not (change.event in REGROUPING or is_marked(target)):
            return change
        other = self._fold.named(event := self._fold.parse(target, change))
        if not (is_marked(target) or (other is not None and is_marked(other))):
            return change
        written, is_run = 0, self._partition.run is not None
        if event.name == VOID and not is_run:
            for due in self._again.repeating(chain, event.about):
                written += self._record(target, [due])
                event = event._replace(about=(*event.about, chain.sequence))
        written += self._record(target, self._again.before(chain, target, event, other))
        if event.name == VOID:
            self._sightings.look_again(chain.number)
        expect = None if change.expect is None else change.expect + written
        about = event.about if event.name == VOID else change.about
        return evolve(change, about=about, expect=expect)

    def record_fields(self, fields: frozenset[str]) -> None:
        """Record all that is noted of some fields, which are set otherwise from now on."""
        for target in self._marked():
            dues = self._again.all_of(target, lambda due: bool(due.mark.fields & fields))
            self._record(target, dues)

    def record_run(self, run: int) -> None:
        """Record what an import noted where it was not known: the import counts again.

        That may be where evidence came while it did not count.
        """
        for target in self._marked():
            for due in self._again.all_of(target, lambda due: due.said.run.number == run):
                said = self._fold.parse(target, as_change(due, target))
                if not self.knows(target, said):
                    self._record(target, [due])

    def _marked(self) -> list[TrackedContact]:
        """List whose story has marks, of the contacts that were read."""
        if self.is_empty:
            return []
        heads = (one for one in self._contacts.values() if one.root is None)
        return [one for one in heads if self._again.is_marked(one)]

    def _record(self, target: TrackedContact, dues: Iterable[Due]) -> int:
        """Record what was noted, each as brought by the run that read it; return how many."""
        run, written = self._partition.run, 0
        for due in dues:
            self._fold.join_run(due.said.run.number)
            self._fold.take(as_change(due, target))
            due.mark.forget(due.said)
            written += 1
        self._fold.join_run(run)
        return written
