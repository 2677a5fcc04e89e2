"""Everybody's way through the funnels, folded from the evidence in one pass, for reports.

Contacts come in the order of their numbers, a thousand at a time, so that memory stays the same
for any number of them; the evidence is read once.
"""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from attrs import define, field
from sqlalchemy import Connection, or_, select

from funnelflow.engine import Contact, Event
from funnelflow.engine.answers import GivenAnswers
from funnelflow.engine.story import Story, StoryRow, end_of, fold_story
from funnelflow.report.journey import Journey, JourneyDecision, LateRow
from funnelflow.storage.changes import Restatement
from funnelflow.storage.contacts import known_until
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.queries import AskPlugins, AsOf, Present, rows_until
from funnelflow.storage.replay import (
    EvidenceReader,
    above,
    merged_by,
    read_merges,
    read_told,
    united,
)
from funnelflow.storage.row_format import UNREADABLE, altered, from_text, to_text
from funnelflow.storage.tables import contacts, decisions, definitions, evidence, history
from funnelflow.storage.told import Told, answered, as_story, memberships
from funnelflow.storage.tracked_contacts import LoadedDefinition, TrackedContact

_BATCH: Final = 1_000
_COLUMNS: Final = [c for c in history.c if c.name not in {"digest", "checksum", "path", "unmet"}]


_LOOKED_AT: Final = or_(decisions.c.outcome == "refused", decisions.c.restated != "")


class FoundJourney(NamedTuple):
    """A journey, with the definition that folded it."""

    loaded: LoadedDefinition
    journey: Journey


