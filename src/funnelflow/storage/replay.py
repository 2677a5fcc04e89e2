"""The fold over stored evidence, by one definition or as it was decided.

A contact stands where the definition that it is under takes its whole story, in the order in
which it happened. `Replay` goes along the order in which the evidence arrived, each row by the
definition that decided it. A row that says ``adopt`` is where a contact came under another
definition, which folds all the evidence before it anew: ``stage = fold(definition, evidence)``.
An adoption that changed nothing for a contact leaves no row; the next row names the definition.
"""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from operator import attrgetter, itemgetter
from typing import Any

from attrs import evolve
from sqlalchemy import ColumnElement, Connection, select, text

from funnelflow.criteria.custom import answering, ask_custom
from funnelflow.engine import Contact, Decision, Event, Outcome, decide, retold
from funnelflow.engine.answers import AnsweredRow, Ask, GivenAnswers, Used
from funnelflow.engine.story import MERGE, SILENT, UNMERGE, OpenStory
from funnelflow.storage.changes import Restatement
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.row_format import (
    UNREADABLE,
    altered,
    decode,
    dump_about,
    from_text,
    load_about,
    load_answers,
    load_path,
    load_vetoes,
)
from funnelflow.storage.tables import decisions, evidence, history
from funnelflow.storage.told import Fitter, Told, answered, as_row, as_story
from funnelflow.storage.tracked_contacts import LoadedDefinition, Row


def read_event(loaded: LoadedDefinition, row: Any) -> Event:
    """Read the evidence of a row of the history by the definition that decided it.

    Args:
        loaded: That definition.
        row: A row with the columns of the table, by name.

    Raises:
        StoreError: Its columns are not what was once written there.
    """
    return _read_event(loaded, row, _places(row._fields)(row))


def _read_event(loaded: LoadedDefinition, row: Any, columns: Row) -> Event:
    """Read the evidence of a row from the columns that `_SAID` lists."""
    name, at, facts, actor, roles = columns[:5]
    try:
        said = (
            name,
            from_text(at),
            {} if facts == "{}" else loaded.codec.load_facts(name, facts),
            actor,
            () if roles == "[]" else tuple(decode(roles)),
        )
        if columns[5:12] == _PLAIN:  # as nearly every row is, and far quicker to make
            return Event(*said)
        to, reason, force, vetoes, asserted, about, answers = columns[5:12]
        return Event(
            *said, to, reason, bool(force), load_vetoes(vetoes), bool(asserted),
            load_about(about), load_answers(answers),
        )  # fmt: skip
    except UNREADABLE:
        raise altered(f"row {row.sequence} of the history of {row.contact_id!r}") from None


_SAID = (
    *("event", "at", "facts", "actor", "roles"),
    *("to_stage", "reason", "force", "vetoes", "asserted", "about", "answers"),
    *("contact", "sequence", "id", "definition"),
)
_PLAIN = ("", "", 0, "[]", 0, "", "")
"""What the columns from `to_stage` to `answers` hold of evidence that only happened."""


@cache
def _places(names: tuple[str, ...]) -> Callable[[Any], Row]:
    """Return what picks the columns that `_SAID` lists from rows with these names.

    By its place a column of a row is had in a twentieth of the time that its name takes.
    """
    return itemgetter(*map(names.index, _SAID))


class EvidenceReader(Fitter):
    """Reads stored evidence for a definition that may not be the one that decided it."""

    def read(self, connection: Connection, definitions: DefinitionStore, row: Any) -> Event:
        """Return what a row of the history says in the funnel of the definition.

        Args:
            connection: The database, for the definitions that decided it.
            definitions: The definition store.
            row: The row.
        """
        return self._read(connection, definitions, row, _places(row._fields)(row))

    def told(
        self, connection: Connection, definitions: DefinitionStore, rows: Iterable[Any]
    ) -> Iterator[Told]:
        """Yield what rows of the history say in the funnel of the definition; see `read`."""
        places = None
        for row in rows:
            if places is None:
                places = _places(row._fields)
            columns = places(row)
            event = self._read(connection, definitions, row, columns)
            contact, sequence, arrival, number = columns[12:]
            decided = definitions.by_id(connection, number)
            yield Told(contact, sequence, arrival, event, decided.name)

    def _read(
        self, connection: Connection, definitions: DefinitionStore, row: Any, columns: Row
    ) -> Event:
        decided = definitions.by_id(connection, columns[-1])
        event = _read_event(decided, row, columns).said_to(self.loaded.name, decided.name)
        if decided is self.loaded:
            return event
        voted = None
        if event.vetoes and decided.name != self.loaded.name:
            voted = decided_by(connection, definitions, row, self.loaded.name)
        return self.fit(decided, event, voted)

    def read_elsewhere(
        self, connection: Connection, definitions: DefinitionStore, row: Any
    ) -> Event:
        """Return what a row says to a definition in whose funnel the contact is not."""
        decided = definitions.by_id(connection, row.definition)
        return self.fit(decided, read_event(decided, row))


