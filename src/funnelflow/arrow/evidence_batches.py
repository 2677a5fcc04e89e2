"""Evidence in Arrow: brought into one form, batch by batch, and sorted by contact and time."""

import datetime as dt
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
from attrs import define, field, frozen

from funnelflow.criteria import TIMESTAMP, Field
from funnelflow.errors import Error, FieldError, UsageError, nearest

MOMENT = pa.timestamp("us", tz="UTC")
"""How times are held: in microseconds, in UTC."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

REQUIRED = ("contact", "event", "at")
OPTIONAL: Mapping[str, pa.DataType] = {
    "arrival": pa.int64(),
    "actor": pa.string(),
    "roles": pa.list_(pa.string()),
    "facts": pa.string(),
    "to_stage": pa.string(),
    "reason": pa.string(),
    "force": pa.bool_(),
    "asserted": pa.bool_(),
    "voids": pa.list_(pa.int64()),
}
"""The columns that evidence may have beside those that it needs, and beside one for each field."""

REJECTED = pa.schema(
    [
        pa.field("arrival", pa.int64(), nullable=False),
        pa.field("contact", pa.string()),
        pa.field("event", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""Rows that cannot be read: which one it is, and why not."""

Reject: TypeAlias = Callable[[pa.RecordBatch], object]
"""Takes rejected rows, in batches of the schema `REJECTED`."""

_ROWS = 65_536
_AT = Field("at", TIMESTAMP, title="the time")


@frozen
class EvidenceColumns:
    """How the columns of evidence are read.

    Attributes:
        fields: The fields that a column of its own may be about, by name.
        renamed: Column to what it is called here.
        timezone: The zone of times without an offset; None refuses them.
        text: Whether facts are text as a person types it ("5000", "yes").
        reject: Takes the rows that cannot be read; None raises for the first.
    """

    fields: Mapping[str, Field]
    renamed: Mapping[str, str] = field(factory=dict)
    timezone: dt.tzinfo | None = None
    text: bool = False
    reject: Reject | None = None

    def refuse(self, rows: Iterable[tuple[int, str | None, str | None, str]]) -> None:
        """Hand on rows that cannot be read: arrival, contact, event and reason of each.

        Raises:
            FieldError: Nobody takes them.
        """
        found = list(rows)
        if not found:
            return
        if self.reject is None:
            arrival, contact, _, reason = found[0]
            raise FieldError(
                f"row {arrival} of the evidence, about {contact!r}: {reason}",
                hint="to go on without such rows, say where they go: rejects=…",
            )
        said = [dict(zip(REJECTED.names, row, strict=True)) for row in found]
        self.reject(pa.RecordBatch.from_pylist(said, schema=REJECTED))


