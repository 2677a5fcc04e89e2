"""The fold over stored evidence: each row by the definition that decided it.

A row that says ``adopt`` is where a contact came under another definition, which folds all
the evidence before it anew: ``stage = fold(definition, evidence)``, whenever it came in.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, select

from funnelflow.engine import Contact, Event, Outcome

from .evidence import Reader, read_event
from .shelf import Running, Shelf
from .tables import history

__all__ = ["ADOPT", "Replay", "definitions_of", "fold_rows", "rows_of"]

ADOPT = "adopt"

Definitions: TypeAlias = Callable[[int], Running]


class Replay:
    """Folds the history of one contact, row by row, as it was decided.

    Args:
        contact_id: Whose history it is.
        definitions: Gives a definition by its number.

    Attributes:
        contact: What the rows so far come to; None before the first.
        running: The definition that decided the last row.
    """

    def __init__(self, contact_id: str, definitions: Definitions) -> None:
        self.contact: Contact | None = None
        self.running: Running | None = None
        self._id = contact_id
        self._definitions = definitions
        self._rows: list[Any] = []

    def feed(self, row: Any) -> Outcome:
        """Take the next row, and give what the definition makes of it now."""
        running = self._definitions(row.definition)
        self._rows.append(row)
        if self.contact is None:
            self.contact = running.funnel.new_contact(self._id)
        changed = self.running is not None and self.running is not running
        self.running = running
        if row.event == ADOPT:
            before = self.contact.stage
            self.contact = fold_rows(running, self._rows, self._definitions)
            return Outcome("stayed" if self.contact.stage == before else "moved")
        if changed:
            self.contact = fold_rows(running, self._rows[:-1], self._definitions)
        return running.funnel.step(self.contact, self.event(row))

    def event(self, row: Any) -> Event:
        """Read the evidence of a row."""
        return read_event(self._definitions(row.definition), row)


def fold_rows(
    running: Running,
    rows: Iterable[Any],
    definitions: Definitions,
    reader: Reader | None = None,
) -> Contact:
    """Fold a contact's rows from the first, all by one definition.

    Args:
        running: The definition that folds.
        rows: The rows, from the first.
        definitions: Gives the definitions that decided them.
        reader: Counts what it leaves out; None for a new one.
    """
    reads = reader or Reader(running)
    contact: Contact | None = None
    for row in rows:
        contact = contact or running.funnel.new_contact(row.contact_id)
        running.funnel.step(contact, reads.read(definitions(row.definition), row))
    assert contact is not None
    return contact


def rows_of(connection: Connection, contact_id: str, *, before: int | None = None) -> Sequence[Any]:
    """Read the history of one contact in order, up to but not including a sequence."""
    wanted = select(history).where(history.c.contact_id == contact_id)
    if before is not None:
        wanted = wanted.where(history.c.sequence < before)
    return connection.execute(wanted.order_by(history.c.sequence)).all()


def definitions_of(connection: Connection, shelf: Shelf) -> Definitions:
    """Give the definitions of a database by their numbers."""
    return lambda number: shelf.by_id(connection, number)
