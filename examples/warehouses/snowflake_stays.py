"""A table function for Snowflake: the stays of each contact, from its rows of evidence.

Snowflake makes one `StaysHandler` for each partition, gives its rows to `process` and then calls
`end_partition`::

    CREATE FUNCTION stays(contact VARCHAR, event VARCHAR, at TIMESTAMP_TZ, arrival NUMBER,
                          facts VARCHAR, to_stage VARCHAR)
    RETURNS TABLE (funnel VARCHAR, stage VARCHAR, entered TIMESTAMP_TZ, "left" TIMESTAMP_TZ,
                   days FLOAT, evidence NUMBER, cause VARCHAR)
    LANGUAGE PYTHON RUNTIME_VERSION = '3.11' HANDLER = 'StaysHandler'
    PACKAGES = ('pyarrow') IMPORTS = ('@code/funnelflow.zip', '@code/snowflake_stays.py');

    SELECT e.contact, s.* FROM events e,
      TABLE(stays(e.contact, e.event, e.at, e.arrival, e.facts, e.to_stage)
            OVER (PARTITION BY e.contact)) s;

It was tried by calling it as Snowflake does, and not on Snowflake itself.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

import funnelflow.arrow

DEFINITION = "standard"
"""The definition that decides: the name of one that ships, or the path of a file."""

_COLUMNS = pa.schema(
    {
        "contact": pa.string(),
        "event": pa.string(),
        "at": pa.timestamp("us", tz="UTC"),
        "arrival": pa.int64(),
        "facts": pa.string(),
        "to_stage": pa.string(),
    }
)


class StaysHandler:
    """Collects the rows of one contact, and folds them when all have come."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def process(self, *row: Any) -> None:
        """Take one row, as the columns of `_COLUMNS`; it gives none by itself."""
        self._rows.append(row)

    def end_partition(self) -> Iterator[tuple[Any, ...]]:
        """Yield the stays, as the columns of the function's table."""
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, _COLUMNS, strict=True)]
        evidence = pa.Table.from_arrays(arrays, schema=_COLUMNS)
        for stay in funnelflow.arrow.stays(DEFINITION, evidence).read_all().to_pylist():
            yield tuple(value for name, value in stay.items() if name != "contact")
