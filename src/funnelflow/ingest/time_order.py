"""The rows of a file in the order of time: whether they are in it, and else sorted on the disk.

A row that happened before what is known of its contact has it folded again, at most once a chunk.
In a file that comes newest first, or shuffled, that is nearly every row: 200,000 took thirty times
as long. So the rows of such a file are sorted first, by time and those of one instant as they stand
in the file, in a private temporary database. A run that goes on sorts them again: the same content
has the same order, and a digest of the lines that are done proves that it still is.

Rows whose time cannot be read are rejected, and come first; what happens "now" comes last.

A stream is not sorted: it may have no end, and whoever pipes it in waits for answers meanwhile.
"""

import hashlib
import marshal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any, TypeAlias

from attrs import evolve, frozen

from funnelflow.criteria.times import TimeTextError, parse_timestamp, timestamp_json
from funnelflow.engine.events import TimestampCache
from funnelflow.errors import StoreError
from funnelflow.ingest.file_errors import FileError, Rejection, RowError
from funnelflow.ingest.input import Input
from funnelflow.ingest.readers import MAX_BATCH, Batch, RecordReader
from funnelflow.ingest.row_parser import RowParser
from funnelflow.storage.checkpoints import START, FileOffset

_SAMPLED = 1 << 13
"""Bytes between two lines that are looked at; reading all took a tenth of a run."""

_ENOUGH = 100
"""Lines that must have been looked at before the others are taken to be like them."""

_CONTACTS_KEPT = 1 << 17
"""Contacts whose newest row is remembered: some 30 MB."""

_BATCH = 10_000
_CACHE_KIB = 16_384

SORTING = 0.2
"""The share of a run that sorting takes."""

Watch: TypeAlias = Callable[[Batch], None]


@frozen(eq=False)
class RowClock:
    """Says when rows happened, in texts that sort as times do.

    Attributes:
        parser: The parser of the rows.
        times: Reads their times; nobody else's, as it remembers the last one.
    """

    parser: RowParser
    times: TimestampCache

    def read(self, record: Any) -> tuple[str, str | None]:
        """Return whom a record is about and when it happened; None where that cannot be read."""
        try:
            contact, text = self.parser.when(record)
        except RowError:
            return "", None
        times, text = self.times, text.strip()
        if times.read(text) is not None:
            return contact, times.last[1]
        if text == "now":  # sorts behind all digits
            return contact, text
        try:
            return contact, timestamp_json(parse_timestamp(text, times.timezone))
        except TimeTextError:
            return contact, None


def is_in_order(reopen: Callable[[], Input], offset: FileOffset, clock: RowClock) -> bool:
    """Whether the rows behind an offset are in the order of time, as far as that matters.

    They are if lines picked throughout the file are: what is out of order between those is little,
    or so close together that it is in one chunk. Else all are read, and it is enough that the rows
    about each contact are in order, as in a file that tells one story after the other.

    Args:
        reopen: Opens the file once more, at its first record.
        offset: Where a record begins.
        clock: Says when rows happened.

    Raises:
        FileError: It cannot be read.
    """
    with reopen() as opened:
        opened.reader.lines.skip(offset)
        if _is_sample_in_order(opened.reader, clock):
            return True
    with reopen() as opened:
        opened.reader.lines.skip(offset)
        return _is_in_order_by_contact(opened.reader, clock)


def _is_sample_in_order(reader: RecordReader, clock: RowClock) -> bool:
    """Whether lines picked throughout the file are in order, and enough to tell."""
    count, newest = 0, ""
    for line in reader.lines.sample(_SAMPLED):
        try:
            _, at = clock.read(reader.record(line))
        except RowError:  # part of a record, or none
            continue
        if at is not None:
            if at < newest:
                return False
            count, newest = count + 1, at
    return count >= _ENOUGH


def _is_in_order_by_contact(reader: RecordReader, clock: RowClock) -> bool:
    """Whether no row happened before an earlier one about the same contact.

    Where there are too many contacts to remember, those of before are taken to have been there
    until the last moment.
    """
    latest: dict[str, str] = {}
    newest = floor = ""
    try:
        for batch in reader.batches(_BATCH):
            for _, record in batch.rows:
                contact, at = clock.read(record)
                if at is None:
                    continue
                if at < latest.get(contact, floor):
                    return False
                latest[contact] = at
                newest = max(newest, at)
            if len(latest) > _CONTACTS_KEPT:
                latest, floor = {}, newest
    except FileError:  # applying what stands before will come to it, too
        return True
    return True


