"""Erasing a contact: everything that says something of a person goes, and the chain still proves.

Evidence rows stay as empty links: each keeps its place, when it was recorded, its digest, and
where facts were what commits it to the content that it had. The contact keeps its number, and
loses its id and its salt, without which nobody finds out a content by trying. Positions,
decisions, keys and messages are deleted, and rows about it in rejects files are blanked.

Whoever was merged into the contact, or it into them, is the same person and is erased with it.

Broken off at any point, the same command goes on: files are blanked first, then one transaction
erases everything, and what SQLite still holds of it is swept away at last.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeAlias

from attrs import asdict, evolve, field, frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from funnelflow.maintenance.erase_files import blank_rows, rejects_files
from funnelflow.maintenance.verify_contacts import commit_evidence
from funnelflow.storage.changes import Erasure, Name, check_id, plain_name
from funnelflow.storage.connect import writing
from funnelflow.storage.contacts import unknown_contact
from funnelflow.storage.context import Context
from funnelflow.storage.database_errors import RetryError, translated
from funnelflow.storage.erased import EMPTY, ErasedNames
from funnelflow.storage.row_format import checksum, to_text
from funnelflow.storage.runs import forget_reasons, note_run
from funnelflow.storage.tables import (
    contacts,
    decisions,
    definitions,
    evidence,
    keys,
    outbox,
    positions,
    sightings,
)

_Keys: TypeAlias = list[tuple[str, int]]

_BATCH = 1_000


@frozen
class Erased:
    """What an erasure removed, or with `dry_run` would remove.

    Attributes:
        contact_id: Who was asked for.
        merged: The ids of those who are erased with it, as their stories were put together.
        rows: How many rows of each table: of ``evidence`` they are emptied, of ``contacts`` they
            lose the id, of others they are deleted.
        waiting: How many of the messages had not been delivered.
        rejects: How many rows of rejects files, by file.
        erased_at: When it was erased, as the database has it.
        was_erased: It was erased before; what was left of it was swept away.
        is_swept: Whether the database holds nothing more of it in free space; None where that
            is up to the administrator, on PostgreSQL.
        dry_run: Nothing was removed.
    """

    contact_id: str
    merged: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(factory=dict)
    waiting: int = 0
    rejects: Mapping[str, int] = field(factory=dict)
    erased_at: str = ""
    was_erased: bool = False
    is_swept: bool | None = None
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as data."""
        return asdict(self)


def run_erasure(
    context: Context, contact_id: str, *, actor: str = "", dry_run: bool = False
) -> Erased:
    """Erase a contact; see `Workspace.erase`."""
    contact_id = check_id(contact_id)
    now = to_text(context.clock())

    def attempt() -> Erased:
        with writing(context.engine, dry_run=dry_run) as connection:
            return _erase(connection, context, contact_id, now, actor, dry_run=dry_run)

    done = context.retrying(attempt)
    if dry_run:
        return done
    return evolve(done, is_swept=_sweep(context))


def _erase(
    connection: Connection,
    context: Context,
    contact_id: str,
    now: str,
    actor: str,
    *,
    dry_run: bool,
) -> Erased:
    """Erase a contact and all who are the same person, in one transaction."""
    names = ErasedNames(context.directory)
    people = _same_person(connection, contact_id)
    files = rejects_files(connection, context.directory)
    blank = partial(blank_rows, files, dry_run=dry_run)
    if not people:
        name: Name = ("id", contact_id)
        before = names.find(connection, [name]).get(name)
        if before is None:
            raise unknown_contact(connection, contact_id)
        rejects = blank([contact_id])
        return Erased(
            contact_id, rejects=rejects, erased_at=before.at, was_erased=True, dry_run=dry_run
        )
    ids = [str(person.id) for person in people]
    found = Erased(
        contact_id,
        tuple(name for name in ids if name != contact_id),
        erased_at=now,
        dry_run=dry_run,
        **_counted(connection, people, ids),
    )
    values = list(_values(connection, context, people))
    if not dry_run:
        held = _keys_of(connection, people)
        names.add(connection, _names(people, held, values, now))
        _empty(connection, people)
        _remove(connection, people, ids, held)
        forget_reasons(connection, _runs_of(connection, people))
        counts = {"contacts": len(people), "rows": found.rows["evidence"]}
        note_run(connection, "erase", now, "" if actor in ids else actor, counts)
    return evolve(found, rejects=blank(ids, {value for value, _ in values}))


