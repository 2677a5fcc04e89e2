"""Stored contacts as they stood at a moment, and in another definition's words."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeAlias

from attrs import evolve, frozen
from sqlalchemy import ColumnElement, Connection, Select, or_, select

from funnelflow import compare  # whose modules are loaded when they are used
from funnelflow.criteria.custom import answering
from funnelflow.definition import digest
from funnelflow.engine import Event, Funnel
from funnelflow.engine.answers import GivenAnswers
from funnelflow.engine.story import ENTER, LEAVE, SILENT, OpenStory, in_force
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.storage.contacts import (
    HistoryPage,
    StoredContact,
    stored_contact,
)
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.json_form import considered_json, question_json, value_json
from funnelflow.storage.replay import (
    EvidenceReader,
    answers_in,
    decided_by,
    given_answers,
    merged_by,
    read_told,
    stands,
    united,
)
from funnelflow.storage.row_format import to_text
from funnelflow.storage.tables import (
    contact_positions,
    funnels,
    history,
)
from funnelflow.storage.told import Told, as_story, memberships
from funnelflow.storage.tracked_contacts import LoadedDefinition, TrackedContact

AskPlugins: TypeAlias = Callable[[TrackedContact, Event], Event]
"""Returns an event with what plugins have against the transitions that it would take."""
Test: TypeAlias = Callable[[StoredContact], bool]


@frozen
class Present:
    """The moment of a look; those who are due are folded on to it, and nothing is stored.

    No criterion of a plugin is asked for it: what nobody has answered is unknown.

    Attributes:
        connection: The reading transaction.
        now: The time that it is.
        ask: Asks plugins that may veto transitions; None where there are none.
    """

    connection: Connection
    now: dt.datetime
    ask: AskPlugins | None = None

    def fold_on(
        self, stored: StoredContact, loaded: LoadedDefinition, given: GivenAnswers | None = None
    ) -> StoredContact:
        """Return a contact as time alone has moved it by now.

        Args:
            stored: The contact as it is stored.
            loaded: The definition that it is under.
            given: What plugins' criteria answered; None for all that is known.
        """
        if not self.is_due(stored):
            return stored
        contact, event = stored.contact.copy(), Event("tick", self.now)
        given = given or given_answers(self.connection, loaded, stored.number)
        if given is not None:
            given.turn_to(self.now)
        with answering(given):
            if self.ask is not None:
                event = self.ask(TrackedContact(contact, loaded, stored.funnel), event)
            loaded.funnel.step(contact, event)
        contact.clock = stored.contact.clock
        return evolve(stored, contact=contact, due_at=loaded.funnel.due_at(contact))

    def is_due(self, stored: StoredContact) -> bool:
        """Whether time has opened something for a contact since its last evidence."""
        return stored.due_at is not None and stored.due_at <= self.now

    def due(self) -> ColumnElement[bool]:
        """Ask for those who are due, by the index."""
        return contact_positions.c.due_at <= to_text(self.now)

    def not_due(self) -> ColumnElement[bool]:
        """Ask for those who stand as they are stored."""
        return or_(
            contact_positions.c.due_at.is_(None), contact_positions.c.due_at > to_text(self.now)
        )


_BATCH = 1_000


def funnel_names(connection: Connection) -> tuple[str, ...]:
    """Name the funnels that are in use."""
    return tuple(connection.execute(select(funnels.c.name).order_by(funnels.c.name)).scalars())


def current_definition(
    connection: Connection, store: DefinitionStore, name: str
) -> LoadedDefinition:
    """Return the definition that a funnel is under."""
    loaded = store.current(connection, name)
    if loaded is None:
        raise UnknownNameError("funnel in use", name, funnel_names(connection))
    return loaded


@frozen
class AsOf:
    """The two clocks by which contacts are looked at.

    Attributes:
        at: What had happened by then, as it is known today unless `known_at` says otherwise;
            None for everything.
        known_at: What was known by then: a time, or the number of the last row of the history.
            It is read by the definition that decided then. None for what is known today.
    """

    at: dt.datetime | None = None
    known_at: dt.datetime | int | None = None

    def known(self, rows: Iterable[Any]) -> list[Any]:
        """Return the rows that were known."""
        known_at = self.known_at
        if known_at is None:
            return list(rows)
        if isinstance(known_at, int):
            return [row for row in rows if row.id <= known_at]
        latest = to_text(known_at)
        return [row for row in rows if row.recorded_at <= latest]

    @property
    def moment(self) -> dt.datetime | None:
        """The moment that contacts are folded to; None for that of their last evidence."""
        if self.at is None and isinstance(self.known_at, dt.datetime):
            return self.known_at
        return self.at


def contact_as_of(
    connection: Connection,
    store: DefinitionStore,
    stored: StoredContact,
    loaded: LoadedDefinition,
    as_of: AsOf,
    present: Present,
    rows: Iterable[Any] | None = None,
) -> tuple[StoredContact, LoadedDefinition] | None:
    """Return a contact as it stood, and the definition that says so; None if nobody knew of it.

    Args:
        connection: A reading transaction.
        store: The definitions.
        stored: The contact as it is.
        loaded: The definition that it is under.
        as_of: By which clocks.
        present: The moment that `as_of` names, if it names one.
        rows: Its history, where that has been read.
    """
    clock = stored.contact.clock
    is_after_all = clock is not None and as_of.at is not None and as_of.at >= clock
    if as_of.known_at is None and is_after_all:
        return present.fold_on(stored, loaded), loaded
    found = story_as_of(connection, store, stored, loaded, as_of, rows)
    if found is None:
        return None
    story, loaded, told = found
    contact = stands(story)
    if contact.since is None:
        return None
    then = evolve(
        stored,
        funnel=loaded.name,
        contact=contact,
        sequence=told,
        due_at=loaded.funnel.due_at(contact) if loaded.waits else None,
        created_at=story.rows[0].event.at,
        definition=loaded.digest,
    )
    return then if as_of.moment is None else present.fold_on(then, loaded, story.given), loaded


def story_as_of(
    connection: Connection,
    store: DefinitionStore,
    stored: StoredContact,
    loaded: LoadedDefinition,
    as_of: AsOf,
    rows: Iterable[Any] | None = None,
) -> tuple[OpenStory, LoadedDefinition, int] | None:
    """Return the story of a contact as it had happened; for the arguments see `contact_as_of`.

    Returns:
        The story, the definition that reads it, and how many rows it has; None if nobody knew
        of the contact in that funnel.
    """
    told_by = united(connection, stored.number, as_of.known) if rows is None else rows
    known, moment = as_of.known(told_by), as_of.moment
    told = known if moment is None else rows_until(known, moment)
    if not told:
        return None
    if as_of.known_at is not None:
        loaded = _decider(connection, store, known, stored, loaded)
    everything = read_told(connection, store, EvidenceReader(loaded), known)
    funnels_then = memberships(everything, stored.number, moment)
    if loaded.name not in funnels_then:
        return None
    arrivals, (whole, _) = {row.id for row in told}, as_story(everything, loaded.name)
    then = [row for row in whole if row.arrival in arrivals]
    later = [row for row in whole if row.arrival not in arrivals]
    given, joined = answers_in(loaded, known), funnels_then[loaded.name]
    story = OpenStory(loaded.funnel, stored.id, then, joined, given, later)
    return story, loaded, len(told)


def history_as_of(
    page: HistoryPage, story: OpenStory, loaded: LoadedDefinition, until: dt.datetime
) -> HistoryPage:
    """Return rows of the history with what became of them as it happened, not what was answered.

    Args:
        page: Rows of one contact.
        story: Its story.
        loaded: The definition that reads it.
        until: The moment up to which it is told.
    """
    *told, since = story.retold(until)
    became = {one.arrival: one for one in told}
    rows = tuple(
        evolve(
            row,
            outcome=now.outcome.outcome,
            before=now.before,
            after=now.after,
            path=now.outcome.path,
            unmet=now.unmet,
            restated=None,
            definition=loaded.digest,
        )
        for row in page.rows
        if (now := became.get(row.id)) is not None
    )
    return evolve(page, rows=rows, passed=since.outcome.path)


def rows_until(known: Iterable[Any], moment: dt.datetime) -> list[Any]:
    """Return the rows of what had happened by a moment; when a void was said is irrelevant."""
    latest, timeless = to_text(moment), SILENT - {ENTER, LEAVE}
    return [row for row in known if row.at <= latest or row.event in timeless]


def _decider(
    connection: Connection,
    store: DefinitionStore,
    known: Sequence[Any],
    stored: StoredContact,
    loaded: LoadedDefinition,
) -> LoadedDefinition:
    """Return the definition that decided last about a position, as far as it was known.

    Of a contact's first funnel that is another funnel's where it came over from there since.
    """
    last = store.by_id(connection, known[-1].definition)
    if last.name == stored.funnel:
        return last
    for row in reversed(known):
        found = decided_by(connection, store, row, stored.funnel)
        if found is not None:
            return found
    return loaded if stored.place else last


def nothing_known(stored: StoredContact) -> UsageError:
    """Return the error that nothing was known of a contact by then."""
    return UsageError(
        f"nothing was known of {stored.id} then",
        hint=f"its first evidence is from {stored.created_at:%Y-%m-%d %H:%M} UTC",
    )


def in_another(
    stored: StoredContact, loaded: LoadedDefinition
) -> tuple[StoredContact, LoadedDefinition]:
    """Return a contact as one of a funnel that it is not in now, to be asked of another time."""
    nowhere = loaded.funnel.new_contact(stored.id)
    return evolve(stored, funnel=loaded.name, contact=nowhere, place=1, others=()), loaded


def with_histories(
    connection: Connection,
    people: Select[Any],
    known: Callable[[Iterable[Any]], list[Any]] = list,
) -> Iterator[tuple[Any, list[Any]]]:
    """Yield positions by the ids of their contacts, each with the story that was known."""
    columns = people.selected_columns
    ordered = people.order_by(columns.id, columns.place).execution_options(yield_per=_BATCH)
    for some in connection.execute(ordered).partitions():
        wanted = select(history).where(history.c.contact.in_([row.number for row in some]))
        found = connection.execute(wanted.order_by(history.c.contact, history.c.sequence))
        told = {number: known(rows) for number, rows in groupby(found, attrgetter("contact"))}
        for row in some:
            rows = told.get(row.number, [])
            yield row, united(connection, row.number, known) if merged_by(rows) else rows


@frozen
class Translated:
    """A stored contact and what another definition makes of it.

    Attributes:
        contact_id: Who it is.
        funnel: The funnel that is the contact's home.
        stage: Where the home has put it.
        definition: The name of the other definition.
        translation: What that says.
    """

    contact_id: str
    funnel: str
    stage: str
    definition: str
    translation: "compare.Translation"

    def to_json(self) -> dict[str, Any]:
        """Return the translation as data."""
        translation = self.translation
        return {
            "contact": self.contact_id,
            "funnel": self.funnel,
            "stage": self.stage,
            "definition": self.definition,
            "translated": translation.stage,
            "flagged": translation.is_flagged,
            "questions": [question_json(field) for field in translation.questions()],
            "moves_left_out": translation.moves,
            "came_by": _came_by(translation),
            "undecided": [considered_json(way) for way in translation.undecided],
        }


def _came_by(translation: "compare.Translation") -> dict[str, Any] | None:
    """Return which evidence took the contact where it is, and the transition that this took."""
    event = translation.came_by
    if event is None or not translation.path:
        return None
    taken = translation.path[-1]
    return {
        "event": event.name,
        "at": value_json(taken.at or event.at),
        "cause": taken.cause,
        "from": taken.source,
        "to": taken.to,
        "transition": taken.index,
    }


def translate_one(
    connection: Connection,
    store: DefinitionStore,
    funnel: Funnel,
    stored: StoredContact,
    now: dt.datetime,
) -> "compare.Translation":
    """Read one contact's evidence by another definition."""
    rows = united(connection, stored.number)
    return compare.translate(
        funnel, stored.id, _events(connection, store, _reader(funnel), rows), now
    )


