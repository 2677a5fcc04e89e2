"""Whom a row is about: by an id, or by a field that names people, such as an email address.

Contacts are found through a private database on the disk that is filled once a run, so memory
stays within its page cache however many there are. It knows whom the run itself brings; whom
others bring meanwhile it does not.
"""

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from attrs import frozen
from sqlalchemy import Connection, select

from funnelflow.criteria import Field
from funnelflow.errors import StoreError, UsageError
from funnelflow.ingest.file_errors import Rejection, RowFault, reject
from funnelflow.ingest.row_handlers import ReadRow
from funnelflow.ingest.row_parser import ParsedRow
from funnelflow.storage.changes import is_id, plain_name
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.dialects import lock_names
from funnelflow.storage.queries import funnel_names
from funnelflow.storage.row_format import decode
from funnelflow.storage.tables import contact_positions

_BATCH = 1_000
_SOME = 5
_CACHE_KIB = 16_384
_MOST_NAMED = 5


def check_match(name: str, fields: Mapping[str, Field]) -> None:
    """Hold the field by which contacts are to be found to naming them.

    Raises:
        UsageError: It does not.
    """
    if name and name != "email" and not fields[name].identifying:
        known = ", ".join(sorted(one.name for one in fields.values() if one.identifying))
        raise UsageError(
            f"{name} names nobody: many may have the same",
            hint=f"say `identifying: true` of the field, or --match one of: {known or 'email'}",
        )


class MatchedRows(NamedTuple):
    """Rows with whom they are about.

    Attributes:
        rows: Those of which that is clear.
        rejected: Those of which it is not.
    """

    rows: list[ReadRow]
    rejected: list[Rejection]


def _private_database(*tables: str) -> sqlite3.Connection:
    """Make a database that nobody else sees, and that is gone when it is closed."""
    database = sqlite3.connect("", isolation_level=None)
    database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    database.execute("PRAGMA synchronous = OFF")
    for table in tables:
        database.execute(f"CREATE TABLE {table} WITHOUT ROWID")
    return database


