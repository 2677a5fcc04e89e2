"""The heads of the histories, written to a file, and a database held to such a file.

A head is the length of a contact's history and the digest of its last row, which is chained to
all the rows before it. Whoever can write to the database can alter a row and compute every
digest again, or remove the newest rows, and the chain says nothing: it proves itself only. A
file of heads that they cannot reach shows it, because what was must still be a prefix of what is.

A file holds no id: a contact's key is the SHA-256 over the database's identity and its number.
Heads are sorted and looked up in a temporary database of SQLite, so that memory stays flat.
"""

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection, select

from funnelflow.maintenance.heads_file import (
    KEY_LENGTH,
    Head,
    WrittenHeads,
    load_heads,
    temporary_database,
    write_heads_file,
)
from funnelflow.maintenance.verify_contacts import Finding, SinceHeads
from funnelflow.storage.row_format import SEPARATOR, to_text
from funnelflow.storage.tables import contacts, definitions, evidence

_BATCH = 1_000

_Add: TypeAlias = Callable[[Finding], None]


def write_heads(connection: Connection, path: Path, now: dt.datetime) -> None:
    """Write the heads of every history to a file; see `write_heads_file`.

    Args:
        connection: The database.
        path: The file, which is replaced.
        now: The time it is.

    Raises:
        HeadsFileError: It cannot be written.
    """
    identity = _identity(connection)
    written = WrittenHeads(identity, to_text(now), tuple(_definitions(connection)), 0)
    write_heads_file(path, written, _heads(connection, identity))


def check_against_heads(connection: Connection, path: Path, add: _Add) -> SinceHeads:
    """Check that what a file of heads speaks of is still there, as the beginning of what is.

    Args:
        connection: The database.
        path: The file.
        add: Called with every finding.

    Returns:
        How many histories were there then, how many of them still begin so, and what is new.

    Raises:
        HeadsFileError: The file cannot be read, is none of heads, or is not as it was written.
    """
    with temporary_database() as scratch:
        written = load_heads(path, scratch)
        is_same = not written.definitions or written.database == _identity(connection)
        comparison = _Comparison(scratch, written, add if is_same else _ignore)
        for number, name, rows in _histories(connection):
            comparison.compare(number, name, rows)
        since = comparison.end()
        if is_same:
            for digest in sorted(set(written.definitions) - set(_definitions(connection))):
                add(_definition_gone(digest, written))
        else:
            add(_another_database(since, written))
        return since


class _Comparison:
    """Compares the histories of a database with the heads in the temporary database.

    Args:
        scratch: The temporary database.
        written: What the file says besides.
        add: Called with every finding.
    """

    def __init__(self, scratch: sqlite3.Connection, written: WrittenHeads, add: _Add) -> None:
        self._scratch = scratch
        self._written = written
        self._add = add
        self._kept = self._named = self._new_contacts = self._new_rows = 0

    def compare(self, number: int, contact_id: str, rows: Iterable[Any]) -> None:
        """Compare one history with its head, if it has one."""
        key = _key(self._written.database, number)
        known = self._scratch.execute("SELECT * FROM heads WHERE key = ?", (key,)).fetchone()
        head = None if known is None else Head(*known)
        at_length, length = _end_of(key, rows, head.length if head is not None else 0)
        self._new_rows += length - at_length.length
        if head is None:
            self._new_contacts += 1
            return
        self._named += 1
        self._scratch.execute("INSERT INTO seen VALUES (?)", (key,))
        if at_length == head:
            self._kept += 1
        else:
            self._add(self._difference(contact_id, head, at_length))

    def end(self) -> SinceHeads:
        """Report the contacts that are gone, and return the counts."""
        if self._named < self._written.contacts:
            gone = self._scratch.execute("SELECT key FROM heads EXCEPT SELECT key FROM seen")
            for (key,) in gone:
                self._add(Finding("contact", key, 0, self._say(_GONE), self._hint(_HINT_GONE)))
        return SinceHeads(
            self._written.at, self._written.contacts, self._kept, self._new_contacts, self._new_rows
        )

    def _difference(self, contact_id: str, head: Head, here: Head) -> Finding:
        """Return what has become of a history."""
        if here.length < head.length:
            what = self._say(f"it had {head.length} rows {{}}, and has {here.length} now")
            return Finding("history", contact_id, 0, what, self._hint(_HINT_SHORTER))
        if here.digest != head.digest:
            what, hint = self._say(_ALTERED), self._hint(_HINT_ALTERED)
            return Finding("history", contact_id, head.length, what, hint)
        what = self._say(f"the times at which rows 1 to {head.length} were recorded {_OTHERS}")
        return Finding("history", contact_id, 0, what, self._hint(_HINT_ALTERED))

    def _say(self, what: str) -> str:
        return what.format(f"on {self._written.day}")

    def _hint(self, hint: str) -> str:
        return hint.format(self._written.day)


