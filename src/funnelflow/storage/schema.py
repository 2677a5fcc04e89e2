"""Which version a database is, and how it gets to the one that this program needs.

A database is recognised by the table that holds its version. One that has tables but not
that one belongs to some other application, and is left alone.
"""

from pathlib import Path
from typing import Literal, TypeAlias

from attrs import frozen
from sqlalchemy import Connection, Engine, inspect, text

from funnelflow.errors import StoreError
from funnelflow.storage.connect import Database, connect, reading, writing
from funnelflow.storage.database_errors import translated

MIGRATIONS = Path(__file__).parent / "migrations"
REVISIONS = ("0001",)
"""Every version of the tables, oldest first; the same as the migrations, without loading them."""

HEAD = REVISIONS[-1]
VERSION_TABLE = "funnelflow_version"

State: TypeAlias = Literal["current", "older", "newer", "empty", "foreign"]

_ADVICE = {
    "older": ("the database is of an older version of funnelflow", "run `funnelflow db upgrade`"),
    "newer": (
        "the database is of a newer version of funnelflow",
        "use that version: `pip install --upgrade funnelflow`",
    ),
    "empty": (
        "the database is empty",
        "run `funnelflow db upgrade` to make the tables, or check the setting `database`",
    ),
    "foreign": (
        "the database belongs to another application: it has tables, but none of funnelflow",
        "check the setting `database`; funnelflow wants a database or a schema of its own",
    ),
}


@frozen
class DatabaseStatus:
    """What a database is to this version of the program.

    Attributes:
        database: Its name, without a password.
        kind: ``sqlite`` or ``postgresql``.
        state: Whether it can be used as it is, and if not, why.
        revision: The version of its tables; empty when there is none.
        head: The version that this program needs.
    """

    database: str
    kind: str
    state: State
    revision: str
    head: str = HEAD


def status(database: Database) -> DatabaseStatus:
    """Return what a database is, changing nothing.

    Raises:
        StoreError: It cannot be read, or there is none.
    """
    engine = connect(database)
    try:
        with reading(engine) as connection:
            state, revision = _state(connection)
    finally:
        engine.dispose()
    return DatabaseStatus(str(database), database.kind, state, revision)


def require_current(engine: Engine, database: Database) -> None:
    """Refuse a database that this version of the program cannot use as it is.

    Raises:
        StoreError: It is older, newer, empty or some other application's.
    """
    with translated(), engine.connect() as connection:
        connection.execution_options(funnelflow_reads=True)
        if _quick_revision(connection) == HEAD:
            return
        state, _ = _state(connection)
    if state == "current":  # the first look was broken off
        return
    message, hint = _ADVICE[state]
    raise StoreError(f"{message}: {database}", hint=hint)


def create_tables(database: Database) -> None:
    """Make the tables in an empty database, and the file on SQLite when it is not there.

    Raises:
        StoreError: It is not empty, or cannot be written.
    """
    _require_directory(database.path)
    _bring_up(database, {"empty", "current"}, create=True)


def upgrade(database: Database) -> tuple[str, str]:
    """Bring a database to the version of this program; several at once are no harm.

    Returns:
        The version before, empty when there were no tables, and the version now.

    Raises:
        StoreError: It is newer, some other application's, or cannot be written.
    """
    return _bring_up(database, {"empty", "older", "current"}), HEAD


def _bring_up(database: Database, welcome: set[State], *, create: bool = False) -> str:
    """Run the migrations if the database is in a welcome state; gives its version before."""
    engine = connect(database, create=create)
    try:
        with reading(engine) as connection:
            _refuse_others(connection, database, welcome)
        if database.path is not None:
            _use_wal(engine)
        with writing(engine) as connection:
            _lock_schema(connection)
            revision = _refuse_others(connection, database, welcome)
            _migrate(connection)
    finally:
        engine.dispose()
    return revision


def _refuse_others(connection: Connection, database: Database, welcome: set[State]) -> str:
    """Leave a database alone that is not in a welcome state; gives its version."""
    state, revision = _state(connection)
    if state not in welcome:
        message, hint = _ADVICE[state]
        raise StoreError(f"{message}: {database}", hint=hint)
    return revision


def _state(connection: Connection) -> tuple[State, str]:
    """Return the state of a database, and the version of its tables."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return "empty", ""
    if VERSION_TABLE not in tables:
        return "foreign", ""
    revision = _revision(connection)
    if revision == HEAD:
        return "current", revision
    return ("older" if revision in REVISIONS else "newer"), revision


def _quick_revision(connection: Connection) -> str:
    """Read the version in one statement where that can succeed; empty where it cannot."""
    try:
        return _revision(connection)
    except Exception:  # noqa: BLE001  # whatever it is, the slow way says what is wrong
        connection.rollback()
        return ""


def _revision(connection: Connection) -> str:
    """Read the version from its table."""
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return str(found) if found is not None else ""


def _migrate(connection: Connection) -> None:
    """Run the migrations that are missing, in the transaction of the connection."""
    from alembic import command  # noqa: PLC0415  # slow to load, and rarely needed
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _lock_schema(connection: Connection) -> None:
    """Let one process migrate at a time; SQLite's write lock does that by itself."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(4606042717)"))


def _use_wal(engine: Engine) -> None:
    """Let readers and a writer work at the same time; the file remembers it."""
    with translated():
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode = WAL")
        finally:
            raw.close()


def _require_directory(path: Path | None) -> None:
    """Refuse a new file where there is no directory for it."""
    if path is not None and not path.parent.is_dir():
        raise StoreError(
            f"there is no directory {path.parent}",
            hint="make it, or check the setting `database`",
        )
