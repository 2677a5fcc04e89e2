"""Searching what is stored for values: whether anything is left of somebody who was erased."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from sqlalchemy import Connection, Text, func, literal, or_, select, text

from funnelflow.errors import StoreError, UsageError
from funnelflow.maintenance.erase_files import rejects_files
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.tables import metadata

_PIECE = 1 << 20
_SHORTEST = 3


@frozen
class FoundValue:
    """Where a value stands.

    Attributes:
        value: The value, as it was asked for.
        where: A file, a table, or a table's statistics.
        count: How often, or in how many rows.
    """

    value: str
    where: str
    count: int

    def to_json(self) -> dict[str, Any]:
        """Return it as data."""
        return asdict(self)


def search_values(context: Context, values: Collection[str]) -> tuple[FoundValue, ...]:
    """Search for values; see `Workspace.search_values`.

    On SQLite the bytes of the file and of its log are searched, free space included; on
    PostgreSQL the rows of the tables and what `ANALYZE` keeps of them. A value is looked for as
    it is written in UTF-8 and as JSON has it.
    """
    for value in values:
        if len(value.strip()) < _SHORTEST:
            raise UsageError(f"{value!r} is too short to be searched for", hint="name whole values")
    spelt = {value: tuple({value, *_in_json(value)}) for value in values}
    with reading(context.engine) as connection:
        files = [part.path for part in rejects_files(connection, context.directory)]
        found = list(_in_rows(connection, spelt))
    if context.database.path is not None:
        database = context.database.path
        beside = (database.with_name(f"{database.name}{end}") for end in ("-wal", "-journal"))
        files = [database, *(path for path in beside if path.is_file()), *files]
    for path in files:
        found += _in_file(path, spelt)
    return tuple(found)


def _in_json(value: str) -> tuple[str, str]:
    """Return a value as JSON has it: as it is, and with ASCII alone, as in what others wrote."""
    return json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1]


def _in_rows(connection: Connection, spelt: Mapping[str, tuple[str, ...]]) -> Iterator[FoundValue]:
    """Search the rows of all tables, and on PostgreSQL what it keeps of them to plan with."""
    for table in metadata.sorted_tables:
        texts = [column for column in table.columns if isinstance(column.type, Text)]
        for value, forms in spelt.items():
            found = or_(*(_contains(connection, c, form) for c in texts for form in forms))
            wanted = select(func.count()).select_from(table).where(found)
            if count := connection.execute(wanted).scalar_one():
                yield FoundValue(value, f"table {table.name}", count)
    if connection.dialect.name != "postgresql":
        return
    for value, forms in spelt.items():
        for name, count in _in_statistics(connection, forms):
            yield FoundValue(value, f"statistics of the table {name}", count)


def _contains(connection: Connection, column: Any, form: str) -> Any:
    find = func.strpos if connection.dialect.name == "postgresql" else func.instr
    return find(column, literal(form)) > 0


_STATISTICS = text(
    "SELECT tablename, most_common_vals::text, histogram_bounds::text FROM pg_stats "
    "WHERE schemaname = current_schema()"
)


def _in_statistics(connection: Connection, forms: Iterable[str]) -> Iterator[tuple[str, int]]:
    for table, *kept in connection.execute(_STATISTICS):
        texts = [one.replace('\\"', '"').replace("\\\\", "\\") for one in kept if one]
        if count := sum(any(form in one for form in forms) for one in texts):
            yield table, count


def _in_file(path: Path, spelt: Mapping[str, tuple[str, ...]]) -> Iterator[FoundValue]:
    """Search the bytes of a file, piece by piece."""
    forms = {form.encode(): value for value, some in spelt.items() for form in some}
    counts = dict.fromkeys(spelt, 0)
    keep = max(map(len, forms)) - 1
    try:
        with path.open("rb") as file:
            before = b""
            while piece := file.read(_PIECE):
                here = before + piece
                for form, value in forms.items():
                    counts[value] += _count(here, form, len(before))
                before = here[-keep:]
    except OSError as error:
        raise StoreError(
            f"{path} cannot be searched: {error.strerror or error}", hint="make it readable"
        ) from error
    return (FoundValue(value, str(path), count) for value, count in counts.items() if count)


def _count(here: bytes, form: bytes, known: int) -> int:
    """Count where a value ends behind the first bytes, which were searched before."""
    start = max(known - len(form) + 1, 0)
    return here.count(form, start)