def _same_person(connection: Connection, contact_id: str) -> Sequence[Any]:
    """Read, and lock, a contact and all whose stories are put together with its own.

    Raises:
        RetryError: Somebody merged one of them meanwhile.
    """
    numbers = _united(connection, contact_id)
    if not numbers:
        return []
    columns = contacts.c.number, contacts.c.id, contacts.c.salt
    wanted = select(*columns).where(contacts.c.number.in_(numbers), contacts.c.id.is_not(None))
    people = connection.execute(wanted.order_by(contacts.c.id).with_for_update()).all()
    if _united(connection, contact_id) != numbers:
        raise RetryError("another process changed the same contact meanwhile", hint="try again")
    return people


def _united(connection: Connection, contact_id: str) -> set[int]:
    """Return the numbers of a contact and of all with whom it is merged."""
    first = select(contacts.c.number, contacts.c.merged_into)
    row = connection.execute(first.where(contacts.c.id == contact_id)).first()
    if row is None:
        return set()
    seen = {row.number}
    while row is not None and row.merged_into is not None and row.merged_into not in seen:
        row = connection.execute(first.where(contacts.c.number == row.merged_into)).first()
        seen |= set() if row is None else {row.number}
    found, reached = set(seen), set(seen)
    while reached:
        below = select(contacts.c.number).where(contacts.c.merged_into.in_(reached))
        reached = set(connection.execute(below).scalars()) - found
        found |= reached
    return found


def _rows_about(people: Sequence[Any], ids: Sequence[str]) -> dict[Table, ColumnElement[bool]]:
    """Return which rows of the tables are about some contacts."""
    numbers = [person.number for person in people]
    of = {
        table: table.c.contact.in_(numbers) for table in (evidence, decisions, positions, sightings)
    }
    messages = or_(outbox.c.contact.in_(numbers), outbox.c.contact_id.in_(ids))
    return {contacts: contacts.c.number.in_(numbers), **of, outbox: messages}


def _counted(connection: Connection, people: Sequence[Any], ids: Sequence[str]) -> dict[str, Any]:
    """Count what there is of some contacts."""
    rows = {
        table.name: connection.execute(
            select(func.count()).select_from(table).where(wanted)
        ).scalar_one()
        for table, wanted in _rows_about(people, ids).items()
    }
    rows["keys"] = len(_keys_of(connection, people))
    wanted = _rows_about(people, ids)[outbox]
    waiting = select(func.count()).where(wanted, outbox.c.state == "waiting")
    return {"rows": rows, "waiting": connection.execute(waiting).scalar_one()}


def _keys_of(connection: Connection, people: Sequence[Any]) -> _Keys:
    """Return the idempotency keys that stand for evidence about some contacts, each with whose."""
    wanted = (
        select(keys.c.key, keys.c.contact)
        .join(evidence, (evidence.c.key == keys.c.key) & (evidence.c.contact == keys.c.contact))
        .where(evidence.c.contact.in_([person.number for person in people]))
    )
    return [(row.key, row.contact) for row in connection.execute(wanted)]


def _values(
    connection: Connection, context: Context, people: Sequence[Any]
) -> Iterator[tuple[str, int]]:
    """Yield what identifying fields of some contacts have ever said, each with whose it is."""
    numbers = [person.number for person in people]
    ruled = select(positions.c.definition).where(positions.c.contact.in_(numbers)).distinct()
    store = context.store.definitions
    fields = {
        name
        for number in connection.execute(ruled).scalars().all()
        for name, field in store.by_id(connection, number).funnel.linked.fields.items()
        if field.identifying
    }
    told = select(evidence.c.contact, evidence.c.facts).where(evidence.c.contact.in_(numbers))
    for row in connection.execute(told) if fields else ():
        facts = _facts_of(row.facts)
        for name in fields & facts.keys():
            if isinstance(facts[name], str):
                yield plain_name(facts[name]), row.contact