def open_evidence(source: Any) -> pa.RecordBatchReader:
    """Return a reader of batches of what may be a table, a stream, a file or a data set.

    Args:
        source: A `RecordBatchReader`, a data set, a path to a Parquet file or a directory of
            them, or anything with the Arrow PyCapsule interface (tables, pandas, Polars, DuckDB).

    Raises:
        UsageError: It is none of these.
    """
    if isinstance(source, pa.RecordBatchReader):
        return source
    if isinstance(source, str | Path) and Path(source).is_file():
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415  # as below

        file = ParquetFile(source)  # a data set would read more of it ahead
        return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(_ROWS))
    if isinstance(source, str | Path):
        import pyarrow.dataset  # noqa: PLC0415  # takes longer to load than Arrow itself

        source = pyarrow.dataset.dataset(source)
    if hasattr(source, "scanner"):
        return source.scanner(
            batch_size=_ROWS, batch_readahead=0, fragment_readahead=0, use_threads=False
        ).to_reader()
    if hasattr(source, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(source)
    raise UsageError(
        f"{type(source).__name__} is no evidence that Arrow can read",
        hint="give a table, a reader of batches, a data set or the path of a Parquet file",
    )


@define(eq=False)
class PreparedEvidence:
    """Evidence with its columns in one form; rows that have none are handed on.

    A column that is no part of evidence and names no field is left out.

    Args:
        reader: The evidence.
        columns: How its columns are read.

    Attributes:
        schema: The columns that it has then.
        error: What ended the reading, where Arrow or DuckDB wrap it in an error of theirs.

    Raises:
        UsageError: A column that is needed is not there, or one comes twice.
    """

    _reader: pa.RecordBatchReader
    _columns: EvidenceColumns
    _names: list[str] = field(init=False)
    schema: pa.Schema = field(init=False)
    error: Error | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Find out which columns there are."""
        given, renamed = self._reader.schema, self._columns.renamed
        self._names = [renamed.get(name, name) for name in given.names]
        _require_columns(self._names)
        self.schema = _schema_of(given, self._names, self._columns.fields)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches."""
        count = 0
        for batch in self._reader:
            renamed = batch.rename_columns(self._names)
            if batch.num_rows:
                yield _prepared(renamed, self.schema, self._columns, count)
            count += batch.num_rows

    def reader(self) -> pa.RecordBatchReader:
        """Return the same for who takes nothing but a reader."""

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                yield from self
            except Error as error:
                self.error = error
                raise

        return pa.RecordBatchReader.from_batches(self.schema, batches())


def sort_evidence(
    evidence: PreparedEvidence, memory: str = "1GB"
) -> Generator[pa.RecordBatch, None, None]:
    """Yield evidence sorted by contact, time and arrival.

    DuckDB sorts it, and writes what does not fit into memory to a temporary directory; where
    it is not installed Arrow sorts all of it in memory.

    Args:
        evidence: The evidence.
        memory: How much of it DuckDB holds at once.

    Raises:
        Error: A row cannot be read, and nobody takes it.
    """
    try:
        import duckdb  # noqa: PLC0415  # only who sorts needs it
    except ImportError:
        order = [(name, "ascending") for name in _ORDER]
        table = pa.Table.from_batches(list(evidence), evidence.schema)
        yield from table.sort_by(order).to_batches(max_chunksize=_ROWS)
        return
    with (
        TemporaryDirectory() as directory,
        duckdb.connect(config={"memory_limit": memory, "temp_directory": directory}) as connection,
    ):
        connection.register("evidence", evidence.reader())
        ordered = ", ".join(f'"{name}"' for name in _ORDER)
        try:
            found = connection.table("evidence").order(ordered)
            for batch in found.to_arrow_reader(_ROWS):
                yield batch.cast(evidence.schema)
        except duckdb.Error:
            if evidence.error is None:
                raise
            raise evidence.error from None


_ORDER = ("contact", "at", "arrival")


def _require_columns(names: list[str]) -> None:
    for needed in REQUIRED:
        if needed not in names:
            guess = nearest(needed, names)
            like = f"{guess!r}" if guess else "NAME"
            raise UsageError(
                f"the evidence has no column {needed!r}: it has {', '.join(names)}",
                hint=f"say which one it is: columns={{{like}: {needed!r}}}",
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"the evidence has several columns {twice[0]!r}", hint="rename one of them: columns="
        )


def _schema_of(given: pa.Schema, names: list[str], fields: Mapping[str, Field]) -> pa.Schema:
    """Return the schema of prepared evidence: what is needed, what is there, and the fields."""
    types = {"contact": pa.string(), "event": pa.string(), "at": MOMENT, "arrival": pa.int64()}
    types |= {name: kind for name, kind in OPTIONAL.items() if name in names}
    for name, column in zip(names, given, strict=True):
        if name in types or name not in fields:
            continue
        kind = column.type
        types[name] = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.schema(list(types.items()))


def _prepared(
    batch: pa.RecordBatch, schema: pa.Schema, columns: EvidenceColumns, start: int
) -> pa.RecordBatch:
    """Return a batch in the form of a schema, without the rows that have no place in it."""
    found: dict[str, pa.Array] = {}
    if "arrival" not in batch.schema.names:
        found["arrival"] = pa.array(range(start, start + batch.num_rows), pa.int64())
    for name in schema.names:
        if name not in found:
            found[name] = _cast(name, batch.column(name), schema.field(name).type)
    found["at"], said = _moments(batch.column("at"), columns.timezone)
    nobody = pc.or_kleene(pc.is_null(found["contact"]), pc.equal(found["contact"], ""))
    bad = pc.or_(pc.or_(nobody, pc.is_null(found["event"])), pc.is_null(found["at"]))
    table = pa.RecordBatch.from_arrays([found[name] for name in schema.names], schema=schema)
    if not pc.any(bad).as_py():
        return table
    rows = [number for number, is_bad in enumerate(bad.to_pylist()) if is_bad]
    lost = table.take(pa.array(rows))
    columns.refuse(
        (row["arrival"], row["contact"], row["event"], _why(row, said.get(number, "")))
        for number, row in zip(rows, lost.to_pylist(), strict=True)
    )
    return table.filter(pc.invert(bad))


def _why(row: Mapping[str, Any], said: str) -> str:
    """Say why a row has no place: what it lacks, or what is wrong with its time."""
    lacking = [name for name in REQUIRED if row[name] in (None, "")]
    return said or f"it has no {' and no '.join(lacking)}"


def _cast(name: str, column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return a column as another type; the time is read apart."""
    if name == "at":
        return column
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if name == "facts" and pa.types.is_nested(column.type):
        return pa.array([_as_json(facts) for facts in column.to_pylist()], kind)
    if name in ("roles", "voids") and not pa.types.is_nested(column.type):
        return pa.array([None if text is None else json.loads(text) for text in column.to_pylist()])
    return column if column.type == kind else column.cast(kind)


def _as_json(facts: Any) -> str | None:
    """Write facts of a struct, where null says nothing, or of a map as JSON."""
    if facts is None:
        return None
    pairs = facts.items() if isinstance(facts, dict) else facts
    return json.dumps({name: value for name, value in pairs if value is not None}, default=str)


def _moments(column: pa.Array, timezone: dt.tzinfo | None) -> tuple[pa.Array, dict[int, str]]:
    """Read times; return them, null where there is none, and what is wrong with those by row."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return column.cast(MOMENT, safe=False), {}
    if pa.types.is_timestamp(kind):  # Python reads an hour that a clock leaves out as files do
        column = column.cast(pa.timestamp("us"), safe=False)
    read: list[dt.datetime | None] = []
    said: dict[int, str] = {}
    for number, value in enumerate(column.to_pylist()):
        try:
            moment = _AT.normalise(value, timezone)
        except FieldError as error:
            moment, said[number] = None, error.message
        read.append(moment if isinstance(moment, dt.datetime) else None)
    return pa.array(read, MOMENT), said
