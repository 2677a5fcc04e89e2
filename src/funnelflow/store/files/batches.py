"""What a reader hands over: some thousands of records at a time."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from funnelflow.store.files.lines import Lines, Place
from funnelflow.store.files.problems import Rejection

__all__ = ["MAX_BATCH", "Batch", "Reader"]

MAX_BATCH = 1 << 23
"""Bytes of a batch, whatever its number of rows: what bounds the memory."""


class Batch(NamedTuple):
    """Records that follow each other in the input.

    Attributes:
        rows: The sound ones as (line on which it begins, record); a record is the list of
            cells in a CSV file and the object in a JSON Lines file.
        rejected: Those that are no record.
        place: The place behind them all.
        bytes_read: The bytes of the file read so far, as stored.
        last: Whether nothing comes behind them.
    """

    rows: list[tuple[int, Any]]
    rejected: list[Rejection]
    place: Place
    bytes_read: int
    last: bool


class Reader(Protocol):
    """Reads one input."""

    @property
    def format(self) -> str:
        """``csv`` or ``jsonl``."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header; for JSON Lines, the members of the first object."""

    @property
    def delimiter(self) -> str:
        """What separates the cells; empty for JSON Lines."""

    @property
    def lines(self) -> Lines:
        """The lines it reads."""

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all that follows, at most `size` rows at a time, the last one marked.

        Raises:
            FileError: When reading cannot go on; the records before have been yielded.
        """