def decided_by(
    connection: Connection, definitions: DefinitionStore, row: Any, funnel: str
) -> LoadedDefinition | None:
    """Return the definition that decided a row of the history in a funnel; None if none did."""
    wanted = select(decisions.c.definition).where(
        decisions.c.contact == row.contact, decisions.c.sequence == row.sequence
    )
    found = (definitions.by_id(connection, n) for n in connection.execute(wanted).scalars().all())
    return next((loaded for loaded in found if loaded.name == funnel), None)


ADOPT = "adopt"

_BATCH = 1_000


class Replay:
    """Folds the history of one contact, row by row, as it was decided.

    Args:
        connection: The database, for the rows that an adoption folds again.
        definitions: The definition store.
        contact_id: Whose history it is.
        number: The number of that contact.
        used: Called with each answer of a plugin that decides again; None for nobody.

    Attributes:
        contact: What the rows so far come to; None before the first.
        loaded: The definition that decided the last row; None before the first.
    """

    def __init__(
        self,
        connection: Connection,
        definitions: DefinitionStore,
        contact_id: str,
        number: int,
        used: Used | None = None,
    ) -> None:
        self.contact: Contact | None = None
        self.loaded: LoadedDefinition | None = None
        self._connection = connection
        self._definitions = definitions
        self._id = contact_id
        self._number = number
        self._given, self._arrival = GivenAnswers(), 0
        self._given.used = used

    def turn_to(self, row: Any) -> Contact:
        """Bring the contact under the definition that decided a row, and return it."""
        loaded = self._definitions.by_id(self._connection, row.definition)
        if self.loaded is not loaded:
            folded = None if self.contact is None else self._fold(loaded, row.sequence)
            self.contact, self.loaded = folded, loaded
        if self.contact is None:
            self.contact = loaded.funnel.new_contact(self._id)
        return self.contact

    def feed(self, row: Any) -> Outcome:
        """Take the next row, and return what its definition makes of it."""
        if row.event == ADOPT:
            return self._adopt(row)
        contact, event = self.turn_to(row), self.event(row)
        assert self.loaded is not None
        with self.answers(row):
            return self.loaded.funnel.step(contact, event)

    @contextmanager
    def answers(self, row: Any) -> Iterator[None]:
        """Let what plugins' criteria answered up to a row decide within the block."""
        at = from_text(row.at)
        if row.id > self._arrival:
            self._arrival = row.id
            self._given.add(AnsweredRow(at, row.id, load_answers(row.answers)))
        self._given.turn_to(at, row.id)
        with answering(self._given):
            yield

    def event(self, row: Any) -> Event:
        """Read the evidence of a row."""
        loaded = self._definitions.by_id(self._connection, row.definition)
        return read_event(loaded, row).said_to(loaded.name, loaded.name)

    def _adopt(self, row: Any) -> Outcome:
        """Fold everything up to and with an adoption anew."""
        before = None if self.contact is None else self.contact.stage
        self.loaded = self._definitions.by_id(self._connection, row.definition)
        self.contact = self._fold(self.loaded, row.sequence + 1)
        return Outcome("stayed" if self.contact.stage == before else "moved")

    def _fold(self, loaded: LoadedDefinition, before: int) -> Contact:
        """Fold the rows before a sequence from the first, all by one definition."""
        rows = rows_of(self._connection, self._number, before=before)
        return fold_rows(self._connection, self._definitions, EvidenceReader(loaded), rows)


def read_told(
    connection: Connection,
    definitions: DefinitionStore,
    reader: EvidenceReader,
    rows: Iterable[Any],
) -> list[Told]:
    """Read rows of the history for a definition that folds them.

    Args:
        connection: The database, for the definitions that decided the rows.
        definitions: The definition store.
        reader: Reads evidence for the definition that folds.
        rows: The rows, in any order.
    """
    return list(reader.told(connection, definitions, rows))


def fold_rows(
    connection: Connection,
    definitions: DefinitionStore,
    reader: EvidenceReader,
    rows: Iterable[Any],
    until: dt.datetime | None = None,
) -> Contact:
    """Fold a contact's rows in the order in which they happened, all by one definition.

    Args:
        connection: The database, for the definitions that decided the rows.
        definitions: The definition store.
        reader: Reads evidence for the definition that folds.
        rows: The rows, at least one, in any order.
        until: The moment to fold to; None for that of the last row that counts.

    Returns:
        The contact; its `since` is None where no evidence is in force.
    """
    return stands(open_story(connection, definitions, reader, rows), until)