def _facts_of(facts: str) -> dict[str, Any]:
    """Return facts as they are stored; none of a row that has been altered, or is empty."""
    try:
        found = json.loads(facts)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _names(
    people: Sequence[Any], held: _Keys, values: Iterable[tuple[str, int]], now: str
) -> dict[Name, Erasure]:
    """Return by what some contacts are to be known again."""
    known: dict[Name, Erasure] = {}
    for value, number in values:
        known["value", value] = Erasure(number, now)
    for person in people:
        known["id", str(person.id)] = Erasure(person.number, now)
    for key, number in held:
        known["key", key] = Erasure(number, now)
    return known


def _empty(connection: Connection, people: Sequence[Any]) -> None:
    """Empty the evidence about some contacts, and keep what commits each row to its content."""
    digests = dict(connection.execute(select(definitions.c.id, definitions.c.digest)).all())
    emptied = update(evidence).where(evidence.c.id == bindparam("row"))
    emptied = emptied.values(**EMPTY, facts=bindparam("committed"))
    for person in people:
        for rows in _batches(connection, person.number):
            connection.execute(
                emptied,
                [
                    {"row": row.id, "committed": _commitment(person.salt, row, decided, digests)}
                    for row, decided in rows
                ],
            )


def _batches(connection: Connection, number: int) -> Iterator[list[tuple[Any, list[Any]]]]:
    """Yield the evidence about a contact in order, each row with what was decided on it."""
    last: int = 0
    while True:
        rows = connection.execute(
            select(evidence)
            .where(evidence.c.contact == number, evidence.c.sequence > last)
            .order_by(evidence.c.sequence)
            .limit(_BATCH)
        ).all()
        if not rows:
            return
        until = rows[-1].sequence
        found = connection.execute(
            select(decisions)
            .where(decisions.c.contact == number)
            .where(decisions.c.sequence > last, decisions.c.sequence <= until)
            .order_by(decisions.c.sequence, decisions.c.place)
        )
        answers = {of: list(some) for of, some in groupby(found, key=attrgetter("sequence"))}
        yield [(row, answers.get(row.sequence, [])) for row in rows]
        last = until


def _commitment(salt: str, row: Any, decided: Iterable[Any], digests: Mapping[int, str]) -> str:
    """Return what commits a row to its content; nothing for one that has been altered beyond it."""
    try:
        return commit_evidence(salt, row, [(one, digests[one.definition]) for one in decided])
    except (TypeError, ValueError, KeyError):
        return ""


def _remove(connection: Connection, people: Sequence[Any], ids: Sequence[str], held: _Keys) -> None:
    """Delete all else about some contacts, and take their ids."""
    for key, number in held:
        connection.execute(delete(keys).where(keys.c.key == key, keys.c.contact == number))
    about = _rows_about(people, ids)
    for table in (decisions, positions, sightings, outbox):
        connection.execute(delete(table).where(about[table]))
    for person in people:
        nobody = {
            "id": None,
            "salt": "",
            "merged_into": None,
            "checksum": checksum(person.number, None, ""),
        }
        connection.execute(
            update(contacts).where(contacts.c.number == person.number).values(**nobody)
        )


def _runs_of(connection: Connection, people: Sequence[Any]) -> set[int]:
    """Return the runs that brought evidence about some contacts, and about nobody else."""
    about = evidence.c.contact.in_([person.number for person in people])
    runs = select(evidence.c.run).where(evidence.c.run.is_not(None)).distinct()
    theirs = set(connection.execute(runs.where(about)).scalars())
    if not theirs:
        return set()
    others = runs.where(~about, evidence.c.run.in_(theirs))
    return theirs - set(connection.execute(others).scalars())


def _sweep(context: Context) -> bool | None:
    """Rebuild the file of SQLite, so that nothing is left in its free space or its log.

    Returns:
        Whether that was done; not where somebody goes on reading an older state, or there is no
        room. None on PostgreSQL, whose tables only an administrator may lock for so long.
    """
    if context.engine.dialect.name != "sqlite":
        return None
    with translated():
        raw = context.engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            (is_busy, *_) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.DatabaseError:
            return False
        finally:
            raw.close()
    return not is_busy
