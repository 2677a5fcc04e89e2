"""The few statements in which the two databases differ, and the bulk forms of all writes.

Everything else is one code path: the statements are SQLAlchemy's, compiled once, and run
with rows as plain tuples, since building a parameter dictionary for each of millions of rows
costs more than writing it.
"""

import json
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Delete,
    Engine,
    Insert,
    Select,
    Text,
    Update,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import Column as SqlColumn

from funnelflow.storage.database_errors import RetryError
from funnelflow.storage.tables import (
    contacts,
    decisions,
    evidence,
    history,
    keys,
    outbox,
    positions,
    sightings,
)
from funnelflow.storage.tracked_contacts import Row, TableName

LOADED_COLUMNS = (
    *(contacts.c[name] for name in ("id", "number", "salt", "merged_into")),
    *(column for column in positions.c if column.name != "contact"),
)
CONTACT_COLUMNS = tuple(column for column in contacts.c if column.name != "merged_into")
POSITION_COLUMNS = tuple(positions.c)
_CHANGEABLE = tuple(c for c in POSITION_COLUMNS if c.name not in {"contact", "funnel"})
EVIDENCE_COLUMNS = tuple(column for column in evidence.c if column.name != "id")
DECISION_COLUMNS = tuple(decisions.c)
KEY_COLUMNS = tuple(keys.c)
OUTBOX_COLUMNS = tuple(column for column in outbox.c if column.name != "id")

_MEANT = ("event", "at", "actor", "facts", "to_stage", "reason", "force", "about")
_KEYED = (
    *(keys.c.key, history.c.contact_id, keys.c.sequence),
    *(history.c[name] for name in (*_MEANT, "definition")),
)
_OF_KEYS = keys.join(
    history, (history.c.contact == keys.c.contact) & (history.c.sequence == keys.c.sequence)
)
_KNOWN = contacts.join(positions, positions.c.contact == contacts.c.number)

_SEEN = "pg_temp.funnelflow_seen"
_MAKE_SEEN = f"CREATE TEMPORARY TABLE IF NOT EXISTS {_SEEN} (LIKE sightings) ON COMMIT DELETE ROWS"
_NOTE_SEEN = (
    "ON CONFLICT (contact, content) DO UPDATE SET facts = excluded.facts, "
    "since = excluded.since, seen = excluded.seen, checksum = excluded.checksum"
)
_WRITE_SEEN = f"INSERT INTO sightings SELECT * FROM {_SEEN} {_NOTE_SEEN}"  # noqa: S608  # names of ours

_CHANGED = "pg_temp.funnelflow_changed"
_CHANGED_COLUMNS = (
    *(c.name for c in _CHANGEABLE),
    *("contact", "funnel", "held_sequence", "held_definition"),
)
_MAKE_CHANGED = (
    f"CREATE TEMPORARY TABLE IF NOT EXISTS {_CHANGED} (LIKE positions, "
    "held_sequence integer, held_definition integer) ON COMMIT DELETE ROWS"
)
"""Where changed positions are copied to: a statement over arrays of ten thousand texts, or over
their JSON, takes two to four times as long as copying them and updating from there."""

_MERGED = (
    "WITH RECURSIVE above (number) AS ("
    "SELECT merged_into FROM contacts WHERE merged_into IS NOT NULL AND id = ANY(%(ids)s) "
    "UNION SELECT c.merged_into FROM contacts c JOIN above ON c.number = above.number "
    "WHERE c.merged_into IS NOT NULL) "
    "SELECT c.id FROM contacts c JOIN above ON c.number = above.number WHERE c.id IS NOT NULL "
    "UNION SELECT r.id FROM contacts m JOIN contacts r ON r.number = m.merged_into "
    "WHERE m.merged_into IS NOT NULL AND r.id = ANY(%(ids)s)"
)
"""See `Bulk.merged`; without any merges it looks into an empty index."""

COPY_FROM = 50
"""From how many rows on PostgreSQL's bulk forms are the faster ones."""


