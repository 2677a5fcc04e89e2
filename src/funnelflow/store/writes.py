"""What a chunk has decided, as rows, and writing it if it still is true.

The rows are plain data, and say what they were decided on: so they can be written in another
transaction than they were decided in, and by another process.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from funnelflow.store.dialects import Bulk, Row
from funnelflow.store.faults import RetryError
from funnelflow.store.rows import Step, history_rows
from funnelflow.store.shelf import Shelf

__all__ = ["Writes", "require_homes", "require_looked_at", "write_rows"]


class Writes(NamedTuple):
    """What a chunk has collected: rows of the tables, as plain data.

    Attributes:
        added: Contacts that are new.
        changed: Known contacts, as `Bulk.update_contacts` takes them.
        history: The evidence.
        recorded_at: When it was decided, as text.
        letters: What is to be told of it.
        homes: Funnel to the number of the definition that its new contacts come under.
        looked_at: The contacts that were read and not changed, as (id, sequence, definition);
            0 and 0 for one that there was not.
    """

    added: list[Row]
    changed: list[Row]
    history: list[Step]
    recorded_at: str
    letters: list[Row]
    homes: dict[str, int]
    looked_at: list[tuple[str, int, int]]


def write_rows(bulk: Bulk, connection: Connection, writes: Writes) -> None:
    """Write what a chunk has collected; the transaction is the caller's to end.

    Raises:
        RetryError: A contact is no longer as it was when that was decided, or a key has been
            used since; the transaction has to be undone.
    """
    bulk.insert_contacts(connection, writes.added)
    bulk.update_contacts(connection, writes.changed)
    bulk.insert_history(connection, history_rows(writes.history, writes.recorded_at))
    bulk.insert_outbox(connection, writes.letters)


def require_looked_at(
    bulk: Bulk, connection: Connection, looked_at: Sequence[tuple[str, int, int]]
) -> None:
    """Hold the contacts that were only read to what they were then.

    A row may be refused, or say nothing new, because of what its contact was.

    Args:
        bulk: The bulk statements of the database.
        connection: The transaction in which a chunk is written.
        looked_at: The contacts, as `Writes` has them.

    Raises:
        RetryError: One of them has changed since.
    """
    known = {one: (sequence, under) for one, sequence, under in looked_at if sequence}
    found = bulk.load_versions(connection, [one for one, _, _ in looked_at])
    if known != {one: (sequence, under) for one, sequence, under in found}:
        raise RetryError("another process changed the same contact meanwhile")


def require_homes(
    connection: Connection, shelf: Shelf, homes: Mapping[str, int], now: dt.datetime
) -> None:
    """Hold the funnels to the definitions under which a chunk has put new contacts.

    Args:
        connection: The transaction in which it is written.
        shelf: The definitions.
        homes: Funnel to the number of that definition.
        now: The time it is.

    Raises:
        RetryError: A funnel has come under another one since.
    """
    for name, number in homes.items():
        if shelf.home(connection, name, now).id != number:
            raise RetryError(f"{name} has come under another definition meanwhile")
