"""Records of a contact, of its history and of what was just recorded, and how they are read."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import Any, NamedTuple, TypeAlias

from attrs import evolve, field, frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    false,
    func,
    literal,
    select,
    true,
    tuple_,
)

from funnelflow.criteria import CustomAnswer
from funnelflow.definition import Linked
from funnelflow.engine import Considered, Contact, Decision, Event, Taken, Verb, Veto
from funnelflow.engine.questions import Question, questions
from funnelflow.engine.story import MERGE, UNMERGE, VOID, StoryRow, taken_back
from funnelflow.errors import UnknownContactError, nearest
from funnelflow.storage.changes import (
    Restatement,
    check_id,
    composed,
    is_storable,
    not_in_funnel,
)
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.json_form import (
    considered_json,
    contact_json,
    decision_json,
    question_json,
    taken_json,
    value_json,
)
from funnelflow.storage.replay import IS_MERGE, above, merged_by
from funnelflow.storage.row_format import (
    UNREADABLE,
    altered,
    from_text,
    load_about,
    load_answers,
    load_memory,
    load_path,
    load_vetoes,
    optional_from_text,
    to_text,
)
from funnelflow.storage.tables import (
    contact_positions,
    contacts,
    decisions,
    definitions,
    evidence,
    history,
    positions,
)
from funnelflow.storage.tracked_contacts import LoadedDefinition


@frozen
class StoredContact:
    """A contact as the database holds it.

    Attributes:
        id: Who it is.
        number: The number that the database knows it by.
        funnel: The funnel that is its home.
        contact: Stage, fields and clock, as the engine takes them.
        sequence: How many rows its history has, with those of whoever is merged into it.
        due_at: When time may move it next; None if it does not.
        created_at: When it became known: the time of its first evidence.
        definition: The digest of the definition that it is under.
        others: The same of its other funnels, where one contact was asked for.
        place: Which of its funnels it is, in the order of entering them, from 0.
    """

    id: str
    number: int = field(repr=False)
    funnel: str
    contact: Contact = field(repr=False)
    sequence: int
    due_at: dt.datetime | None
    created_at: dt.datetime
    definition: str = field(repr=False)
    others: tuple["StoredContact", ...] = field(default=(), repr=False)
    place: int = field(default=0, repr=False)

    @property
    def positions(self) -> tuple["StoredContact", ...]:
        """Where it is: here first, then in its other funnels, in the order of entering them."""
        return (self, *self.others)

    def to_json(self) -> dict[str, Any]:
        """Return the contact as data; in several funnels with where it is in each."""
        said = {
            **contact_json(self.contact),
            "funnel": self.funnel,
            "sequence": self.sequence,
            "due_at": value_json(self.due_at),
            "created_at": value_json(self.created_at),
        }
        return {**said, "others": [one.to_json() for one in self.others]} if self.others else said

    def to_row(self) -> dict[str, Any]:
        """Return the contact as a flat row for a table: values of Python, each field a column."""
        return {
            "contact": self.id,
            "funnel": self.funnel,
            "stage": self.contact.stage,
            "stage_since": self.contact.since,
            "updated_at": self.contact.clock,
            "created_at": self.created_at,
            **self.contact.fields,
        }


@frozen
class HistoryRow:
    """One piece of evidence with what was decided on it.

    Attributes:
        id: Its number in this database; counts up, not always by one.
        contact_id: Who it happened to.
        sequence: Its place in the contact's history, from 1.
        key: The idempotency key under which it was recorded, if any.
        event: An event of the vocabulary, or ``add``, ``set``, ``move``, ``tick``, ``adopt``.
        at: When it happened.
        recorded_at: When it was recorded.
        actor: Who is said to have done it.
        recorder: Who recorded it: the actor, or whoever applied the file that names the actor.
        roles: The roles that counted.
        facts: The facts it brought, in their storage form; None takes a fact back.
        to_stage: The stage that was asked for, by a move.
        reason: Why the move was forced.
        force: Whether it was.
        outcome: ``moved``, ``stayed`` or ``refused``.
        before: The stage before.
        after: The stage after.
        path: The transitions that were taken.
        unmet: For a refused move, the criteria in its way: label and verdict.
        vetoes: The transitions that plugins closed for this event, and why.
        restated: What it changed, where it happened before what was known already.
        definition: The digest of the definition that decided.
        digest: The digest of the row, chained to the contact's row before it.
        run: The run that brought it, if any.
        about: What evidence about the story itself is about: the sequences of the rows that it
            takes back, the id of the contact whose story it puts to this one.
        voided_by: The row that takes it back; None where it counts.
        answers: What plugins' criteria answered when it was decided.
    """

    id: int
    contact_id: str
    sequence: int
    key: str | None
    event: str
    at: dt.datetime
    recorded_at: dt.datetime
    actor: str
    recorder: str
    roles: tuple[str, ...]
    facts: Mapping[str, Any]
    to_stage: str
    reason: str
    force: bool
    outcome: Verb
    before: str
    after: str
    path: tuple[Taken, ...]
    unmet: tuple[tuple[str, str], ...]
    vetoes: tuple[Veto, ...]
    restated: Restatement | None
    definition: str
    digest: str
    run: int | None = None
    about: tuple[int | str, ...] = ()
    voided_by: int | None = None
    answers: tuple[CustomAnswer, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the row as data."""
        return {
            "id": self.id,
            "contact": self.contact_id,
            "sequence": self.sequence,
            "key": self.key,
            "event": self.event,
            "at": value_json(self.at),
            "recorded_at": value_json(self.recorded_at),
            "actor": self.actor,
            "recorder": self.recorder,
            "roles": list(self.roles),
            "facts": dict(self.facts),
            "to": self.to_stage,
            "reason": self.reason,
            "force": self.force,
            "outcome": self.outcome,
            "before": self.before,
            "after": self.after,
            "path": [taken_json(taken) for taken in self.path],
            "unmet": [{"criterion": label, "verdict": verdict} for label, verdict in self.unmet],
            "vetoes": [
                {
                    "transition": veto.index,
                    "plugin": veto.plugin,
                    "version": veto.version,
                    "reason": veto.reason,
                }
                for veto in self.vetoes
            ],
            "answers": [answer.to_json() for answer in self.answers],
            "restated": None if self.restated is None else self.restated.to_json(),
            "definition": self.definition,
            "digest": self.digest,
            "run": self.run,
            "about": list(self.about),
            "voided_by": self.voided_by,
        }