class Bulk(Protocol):
    """Reads and writes many rows at a time."""

    def write_token(self, connection: Connection) -> object:
        """Return what changes whenever anybody writes, to be compared with an earlier one.

        None where the database has nothing of the kind.
        """

    def load_contacts(self, connection: Connection, ids: Sequence[str]) -> Sequence[Row]:
        """Read contacts with their positions, in the order of `LOADED_COLUMNS`.

        They are locked until the end of the transaction, unless `bulk_for` was told otherwise.
        """

    def merged(self, connection: Connection, ids: Sequence[str]) -> Sequence[str]:
        """Name those into whom contacts are merged, and which of them somebody is merged into.

        Whoever locks contacts has to lock the former with them, in one order, and the row of
        the latter does not change when evidence about their story is addressed to another one.
        Empty where nothing is locked, and `write_token` says that nobody wrote.
        """

    def load_keys(self, connection: Connection, keys: Sequence[str]) -> Sequence[Row]:
        """Read what was recorded under keys: key, contact, sequence, and what was said."""

    def load_sightings(self, connection: Connection, numbers: Sequence[int]) -> Sequence[Row]:
        """Read when what was known of contacts was said again: the rows of `sightings`."""

    def write_sightings(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write rows of `sightings`, new ones and known ones."""

    def numbers(self, connection: Connection, count: int, after: int) -> list[int]:
        """Return numbers for new contacts, that nobody has and all above `after`."""

    def insert(self, connection: Connection, table: TableName, rows: Sequence[Row]) -> None:
        """Write new rows of a table, in the order of `INSERTED`."""

    def update_positions(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write known positions, if each still is as it was read.

        A row has what `POSITION_COLUMNS` lists behind the funnel, then the contact, and then
        the funnel, the sequence and the definition that the position was read with: an adoption
        may bring it under another one without adding to its evidence. One that comes to stand
        for another funnel is deleted and inserted instead, for a key that is written, even as
        it is, nearly doubles what writing a position costs SQLite.

        Raises:
            RetryError: Another writer changed one of them meanwhile.
        """

    def delete_positions(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Delete known positions, if each still is as it was read.

        A row has the contact, and the funnel, the sequence and the definition as above.

        Raises:
            RetryError: Another writer changed one of them meanwhile.
        """


INSERTED: dict[TableName, Sequence[SqlColumn[Any]]] = {
    "contacts": CONTACT_COLUMNS,
    "positions": POSITION_COLUMNS,
    "evidence": EVIDENCE_COLUMNS,
    "decisions": DECISION_COLUMNS,
    "keys": KEY_COLUMNS,
    "outbox": OUTBOX_COLUMNS,
}
"""The columns of new rows, by table, in the order in which the tables are written."""


def bulk_for(engine: Engine, *, locks: bool = True) -> Bulk:
    """Return the bulk forms of a database.

    Args:
        engine: What reaches it.
        locks: Whether contacts are locked as they are read, where that can be said; who only
            reads must not.
    """
    if engine.dialect.name == "postgresql":
        return _Postgres(engine, locks=locks)
    return _Sqlite(engine)


def lock_names(connection: Connection, names: Collection[str]) -> None:
    """Let whoever else is about to look for one of some names wait for the end of a transaction.

    On SQLite a writing transaction is the only one as it is. On PostgreSQL a name is no row that
    could be locked, for nobody may have it yet.
    """
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name"), _OF_NAMES))
        for name in sorted(names):
            connection.execute(select(lock), {"name": name})


_OF_NAMES = 0x66756E6E  # of an application's own choice, so that others' locks are not ours


class _Sqlite:
    """SQLite: lists of ids as one JSON parameter, rows by `executemany`."""

    def __init__(self, engine: Engine) -> None:
        ids = select(func.json_each(bindparam("ids")).table_valued("value").c.value)
        self._contacts = _sql(engine, _loaded().where(contacts.c.id.in_(ids)))
        self._keys = _sql(engine, _keyed().where(keys.c.key.in_(ids)))
        self._inserts = _inserts(engine)
        self._update = _sql(engine, _update())
        self._delete = _sql(engine, delete(positions).where(*_HELD))
        self._sightings = _sql(engine, select(sightings).where(sightings.c.contact.in_(ids)))
        self._write_seen = f"{_sql(engine, _insert(tuple(sightings.c)))} {_NOTE_SEEN}"

    def write_token(self, connection: Connection) -> object:
        driver: Any = connection.connection.dbapi_connection
        (others,) = driver.execute("PRAGMA data_version").fetchone()
        return id(driver), others, driver.total_changes

    def load_contacts(self, connection: Connection, ids: Sequence[str]) -> Sequence[Row]:
        return _fetch(connection, self._contacts, json.dumps(ids)) if ids else ()

    def merged(self, connection: Connection, ids: Sequence[str]) -> Sequence[str]:  # noqa: ARG002  # as on PostgreSQL
        return ()

    def load_keys(self, connection: Connection, keys: Sequence[str]) -> Sequence[Row]:
        return _fetch(connection, self._keys, json.dumps(keys))

    def load_sightings(self, connection: Connection, numbers: Sequence[int]) -> Sequence[Row]:
        return _fetch(connection, self._sightings, json.dumps(numbers))

    def write_sightings(self, connection: Connection, rows: Sequence[Row]) -> None:
        _run(connection, self._write_seen, rows)

    def numbers(self, connection: Connection, count: int, after: int) -> list[int]:
        last = connection.exec_driver_sql("SELECT max(number) FROM contacts").scalar() or 0
        first = max(last, after) + 1
        return list(range(first, first + count))

    def insert(self, connection: Connection, table: TableName, rows: Sequence[Row]) -> None:
        _run(connection, self._inserts[table], rows)

    def update_positions(self, connection: Connection, rows: Sequence[Row]) -> None:
        _check_count(_run(connection, self._update, rows), rows)

    def delete_positions(self, connection: Connection, rows: Sequence[Row]) -> None:
        _check_count(_run(connection, self._delete, rows), rows)


class _Postgres:
    """PostgreSQL: lists of ids as an array, many rows by `COPY`."""

    def __init__(self, engine: Engine, *, locks: bool) -> None:
        ids = any_(bindparam("ids", type_=ARRAY(Text)))
        known = _loaded().where(contacts.c.id == ids).order_by(contacts.c.id)
        self._contacts = _sql(engine, known.with_for_update() if locks else known)
        self._keys = _sql(engine, _keyed().where(keys.c.key == ids))
        self._inserts = _inserts(engine)
        self._update = _sql(engine, _update())
        self._delete = _sql(engine, delete(positions).where(*_HELD))
        self._update_many = _update_from_copy()
        numbers = any_(bindparam("numbers", type_=ARRAY(BigInteger)))
        self._sightings = _sql(engine, select(sightings).where(sightings.c.contact == numbers))
        self._write_seen = f"{_sql(engine, _insert(tuple(sightings.c)))} {_NOTE_SEEN}"

    def write_token(self, connection: Connection) -> object:  # noqa: ARG002  # as on SQLite
        return None

    def load_contacts(self, connection: Connection, ids: Sequence[str]) -> Sequence[Row]:
        return _fetch(connection, self._contacts, list(ids)) if ids else ()

    def merged(self, connection: Connection, ids: Sequence[str]) -> Sequence[str]:
        found = connection.exec_driver_sql(_MERGED, {"ids": list(ids)}) if ids else ()
        return [name for (name,) in found]

    def load_keys(self, connection: Connection, keys: Sequence[str]) -> Sequence[Row]:
        return _fetch(connection, self._keys, list(keys))

    def load_sightings(self, connection: Connection, numbers: Sequence[int]) -> Sequence[Row]:
        return _fetch(connection, self._sightings, list(numbers))

    def write_sightings(self, connection: Connection, rows: Sequence[Row]) -> None:
        if len(rows) < COPY_FROM:
            _run(connection, self._write_seen, rows)
            return
        connection.exec_driver_sql(_MAKE_SEEN)
        _copy(connection, _SEEN, _names(tuple(sightings.c)), rows)
        connection.exec_driver_sql(_WRITE_SEEN)
        connection.exec_driver_sql(f"DELETE FROM {_SEEN}")  # noqa: S608  # a name of ours

    def numbers(self, connection: Connection, count: int, after: int) -> list[int]:  # noqa: ARG002
        asked = "SELECT nextval('contacts_number_seq') FROM generate_series(1, %s)"
        return [number for (number,) in _fetch(connection, asked, count)]

    def insert(self, connection: Connection, table: TableName, rows: Sequence[Row]) -> None:
        if table in _IN_ORDER:
            rows = sorted(rows, key=_IN_ORDER[table])
        if len(rows) < COPY_FROM:
            _run(connection, self._inserts[table], rows)
        else:
            _copy(connection, table, _names(INSERTED[table]), rows)

    def update_positions(self, connection: Connection, rows: Sequence[Row]) -> None:
        if len(rows) < COPY_FROM:
            for row in rows:
                _check_count(_run(connection, self._update, [row]), [row])
            return
        connection.exec_driver_sql(_MAKE_CHANGED)
        _copy(connection, _CHANGED, _CHANGED_COLUMNS, rows)
        _check_count(connection.exec_driver_sql(self._update_many).rowcount, rows)

    def delete_positions(self, connection: Connection, rows: Sequence[Row]) -> None:
        for row in rows:
            _check_count(_run(connection, self._delete, [row]), [row])


_IN_ORDER = {"contacts": itemgetter(1), "keys": itemgetter(0)}
"""What new rows of a table are sorted by: writers that meet in the same order cannot deadlock."""


def _loaded() -> Select[Any]:
    """Ask for contacts with their positions."""
    return select(*LOADED_COLUMNS).select_from(_KNOWN)


def _keyed() -> Select[Any]:
    """Ask for what was recorded under keys."""
    return select(*_KEYED).select_from(_OF_KEYS)


def _inserts(engine: Engine) -> dict[TableName, str]:
    """Write the statements that insert a row, by table."""
    return {table: _sql(engine, _insert(columns)) for table, columns in INSERTED.items()}


def _sql(engine: Engine, statement: Select[Any] | Insert | Update | Delete) -> str:
    """Write a statement for a database, with its parameters by position."""
    style = "format" if engine.dialect.name == "postgresql" else "qmark"
    kind: Any = type(engine.dialect)
    return str(statement.compile(dialect=kind(paramstyle=style)))


def _insert(columns: Sequence[SqlColumn[Any]]) -> Insert:
    """Insert a whole row, the parameters in the order of the columns."""
    return insert(columns[0].table).values({c: bindparam(c.name) for c in columns})


_HELD = tuple(
    positions.c[name] == bindparam(f"held_{name}")
    for name in ("contact", "funnel", "sequence", "definition")
)
"""Whether a position still is as it was read."""


def _update() -> Update:
    """Write a whole position if it is still as it was read: compare and swap."""
    return update(positions).where(*_HELD).values({c: bindparam(c.name) for c in _CHANGEABLE})


def _update_from_copy() -> str:
    """Write the positions that were copied to `_CHANGED`, each if it is still as it was read."""
    changes = ", ".join(f'"{c.name}" = n."{c.name}"' for c in _CHANGEABLE)
    return (
        f"UPDATE positions SET {changes} FROM {_CHANGED} AS n "  # noqa: S608  # only names
        "WHERE positions.contact = n.contact AND positions.funnel = n.funnel "
        "AND positions.sequence = n.held_sequence AND positions.definition = n.held_definition"
    )


def _fetch(connection: Connection, sql: str, parameter: Any) -> Sequence[Row]:
    """Read the rows of a statement with one parameter."""
    return connection.exec_driver_sql(sql, (parameter,)).fetchall()


def _run(connection: Connection, sql: str, rows: Sequence[Row]) -> int:
    """Run a statement once for each row; gives how many rows of the table it touched."""
    if not rows:
        return 0
    return connection.exec_driver_sql(sql, list(rows)).rowcount


def _names(columns: Sequence[SqlColumn[Any]]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def _copy(connection: Connection, table: str, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Send rows by PostgreSQL's own bulk protocol."""
    listed = ", ".join(f'"{name}"' for name in names)
    driver: Any = connection.connection.dbapi_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _check_count(touched: int, rows: Sequence[Row]) -> None:
    """Notice that a contact was no longer as it had been read."""
    if touched != len(rows):
        raise RetryError("another process changed the same contact meanwhile", hint="try again")
