"""The fold over evidence on a Spark cluster: contacts are spread over it, and nothing else is.

Evidence is a DataFrame with the columns that `funnelflow.arrow` reads: ``contact``, ``event`` and
``at``, and those that are optional there. Rows of one instant keep the order of the column
``arrival``; where it is left out, that in which Spark happens to read them.
"""

import datetime as dt
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as sql
from pyspark.sql.pandas.types import from_arrow_schema

from funnelflow.arrow import DECISIONS, POSITIONS, REJECTED, STAYS, AnyDefinition, fold, funnels_of
from funnelflow.errors import UsageError

__all__ = ["SCHEMAS", "decisions", "fold_table", "positions", "rejected", "stays"]

SCHEMAS: Final[Mapping[str, pa.Schema]] = {
    "stays": STAYS,
    "decisions": DECISIONS,
    "positions": POSITIONS,
    "rejected": REJECTED,
}
"""The tables that evidence can be folded into, by name."""

_ORDER = ("contact", "at", "arrival")


def stays(
    evidence: DataFrame, definition: AnyDefinition | Sequence[AnyDefinition], **options: Any
) -> DataFrame:
    """Return every time of every contact in a stage; see `fold_table`."""
    return fold_table("stays", evidence, definition, **options)


def decisions(
    evidence: DataFrame, definition: AnyDefinition | Sequence[AnyDefinition], **options: Any
) -> DataFrame:
    """Return what became of each row of evidence; see `fold_table`."""
    return fold_table("decisions", evidence, definition, **options)


def positions(
    evidence: DataFrame, definition: AnyDefinition | Sequence[AnyDefinition], **options: Any
) -> DataFrame:
    """Return where each contact is; see `fold_table`."""
    return fold_table("positions", evidence, definition, **options)


def rejected(
    evidence: DataFrame, definition: AnyDefinition | Sequence[AnyDefinition], **options: Any
) -> DataFrame:
    """Return the rows of evidence that cannot be read, and why not; see `fold_table`."""
    return fold_table("rejected", evidence, definition, **options)


def fold_table(  # noqa: PLR0913  # all that can be said of evidence, by keyword
    wanted: str,
    evidence: DataFrame,
    definition: AnyDefinition | Sequence[AnyDefinition],
    *,
    at: dt.datetime | str | None = None,
    partitions: int | None = None,
    columns: Mapping[str, str] | None = None,
    timezone: dt.tzinfo | None = None,
    text: bool = False,
    strict: bool = True,
) -> DataFrame:
    """Return what comes of evidence, as a DataFrame with the columns of a schema of `SCHEMAS`.

    Args:
        wanted: The name of that schema.
        evidence: The evidence.
        definition: The definition that decides, or several, each with rows of its own.
        at: The moment to fold to; None folds each contact to its last evidence.
        partitions: Over how many partitions the contacts are spread; None for what
            ``spark.sql.shuffle.partitions`` says.
        columns: Column of the evidence to the name that it has here.
        timezone: The zone of times without an offset; None refuses them.
        text: Whether facts are text as a person types it.
        strict: Whether a row that cannot be read ends the job; otherwise it is left out, and
            listed by `rejected`.

    Raises:
        UsageError: A column is lacking, or there is no such table.
        DefinitionError: A definition has errors.
    """
    if wanted not in SCHEMAS:
        raise UsageError(f"there is no table {wanted!r}", hint=f"one of {', '.join(SCHEMAS)}")
    renamed = evidence.withColumnsRenamed(dict(columns or {}))
    lacking = [name for name in _ORDER[:2] if name not in renamed.columns]
    if lacking:
        has = ", ".join(renamed.columns)
        raise UsageError(
            f"the evidence has no column {lacking[0]!r}: it has {has}",
            hint=f"say which one it is: columns={{NAME: {lacking[0]!r}}}",
        )
    if "arrival" not in renamed.columns:
        renamed = renamed.withColumn("arrival", sql.monotonically_increasing_id())
    spread = (
        renamed.repartition("contact")
        if partitions is None
        else renamed.repartition(partitions, "contact")
    )
    options = {"at": at, "timezone": timezone, "text": text}
    work = partial(
        _fold_batches, pickle.dumps(funnels_of(definition)), wanted, options, strict=strict
    )
    schema = from_arrow_schema(SCHEMAS[wanted])
    return spread.sortWithinPartitions(*_ORDER).mapInArrow(work, schema)


def _fold_batches(
    pickled: bytes,
    wanted: str,
    options: Mapping[str, Any],
    batches: Iterator[pa.RecordBatch],
    *,
    strict: bool,
) -> Iterator[pa.RecordBatch]:
    """Fold the contacts of one partition, in an executor."""
    first = next((batch for batch in batches if batch.num_rows), None)
    if first is None:
        return
    refused: list[pa.RecordBatch] = []
    only_refused = wanted == "rejected"
    take: Callable[[pa.RecordBatch], object] | None = None
    if only_refused or not strict:
        take = refused.append if only_refused else _overlook
    told = pa.RecordBatchReader.from_batches(first.schema, _chained(first, batches))
    names = ("stays",) if only_refused else (wanted,)
    for _, batch in fold(_funnels(pickled), told, names, ordered=True, rejects=take, **options):
        if not only_refused:
            yield batch
        while refused:
            yield refused.pop(0)
    yield from refused


def _overlook(_: pa.RecordBatch) -> None:
    """Leave out rows that cannot be read."""


def _chained(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _funnels(pickled: bytes) -> Any:
    """Return the definitions as the driver has them.

    Raises:
        UsageError: A plugin whose criteria they ask is not installed here.
    """
    try:
        return pickle.loads(pickled)  # noqa: S301  # the driver wrote it
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"a plugin that the definition asks is not installed on the executors: {error}",
            hint="install it on every node, or send it along with --py-files",
        ) from None