def stands(story: OpenStory, until: dt.datetime | None = None) -> Contact:
    """Return where a story that was read has come to; see `OpenStory.stands`.

    Raises:
        StoreError: What was read cannot have been written there.
    """
    try:
        return story.stands(until)
    except UNREADABLE:
        raise altered(f"the history of {story.contact_id!r}") from None


def open_story(
    connection: Connection,
    definitions: DefinitionStore,
    reader: EvidenceReader,
    rows: Iterable[Any],
    contact_id: str = "",
    given: GivenAnswers | None = None,
) -> OpenStory:
    """Return the story that rows of the history tell a definition; see `fold_rows`.

    Args:
        connection: The database, for the definitions that decided the rows.
        definitions: The definition store.
        reader: Reads evidence for the definition that folds.
        rows: The rows, at least one, in any order.
        contact_id: Whose story it is; empty for whom the first row is addressed to.
        given: What plugins' criteria answered, where these rows do not say it all.
    """
    found = list(rows)
    told = read_told(connection, definitions, reader, found)
    story, joined = as_story(told, reader.loaded.name)
    name = contact_id or found[0].contact_id
    return OpenStory(reader.loaded.funnel, name, story, joined, given)


def first_answers(
    connection: Connection, definitions: DefinitionStore, contact: int, sequence: int
) -> list[tuple[Decision, Restatement | None]]:
    """Explain a row of the history: what was decided then, by the definitions of then.

    Args:
        connection: The database.
        definitions: The definition store.
        contact: The number of the contact whose history it is.
        sequence: Which row of it.

    Returns:
        The decision of the funnel that it is about, or else of the contact's first, and those of
        its other funnels; each with what it changed.
    """
    place = (history.c.contact == contact) & (history.c.sequence == sequence)
    row = connection.execute(select(history).where(place)).one()
    root = above(connection, contact, evidence.c.id <= row.id)
    earlier = united(connection, root, lambda rows: [one for one in rows if one.id < row.id])
    wanted = select(decisions).where(
        decisions.c.contact == contact, decisions.c.sequence == sequence
    )
    found: list[tuple[Decision, Restatement | None]] = []
    for answer in connection.execute(wanted.order_by(decisions.c.place)).all():
        loaded = definitions.by_id(connection, answer.definition)
        reader = EvidenceReader(loaded)
        told = read_told(connection, definitions, reader, earlier)
        event = reader.read(connection, definitions, row)
        one = Told(row.contact, row.sequence, row.id, event)
        decision = evolve(
            _first_answer(loaded, row.contact_id, told, one),
            outcome=answer.outcome,
            before=answer.before_stage,
            after=answer.after_stage,
            path=load_path(answer.path),
        )
        said = Restatement.from_json(json.loads(answer.restated)) if answer.restated else None
        found.append((decision, said))
    about = load_about(row.about)
    return sorted(found, key=lambda one: about != (one[0].linked.definition.name,))


def _first_answer(
    loaded: LoadedDefinition, contact_id: str, told: list[Told], one: Told
) -> Decision:
    """Decide evidence by what was known before it."""
    story, joined = as_story(told, loaded.name)
    given = GivenAnswers(lambda: answered([*told, one])) if loaded.funnel.asks else None
    was, event = OpenStory(loaded.funnel, contact_id, story, joined, given), one.event
    if event.name in SILENT:
        stood = was.stands()
        now, _ = was.retell(as_row(one, told), joined)
        return retold(loaded.funnel, stood, event, now)
    if joined is not None and event.at < joined.at:
        stood = was.stands()
        return retold(loaded.funnel, stood, event, stood)
    stood = was.before(event)
    with answering(given):
        return decide(loaded.funnel, stood, event)


def united(
    connection: Connection,
    contact: int,
    known: Callable[[Iterable[Any]], list[Any]] = list,
    within: tuple[int, ...] = (),
) -> list[Any]:
    """Read the history of a contact and of all who are merged into it, in order of arrival.

    Who they are is what the rows about it say, so that at an earlier time they are those of then.

    Args:
        connection: The database.
        contact: The contact's number.
        known: Returns the rows that were known at the time that is asked about.
        within: The contacts into which it is merged, as far as they are read.

    Raises:
        StoreError: Who is merged into whom has been altered.
    """
    _require_no_circle(contact, within)
    rows = known(rows_of(connection, contact))
    others = merged_by(rows)
    if not others:
        return rows
    for other in others:
        rows += united(connection, other, known, (*within, contact))
    rows.sort(key=attrgetter("id"))
    return rows