def sorted_batches(
    batches: Iterator[Batch], clock: RowClock, size: int, done: str, name: str, watch: Watch
) -> Iterator[Batch]:
    """Yield the rows of batches in the order of time, once all are read.

    Args:
        batches: The rows as they stand in the file.
        clock: Says when they happened.
        size: Rows a batch.
        done: What is done: `Batch.sorted` of the last one that is; empty for none.
        name: The file, for errors.
        watch: Called with each batch that is read.

    Raises:
        FileError: The rows come in another order than when those were done; or what reading
            raised, behind the rows that stood before it.
        StoreError: The disk has no room for them.
    """
    with _temporary_database() as database:
        copied = _copy(database, batches, clock, watch)
        order = _Order(database)
        order.skip(done, name)
        ended = False
        while not ended:
            rows, rejected = order.take(size)
            ended = order.count == copied.count
            share = order.count / max(copied.count, 1)
            yield Batch(
                rows,
                rejected,
                copied.offset,
                round(copied.bytes_read * (SORTING + (1 - SORTING) * share)),
                last=ended and copied.problem is None,
                sorted="" if ended else order.state,
            )
        if copied.problem is not None:
            raise copied.problem


@contextmanager
def _temporary_database() -> Iterator[sqlite3.Connection]:
    """Make a database that nobody else sees, and that is gone when this process is."""
    try:
        with closing(sqlite3.connect("", isolation_level=None)) as database:
            database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            database.execute("PRAGMA temp_store = FILE")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("CREATE TABLE rows (at TEXT, line INTEGER, data BLOB)")
            database.execute("BEGIN")
            yield database
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"the rows cannot be sorted by time in a temporary file: {error}",
            hint="make room where temporary files go, twice the size of the file, or name another "
            "directory in TMPDIR; the same command goes on",
        ) from error


@frozen
class _Copied:
    """What was copied.

    Attributes:
        count: How many rows, those that are no record included.
        offset: Where the file goes on.
        bytes_read: The bytes of the file that were read.
        problem: Why it cannot be read on.
    """

    count: int = 0
    offset: FileOffset = START
    bytes_read: int = 0
    problem: FileError | None = None


def _copy(
    database: sqlite3.Connection, batches: Iterator[Batch], clock: RowClock, watch: Watch
) -> _Copied:
    """Copy rows with the time at which they happened."""
    copied = _Copied()
    for read in _until_problem(batches):
        if isinstance(read, FileError):
            return evolve(copied, problem=read)
        watch(read)
        database.executemany("INSERT INTO rows VALUES (?, ?, ?)", _copies(read, clock))
        count = copied.count + len(read.rows) + len(read.rejected)
        copied = _Copied(count, read.offset, read.bytes_read)
    return copied


def _until_problem(batches: Iterator[Batch]) -> Iterator[Batch | FileError]:
    """Yield batches, and in the end why there are no more, if it is not that the file ends."""
    try:
        yield from batches
    except FileError as problem:
        yield problem


def _copies(batch: Batch, clock: RowClock) -> Iterator[tuple[str | None, int, bytes]]:
    for line, record in batch.rows:
        yield clock.read(record)[1], line, marshal.dumps((record,))
    for line, *rejection in batch.rejected:
        yield None, line, marshal.dumps(rejection)


class _Order:
    """Copied rows in the order of time, and a digest of the lines that were taken.

    Attributes:
        count: The rows that were taken.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self.count = 0
        self._digest = hashlib.sha256()
        self._rows = database.execute("SELECT line, data FROM rows ORDER BY at, line")

    @property
    def state(self) -> str:
        """How many rows were taken, and the digest of their lines."""
        return f"sorted {self.count} {self._digest.hexdigest()}"

    def skip(self, done: str, name: str) -> None:
        """Leave out the rows that are done, which must be those that come first."""
        if done:
            for line, _ in islice(self._rows, int(done.split()[1])):
                self._note([line])
            if self.state != done:
                raise FileError(
                    name,
                    "its rows come in another order of time than when the file was begun, so the "
                    f"{int(done.split()[1]):,} that are applied cannot be told from the others",
                    hint="was there another `timezone` in funnelflow.toml then? put that back",
                )

    def take(self, size: int) -> tuple[list[tuple[int, Any]], list[Rejection]]:
        """Return the next rows, and those that are no record."""
        rows: list[tuple[int, Any]] = []
        rejected: list[Rejection] = []
        lines, weight = [], 0
        for line, data in self._rows:
            *why, record = marshal.loads(data)  # noqa: S302  # written by this process
            if why:
                rejected.append(Rejection(line, why[0], why[1], record))
            else:
                rows.append((line, record))
            lines.append(line)
            weight += len(data)
            if len(lines) >= size or weight > MAX_BATCH:
                break
        self._note(lines)
        return rows, rejected

    def _note(self, lines: list[int]) -> None:
        self.count += len(lines)
        self._digest.update("".join(f"{line}\n" for line in lines).encode())
