"""The few statements in which the two databases differ, and the bulk forms of all writes.

Everything else is one code path: the statements are SQLAlchemy's, compiled once, and run
with rows as plain tuples, since building a parameter dictionary for each of millions of rows
costs more than writing it.
"""

import json
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import (
    ARRAY,
    Connection,
    Engine,
    Insert,
    Select,
    Text,
    Update,
    any_,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import Column as SqlColumn

from funnelflow.storage.database_errors import RetryError
from funnelflow.storage.tables import contacts, history, outbox
from funnelflow.storage.tracked_contacts import Row

CONTACT_COLUMNS = tuple(contacts.c)
HISTORY_COLUMNS = tuple(column for column in history.c if column.name != "id")
OUTBOX_COLUMNS = tuple(column for column in outbox.c if column.name != "id")

_KEY_COLUMNS = (history.c.key, history.c.contact_id, history.c.sequence)
_MEANT = ("event", "at", "actor", "facts", "to_stage", "reason", "force", "definition")
_KEYED = (*_KEY_COLUMNS, *(history.c[name] for name in _MEANT))

_CHANGED = "pg_temp.funnelflow_changed"
_CHANGED_COLUMNS = (
    *(c.name for c in CONTACT_COLUMNS[1:]),
    *("id", "held_sequence", "held_definition"),
)
_MAKE_CHANGED = (
    f"CREATE TEMPORARY TABLE IF NOT EXISTS {_CHANGED} "
    "(LIKE contacts, held_sequence integer, held_definition integer) ON COMMIT DELETE ROWS"
)
"""Where changed contacts are copied to: a statement over arrays of ten thousand texts, or over
their JSON, takes two to four times as long as copying them and updating from there."""

COPY_FROM = 50
"""From how many rows on PostgreSQL's bulk forms are the faster ones."""


class Bulk(Protocol):
    """Reads and writes many rows at a time."""

    def write_token(self, connection: Connection) -> object:
        """Return what changes whenever anybody writes, to be compared with an earlier one.

        None where the database has nothing of the kind.
        """

    def load_contacts(self, connection: Connection, ids: Sequence[str]) -> Sequence[Row]:
        """Read contacts in the order of `CONTACT_COLUMNS`.

        They are locked until the end of the transaction, unless `bulk_for` was told otherwise.
        """

    def load_keys(self, connection: Connection, keys: Sequence[str]) -> Sequence[Row]:
        """Read what was recorded under keys: key, contact, sequence, and what was said."""

    def insert_history(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Append rows to the history, in the order of `HISTORY_COLUMNS`."""

    def insert_outbox(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Append rows to the outbox, in the order of `OUTBOX_COLUMNS`."""

    def insert_contacts(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write new contacts, in the order of `CONTACT_COLUMNS`."""

    def update_contacts(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Write known contacts, if each still is as it was read.

        A row has what `CONTACT_COLUMNS` lists behind the id, then the id, and then the
        sequence and the definition that the contact was read with: an adoption may bring it
        under another one without adding to its history.

        Raises:
            RetryError: Another writer changed one of them meanwhile.
        """


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


class _Sqlite:
    """SQLite: lists of ids as one JSON parameter, rows by `executemany`."""

    def __init__(self, engine: Engine) -> None:
        ids = select(func.json_each(bindparam("ids")).table_valued("value").c.value)
        self._contacts = _sql(engine, select(*CONTACT_COLUMNS).where(contacts.c.id.in_(ids)))
        self._keys = _sql(engine, select(*_KEYED).where(history.c.key.in_(ids)))
        self._insert_history = _sql(engine, _insert(HISTORY_COLUMNS))
        self._insert_outbox = _sql(engine, _insert(OUTBOX_COLUMNS))
        self._insert_contacts = _sql(engine, _insert(CONTACT_COLUMNS))
        self._update_contacts = _sql(engine, _update())

    def write_token(self, connection: Connection) -> object:
        driver: Any = connection.connection.dbapi_connection
        (others,) = driver.execute("PRAGMA data_version").fetchone()
        return id(driver), others, driver.total_changes

    def load_contacts(self, connection: Connection, ids: Sequence[str]) -> Sequence[Row]:
        return _fetch(connection, self._contacts, json.dumps(ids)) if ids else ()

    def load_keys(self, connection: Connection, keys: Sequence[str]) -> Sequence[Row]:
        return _fetch(connection, self._keys, json.dumps(keys))

    def insert_history(self, connection: Connection, rows: Sequence[Row]) -> None:
        _run(connection, self._insert_history, rows)

    def insert_outbox(self, connection: Connection, rows: Sequence[Row]) -> None:
        _run(connection, self._insert_outbox, rows)

    def insert_contacts(self, connection: Connection, rows: Sequence[Row]) -> None:
        _run(connection, self._insert_contacts, rows)

    def update_contacts(self, connection: Connection, rows: Sequence[Row]) -> None:
        _check_count(_run(connection, self._update_contacts, rows), rows)


class _Postgres:
    """PostgreSQL: lists of ids as an array, many rows by `COPY`."""

    def __init__(self, engine: Engine, *, locks: bool) -> None:
        ids = any_(bindparam("ids", type_=ARRAY(Text)))
        held = select(*CONTACT_COLUMNS).where(contacts.c.id == ids).order_by(contacts.c.id)
        self._contacts = _sql(engine, held.with_for_update() if locks else held)
        self._keys = _sql(engine, select(*_KEYED).where(history.c.key == ids))
        self._insert_history = _sql(engine, _insert(HISTORY_COLUMNS))
        self._insert_outbox = _sql(engine, _insert(OUTBOX_COLUMNS))
        self._insert_contacts = _sql(engine, _insert(CONTACT_COLUMNS))
        self._update_contacts = _sql(engine, _update())
        self._update_many = _update_from_copy()

    def write_token(self, connection: Connection) -> object:  # noqa: ARG002  # as on SQLite
        return None

    def load_contacts(self, connection: Connection, ids: Sequence[str]) -> Sequence[Row]:
        return _fetch(connection, self._contacts, list(ids)) if ids else ()

    def load_keys(self, connection: Connection, keys: Sequence[str]) -> Sequence[Row]:
        return _fetch(connection, self._keys, list(keys))

    def insert_history(self, connection: Connection, rows: Sequence[Row]) -> None:
        if len(rows) < COPY_FROM:
            _run(connection, self._insert_history, rows)
        else:
            _copy(connection, "history", _names(HISTORY_COLUMNS), rows)

    def insert_outbox(self, connection: Connection, rows: Sequence[Row]) -> None:
        if len(rows) < COPY_FROM:
            _run(connection, self._insert_outbox, rows)
        else:
            _copy(connection, "outbox", _names(OUTBOX_COLUMNS), rows)

    def insert_contacts(self, connection: Connection, rows: Sequence[Row]) -> None:
        ordered = sorted(rows)  # writers that meet in the same order cannot deadlock
        if len(ordered) < COPY_FROM:
            _run(connection, self._insert_contacts, ordered)
        else:
            _copy(connection, "contacts", _names(CONTACT_COLUMNS), ordered)

    def update_contacts(self, connection: Connection, rows: Sequence[Row]) -> None:
        if len(rows) < COPY_FROM:
            for row in rows:
                _check_count(_run(connection, self._update_contacts, [row]), [row])
            return
        connection.exec_driver_sql(_MAKE_CHANGED)
        _copy(connection, _CHANGED, _CHANGED_COLUMNS, rows)
        _check_count(connection.exec_driver_sql(self._update_many).rowcount, rows)


def _sql(engine: Engine, statement: Select[Any] | Insert | Update) -> str:
    """Write a statement for a database, with its parameters by position."""
    style = "format" if engine.dialect.name == "postgresql" else "qmark"
    kind: Any = type(engine.dialect)
    return str(statement.compile(dialect=kind(paramstyle=style)))


def _insert(columns: Sequence[SqlColumn[Any]]) -> Insert:
    """Insert a whole row, the parameters in the order of the columns."""
    return insert(columns[0].table).values({c: bindparam(c.name) for c in columns})


def _update() -> Update:
    """Write a whole contact if it is still as it was read: compare and swap."""
    return (
        update(contacts)
        .where(contacts.c.id == bindparam("held_id"))
        .where(contacts.c.sequence == bindparam("held_sequence"))
        .where(contacts.c.definition == bindparam("held_definition"))
        .values({c: bindparam(c.name) for c in CONTACT_COLUMNS[1:]})
    )


def _update_from_copy() -> str:
    """Write the contacts that were copied to `_CHANGED`, each if it is still as it was read."""
    changes = ", ".join(f'"{c.name}" = n."{c.name}"' for c in CONTACT_COLUMNS[1:])
    return (
        f"UPDATE contacts SET {changes} FROM {_CHANGED} AS n "  # noqa: S608  # only names
        "WHERE contacts.id = n.id AND contacts.sequence = n.held_sequence "
        "AND contacts.definition = n.held_definition"
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
