"""Looking at a workspace: one contact, many contacts, the history."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from sqlalchemy import Connection, false, select

from funnelflow.engine import Contact
from funnelflow.errors import UnknownNameError, nearest
from funnelflow.store.codec import load_path, load_vetoes
from funnelflow.store.faults import UNREADABLE, altered
from funnelflow.store.names import check_id, is_storable
from funnelflow.store.records import HistoryRow, Page, StoredContact
from funnelflow.store.shelf import Running, Shelf
from funnelflow.store.tables import contacts, definitions, history
from funnelflow.store.times import from_text, optional_from_text, to_text

__all__ = ["find_contact", "read_history", "read_row", "stored_contact", "unknown_contact"]

_NEIGHBOURS = 200
_SHOWN = 5


def find_contact(
    connection: Connection, shelf: Shelf, contact_id: str
) -> tuple[StoredContact, Running]:
    """Read a contact, and the definition that it is under.

    Raises:
        UnknownNameError: There is none by that id; the nearest one is named.
        UsageError: It can be nobody's id.
    """
    wanted = select(contacts).where(contacts.c.id == check_id(contact_id))
    row = connection.execute(wanted).one_or_none()
    if row is None:
        raise unknown_contact(connection, contact_id)
    running = shelf.by_id(connection, row.definition)
    return stored_contact(row, running), running


def unknown_contact(connection: Connection, contact_id: str) -> UnknownNameError:
    """Say that nobody is known by an id, naming the nearest of those that begin alike."""
    known = _neighbours(connection, contact_id)
    near = nearest(contact_id, known)
    add = f"funnelflow add {quote(contact_id)}"
    some = ", ".join(dict.fromkeys(known[:_SHOWN]))
    hint = (
        f"did you mean {near!r}?" if near else f"known contacts: {some}\nor: {add}" if some else add
    )
    return UnknownNameError("contact", contact_id, hint=hint)


def stored_contact(row: Any, running: Running) -> StoredContact:
    """Read a contact from its columns.

    Raises:
        StoreError: They are not what was once written there.
    """
    if row.stage not in running.leaves:
        raise altered(f"contact {row.id!r}")
    try:
        return _stored_contact(row, running)
    except UNREADABLE:
        raise altered(f"contact {row.id!r}") from None


def _stored_contact(row: Any, running: Running) -> StoredContact:
    """Read a contact from its columns as they are."""
    contact = Contact(
        row.id,
        row.stage,
        running.codec.load_fields(row.fields),
        from_text(row.since),
        from_text(row.clock),
        optional_from_text(row.active),
    )
    return StoredContact(
        row.id,
        row.funnel,
        contact,
        row.sequence,
        optional_from_text(row.due_at),
        from_text(row.created_at),
        running.digest,
    )


def read_history(
    connection: Connection,
    equal: Mapping[str, str | None],
    span: tuple[dt.datetime | None, dt.datetime | None],
    *,
    limit: int,
    after: int | None,
) -> Page:
    """Read a page of the history; see `Workspace.history`.

    Args:
        connection: A reading transaction.
        equal: Column to the value that it must have; None for any.
        span: The first moment, and the first that is too late; None for open ends.
        limit: How many rows at most.
        after: The number of the last row of the page before.
    """
    since, until = span
    wanted = select(history, definitions.c.digest.label("decided_by")).join(
        definitions, definitions.c.id == history.c.definition
    )
    for name, value in equal.items():
        if value is not None:
            wanted = wanted.where(history.c[name] == value if is_storable(value) else false())
    if since is not None:
        wanted = wanted.where(history.c.at >= to_text(since))
    if until is not None:
        wanted = wanted.where(history.c.at < to_text(until))
    if after is not None:
        wanted = wanted.where(history.c.id > after)
    rows = connection.execute(wanted.order_by(history.c.id).limit(limit + 1)).all()
    shown = tuple(read_row(row) for row in rows[:limit])
    return Page(shown, shown[-1].id if len(rows) > limit else None)


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
        definition=row.decided_by,
        digest=row.digest,
    )


def _neighbours(connection: Connection, contact_id: str) -> Sequence[str]:
    """Read ids around one, those that share its beginning first; ranges of the index, no scan."""
    start = contact_id[:2]
    near = [
        select(contacts.c.id).where(contacts.c.id >= begin).order_by(contacts.c.id)
        for begin in (start, contact_id)
    ]
    near.append(select(contacts.c.id).where(contacts.c.id < start).order_by(contacts.c.id.desc()))
    return [
        found
        for query in near
        for found in connection.execute(query.limit(_NEIGHBOURS)).scalars()
        if isinstance(found, str)  # which it may not be in a damaged file
    ]
