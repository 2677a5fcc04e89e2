"""Hold the tables of one event file to be the same, whichever engine makes them.

``python tools/same_rows.py DEFINITION EVENTS.csv [--mapping FILE] [--spark]``

The file is applied to a new workspace on SQLite, whose stays, decisions and positions are exported.
The same are made by `funnelflow.arrow` of the exported evidence, as it is and shuffled (sorted by
DuckDB), from Parquet, and with ``--spark`` by `funnelflow_spark`. Prints how many rows there are of
each table and how many differ; exits 1 if any do.
"""

import argparse
import datetime as dt
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

import funnelflow
import funnelflow.arrow

TABLES = ("stays", "decisions", "positions")
Rows = Counter[str]


def main(arguments: list[str]) -> int:
    """Compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("definition", type=Path)
    parser.add_argument("events", type=Path)
    parser.add_argument("--mapping", type=Path, help="what the columns of the file are")
    parser.add_argument("--spark", action="store_true", help="by Spark, too")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        expected, evidence, at = of_store(given, Path(place))
        differing = 0
        for name, make in engines(given, evidence, at):
            for table in TABLES:
                found = make(table)
                missing = (expected[table] - found) + (found - expected[table])
                differing += missing.total()
                count = expected[table].total()
                print(f"{name:<24} {table:<10} {count:8,} rows, {missing.total()} differ")
    return 1 if differing else 0


def of_store(given: Any, place: Path) -> tuple[dict[str, Rows], Path, str]:
    """Apply the file, and return its tables, its evidence and the moment of both."""
    (place / "shop").mkdir()
    shutil.copy(given.definition, place / "shop")
    with funnelflow.create(place / "shop", given.definition.stem) as shop:
        apply = [sys.executable, "-m", "funnelflow", "-C", str(place / "shop"), "apply"]
        mapping = ["--mapping", str(given.mapping)] if given.mapping else []
        subprocess.run([*apply, str(given.events), *mapping], check=True)
        evidence = place / "evidence.parquet"
        shop.export("evidence", evidence)
        at = dt.datetime.now(dt.UTC)
        tables = {}
        for table in TABLES:
            shop.export(table, place / f"{table}.parquet", at=at)
            tables[table] = counted(pa.parquet.read_table(place / f"{table}.parquet"))
    return tables, evidence, at.isoformat()


def counted(table: pa.Table) -> Rows:
    """Return rows as text, each with how often it is there."""
    return Counter(map(str, table.to_pylist()))


def engines(given: Any, evidence: Path, at: str) -> Iterator[tuple[str, Callable[[str], Rows]]]:
    """Yield the engines, each with what makes a table."""

    def fold(table: str, source: Any, **options: Any) -> Rows:
        make = getattr(funnelflow.arrow, table)
        return counted(make(given.definition, source, at=at, **options).read_all())

    told = pa.parquet.read_table(evidence)
    order = list(range(told.num_rows))
    random.Random(1).shuffle(order)
    shuffled = told.take(order)
    yield "arrow, sorted already", lambda table: fold(table, told, ordered=True)
    yield "arrow, from Parquet", lambda table: fold(table, evidence)
    yield "DuckDB and arrow", lambda table: fold(table, shuffled)
    if given.spark:
        from funnelflow_spark import fold_table  # noqa: PLC0415  # needs Spark and Java
        from pyspark.sql import SparkSession  # noqa: PLC0415

        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        spark = (
            SparkSession.builder.master("local[2]")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.ui.enabled", "false")
            .getOrCreate()
        )
        frame = spark.read.parquet(str(evidence)).withColumnRenamed("to", "to_stage")

        def by_spark(table: str) -> Rows:
            found = fold_table(table, frame, str(given.definition), at=at)
            return counted(found.toArrow().cast(funnelflow.arrow.EXPORTED[table]))

        yield "Spark", by_spark


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
