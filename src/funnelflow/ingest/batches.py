"""What a reader hands over: some thousands of records at a time."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from funnelflow.ingest.file_errors import FileError, Rejection
from funnelflow.ingest.lines import Lines
from funnelflow.storage.checkpoints import FileOffset

MAX_BATCH = 1 << 23
"""Bytes of a batch, whatever its number of rows: what bounds the memory."""

UNREADABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, and what a byte that is not UTF-8 has become."""

_ESCAPED = 0xDC00


class Batch(NamedTuple):
    """Records that follow each other in the input.

    Attributes:
        rows: The sound ones as (line on which it begins, record); a record is the list of
            cells in a CSV file and the object in a JSON Lines file.
        rejected: Those that are no record.
        offset: Where the next record begins.
        bytes_read: The bytes of the file read so far, as stored.
        last: Whether nothing comes behind them.
    """

    rows: list[tuple[int, Any]]
    rejected: list[Rejection]
    offset: FileOffset
    bytes_read: int
    last: bool


class RecordReader:
    """Reads one input; there is one class a format.

    Attributes:
        format: ``csv`` or ``jsonl``.
        columns: The names in the header; for JSON Lines, the members of the first object.
        delimiter: What separates the cells; empty for JSON Lines.
        lines: The lines it reads.
    """

    format: ClassVar[str]
    columns: tuple[str, ...]
    delimiter: str = ""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._line = lines.offset.lines
        self._rows: list[tuple[int, Any]] = []
        self._rejected: list[Rejection] = []

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all that follows, at most `size` rows at a time, the last one marked.

        Raises:
            FileError: When reading cannot go on; the records before have been yielded.
        """
        self._line = self.lines.offset.lines
        last = False
        while not last:
            self._rows, self._rejected = [], []
            problem = self._until_problem(size)
            last = self.lines.ended and problem is None
            self.lines.settle(self._line)
            if self._rows or self._rejected or last:
                yield self._batch(last=last)
            if problem is not None:
                raise problem

    def _batch(self, *, last: bool) -> Batch:
        lines = self.lines
        return Batch(self._rows, self._rejected, lines.offset, lines.bytes_read, last)

    def _until_problem(self, size: int) -> FileError | None:
        try:
            self._fill(size)
        except FileError as problem:
            return problem
        return None

    def _fill(self, size: int) -> None:
        """Read up to `size` records, or about `MAX_BATCH` bytes of them."""
        raise NotImplementedError

    def _reject(self, line: int, column: int | str, reason: str, record: Any) -> None:
        self._rejected.append(Rejection(line, str(column), reason, record))


def unreadable(character: str, line: int) -> str:
    """Say what a character is that `UNREADABLE` found."""
    if character == "\0":
        return f"NUL stands in line {line}"
    return f"the byte 0x{ord(character) - _ESCAPED:02x} in line {line} is not UTF-8"
