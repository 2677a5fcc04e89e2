"""A file of heads: its lines, read and written, and the temporary database that sorts them.

It is text. The first lines say which database it is about, when it was written and which
definitions there were; then each contact has one line, in the order of the keys that stand for
their ids; the last line carries the counts and the SHA-256 over all lines before it, so that a
file that was cut or altered is noticed.
"""

import hashlib
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from funnelflow.errors import UsageError

_FORMAT: Final = "funnelflow-heads 1"
_LONGEST = 200
KEY_LENGTH = 32

_LINES: Final = {
    "funnelflow-heads": re.compile(r"funnelflow-heads (1)"),
    "database": re.compile(r"database ([0-9a-f]{64})"),
    "written": re.compile(r"written (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"),
    "definition": re.compile(r"definition ([0-9a-f]{64})"),
    "contact": re.compile(r"contact ([0-9a-f]{32}) ([1-9]\d{0,17}) ([0-9a-f]{64}) ([0-9a-f]{32})"),
    "end": re.compile(r"end (\d{1,18}) (\d{1,18}) ([0-9a-f]{64})"),
}
"""The lines of a file of heads by their first word, in the order in which they stand."""
_ORDER: Final = {kind: number for number, kind in enumerate(_LINES)}
_MANY: Final = {_ORDER["definition"], _ORDER["contact"]}


