"""What a database says when it cannot, put so that a person knows what to do next.

A driver's message may quote the row it choked on (PostgreSQL: ``Key (id)=(…) already
exists``), and those rows are people. So nothing of it is passed on but its code, and the
error it came from is cut off.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from funnelflow.criteria.value_forms import INT_MAX
from funnelflow.errors import ConfigurationError, ConflictError, Error, StoreError, UsageError
from funnelflow.storage.row_format import altered


class RetryError(ConflictError):
    """The database chose another writer; nothing was changed, and trying again is right."""


_SQLITE = {
    "SQLITE_BUSY": (
        "another process has kept the database locked for too long",
        "try again when it has finished",
    ),
    "SQLITE_LOCKED": (
        "another connection has kept the database locked for too long",
        "try again when it has finished",
    ),
    "SQLITE_FULL": (
        "there is no room left to write: the disk, or the size the database may have, is full",
        "make room and run the same command again; what was acknowledged before is stored",
    ),
    "SQLITE_READONLY": (
        "the database is read-only",
        "make the file and its directory writable for this user",
    ),
    "SQLITE_PERM": (
        "the database may not be opened by this user",
        "make the file and its directory writable for this user",
    ),
    "SQLITE_CANTOPEN": (
        "the database file cannot be opened",
        "check that the file and its directory are there and may be read and written",
    ),
    "SQLITE_CORRUPT": (
        "the database file is damaged",
        "keep a copy as it is and restore a backup; `funnelflow verify` says what is wrong",
    ),
    "SQLITE_NOTADB": (
        "the file is not a funnelflow database",
        "check the setting `database`",
    ),
    "SQLITE_IOERR": (
        "the disk failed while the database was read or written",
        "check the disk and run the same command again; what was acknowledged before is stored",
    ),
    "SQLITE_NOMEM": ("there is not enough memory", "free some and run the same command again"),
    "SQLITE_TOOBIG": ("a value is too large for the database", "shorten it"),
    "SQLITE_ERROR": (
        "the database does not have the tables that it should",
        "`funnelflow db status` says what it is",
    ),
}

_LOST = (
    "the connection to the database was lost",
    (
        "run the same command again; what was acknowledged before is stored. Whether the last "
        "change was is unknown: repeat it with the same --key, and it is not done twice"
    ),
)
_STARTING = (
    "the database server is starting, or recovering from a failure",
    "run the same command again in a moment",
)
_TABLES_GONE = _SQLITE["SQLITE_ERROR"]

_POSTGRES = {
    "08": _LOST,
    "28": ("the database refused the user or the password", "check the setting `database`"),
    "3D": ("there is no such database on the server", "create it, or check the setting `database`"),
    "3F": ("there is no such schema in the database", "create it, or check the setting `database`"),
    "25006": ("the database is read-only", "connect to the server that may be written to"),
    "42501": ("the user may not do this in the database", "grant the user the right to"),
    "42P01": _TABLES_GONE,
    "42703": _TABLES_GONE,
    "53100": (
        "the server's disk is full",
        "make room and run the same command again; what was acknowledged before is stored",
    ),
    "53300": ("the server takes no more connections", "try again later"),
    "53": ("the server is short of something it needs", "look into its log, then try again"),
    "55P03": (
        "another process has kept these contacts locked for too long",
        "try again when it has finished",
    ),
    "57014": ("the server ended the statement", "try again"),
    "57P03": _STARTING,
    "57": _LOST,
    "58": ("the server failed to read or write a file", "look into its log"),
    "XX": ("the server found its data damaged", "look into its log, then restore a backup"),
}

_NO_JSON, _TOO_LARGE = "22P02", "22003"
_NOT_YET = ("starting up", "not yet accepting connections", "in recovery mode")
_RETRIED = {"40001", "40P01"}
_DUPLICATE = {"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}


@contextmanager
def translated() -> Iterator[None]:
    """Let no error of a database or its driver out: only errors of the store.

    Raises:
        UsageError: A number that was asked for is too large for the database.
        RetryError: Another writer was first; nothing was changed.
        StoreError: The database cannot do what was asked.
        ConfigurationError: The driver for the database is not installed.
    """
    try:
        yield
    except Error:
        raise
    except (SQLAlchemyError, sqlite3.Error) as error:
        translation: Error = as_store_error(error)
    except UnicodeDecodeError:  # what SQLite quotes of a damaged file may be no text
        translation = _damaged()
    except OverflowError as error:  # as Python's own driver for SQLite says it
        if not _is_of_statement(error):
            raise
        translation = _too_large()
    except Exception as error:
        if not _is_from_psycopg(error):
            raise
        translation = as_store_error(error)
    else:
        return
    raise translation from None


def as_store_error(error: BaseException) -> Error:
    """Return what a database or its driver raised as an error of ours."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, PoolTimeoutError):
        return StoreError("no connection to the database was free in time", hint="try again")
    if isinstance(cause, NoSuchModuleError):
        return ConfigurationError(
            "there is no such kind of database", hint="use a path or postgresql://…"
        )
    if isinstance(cause, sqlite3.Error):
        return _from_sqlite(cause)
    return _from_postgres(cause)


