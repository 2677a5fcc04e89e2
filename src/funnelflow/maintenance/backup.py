"""A copy of a whole database, whole at one moment, by the database's own means, and back.

A file of SQLite is not copied by copying it: what the write-ahead log holds would be missing.
SQLite's backup API reads it as one state while others write; on PostgreSQL it is ``pg_dump`` and
``pg_restore``, which come with PostgreSQL.
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from sqlalchemy import URL, func, select

from funnelflow.errors import StoreError, UsageError, without_passwords
from funnelflow.storage.connect import Database, connect, reading
from funnelflow.storage.schema import status as database_status

_PAGES: Final = 2_000
_DUMPED: Final = b"PGDMP"
_SQLITE: Final = b"SQLite format 3\0"


@frozen
class BackedUp:
    """A copy of a database.

    Attributes:
        file: The copy.
        database: The database.
        size: The bytes of the copy.
    """

    file: Path
    database: str
    size: int

    def to_json(self) -> dict[str, Any]:
        """Return it as data."""
        return {"file": str(self.file), "database": self.database, "bytes": self.size}


def back_up(database: Database, file: Path) -> BackedUp:
    """Write a copy of a database, as it is at one moment, to a new file.

    Args:
        database: The database; others may write to it meanwhile.
        file: The file, which must not be there; its owner alone can read it.

    Raises:
        UsageError: There is something at `file`.
        StoreError: The database cannot be read, or what copies it is not there.
    """
    if file.exists():
        raise UsageError(f"{file} is there already", hint="name a file that is not there yet")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if database.path is not None:
            _copy(database.path, draft)
        else:
            tables = f'--table="{_schema(database)}".*'
            _run(
                "pg_dump", database.url, "--format=custom", "--no-owner", tables, f"--file={draft}"
            )
        draft.replace(file)
    except OSError as error:
        raise StoreError(
            f"{file} cannot be written: {error.strerror}", hint="name another file"
        ) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    return BackedUp(file, str(database), file.stat().st_size)


def restore(database: Database, file: Path, *, force: bool = False) -> BackedUp:
    """Put a copy that `back_up` wrote in the place of a database.

    Args:
        database: The database; nobody may be using it.
        file: The copy.
        force: Replace a database that is there; of one of SQLite, it is kept beside it.

    Raises:
        UsageError: `file` is no copy of this kind of database, or there is a database and not
            `force`.
        StoreError: It cannot be done.
    """
    kind = _DUMPED if database.path is None else _SQLITE
    try:
        with file.open("rb") as opened:
            is_copy = opened.read(len(kind)) == kind
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}", hint="name a copy that db backup has made"
        ) from None
    if not is_copy:
        raise UsageError(
            f"{file} is no copy of a database of this kind",
            hint=f"the database here is {database.kind}; funnelflow db load reads files of db dump",
        )
    if database.path is not None:
        _put_in_place(database.path, file, force=force)
    else:
        if not force and database_status(database).state != "empty":
            raise UsageError(
                "there is something in the database already",
                hint="--force puts the copy in its place",
            )
        flags = ("--clean", "--if-exists") if force else ()
        _run(
            *("pg_restore", database.url, "--no-owner", "--single-transaction", *flags, str(file)),
            told=f"--dbname={_plain(database.url)}",
        )
    return BackedUp(file, str(database), file.stat().st_size)


def _schema(database: Database) -> str:
    """Return the schema of PostgreSQL in which the tables are."""
    engine = connect(database)
    try:
        with reading(engine) as connection:
            found = connection.execute(select(func.current_schema())).scalar()
    finally:
        engine.dispose()
    return str(found)


def _copy(source: Path, target: Path) -> None:
    """Copy a database of SQLite, as it is at one moment."""
    if not source.is_file():
        raise StoreError(
            f"there is no database {without_passwords(str(source))}",
            hint="check the setting `database`",
        )
    try:
        with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
            here.backup(there, pages=_PAGES)
            found = there.execute("PRAGMA quick_check").fetchone()
    except sqlite3.Error as error:
        raise StoreError(
            f"the database cannot be copied: {error}", hint="funnelflow verify says what is wrong"
        ) from None
    if found != ("ok",):
        raise StoreError(
            "the database is damaged, and so is its copy, which was not kept",
            hint="funnelflow verify says what is wrong; an older copy may be whole",
        )


def _put_in_place(path: Path, file: Path, *, force: bool) -> None:
    """Put a copy where a database of SQLite is, or was."""
    if path.exists() and not force:
        raise UsageError(
            f"there is a database already: {path}",
            hint="--force puts the copy in its place, and keeps what is there beside it",
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _copy(file, draft)
        if path.exists():
            _copy(path, _beside(path))
        for name in ("-wal", "-shm"):
            path.with_name(path.name + name).unlink(missing_ok=True)
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}", hint="free it") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """Return a new file beside a database for what it held."""
    names = (path.with_name(f"{path.name}.before-{n}") for n in range(1, 1_000))
    new = next(name for name in names if not name.exists())
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    return new


def _run(program: str, url: URL, *arguments: str, told: str = "") -> None:
    """Run a program of PostgreSQL on a database; the password goes by the environment."""
    found = shutil.which(program)
    if found is None:
        raise StoreError(
            f"{program} is not there, which copies databases of PostgreSQL",
            hint="it comes with PostgreSQL's client programs; funnelflow db dump needs nothing",
        )
    password = {} if url.password is None else {"PGPASSWORD": str(url.password)}
    done = subprocess.run(  # noqa: S603  # a program of PostgreSQL, found on the path
        [found, *arguments, told or f"--dbname={_plain(url)}"],
        env={**os.environ, **password},
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        said = without_passwords(
            "; ".join(done.stderr.strip().splitlines()[:2]) or "it said nothing"
        )
        raise StoreError(f"{program} failed: {said}", hint="check the setting `database`")


def _plain(url: URL) -> str:
    """Write a URL as PostgreSQL's programs read it, without its password."""
    plain = url.set(drivername="postgresql", password=None)
    return plain.render_as_string(hide_password=False)
