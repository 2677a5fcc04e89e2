"""A contact as it stood at a time before its last evidence: the fold of what was there by then."""

import datetime as dt
from itertools import takewhile

from attrs import evolve
from sqlalchemy import Connection

from funnelflow.errors import UsageError
from funnelflow.store.evidence import Reader
from funnelflow.store.records import StoredContact
from funnelflow.store.replaying import fold_rows, rows_of
from funnelflow.store.shelf import Running, Shelf
from funnelflow.store.times import to_text

__all__ = ["contact_at"]


def contact_at(
    connection: Connection, shelf: Shelf, stored: StoredContact, running: Running, at: dt.datetime
) -> StoredContact:
    """Give a contact as it stood at a time, in the words of the definition that it is under now.

    Args:
        connection: A reading transaction.
        shelf: The definitions.
        stored: The contact as it is.
        running: The definition that it is under.
        at: When; at or after its last evidence it stands as it is.

    Raises:
        UsageError: Nothing was known of it then.
    """
    clock = stored.contact.clock
    if clock is None or at >= clock:
        return stored
    latest = to_text(at)
    rows = list(takewhile(lambda row: row.at <= latest, rows_of(connection, stored.id)))
    if not rows:
        raise UsageError(
            f"nothing was known of {stored.id} then",
            hint=f"its first evidence is from {stored.created_at:%Y-%m-%d %H:%M} UTC",
        )
    contact = fold_rows(connection, shelf, Reader(running), rows)
    due_at = running.funnel.due_at(contact) if running.waits else None
    return evolve(stored, contact=contact, sequence=len(rows), due_at=due_at)