def translate_all(
    connection: Connection,
    store: DefinitionStore,
    funnel: Funnel,
    home: str | None,
    present: Present,
) -> Iterator[Translated]:
    """Yield every contact of a funnel, by id, in another definition's words; memory stays flat.

    Args:
        connection: A reading transaction.
        store: The definitions that decided.
        funnel: The definition that reads.
        home: The funnel whose contacts are read; None for all.
        present: When they are read.
    """
    reader = _reader(funnel)
    people = select(contact_positions)
    if home is not None:
        people = people.where(contact_positions.c.funnel == home)
    for row, rows in with_histories(connection, people):
        loaded = store.by_id(connection, row.definition)
        stored = present.fold_on(stored_contact(row, loaded), loaded)
        events = _events(connection, store, reader, rows)
        translation = compare.translate(funnel, row.id, events, present.now)
        name = funnel.definition.name
        yield Translated(row.id, row.funnel, stored.contact.stage, name, translation)


def _events(
    connection: Connection, store: DefinitionStore, reader: EvidenceReader, rows: Iterable[Any]
) -> list[Event]:
    """Read the evidence of a contact for another definition, in the order in which it happened."""
    told = [
        Told(row.contact, row.sequence, row.id, reader.read_elsewhere(connection, store, row))
        for row in rows
    ]
    return [row.event for row in in_force(as_story(told, reader.loaded.name)[0])]


def _reader(funnel: Funnel) -> EvidenceReader:
    """Return what reads evidence for a definition that decides nothing here."""
    return EvidenceReader(LoadedDefinition(0, digest(funnel.definition), funnel))