class HeadsFileError(UsageError):
    """A file that is not a file of heads, or not as it was written.

    Args:
        path: The file.
        message: What is wrong.
        line: The line, from 1; 0 where the file as a whole is meant.
        hint: What to do next.
    """

    code = "heads_file"

    def __init__(self, path: Path, message: str, *, line: int = 0, hint: str = "") -> None:
        self.path = str(path)
        self.line = line
        super().__init__(f"{path}{f':{line}' if line else ''}: {message}", hint=hint)

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with its line."""
        return super().to_json() | {"path": self.path, "line": self.line}


class Head(NamedTuple):
    """The end of one history.

    Attributes:
        key: Stands for the contact's id.
        length: How many rows there are.
        digest: That of the last one.
        recorded: A digest over when each of them was recorded, which the chain does not cover.
    """

    key: str
    length: int
    digest: str
    recorded: str


class WrittenHeads(NamedTuple):
    """What a file of heads says besides the heads themselves."""

    database: str
    at: str
    definitions: tuple[str, ...]
    contacts: int

    @property
    def day(self) -> str:
        """When the heads were written, for people."""
        return f"{self.at[:10]} {self.at[11:16]} UTC"


def is_heads_file(path: Path) -> bool:
    """Whether there is a file that begins as one of heads does, whole or not."""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).startswith(b"funnelflow-heads ")
    except OSError:
        return False


def require_heads_target(path: Path, *, force: bool) -> None:
    """Raise unless heads may be written to a file.

    Args:
        path: The file.
        force: Replace what is no file of heads.

    Raises:
        HeadsFileError: There is no such directory, or the file is another one.
    """
    if not path.parent.is_dir():
        raise HeadsFileError(path, "there is no such directory", hint="make it first")
    if path.is_dir():
        raise HeadsFileError(path, "it is a directory", hint="name a file in it")
    if force or not path.exists() or is_heads_file(path):
        return
    raise HeadsFileError(
        path,
        "there is a file of this name that holds no heads",
        hint="name another file, or replace this one with --force",
    )


@contextmanager
def temporary_database() -> Iterator[sqlite3.Connection]:
    """Open a temporary database of heads, which SQLite keeps on the disk where it grows large.

    Raises:
        UsageError: There is no room for it.
    """
    with closing(sqlite3.connect("", isolation_level=None)) as scratch:
        try:
            scratch.execute("PRAGMA journal_mode = OFF")
            scratch.execute("PRAGMA temp_store = FILE")
            scratch.execute(
                "CREATE TABLE heads (key TEXT, length INTEGER, digest TEXT, recorded TEXT)"
            )
            scratch.execute("CREATE TABLE seen (key TEXT)")
            scratch.execute("BEGIN")
            yield scratch
        except sqlite3.Error as error:
            message = f"the heads cannot be sorted in a temporary file: {error}"
            raise UsageError(message, hint="set SQLITE_TMPDIR to a directory with room") from None


def write_heads_file(path: Path, written: WrittenHeads, heads: Iterable[Head]) -> None:
    """Write a file of heads, which only its owner can read.

    The file is complete or as it was before: it takes its name when all of it is on the disk.

    Args:
        path: The file, which is replaced.
        written: What it says besides the heads; its count of contacts is not looked at.
        heads: The heads, in any order.

    Raises:
        HeadsFileError: It cannot be written.
    """
    with temporary_database() as scratch:
        scratch.executemany("INSERT INTO heads VALUES (?, ?, ?, ?)", heads)
        counts = scratch.execute("SELECT count(*), coalesce(sum(length), 0) FROM heads").fetchone()
        ordered = scratch.execute("SELECT * FROM heads ORDER BY key")
        digest = hashlib.sha256()
        with _replacing(path) as file:
            for text in _lines_of(written, ordered):
                raw = f"{text}\n".encode("ascii")
                digest.update(raw)
                file.write(raw)
            file.write("end {} {} {}\n".format(*counts, digest.hexdigest()).encode("ascii"))


def _lines_of(written: WrittenHeads, heads: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """Yield every line but the last."""
    yield _FORMAT
    yield f"database {written.database}"
    yield f"written {written.at}"
    for digest in written.definitions:
        yield f"definition {digest}"
    for head in heads:
        yield "contact {} {} {} {}".format(*head)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file that takes the place of `path` when the block has ended well."""
    target = Path(os.path.realpath(path))
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(number, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise HeadsFileError(path, f"it cannot be written: {error.strerror}") from None


def _may_follow(order: int, last: int) -> bool:
    """Whether a line may stand behind one; there need be no definition and no contact."""
    if last < _ORDER["written"]:
        return order == last + 1
    return order > last or (order == last and order in _MANY)


class _Reader:
    """Reads a file of heads line by line, and says in which one it is not as it was written.

    Args:
        path: The file, for errors.
        file: The file.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.number = 0
        self.digest = hashlib.sha256()
        self._path = path
        self._lines = iter(partial(file.readline, _LONGEST), b"")

    def lines(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the kind of each line and what it says, up to and with the last."""
        last = -1
        for raw in self._lines:
            self.number += 1
            text = raw.removesuffix(b"\n").removesuffix(b"\r").decode("ascii", "replace")
            kind = text.partition(" ")[0]
            order = _ORDER.get(kind, -1)
            if self.number == 1 and order != 0:
                raise HeadsFileError(self._path, "this is no file of heads", hint=_HINT_FILE)
            said = _LINES[kind].fullmatch(text) if order >= 0 else None
            if said is None or not _may_follow(order, last) or not raw.endswith(b"\n"):
                raise self.fault("this line is not as it was written")
            last = order
            yield kind, said.groups()
            if kind == "end":
                return
            self.digest.update(f"{text}\n".encode("ascii"))
        if not self.number:
            raise HeadsFileError(self._path, "this file is empty", hint=_HINT_FILE)
        self.number += 1
        raise self.fault("the file ends before its last line: it has been cut")

    def end(self) -> None:
        """Raise if anything stands behind the last line."""
        if next(self._lines, b""):
            self.number += 1
            raise self.fault("there is something behind the last line")

    def fault(self, message: str) -> HeadsFileError:
        """Return the error about the line that was read last."""
        return HeadsFileError(self._path, message, line=self.number, hint=_HINT_FILE)


_HINT_FILE = (
    "use an unaltered copy of what `funnelflow verify --heads FILE` wrote, "
    "or write a new one with --force"
)


def load_heads(path: Path, scratch: sqlite3.Connection) -> WrittenHeads:
    """Read a file of heads into a temporary database.

    Raises:
        HeadsFileError: It cannot be read, or is not as it was written.
    """
    try:
        with path.open("rb") as file:
            written = _load_from(_Reader(path, file), scratch)
    except OSError as error:
        raise HeadsFileError(path, f"it cannot be read: {error.strerror}") from None
    scratch.execute("CREATE UNIQUE INDEX heads_key ON heads (key)")
    return written


def _load_from(reader: _Reader, scratch: sqlite3.Connection) -> WrittenHeads:
    """Read the lines of a file of heads."""
    database, at, last = "", "", ""
    stored: list[str] = []
    contacts = rows = 0
    for kind, said in reader.lines():
        if kind == "contact":
            if said[0] <= last:
                raise reader.fault("this contact stands out of order")
            scratch.execute("INSERT INTO heads VALUES (?, ?, ?, ?)", said)
            last, contacts, rows = said[0], contacts + 1, rows + int(said[1])
        elif kind == "database":
            (database,) = said
        elif kind == "written":
            (at,) = said
        elif kind == "definition":
            stored.append(said[0])
        elif kind == "end" and said != (str(contacts), str(rows), reader.digest.hexdigest()):
            raise reader.fault(
                f"its lines are not those that were written: they hold {contacts} contacts and "
                f"{rows} rows, or one of them was altered"
            )
    reader.end()
    return WrittenHeads(database, at, tuple(stored), contacts)
