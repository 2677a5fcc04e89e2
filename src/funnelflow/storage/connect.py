"""Reaching a database: which one is meant, and how its transactions begin."""

import logging
import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from attrs import frozen
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from funnelflow.errors import ConfigurationError, StoreError, without_passwords
from funnelflow.plugins.isolation import refuse_inside
from funnelflow.storage.database_errors import translated

Kind: TypeAlias = Literal["sqlite", "postgresql"]

_QUIET = "funnelflow"
logging.getLogger(f"sqlalchemy.engine.Engine.{_QUIET}").setLevel(logging.WARNING)
"""SQLAlchemy logs the rows it reads when its loggers are turned up; ours stays quiet then."""

_AFTERWARDS = "funnelflow_afterwards"
_UNCOMMITTED = "funnelflow_uncommitted"
BUSY_SECONDS = 60
"""How long a writer waits for another one before it gives up."""


@frozen
class Database:
    """Which database is meant.

    Attributes:
        kind: SQLite or PostgreSQL.
        url: Where it is, for SQLAlchemy; its text form hides a password.
        path: The file; None on PostgreSQL.
    """

    kind: Kind
    url: URL
    path: Path | None = None

    def __str__(self) -> str:
        """Name it for people, without a password."""
        named = str(self.path) if self.path is not None else self.url.render_as_string()
        return without_passwords(named)


def locate(setting: str, directory: Path) -> Database:
    """Return the database that a setting means.

    Args:
        setting: A path, ``sqlite:///path``, or ``postgresql://user@host/name``.
        directory: Where a relative path starts.

    Raises:
        ConfigurationError: It is neither, or the driver for PostgreSQL is not installed.
    """
    scheme, separator, rest = setting.partition("://")
    if not separator:
        return _file(directory / Path(setting).expanduser())
    if scheme == "sqlite":
        return _file(directory / rest.removeprefix("/"))
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise ConfigurationError(
            f"there is no database of kind {scheme!r}", hint="use a path or postgresql://…"
        )
    try:
        url = make_url(f"postgresql+psycopg://{rest}")
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the setting `database` is not a URL", hint="write postgresql://user@host/name"
        ) from None
    if find_spec("psycopg") is None:
        raise ConfigurationError(
            "the driver for PostgreSQL is not installed",
            hint="pip install 'funnelflow[postgres]'",
        )
    return Database("postgresql", url)


def connect(database: Database, *, create: bool = False, engine: Engine | None = None) -> Engine:
    """Return the engine that reaches a database; nothing is opened before it is used.

    Args:
        database: Which one.
        create: Make the SQLite file when it is not there.
        engine: Somebody's own engine, from whose pool the connections are to come.

    Raises:
        ConfigurationError: The engine is for another kind of database.
    """
    if engine is not None:
        return _adapted(engine, database)
    if database.path is not None:
        return _forkable(_connect_sqlite(database, database.path, create=create))
    engine = create_engine(
        database.url,
        hide_parameters=True,
        logging_name=_QUIET,
        paramstyle="format",
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": 10, "application_name": "funnelflow"},
    )
    event.listen(engine, "connect", _prepare_postgres)
    return _forkable(engine)


_engines: "weakref.WeakSet[Engine]" = weakref.WeakSet()
_inherited: list[object] = []
"""The pools that a forked process got from its parent, kept so that nothing in them is closed."""


def _forkable(engine: Engine) -> Engine:
    """Let an engine begin anew in a process that is forked: connections cannot be shared."""
    _engines.add(engine)
    return engine