@define(eq=False)
class JourneyReader:
    """Reads everybody's way through the funnels.

    Attributes:
        connection: A reading transaction.
        store: The definitions.
        present: The moment of the look.
        as_of: By which clocks.
        since: When the period began, for what was said then; None where nobody asks.
        funnel: The only funnel that is wanted; None for all.
        others: The definitions that read everybody's evidence, whatever funnels they are in; none
            for those of the funnels.
    """

    connection: Connection
    store: DefinitionStore
    present: Present
    as_of: AsOf = field(factory=AsOf)
    since: dt.datetime | None = None
    funnel: str | None = None
    others: tuple[LoadedDefinition, ...] = ()
    _readers: dict[str, EvidenceReader | None] = field(factory=dict)

    def journeys(self) -> Iterator[FoundJourney]:
        """Yield the journeys of everybody, in the order of their numbers.

        Of somebody in several funnels there is one for each. Who was erased has none.
        """
        known_at = self.as_of.known_at
        merges = frozenset[int]() if known_at is None else frozenset(read_merges(self.connection))
        people = select(contacts.c.number, contacts.c.id).where(contacts.c.id.is_not(None))
        if known_at is None:
            people = people.where(contacts.c.merged_into.is_(None))
        last, is_known = -1, known_until(evidence, known_at)
        while True:
            batch = people.where(contacts.c.number > last).order_by(contacts.c.number)
            names = dict(map(tuple, self.connection.execute(batch.limit(_BATCH)).all()))
            if not names:
                return
            first, last = min(names), max(names)
            told = self.read_told(first, last)
            for number, name in names.items():
                if number in merges and above(self.connection, number, is_known) != number:
                    continue
                try:
                    yield from self._journeys_of(number, name, *told[number])
                except UNREADABLE:
                    raise altered(f"the history of {name!r}") from None

    def read_told(self, first: int, last: int) -> Mapping[int, tuple[list[Any], list[Any]]]:
        """Read what was told of contacts, and the decisions that a report looks at.

        Args:
            first: The number of the first contact.
            last: That of the last one.

        Returns:
            The rows of the history and the decisions, by the number of the contact.
        """
        found: dict[int, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
        wanted = select(*_COLUMNS).where(history.c.contact.between(first, last))
        ordered = wanted.order_by(history.c.contact, history.c.sequence)
        for number, rows in groupby(self.connection.execute(ordered).all(), attrgetter("contact")):
            found[number] = (list(rows), [])
        said = select(decisions).where(
            decisions.c.contact.between(first, last),
            _LOOKED_AT,
        )
        for row in self.connection.execute(said):
            found[row.contact][1].append(row)
        return found

    def _journeys_of(
        self, number: int, name: str, rows: list[Any], said: list[Any]
    ) -> Iterator[FoundJourney]:
        """Yield the journeys of one contact."""
        if merged_by(rows):
            rows = united(self.connection, number, self.as_of.known)
            said = self._said(rows)
        known, moment = self.as_of.known(rows), self.as_of.moment
        told_rows = known if moment is None else rows_until(known, moment)
        if not told_rows:
            return
        if self.others:
            yield from self._elsewhere(name, known, told_rows)
            return
        decided = self.store.by_id(self.connection, told_rows[-1].definition)
        reader = self._reader(decided.name) or EvidenceReader(decided)
        everything = read_told(self.connection, self.store, reader, known)
        for funnel, joined in memberships(everything, number, moment).items():
            wanted = self._reader(funnel)
            if wanted is None or self.funnel not in {None, funnel}:
                continue
            if wanted is not reader:
                reader = wanted
                everything = read_told(self.connection, self.store, reader, known)
            found = _Found(name, reader.loaded, everything, told_rows, said, joined)
            journey = self._journey(found)
            if journey is not None:
                yield FoundJourney(reader.loaded, journey)

    def _elsewhere(
        self, name: str, known: Sequence[Any], told_rows: Sequence[Any]
    ) -> Iterator[FoundJourney]:
        """Yield what definitions make of a contact that is not in their funnels: no move counts."""
        for loaded in self.others:
            reader = EvidenceReader(loaded)
            told = [
                Told(row.contact, row.sequence, row.id, event)
                for row in known
                for event in (reader.read_elsewhere(self.connection, self.store, row),)
            ]
            journey = self._journey(_Found(name, loaded, told, told_rows, (), None))
            if journey is not None:
                yield FoundJourney(loaded, journey)

    def _said(self, rows: Iterable[Any]) -> list[Any]:
        """Read the decisions that a report looks at, of everybody whose story is united."""
        wanted = select(decisions).where(
            decisions.c.contact.in_({row.contact for row in rows}), _LOOKED_AT
        )
        return list(self.connection.execute(wanted))

    def _reader(self, funnel: str) -> EvidenceReader | None:
        """Return what reads evidence for a funnel, by the definition that it was under."""
        if funnel not in self._readers:
            loaded = self.loaded(funnel)
            self._readers[funnel] = None if loaded is None else EvidenceReader(loaded)
        return self._readers[funnel]

    def loaded(self, funnel: str) -> LoadedDefinition | None:
        """Return the definition that a funnel was under, as far as it was known."""
        if self.as_of.known_at is None:
            return self.store.current(self.connection, funnel)
        last = (
            select(decisions.c.definition)
            .join(definitions, definitions.c.id == decisions.c.definition)
            .join(
                evidence,
                (evidence.c.contact == decisions.c.contact)
                & (evidence.c.sequence == decisions.c.sequence),
            )
            .where(definitions.c.name == funnel, known_until(evidence, self.as_of.known_at))
            .order_by(evidence.c.id.desc())
            .limit(1)
        )
        number = self.connection.execute(last).scalar()
        return None if number is None else self.store.by_id(self.connection, number)

    def _journey(self, found: "_Found") -> Journey | None:
        """Fold the story of a contact; None where nothing of it is in force."""
        loaded, known = found.loaded, found.told
        arrivals = {row.id for row in found.rows}
        rows, _ = as_story([one for one in known if one.arrival in arrivals], loaded.name)
        given = _answers(loaded, known)
        end = end_of(rows)
        until = self.present.now if end is None else max(self.present.now, end)
        story = self._fold(found, rows, until, given)
        if not story.stays:
            return None
        if given is not None:
            given.turn_to(until)
        position = story.contact
        return Journey(
            found.name,
            story.stays,
            tuple(found.decisions(rows, story)),
            position,
            tuple(found.late_rows()),
            self._stood(found, story),
            loaded.funnel.due_at(position) if loaded.waits else None,
            given,
        )

    def _fold(
        self,
        found: "_Found",
        rows: Sequence[StoryRow],
        until: dt.datetime,
        given: GivenAnswers | None,
    ) -> Story:
        consult = None
        if self.present.ask is not None:
            consult = partial(_consulting, self.present.ask, found.loaded)
        funnel = found.loaded.funnel
        return fold_story(funnel, found.name, rows, until, found.joined, given, consult)

    def _stood(self, found: "_Found", story: Story) -> str | None:
        """Return where a contact was said to stand when the period began."""
        since = self.since
        if since is None or story.stays[0].entered >= since:
            return None
        latest = to_text(since)
        arrivals = {row.id for row in found.rows if row.recorded_at <= latest}
        if not arrivals:
            return None
        if all(row.id in arrivals for row in found.rows if row.at < latest or row.about):
            return next(s.stage for s in reversed(story.stays) if s.entered < since)
        told = [one for one in found.told if one.arrival in arrivals and one.event.at < since]
        rows, joined = as_story(told, found.loaded.name)
        then = fold_story(
            found.loaded.funnel, found.name, rows, since, joined, _answers(found.loaded, told)
        )
        return then.stays[-1].stage if then.stays else None


@define(eq=False)
class _Found:
    """What was told of a contact in one funnel.

    Attributes:
        name: Who it is.
        loaded: The definition that reads it.
        told: All that was known.
        rows: The rows of what had happened.
        said: The decisions that a report looks at.
        joined: The evidence that the contact entered the funnel; None where the story begins.
    """

    name: str
    loaded: LoadedDefinition
    told: Sequence[Told]
    rows: Sequence[Any]
    said: Sequence[Any]
    joined: Event | None

    def decisions(self, rows: Iterable[StoryRow], story: Story) -> Iterator[JourneyDecision]:
        """Yield what became of each row in force, in the order in which they happened."""
        refused = {
            (one.contact, one.sequence): one for one in self.said if one.outcome == "refused"
        }
        places = {row.id: (row.contact, row.sequence) for row in self.rows} if refused else {}
        events = {row.arrival: row.event for row in rows}
        for arrival, outcome in story.outcomes.items():
            event = events[arrival]
            one = refused.get(places[arrival]) if refused and event.name == "move" else None
            if one is None:
                yield JourneyDecision(event, outcome.outcome, outcome.path, arrival=arrival)
            else:
                unmet = tuple((label, verdict) for label, verdict in json.loads(one.unmet))
                before = one.before_stage
                yield JourneyDecision(event, outcome.outcome, outcome.path, unmet, before, arrival)

    def late_rows(self) -> Iterator[LateRow]:
        """Yield the rows that came late."""
        if not self.said:
            return
        rows = {(row.contact, row.sequence): row for row in self.rows}
        for one in self.said:
            row = rows.get((one.contact, one.sequence))
            if row is not None and one.restated:
                said = Restatement.from_json(json.loads(one.restated))
                if said.late:
                    yield LateRow(from_text(row.recorded_at), said.late, said.is_change)


def _consulting(ask: AskPlugins, loaded: LoadedDefinition, contact: Contact, event: Event) -> Event:
    """Return the passing of time with what plugins have against it."""
    return ask(TrackedContact(contact, loaded, loaded.name), event)


def _answers(loaded: LoadedDefinition, told: Iterable[Told]) -> GivenAnswers | None:
    """Return what plugins' criteria answered in what was told."""
    return GivenAnswers(lambda: answered(told)) if loaded.funnel.asks else None