_ALTERED = (
    "it is not the row that stood here {}: this row or one before it was altered, "
    "and the digests were computed again"
)
_OTHERS = "are not those of the heads written {}"
_GONE = "it was here {}, and is gone with its history (this is the key that stands for its id)"
_HINT_ALTERED = (
    "somebody who can write to the database did that: keep a copy of it as it is, compare "
    "`funnelflow history` of the contact with a backup made after {}, and look into who has access"
)
_HINT_SHORTER = (
    "newest rows were deleted, or an older state of the database is in its place: compare the "
    "contact with a backup made after {}"
)
_HINT_GONE = (
    "somebody deleted it, or an older state of the database is in its place: whom `funnelflow "
    "list` names in a backup made after {}, and not here, is who is gone"
)
_HINT_DATABASE = (
    "check which database is meant (`funnelflow config`), or take the heads that were written "
    "of this one"
)


def _another_database(since: SinceHeads, written: WrittenHeads) -> Finding:
    """Return that the heads are those of another database."""
    if since.kept == since.contacts:
        what = (
            "its first definition is not the one of the database whose heads these are, "
            f"though every history goes on from where it stood on {written.day}"
        )
        return Finding("database", "", 0, what, _HINT_ALTERED.format(written.day))
    what = (
        f"it is another database than the one whose heads were written on {written.day}: "
        f"of {since.contacts} histories {since.kept} are here as they were"
    )
    return Finding("database", "", 0, what, _HINT_DATABASE)


def _definition_gone(digest: str, written: WrittenHeads) -> Finding:
    """Return that a definition is no longer stored as it was."""
    what = f"it was stored on {written.day}, and is gone or was altered"
    return Finding("definition", digest[:12], 0, what, _HINT_ALTERED.format(written.day))


def _ignore(_finding: Finding) -> None:
    """Leave out what is different between two databases."""


def _identity(connection: Connection) -> str:
    """Return what tells a database from others: its first definition, and when it was stored."""
    first = select(definitions.c.digest, definitions.c.stored_at).order_by(definitions.c.id)
    row = connection.execute(first.limit(1)).first()
    return _sha256(SEPARATOR.join(map(str, row or ()))).hexdigest()


def _definitions(connection: Connection) -> list[str]:
    """Return the digests of all definitions, sorted."""
    return sorted(str(digest) for (digest,) in connection.execute(select(definitions.c.digest)))


def _key(database: str, number: int) -> str:
    """Return what stands for a contact in the heads of a database."""
    return _sha256(f"{database}{SEPARATOR}{number}").hexdigest()[:KEY_LENGTH]


def _sha256(text: str) -> "hashlib._Hash":
    return hashlib.sha256(text.encode("utf-8", "surrogateescape"))


def _histories(connection: Connection) -> Iterator[tuple[int, str, Iterator[Any]]]:
    """Yield every contact's number and id with its rows: digest, when it was recorded."""
    of = evidence.c
    named = evidence.outerjoin(contacts, contacts.c.number == of.contact)
    columns = (of.contact, of.digest, of.recorded_at, contacts.c.id)
    query = select(*columns).select_from(named).order_by(of.contact, of.sequence)
    with connection.execute(query.execution_options(yield_per=_BATCH)) as rows:
        for number, group in groupby(rows, itemgetter(0)):
            rest = iter(group)
            first = next(rest)
            name = f"#{number}" if first.id is None else str(first.id)
            yield number, name, chain([first], rest)


def _heads(connection: Connection, identity: str) -> Iterator[Head]:
    """Yield the head of every history."""
    for number, _, rows in _histories(connection):
        yield _end_of(_key(identity, number), rows)[0]


def _end_of(key: str, rows: Iterable[Any], limit: int | None = None) -> tuple[Head, int]:
    """Return the head of a history after `limit` rows or fewer, and how many rows it has."""
    length, counted, digest = 0, 0, ""
    recorded = hashlib.sha256()
    for _, row_digest, recorded_at, _ in rows:
        length += 1
        if limit is None or length <= limit:
            counted, digest = length, row_digest
            recorded.update(f"{recorded_at}\n".encode("utf-8", "surrogateescape"))
    return Head(key, counted, str(digest), recorded.hexdigest()[:KEY_LENGTH]), length