@frozen
class HistoryPage:
    """Some rows of the history.

    Attributes:
        rows: In the order that was asked for.
        after: What to ask with for the rows that follow; None when these are the last.
        contact_id: Whose story they are, where one was asked for: of a contact that is merged
            into another, the other one. None for everybody's.
        passed: Where the story was asked for as it had happened by a moment: the transitions that
            time alone took since its last row. None where it was not.
    """

    rows: tuple[HistoryRow, ...]
    after: int | None
    contact_id: str | None = None
    passed: tuple[Taken, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the page as data."""
        rows = [row.to_json() for row in self.rows]
        said = {"rows": rows, "after": self.after, "contact": self.contact_id}
        if self.passed is not None:
            said["passed"] = [taken_json(taken) for taken in self.passed]
        return said


class StageExplanation(NamedTuple):
    """Where a contact stands, and every transition that leads on from there.

    Attributes:
        contact: The contact, as it stood at the time that was asked for.
        considered: The transitions, each with its criteria.
        linked: The definition that says so.
    """

    contact: StoredContact
    considered: tuple[Considered, ...]
    linked: Linked

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as data."""
        stage = self.contact.contact.stage
        return {
            **self.contact.to_json(),
            "transitions": [considered_json(way) for way in self.considered],
            "owner": self.linked.owner_of(stage, self.contact.contact.fields),
            "playbook": list(self.linked.said_of(stage, "playbook")),
            "questions": [
                {**question_json(q.field), "stages": list(q.stages), "left": q.left}
                for q in self.questions()
            ],
        }

    def questions(self) -> tuple[Question, ...]:
        """Return what to find out next, the most decisive first."""
        return questions(self.considered, self.linked)


@frozen
class RecordedElsewhere:
    """What was decided on a change in another funnel of the contact.

    Attributes:
        decision: What was decided there, with every reason.
        restated: What it changed there, where it happened before what was known already.
    """

    decision: Decision
    restated: Restatement | None = None

    @property
    def funnel(self) -> str:
        """The funnel."""
        return self.decision.linked.definition.name

    def to_json(self) -> dict[str, Any]:
        """Return the answer as data."""
        return {
            "funnel": self.funnel,
            **decision_json(self.decision),
            "restated": None if self.restated is None else self.restated.to_json(),
        }


@frozen
class Recorded:
    """The answer to a change: the decision, and where it stands.

    Attributes:
        decision: What was decided, with every reason.
        sequence: The place of the evidence in the contact's history.
        duplicate: It had been recorded before, under the same key; this is the first answer.
        dry_run: Nothing was stored.
        ahead: Its time lies more than a day in the future, and the contact's clock with it.
        restated: What it changed, where it happened before what was known already; the decision
            is that of its own time.
        others: What was decided in the contact's other funnels.
    """

    decision: Decision
    sequence: int
    duplicate: bool = False
    dry_run: bool = False
    ahead: bool = False
    restated: Restatement | None = None
    others: tuple[RecordedElsewhere, ...] = ()

    @property
    def funnel(self) -> str:
        """The funnel that decided: the one that was meant, or the contact's first."""
        return self.decision.linked.definition.name

    def to_json(self) -> dict[str, Any]:
        """Return the answer as data, with everything that was considered."""
        return {
            "funnel": self.funnel,
            **decision_json(self.decision),
            "sequence": self.sequence,
            "duplicate": self.duplicate,
            "dry_run": self.dry_run,
            "restated": None if self.restated is None else self.restated.to_json(),
            "others": [other.to_json() for other in self.others],
        }


_NEIGHBOURS = 200
_SHOWN = 5


Known: TypeAlias = tuple[StoredContact, LoadedDefinition]
"""A contact in a funnel, and the definition that it is under there."""


def find_contact(
    connection: Connection, store: DefinitionStore, contact_id: str, funnel: str | None = None
) -> Known:
    """Read a contact, and the definition that it is under.

    Who is merged into another contact is found as that.

    Args:
        connection: A reading transaction.
        store: The definitions.
        contact_id: Who.
        funnel: In which funnel; None for the contact's first.

    Raises:
        UnknownContactError: There is none by that id.
        UsageError: It can be nobody's id, or the contact is not in the funnel.
    """
    return find_positions(connection, store, contact_id, funnel)[0]


def find_positions(
    connection: Connection,
    store: DefinitionStore,
    contact_id: str,
    funnel: str | None = None,
    *,
    of_then: bool = False,
) -> list[Known]:
    """Read a contact in every funnel that it is in, first in the one that is named.

    Args:
        connection: A reading transaction.
        store: The definitions.
        contact_id: Who.
        funnel: The funnel that comes first; None for the contact's own order.
        of_then: Whether to find also whom only what was known at another time tells of.

    Raises:
        Error: As `find_contact`.
    """
    contact_id = check_id(contact_id)
    wanted = select(contact_positions).where(contact_positions.c.id == contact_id)
    rows = connection.execute(wanted.order_by(contact_positions.c.place)).all()
    if not rows:
        root = root_of(connection, contact_id)
        wanted = select(contact_positions).where(contact_positions.c.number == root)
        rows = connection.execute(wanted.order_by(contact_positions.c.place)).all()
    if not rows and of_then:
        nowhere = EVERYBODY.where(contacts.c.id == contact_id).order_by(positions.c.place)
        rows = connection.execute(nowhere).all()
    if not rows:
        raise unknown_contact(connection, contact_id)
    if funnel is not None and funnel not in (names := [row.funnel for row in rows]):
        raise not_in_funnel(contact_id, funnel, names)
    rows = sorted(rows, key=lambda row: funnel is not None and row.funnel != funnel)
    more = rows_below(connection, rows[0].number)
    found = ((row, store.by_id(connection, row.definition)) for row in rows)
    return [(stored_contact(row, loaded, more), loaded) for row, loaded in found]


EVERYBODY = (
    select(contacts.c.id, contacts.c.number, *(c for c in positions.c if c.name != "contact"))
    .join(positions, positions.c.contact == contacts.c.number)
    .where(contacts.c.id.is_not(None))
)
"""Where everybody is, also who is merged into somebody, or has no evidence in force any more."""


def root_of(
    connection: Connection, contact_id: str, known_at: dt.datetime | int | None = None
) -> int | None:
    """Return the number of whose story a contact's own is part of; None if nobody is known so.

    Args:
        connection: A reading transaction.
        contact_id: The contact.
        known_at: When it was known: a time, or the number of the last row; None for today.
    """
    asked = select(contacts.c.number).where(contacts.c.id == composed(contact_id))
    found = connection.execute(asked).scalar() if is_storable(contact_id) else None
    return None if found is None else above(connection, found, known_until(evidence, known_at))


def id_of(connection: Connection, number: int) -> str | None:
    """Return the id of the contact that the database knows by a number; None for nobody."""
    named = select(contacts.c.id).where(contacts.c.number == number)
    return connection.execute(named).scalar()


def known_until(table: FromClause, known_at: dt.datetime | int | None) -> ColumnElement[bool]:
    """Ask for the rows that were known at a time, or when the row with that number arrived."""
    if known_at is None:
        return true()
    if isinstance(known_at, int):
        return table.c.id <= known_at
    return table.c.recorded_at <= to_text(known_at)


def story_of(
    connection: Connection, number: int, known_at: dt.datetime | int | None = None
) -> set[int]:
    """Return the numbers of a contact and of all who are merged into it; see `root_of`."""
    numbers, last = {number}, {number}
    while last:
        last = _merged_into(connection, last, known_at) - numbers
        numbers |= last
    return numbers


def _merged_into(
    connection: Connection, numbers: set[int], known_at: dt.datetime | int | None
) -> set[int]:
    """Return the numbers of those who are merged into contacts themselves."""
    if known_at is None:  # there is an index, however long the stories are
        below = select(contacts.c.number).where(contacts.c.merged_into.in_(numbers))
        return set(connection.execute(below).scalars())
    is_known = known_until(evidence, known_at)
    told = select(evidence).where(evidence.c.contact.in_(numbers), IS_MERGE, is_known)
    return set(merged_by(connection.execute(told.order_by(evidence.c.id))))


def rows_below(connection: Connection, number: int) -> int:
    """Count the rows that were addressed to those who are merged into a contact."""
    below = story_of(connection, number) - {number}
    if not below:
        return 0
    last = select(func.sum(positions.c.sequence))
    counted = last.where(positions.c.contact.in_(below), positions.c.place == 0)
    return int(connection.execute(counted).scalar_one() or 0)


def all_rows_below(connection: Connection) -> Counter[int]:
    """Count what `rows_below` does for everybody, by number."""
    is_merged = contacts.c.merged_into.is_not(None)
    if connection.execute(select(contacts.c.number).where(is_merged).limit(1)).first() is None:
        return Counter()  # by the index, where SQLite would look through all positions
    is_first = (positions.c.contact == contacts.c.number) & (positions.c.place == 0)
    wanted = select(contacts.c.number, contacts.c.merged_into, positions.c.sequence)
    rows = connection.execute(wanted.join(positions, is_first).where(is_merged)).all()
    into, counted = {row.number: row.merged_into for row in rows}, Counter[int]()
    for row in rows:
        met = {row.number}
        above = row.merged_into
        while above is not None and above not in met:
            counted[above] += row.sequence
            met.add(above)
            above = into.get(above)
    return counted


def unknown_contact(connection: Connection, contact_id: str) -> UnknownContactError:
    """Return the error that nobody is known by an id; its local hint names some that are."""
    if connection.execute(select(contacts.c.id).where(contacts.c.id == contact_id)).first():
        look = f"funnelflow history {quote(contact_id)}"
        hint = f"all that was known of it has been taken back: {look}"
        return UnknownContactError(contact_id, hint=hint)
    known = _neighbours(connection, contact_id)
    near = nearest(contact_id, known)
    add = f"funnelflow add {quote(contact_id)}"
    some = ", ".join(dict.fromkeys(known[:_SHOWN]))
    local = (
        f"did you mean {near!r}?" if near else f"known contacts: {some}\nor: {add}" if some else ""
    )
    return UnknownContactError(contact_id, hint=add, local_hint=local)


def stored_contact(row: Any, loaded: LoadedDefinition, more: int = 0) -> StoredContact:
    """Read a contact from its columns.

    Args:
        row: The columns.
        loaded: The definition that it is under.
        more: How many rows were addressed to those who are merged into it.

    Raises:
        StoreError: They are not what was once written there.
    """
    if row.stage not in loaded.leaves:
        raise altered(f"contact {row.id!r}")
    try:
        return _stored_contact(row, loaded, more)
    except UNREADABLE:
        raise altered(f"contact {row.id!r}") from None


def _stored_contact(row: Any, loaded: LoadedDefinition, more: int) -> StoredContact:
    """Read a contact from its columns as they are, in the order of `contact_positions`."""
    name, number, funnel, place, _, stage, fields, since, clock, active, entered, *rest = row
    sequence, _, due_at, created_at, *_ = rest
    contact = Contact(
        name,
        stage,
        loaded.codec.load_fields(fields),
        optional_from_text(since),
        optional_from_text(clock),
        optional_from_text(active),
        unanswered=loaded.funnel.asks and clock is not None and clock == due_at,
    )
    load_memory(contact, entered)
    return StoredContact(
        name,
        number,
        funnel,
        contact,
        sequence + more,
        optional_from_text(due_at),
        from_text(created_at),
        loaded.digest,
        (),
        place,
    )


def read_history(  # noqa: PLR0913  # all that can be said
    connection: Connection,
    contact_id: str | None,
    equal: Mapping[str, str | None],
    span: tuple[dt.datetime | None, dt.datetime | None],
    *,
    limit: int | None,
    after: int | None,
    known_at: dt.datetime | int | None = None,
    by_time: bool = False,
    newest: bool = False,
    funnel: str | None = None,
) -> HistoryPage:
    """Read a page of the history; see `Workspace.history`.

    Args:
        connection: A reading transaction.
        contact_id: Whose story is read; None for everybody's.
        equal: Column to the value that it must have; None for any.
        span: The first moment, and the first that is too late; None for open ends.
        limit: How many rows at most; None for all.
        after: The number of the last row of the page before.
        known_at: When it was known: a time, or the number of the last row; None for today.
        by_time: Whether rows come in the order in which they happened.
        newest: Whether the last one comes first.
        funnel: The funnel in which the rows were decided; None for the contacts' first.
    """
    since, until = span
    told: FromClause = history if funnel is None else _history_in(funnel)
    wanted = select(told, definitions.c.digest.label("decided_by")).join(
        definitions, definitions.c.id == told.c.definition
    )
    whose = contact_id
    if contact_id is not None:
        root = root_of(connection, contact_id, known_at) or 0
        wanted = wanted.where(told.c.contact.in_(story_of(connection, root, known_at)))
        whose = connection.execute(select(contacts.c.id).where(contacts.c.number == root)).scalar()
    for name, value in equal.items():
        if value is not None:
            wanted = wanted.where(told.c[name] == value if is_storable(value) else false())
    if since is not None:
        wanted = wanted.where(told.c.at >= to_text(since))
    if until is not None:
        wanted = wanted.where(told.c.at < to_text(until))
    wanted = wanted.where(known_until(told, known_at))
    order = (told.c.at, told.c.id) if by_time else (told.c.id,)
    if after is not None:
        last = select(told.c.at).where(told.c.id == after).scalar_subquery()
        here, there = (
            (tuple_(*order), tuple_(last, literal(after))) if by_time else (told.c.id, after)
        )
        wanted = wanted.where(here < there if newest else here > there)
    wanted = wanted.order_by(*(one.desc() for one in order) if newest else order)
    at_most = None if limit is None else limit + 1
    rows = connection.execute(wanted.limit(at_most)).all()
    is_known = known_until(history, known_at)
    back = _taken_back(connection, {row.contact for row in rows[:limit]}, is_known)
    shown = tuple(
        evolve(read_row(row), voided_by=back.get((row.contact, row.sequence)))
        for row in rows[:limit]
    )
    after = shown[-1].id if limit is not None and len(rows) > limit else None
    return HistoryPage(_named(connection, shown), after, whose or contact_id)


def _named(connection: Connection, rows: tuple[HistoryRow, ...]) -> tuple[HistoryRow, ...]:
    """Say of rows that put stories together, or apart, whose they are."""
    numbers = {number for row in rows if row.event in {MERGE, UNMERGE} for number in row.about}
    if not numbers:
        return rows
    named = select(contacts.c.number, contacts.c.id).where(contacts.c.number.in_(numbers))
    names = {row.number: row.id for row in connection.execute(named) if row.id is not None}
    return tuple(
        evolve(row, about=tuple(names.get(number, number) for number in row.about))
        if row.event in {MERGE, UNMERGE}
        else row
        for row in rows
    )


def _taken_back(
    connection: Connection, numbers: Iterable[int], is_known: ColumnElement[bool]
) -> dict[tuple[int, int], int]:
    """Find the rows of contacts that do not count, by contact and sequence, each to its void."""
    voids: dict[int, list[StoryRow]] = {}
    ordered = sorted(numbers)
    for start in range(0, len(ordered), _AT_ONCE):
        some = ordered[start : start + _AT_ONCE]
        wanted = select(history.c.contact, history.c.sequence, history.c.about).where(
            history.c.contact.in_(some), history.c.event == VOID, is_known
        )
        for row in connection.execute(wanted):
            about = tuple(one for one in load_about(row.about) if isinstance(one, int))
            voids.setdefault(row.contact, []).append(StoryRow(row.sequence, _SAID, about))
    return {
        (contact, sequence): by
        for contact, rows in voids.items()
        for sequence, by in taken_back(rows).items()
    }


_SAID = Event(VOID, dt.datetime.min.replace(tzinfo=dt.UTC))
_AT_ONCE = 500


def _history_in(funnel: str) -> FromClause:
    """Return the history with what was decided in a funnel."""
    decided = decisions.join(definitions, definitions.c.id == decisions.c.definition)
    same = and_(
        decisions.c.contact == evidence.c.contact, decisions.c.sequence == evidence.c.sequence
    )
    joined = evidence.join(contacts, contacts.c.number == evidence.c.contact).join(decided, same)
    columns = (
        contacts.c.id if column.name == "contact_id"
        else evidence.c[column.name] if column.name in evidence.c else decisions.c[column.name]
        for column in history.c
    )  # fmt: skip
    named = (one.label(column.name) for one, column in zip(columns, history.c, strict=True))
    return select(*named).select_from(joined).where(definitions.c.name == funnel).subquery()


def read_row(row: Any) -> HistoryRow:
    """Read a row of the history, with the digest of its definition as ``decided_by``.

    Raises:
        StoreError: Its columns are not what was once written there.
    """
    try:
        return _read_row(row)
    except UNREADABLE:
        raise altered(f"row {row.sequence} of the history of {row.contact_id!r}") from None


def _read_row(row: Any) -> HistoryRow:
    """Read a row of the history as it is."""
    return HistoryRow(
        id=row.id,
        contact_id=row.contact_id,
        sequence=row.sequence,
        key=row.key,
        event=row.event,
        at=from_text(row.at),
        recorded_at=from_text(row.recorded_at),
        actor=row.actor,
        recorder=row.recorder or row.actor,
        roles=tuple(json.loads(row.roles)),
        facts=json.loads(row.facts),
        to_stage=row.to_stage,
        reason=row.reason,
        force=bool(row.force),
        outcome=row.outcome,
        before=row.before_stage,
        after=row.after_stage,
        path=load_path(row.path),
        unmet=tuple((label, verdict) for label, verdict in json.loads(row.unmet)),
        vetoes=load_vetoes(row.vetoes),
        restated=Restatement.from_json(json.loads(row.restated)) if row.restated else None,
        definition=row.decided_by,
        digest=row.digest,
        run=row.run,
        about=load_about(row.about),
        answers=load_answers(row.answers),
    )


def _neighbours(connection: Connection, contact_id: str) -> Sequence[str]:
    """Read ids around one, those that share its beginning first; ranges of the index, no scan."""
    start = contact_id[:2]
    near = [
        select(contact_positions.c.id)
        .where(contact_positions.c.id >= begin)
        .order_by(contact_positions.c.id)
        for begin in (start, contact_id)
    ]
    near.append(
        select(contact_positions.c.id)
        .where(contact_positions.c.id < start)
        .order_by(contact_positions.c.id.desc())
    )
    return [
        found
        for query in near
        for found in connection.execute(query.limit(_NEIGHBOURS)).scalars()
        if isinstance(found, str)  # which it may not be in a damaged file
    ]