@contextmanager
def _room_for_names() -> Iterator[None]:
    """Say where room is missing for the names of contacts."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"the names of contacts cannot be kept in a temporary file: {error}",
            hint="make room where temporary files go, or name another directory in TMPDIR",
        ) from error


@frozen
class LookAlikes:
    """Contacts that seem to be the same: by an id but for its case, or an identifying field.

    Attributes:
        contacts: How many of those that were asked about look like another.
        examples: What some of them are named by, with their ids.
    """

    contacts: int = 0
    examples: tuple[tuple[str, tuple[str, ...]], ...] = ()


def find_look_alikes(
    connection: Connection, identifying: Collection[str], since: int = 0
) -> LookAlikes:
    """Return which contacts look like others.

    Args:
        connection: A reading transaction.
        identifying: The fields that name people.
        since: Only contacts with a number above this one are asked about.

    Raises:
        StoreError: There is no room for their names.
    """
    columns = (contact_positions.c.id, contact_positions.c.number, contact_positions.c.fields)
    people = connection.execute(select(*columns).execution_options(yield_per=_BATCH))
    table = "named (value TEXT, number INTEGER, id TEXT, PRIMARY KEY (value, number))"
    with closing(_private_database(table)) as database, _room_for_names():
        database.execute("BEGIN")
        for row in people:
            database.executemany(
                "INSERT OR IGNORE INTO named VALUES (?, ?, ?)",
                [(value, row.number, row.id) for value in _names_of(row, identifying)],
            )
        several = "SELECT value FROM named GROUP BY value HAVING count(*) > 1 AND max(number) > ?"
        count = database.execute(
            f"SELECT count(DISTINCT number) FROM named WHERE number > ? AND value IN ({several})",  # noqa: S608
            (since, since),
        ).fetchone()[0]
        some = database.execute(f"{several} ORDER BY value LIMIT {_SOME}", (since,)).fetchall()
        ids = "SELECT id FROM named WHERE value = ? ORDER BY number LIMIT 3"
        named = ((v, tuple(i for (i,) in database.execute(ids, (v,)))) for (v,) in some)
        return LookAlikes(count, tuple(named))


def look_alikes_of(context: Context) -> LookAlikes:
    """Return which contacts of a workspace look like others.

    Raises:
        StoreError: There is no room for their names.
    """
    with reading(context.engine) as connection:
        definitions = context.store.definitions
        used = (definitions.current(connection, name) for name in funnel_names(connection))
        fields = (f for loaded in used if loaded for f in loaded.funnel.linked.fields.values())
        identifying = {field.name for field in fields if field.identifying}
        return find_look_alikes(connection, identifying)


def _names_of(row: Any, identifying: Collection[str]) -> set[str]:
    """Return by what a contact is named, in the form that is compared."""
    names = {plain_name(row.id)}
    if identifying:
        fields = decode(row.fields)
        texts = (fields.get(name) for name in identifying)
        names |= {plain_name(text) for text in texts if isinstance(text, str)}
    return names


class ContactFinder:
    """Finds contacts by the values of a field.

    Args:
        field: The field.
        column: The column that names contacts, for what is told of a row.
    """

    def __init__(self, field: str, column: str) -> None:
        self.field = field
        self._column = column

    def find(self, rows: Sequence[ReadRow]) -> MatchedRows:
        """Return rows with whom they are about, those of which that is not clear apart."""
        found = MatchedRows([], [])
        for line, record, row in rows:
            value, is_named = self._named_by(row)
            who = self._who(row, value, is_named=is_named)
            if isinstance(who, ParsedRow):
                found.rows.append((line, record, who))
            else:
                found.rejected.append(reject(line, record, [who]))
        return found

    def _named_by(self, row: ParsedRow) -> tuple[str, bool]:
        """Return what names the contact of a row, and whether it stands beside the id."""
        told = row.cells.get(self.field) or row.facts.get(self.field)
        return (told, True) if isinstance(told, str) else (row.contact, told is not None)

    def _who(self, row: ParsedRow, value: str, *, is_named: bool) -> ParsedRow | RowFault:
        """Return a row about whom it means, or why that is not clear.

        Args:
            row: The row.
            value: What names the contact.
            is_named: Whether it stands in a column of its own, beside the id.
        """
        is_known = self._is_known(row.contact)
        if is_named and is_known:
            self._note(plain_name(value), row.contact)
            return row
        wanted = plain_name(value)
        if not wanted:
            return row
        found = self._called(wanted)
        if is_known and row.contact not in found:
            found = sorted([*found, row.contact])
        if len(found) > 1:
            return RowFault(self._column, self._several(value, found))
        if found:
            return row._replace(contact=found[0])
        self._note(wanted, row.contact or value)
        if is_named:
            return row if row.contact else row._replace(contact=value)
        return row._replace(cells={**row.cells, self.field: value})

    def _several(self, value: str, found: Sequence[str]) -> str:
        shown = ", ".join(found[:_MOST_NAMED]) + (", …" if len(found) > _MOST_NAMED else "")
        return (
            f"{self.field} {value!r} names {len(found)} contacts: {shown} "
            "(funnelflow merge puts two together)"
        )

    def _is_known(self, contact_id: str) -> bool:
        """Whether there is a contact by an id, or the rows bring it."""
        raise NotImplementedError

    def _called(self, wanted: str) -> list[str]:
        """Return who has a value in the field, as `plain_name` has it, by id."""
        raise NotImplementedError

    def _note(self, value: str, name: str) -> None:
        """Remember whom the rows bring."""
        raise NotImplementedError


class ContactIndex(ContactFinder):
    """Finds the contacts of many rows, in a database of its own that is filled once."""

    def __init__(self, field: str, column: str) -> None:
        super().__init__(field, column)
        self._database = _private_database(
            "ids (id TEXT PRIMARY KEY)", "named (value TEXT, id TEXT, PRIMARY KEY (value, id))"
        )

    def fill(self, connection: Connection) -> None:
        """Read who there is.

        Raises:
            StoreError: There is no room for them.
        """
        wanted = select(contact_positions.c.id, contact_positions.c.fields)
        people = connection.execute(wanted.execution_options(yield_per=_BATCH))
        with _room_for_names():
            self._database.execute("BEGIN")
            for some in people.partitions():
                self._database.executemany(
                    "INSERT OR IGNORE INTO ids VALUES (?)", [(row.id,) for row in some]
                )
                self._database.executemany(
                    "INSERT OR IGNORE INTO named VALUES (?, ?)", _values(self.field, some)
                )
            self._database.execute("COMMIT")

    def _is_known(self, contact_id: str) -> bool:
        return bool(self._ask("SELECT id FROM ids WHERE id = ?", contact_id))

    def _called(self, wanted: str) -> list[str]:
        return self._ask("SELECT id FROM named WHERE value = ? ORDER BY id LIMIT 50", wanted)

    def _note(self, value: str, name: str) -> None:
        self._database.execute("INSERT OR IGNORE INTO ids VALUES (?)", (name,))
        self._database.execute("INSERT OR IGNORE INTO named VALUES (?, ?)", (value, name))

    def _ask(self, query: str, value: str) -> list[str]:
        return [name for (name,) in self._database.execute(query, (value,))]

    def close(self) -> None:
        """Delete the database."""
        self._database.close()


class StoredContacts(ContactFinder):
    """Finds the contacts of a few rows, in the transaction that records them.

    With `lock`, whoever else looks for the same name waits for its end, so that two who bring the
    same person at the same time add one contact.
    """

    def __init__(self, field: str, column: str, connection: Connection) -> None:
        super().__init__(field, column)
        self._connection = connection
        self._brought: dict[str, set[str]] = {}

    def lock(self, rows: Sequence[ReadRow]) -> None:
        """Let whoever else looks for those whom rows name wait; before anything else is read."""
        lock_names(self._connection, {plain_name(self._named_by(row)[0]) for *_, row in rows})

    def _is_known(self, contact_id: str) -> bool:
        if any(contact_id in names for names in self._brought.values()):
            return True
        wanted = select(contact_positions.c.id).where(contact_positions.c.id == contact_id)
        return is_id(contact_id) and self._connection.execute(wanted.limit(1)).first() is not None

    def _called(self, wanted: str) -> list[str]:
        columns = (contact_positions.c.id, contact_positions.c.fields)
        like = contact_positions.c.fields.icontains(_plain_part(wanted), autoescape=True)
        rows = self._connection.execute(select(*columns).where(like))
        found = {name for value, name in _values(self.field, rows) if value == wanted}
        return sorted(found | self._brought.get(wanted, set()))

    def _note(self, value: str, name: str) -> None:
        self._brought.setdefault(value, set()).add(name)


_PLAIN = re.compile(r"[a-eghjm-ru-z0-9@.+-]+")
"""What is stored as it is compared, but for the case of ASCII letters: the others may stand in
other characters (a long s, a ligature of f and i, the sign of Kelvin), or are escaped."""


def _plain_part(wanted: str) -> str:
    """Return a part that stands in the facts of everybody who has a name, whatever their case."""
    return max(_PLAIN.findall(wanted), key=len, default="") if wanted.isascii() else ""


def _values(field: str, rows: Iterable[Any]) -> list[tuple[str, str]]:
    """Return what a field of contacts says, as `plain_name` has it, with their ids."""
    found = ((decode(row.fields).get(field), row.id) for row in rows)
    return [(plain_name(value), name) for value, name in found if isinstance(value, str)]
