"""A whole database as files, and back: every table as JSON Lines, with a list of them.

The rows are as they are stored, so that what is loaded proves itself by the same digests, on either
kind of database. It is how a workspace moves from SQLite to PostgreSQL.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from attrs import frozen
from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, text

from funnelflow.errors import StoreError, UsageError
from funnelflow.storage.connect import reading, writing
from funnelflow.storage.schema import HEAD
from funnelflow.storage.tables import contacts, evidence, metadata, runs

_LIST: Final = "funnelflow-dump.json"
_FORMAT: Final = 1
_BATCH: Final = 1_000


@frozen
class Dumped:
    """A database as files.

    Attributes:
        directory: Where they are.
        rows: How many rows of each table.
    """

    directory: Path
    rows: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return it as data."""
        return {"directory": str(self.directory), "rows": dict(self.rows)}


def dump_database(engine: Engine, directory: Path) -> Dumped:
    """Write every table of a database, as it is at one moment, into a directory that is empty.

    Args:
        engine: The database.
        directory: Where the files go; it is made where it is not there.

    Raises:
        UsageError: There is something in the directory.
        StoreError: The database cannot be read.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is not empty", hint="name a directory that is not there yet")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    files: dict[str, dict[str, Any]] = {}
    with reading(engine) as connection:
        for table in metadata.sorted_tables:
            files[table.name] = _dump_table(connection, table, directory / f"{table.name}.jsonl")
    said = {"format": _FORMAT, "version": HEAD, "tables": files}
    with _owned(directory / _LIST) as number:
        number.write(json.dumps(said, indent=1).encode())
    return Dumped(directory, {name: found["rows"] for name, found in files.items()})


def _owned(path: Path) -> Any:
    """Open a new file that its owner alone may read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _dump_table(connection: Connection, table: Table, path: Path) -> dict[str, Any]:
    """Write one table by its key; return how many rows there are, and the digest of the file."""
    count, digest = 0, hashlib.sha256()
    rows = connection.execute(select(table).order_by(*table.primary_key.columns))
    with _owned(path) as file:
        for some in rows.yield_per(_BATCH).partitions():
            lines = b"".join(orjson.dumps(list(row)) + b"\n" for row in some)
            digest.update(lines)
            file.write(lines)
            count += len(some)
    return {"rows": count, "sha256": digest.hexdigest(), "columns": list(table.c.keys())}


def load_database(engine: Engine, directory: Path, *, dry_run: bool = False) -> Dumped:
    """Fill a database that is empty with what `dump_database` wrote; all of it, or nothing.

    Args:
        engine: The database, of the same version.
        directory: Where the files are.
        dry_run: Say what would be loaded, and load nothing.

    Raises:
        UsageError: It is no dump of this version, a file of it has been altered, or somebody is
            known to the database already.
        StoreError: The database cannot be written.
    """
    files = _listed(directory)
    with writing(engine, dry_run=dry_run) as connection:
        for table in (contacts, evidence, runs):
            if connection.execute(select(func.count()).select_from(table)).scalar_one():
                raise UsageError(
                    f"the database is not empty: its table {table.name} has rows",
                    hint="load into a new workspace: funnelflow init DIR",
                )
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
        for table in metadata.sorted_tables:
            path, listed = directory / f"{table.name}.jsonl", files[table.name]
            _require_unaltered(path, listed)
            _load_table(connection, table, path, listed["columns"])
    return Dumped(directory, {name: found["rows"] for name, found in files.items()})


def _listed(directory: Path) -> dict[str, dict[str, Any]]:
    """Read the list of a dump.

    Raises:
        UsageError: It is none of this version.
    """
    try:
        said = json.loads((directory / _LIST).read_bytes())
        form, version, tables = said["format"], said["version"], dict(said["tables"])
    except (OSError, ValueError, KeyError, TypeError):
        reason = f"{directory} holds no dump: its {_LIST} is not there or cannot be read"
        raise UsageError(reason, hint="funnelflow export all DIR makes one") from None
    names = {table.name for table in metadata.sorted_tables}
    if form != _FORMAT or version != HEAD or set(tables) != names:
        raise UsageError(
            f"the dump is of version {version}, and this is version {HEAD}",
            hint="load it with the funnelflow that made it, then: funnelflow db upgrade",
        )
    return tables


def _require_unaltered(path: Path, listed: Mapping[str, Any]) -> None:
    """Refuse a file that is not the one that was written.

    Raises:
        UsageError: It is not.
    """
    digest = hashlib.sha256()
    for lines in _batches(path):
        digest.update(b"".join(lines))
    if digest.hexdigest() != listed["sha256"]:
        raise UsageError(f"{path} is not as it was written", hint="make the dump again")


def _load_table(connection: Connection, table: Table, path: Path, columns: list[str]) -> None:
    """Insert the rows of a file, and let numbers go on behind them."""
    count = 0
    for lines in _batches(path):
        rows = [dict(zip(columns, orjson.loads(line), strict=True)) for line in lines]
        connection.execute(insert(table), rows)
        count += len(rows)
    key = next(iter(table.primary_key.columns))
    if connection.dialect.name == "postgresql" and key.identity is not None and count:
        connection.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'),"  # noqa: S608
                f" (SELECT max({key.name}) FROM {table.name}))"
            )
        )


def _batches(path: Path) -> Iterator[list[bytes]]:
    """Yield the lines of a file, some at a time.

    Raises:
        StoreError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            while lines := file.readlines(1 << 20):
                yield lines
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
