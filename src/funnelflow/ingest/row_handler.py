"""From what the rows of a file say to changes, or to why one cannot be used."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from funnelflow.errors import (
    ConflictError,
    Error,
    FieldError,
    UnknownNameError,
    UsageError,
)
from funnelflow.ingest.column_matching import Matched
from funnelflow.ingest.file_errors import RowError
from funnelflow.ingest.mapping import FileMapping, field_target
from funnelflow.ingest.row_parser import ParsedRow
from funnelflow.storage.changes import is_id
from funnelflow.storage.checkpoints import Counts
from funnelflow.storage.database_errors import RetryError
from funnelflow.storage.unit_of_work import UnitOfWork


class Task(Protocol):
    """What rows are taken for; nothing is carried from row to row."""

    kind: str
    """What checkpoints call it."""

    targets: tuple[str, ...]
    """What columns can be, besides fields."""

    once: bool
    """Whether one row a contact is expected, so that more of them are counted."""

    def digest(self) -> str:
        """Give a digest of everything that decides what a row becomes."""

    def prepare(self, matched: Matched, timezone: dt.tzinfo | None) -> None:
        """Get ready for the columns there are; raises UsageError if a needed one is not."""

    def take(self, chunk: UnitOfWork, told: ParsedRow, counts: Counts) -> None:
        """Take one row; raises RowError or Error if it cannot be used."""


class Refusal(NamedTuple):
    """Why a row cannot be used.

    Attributes:
        row: Which of the rows that were to be decided, from 0.
        column: Where the reason lies; empty when it is not one column.
        reason: It, in one line.
    """

    row: int
    column: str
    reason: str


class Decided(NamedTuple):
    """What came of some rows.

    Attributes:
        refused: The rows of the file that cannot be used.
        counts: What came of the others, counted.
    """

    refused: list[Refusal]
    counts: Counts


class RowHandler:
    """Decides the rows of one file.

    Args:
        task: What they are taken for; it is prepared.
        mapping: What the columns are.
    """

    def __init__(self, task: Task, mapping: FileMapping) -> None:
        self._task = task
        self._mapping = mapping

    def load(self, chunk: UnitOfWork, rows: Sequence[ParsedRow]) -> None:
        """Have a chunk read whom the rows are about."""
        chunk.load({told.contact for told in rows}, {told.key for told in rows})

    def decide(self, chunk: UnitOfWork, rows: Sequence[ParsedRow]) -> Decided:
        """Decide rows; the chunk has read whom they are about."""
        take, counts = self._task.take, Counts()
        refused: list[Refusal] = []
        for number, told in enumerate(rows):
            try:
                take(chunk, told, counts)
            except RowError as error:
                refused.append(Refusal(number, error.column, error.reason))
            except (UsageError, FieldError, ConflictError) as error:
                if isinstance(error, RetryError):
                    raise
                refused.append(Refusal(number, self._column(_target(told, error)), _words(error)))
        counts.ahead = chunk.ahead
        return Decided(refused, counts)

    def _column(self, target: str) -> str:
        """Give the column that a target is read from; empty when there is none."""
        mapping = self._mapping
        if not target or target in self._task.targets:
            return mapping.column(target)
        return mapping.column(field_target(target)) or mapping.column("facts")


def _words(error: Error) -> str:
    """Say what is wrong with a row and what to do, in one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _target(told: ParsedRow, error: Error) -> str:
    """Tell which target an error is about."""
    if isinstance(error, UnknownNameError):
        return {"stage": "to", "field": "facts"}.get(error.kind, error.kind)
    if isinstance(error, FieldError):
        return error.message.partition(":")[0]
    if not is_id(told.contact):
        return "contact"
    return "key" if told.key and not is_id(told.key) else ""