def _begin_anew() -> None:
    """Let go of the connections of the parent, without closing what it goes on using."""
    for engine in list(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _adapted(engine: Engine, database: Database) -> Engine:
    """Return an engine with the same pool whose transactions begin as ours do."""
    if engine.dialect.name != database.kind:
        raise ConfigurationError(
            f"the engine is for {engine.dialect.name}, and the database is {database}",
            hint="name the database of the engine: database=…",
        )
    if database.kind == "sqlite":
        ours = engine.execution_options()
        event.listen(ours, "begin", _begin)
        return ours
    return engine.execution_options(isolation_level="READ COMMITTED")


@contextmanager
def writing(engine: Engine, *, dry_run: bool = False) -> Iterator[Connection]:
    """Run one writing transaction: all of it is stored when the block ends, or nothing is.

    On SQLite it holds the only write lock from the start, so that what it reads cannot change
    under it; on PostgreSQL the rows it is about to change are locked as they are read.

    Args:
        engine: The database.
        dry_run: Undo everything at the end.

    Raises:
        RetryError: Another writer was first; nothing was changed.
        StoreError: The database cannot do it; nothing was changed.
        UsageError: A plugin asks for it while one of its hooks runs.
    """
    refuse_inside("change the workspace")
    with translated(), engine.connect() as connection, connection.begin() as transaction:
        waiting: list[Callable[[], None]] = []
        connection.info[_AFTERWARDS] = waiting
        connection.execution_options(**{_UNCOMMITTED: {}})
        yield connection
        if dry_run:
            transaction.rollback()
        else:
            _refuse_silent_loss(connection)
    if not dry_run:
        for call in waiting:
            call()


def afterwards(connection: Connection, call: Callable[[], None]) -> None:
    """Have something done when a writing transaction has been committed, and only then.

    Args:
        connection: The transaction, from `writing`.
        call: What is called then; it must not raise.
    """
    connection.info[_AFTERWARDS].append(call)


def uncommitted(connection: Connection) -> dict[Any, Any]:
    """Return a place for what is known of rows that this transaction made; it ends with it.

    Whoever keeps such knowledge longer has to wait for the commit: after a rollback SQLite gives
    the numbers of the rows to others.

    Args:
        connection: The transaction; one that does not write made no rows.
    """
    made: dict[Any, Any] = connection.get_execution_options().get(_UNCOMMITTED, {})
    return made


@contextmanager
def rehearsing(engine: Engine) -> Iterator[Connection]:
    """Run a transaction that is always undone, and on SQLite holds no write lock before a write.

    Raises:
        StoreError: The database cannot be used.
        UsageError: A plugin asks for it while one of its hooks runs.
    """
    refuse_inside("change the workspace")
    with translated(), engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.execution_options(funnelflow_reads=True)
        with connection.begin() as transaction:
            connection.info[_AFTERWARDS] = []
            connection.execution_options(**{_UNCOMMITTED: {}})
            yield connection
            transaction.rollback()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Run one reading transaction, which sees one state of the database from first to last.

    Raises:
        StoreError: The database cannot be read.
    """
    with translated(), engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        else:
            connection.execution_options(funnelflow_reads=True)
        with connection.begin():
            yield connection


def _file(path: Path) -> Database:
    """Return the SQLite database in a file."""
    return Database("sqlite", URL.create("sqlite", database=str(path)), path)


def _connect_sqlite(database: Database, path: Path, *, create: bool) -> Engine:
    """Set SQLite up so that a commit that was acknowledged survives a power cut."""
    engine = create_engine(
        database.url,
        hide_parameters=True,
        logging_name=_QUIET,
        creator=_opener(path, create=create),
    )
    event.listen(engine, "begin", _begin)
    return engine


def _opener(path: Path, *, create: bool) -> Callable[[], sqlite3.Connection]:
    """Return what opens the file; one that is not there is not made by reading from it."""

    def open_file() -> sqlite3.Connection:
        mode = "rwc" if create else "rw"
        if create:
            _make_private(path)
        if not create and not path.is_file():
            raise StoreError(
                f"there is no database {without_passwords(str(path))}",
                hint="start a workspace with `funnelflow init`, or check the setting `database`",
            )
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_SECONDS,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    return open_file


def _make_private(path: Path) -> None:
    """Make a file that its owner alone can read; SQLite gives what it puts beside it the same."""
    with suppress(OSError):  # SQLite says what is wrong, or it is there
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _begin(connection: Connection) -> None:
    """Take the write lock at once unless the transaction only reads.

    A deferred ``BEGIN`` asks for it at the first write, and fails then without waiting if
    another process has written since the first read.
    """
    reads = connection.get_execution_options().get("funnelflow_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _refuse_silent_loss(connection: Connection) -> None:
    """Notice that SQLite has rolled back by itself, when committing would say that all is well."""
    driver: Any = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection) and not driver.in_transaction:
        raise StoreError(
            "the database undid the change by itself", hint="run the same command again"
        )


_NAME_SCHEMA = """
SELECT set_config('search_path', quote_ident(coalesce((
  SELECT n.nspname FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = 'funnelflow_version' AND n.nspname = ANY (current_schemas(false))
  ORDER BY array_position(current_schemas(false), n.nspname) LIMIT 1
), current_schema())) || ', pg_temp', false)
WHERE current_schema() IS NOT NULL
"""
"""Names the one schema in which our tables are: another's before it must not shadow one of them."""


def _prepare_postgres(connection: Any, _record: object) -> None:
    """Bound the wait for a lock, as on SQLite, and never trade durability for speed."""
    connection.execute(f"SET lock_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("SET synchronous_commit = on")
    connection.execute(_NAME_SCHEMA)
    connection.commit()
