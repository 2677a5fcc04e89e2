"""The fold over stored evidence: each row by the definition that decided it.

A row that says ``adopt`` is where a contact came under another definition, which folds all
the evidence before it anew: ``stage = fold(definition, evidence)``, whenever it came in. An
adoption that changed nothing for a contact leaves no row; the next row names the definition.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, select

from funnelflow.compare import without_move
from funnelflow.engine import Contact, Event, Outcome
from funnelflow.store.evidence import Reader, read_event
from funnelflow.store.faults import UNREADABLE
from funnelflow.store.shelf import Running, Shelf
from funnelflow.store.tables import history

__all__ = ["ADOPT", "Replay", "fold_rows", "rows_of"]

ADOPT = "adopt"

_BATCH = 1_000


class Replay:
    """Folds the history of one contact, row by row, as it was decided.

    Args:
        connection: The database, for the rows that an adoption folds again.
        shelf: The definitions.
        contact_id: Whose history it is.

    Attributes:
        contact: What the rows so far come to; None before the first.
        running: The definition that decided the last row; None before the first.
    """

    def __init__(self, connection: Connection, shelf: Shelf, contact_id: str) -> None:
        self.contact: Contact | None = None
        self.running: Running | None = None
        self._connection = connection
        self._shelf = shelf
        self._id = contact_id

    def turn_to(self, row: Any) -> Contact:
        """Bring the contact under the definition that decided a row, and give it."""
        running = self._shelf.by_id(self._connection, row.definition)
        if self.running is not running:
            folded = None if self.contact is None else self._fold(running, row.sequence)
            self.contact, self.running = folded, running
        if self.contact is None:
            self.contact = running.funnel.new_contact(self._id)
        return self.contact

    def feed(self, row: Any) -> Outcome:
        """Take the next row, and give what its definition makes of it."""
        if row.event == ADOPT:
            return self._adopt(row)
        contact = self.turn_to(row)
        assert self.running is not None
        return self.running.funnel.step(contact, self.event(row))

    def event(self, row: Any) -> Event:
        """Read the evidence of a row."""
        return read_event(self._shelf.by_id(self._connection, row.definition), row)

    def _adopt(self, row: Any) -> Outcome:
        """Fold everything up to and with an adoption anew."""
        before = None if self.contact is None else self.contact.stage
        self.running = self._shelf.by_id(self._connection, row.definition)
        self.contact = self._fold(self.running, row.sequence + 1)
        return Outcome("stayed" if self.contact.stage == before else "moved")

    def _fold(self, running: Running, before: int) -> Contact:
        """Fold the rows before a sequence from the first, all by one definition."""
        rows = rows_of(self._connection, self._id, before=before)
        return fold_rows(self._connection, self._shelf, Reader(running), rows)


def fold_rows(connection: Connection, shelf: Shelf, reader: Reader, rows: Iterable[Any]) -> Contact:
    """Fold a contact's rows from the first, all by one definition.

    Args:
        connection: The database, for the definitions that decided the rows.
        shelf: The definitions.
        reader: Reads evidence for the definition that folds.
        rows: The rows, at least one.
    """
    funnel = reader.running.funnel
    contact: Contact | None = None
    for row in rows:
        contact = contact or funnel.new_contact(row.contact_id)
        decided = shelf.by_id(connection, row.definition)
        event = reader.read(decided, row)
        if decided.name != reader.running.name:  # another funnel's stages mean nothing here
            event = without_move(event)
        try:
            funnel.step(contact, event)
        except UNREADABLE:
            reader.running.require_readable(contact)
            raise
    assert contact is not None
    return contact


def rows_of(connection: Connection, contact_id: str, *, before: int | None = None) -> Iterator[Any]:
    """Yield the history of one contact in order, up to but not including a sequence."""
    wanted = select(history).where(history.c.contact_id == contact_id)
    if before is not None:
        wanted = wanted.where(history.c.sequence < before)
    ordered = wanted.order_by(history.c.sequence).execution_options(yield_per=_BATCH)
    with connection.execute(ordered) as rows:
        yield from rows