def _too_large() -> UsageError:
    """Return the error of a number that no column holds."""
    return UsageError("a number is too large", hint=f"{INT_MAX} is the largest there is")


def _damaged() -> StoreError:
    """Return the error of a damaged file."""
    message, hint = _SQLITE["SQLITE_CORRUPT"]
    return StoreError(message, hint=hint)


def _from_sqlite(error: sqlite3.Error) -> StoreError:
    """Go by the name of SQLite's result code; extended codes begin with their primary one."""
    name: str = getattr(error, "sqlite_errorname", "") or ""
    if "malformed JSON" in str(error):
        return altered("a fact about a contact")
    if name in _DUPLICATE:
        return RetryError("another process changed the same thing meanwhile", hint="try again")
    for code, (message, hint) in _SQLITE.items():
        if name == code or name.startswith(code + "_"):
            return StoreError(f"{message} ({name})", hint=hint)
    return StoreError(
        f"the database refused the operation ({name or type(error).__name__})",
        hint="`funnelflow verify` tells whether the data is sound",
    )


def _from_postgres(error: BaseException) -> Error:
    """Go by the SQLSTATE; without one, the connection itself is what failed."""
    state: str | None = getattr(error, "sqlstate", None)
    if state in _RETRIED or state in _DUPLICATE:
        return RetryError("another process changed the same thing meanwhile", hint="try again")
    if state is None:
        return _without_state(error)
    if state == _TOO_LARGE:
        return _too_large()
    if state == _NO_JSON:
        return altered("a fact about a contact")
    for code in (state, state[:2]):
        if code in _POSTGRES:
            message, hint = _POSTGRES[code]
            return StoreError(f"{message} (SQLSTATE {state})", hint=hint)
    return StoreError(
        f"the database refused the operation (SQLSTATE {state})",
        hint="`funnelflow verify` tells whether the data is sound",
    )


def _without_state(error: BaseException) -> StoreError:
    """Return the error of a connection that was never made, or of one that was lost."""
    text = str(error).lower()
    if any(words in text for words in _NOT_YET):
        return StoreError(_STARTING[0], hint=_STARTING[1])
    if "connection failed" in text or "connection timeout" in text or "resolve host" in text:
        return StoreError(
            "the database server cannot be reached, or refuses the connection",
            hint="check that it runs, and the setting `database` (host, port, user, name)",
        )
    if type(error).__name__ in {"OperationalError", "InterfaceError"}:
        return StoreError(_LOST[0], hint=_LOST[1])
    return StoreError(
        f"the database refused the operation ({type(error).__name__})",
        hint="`funnelflow db status` says what it is",
    )


def _is_of_statement(error: BaseException) -> bool:
    """Whether an error was raised while a statement was carried out, not by our own code."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    name = where.tb_frame.f_globals.get("__name__", "") if where is not None else ""
    return str(name).startswith("sqlalchemy.")


def _is_from_psycopg(error: Any) -> bool:
    """Recognise the driver's errors without importing it."""
    return any(kind.__module__.partition(".")[0] == "psycopg" for kind in type(error).__mro__)