_REGROUPING = frozenset({MERGE, UNMERGE})


def merged_by(rows: Iterable[Any]) -> list[int]:
    """Return the numbers of the contacts that rows put into a story, and have not given back.

    Args:
        rows: The evidence about contacts, in order of arrival for each of them.

    Raises:
        StoreError: A row is not what was once written there.
    """
    others: dict[int, None] = {}
    place = None
    for row in rows:
        if place is None:
            place = row._fields.index("event")
        if row[place] in _REGROUPING:
            try:
                numbers = [int(number) for number in load_about(row.about)]
            except UNREADABLE:
                raise altered(f"row {row.sequence} of the history of #{row.contact}") from None
            for number in numbers:
                others.pop(number, None)
            if row.event == MERGE:
                others.update(dict.fromkeys(numbers))
    return list(others)


def _require_no_circle(contact: int, others: Collection[int]) -> None:
    """Refuse to follow contacts that are merged into each other.

    Raises:
        StoreError: This one was met before.
    """
    if contact in others:
        raise altered(f"who is merged into contact #{contact}")


def above(
    connection: Connection,
    contact: int,
    known_at: ColumnElement[bool],
    below: tuple[int, ...] = (),
) -> int:
    """Return whose story that of a contact was part of: its own number for a story of its own.

    Args:
        connection: The database.
        contact: The contact's number.
        known_at: What was known at the time that is asked about.
        below: Those from whom it was come to.

    Raises:
        StoreError: Who is merged into whom has been altered.
    """
    _require_no_circle(contact, below)
    last = (
        select(evidence.c.event, evidence.c.contact)
        .where(evidence.c.about == dump_about((contact,)), IS_MERGE, known_at)
        .order_by(evidence.c.id.desc())
        .limit(1)
    )
    found = connection.execute(last).first()
    if found is None or found.event != MERGE:
        return contact
    return above(connection, found.contact, known_at, (*below, contact))


def read_merges(connection: Connection) -> Mapping[int, Sequence[Any]]:
    """Read who was merged into whom and given back, by the number of whom it is about."""
    merges: dict[int, list[Any]] = defaultdict(list)
    for row in connection.execute(select(evidence).where(IS_MERGE).order_by(evidence.c.id)):
        try:
            for number in load_about(row.about):
                merges[int(number)].append(row)
        except UNREADABLE:  # its digest says so
            continue
    return merges


IS_MERGE = text("evidence.event IN ('merge', 'unmerge')")
"""Evidence of who was merged into whom, and given back: written as its index is."""


def given_answers(
    connection: Connection,
    loaded: LoadedDefinition,
    contact: int,
    known: Callable[[Iterable[Any]], list[Any]] = list,
) -> GivenAnswers | None:
    """Return what plugins' criteria answered in the story of a contact, read when it is needed.

    Args:
        connection: The database.
        loaded: The definition that folds; None is returned for one that asks no plugin.
        contact: The contact's number.
        known: Returns the rows that were known at the time that is asked about.
    """
    if not loaded.funnel.asks:
        return None
    return GivenAnswers(lambda: _answered(united(connection, contact, known)))


def answers_in(
    loaded: LoadedDefinition, rows: Iterable[Any], ask: Ask = ask_custom
) -> GivenAnswers | None:
    """Return what plugins' criteria answered in rows of the history; see `given_answers`.

    Args:
        loaded: The definition that folds.
        rows: The rows.
        ask: Asks a criterion, where that is allowed.
    """
    return GivenAnswers(lambda: _answered(rows), ask) if loaded.funnel.asks else None


def _answered(rows: Iterable[Any]) -> list[AnsweredRow]:
    """Read the answers that are in rows of the history."""
    found = [row for row in rows if row.answers]
    try:
        return [AnsweredRow(from_text(r.at), r.id, load_answers(r.answers)) for r in found]
    except UNREADABLE:
        raise altered(f"what plugins answered about {found[0].contact_id!r}") from None


def rows_of(connection: Connection, contact: int, *, before: int | None = None) -> Iterator[Any]:
    """Yield the history of one contact in order, up to but not including a sequence.

    Args:
        connection: The database.
        contact: The contact's number.
        before: The sequence; None for the whole history.
    """
    wanted = select(history).where(history.c.contact == contact)
    if before is not None:
        wanted = wanted.where(history.c.sequence < before)
    ordered = wanted.order_by(history.c.sequence).execution_options(yield_per=_BATCH)
    with connection.execute(ordered) as rows:
        yield from rows
