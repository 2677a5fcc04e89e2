"""The fold on Spark, beside `funnelflow.arrow` on the same number of cores.

``python -m benchmarks spark``          ten million events of a million contacts, from Parquet
``python -m benchmarks spark EVENTS``   another number of them, ten a contact

Spark reads the file, spreads the rows over partitions by contact, sorts them and folds them; Arrow
reads the same file, which is sorted, in one process. Both make `stays`, of which only the rows are
counted. What Spark takes to start is named apart, and takes no part in the ratios. Wall time, one
run each. Needs ``pip install -e plugins/funnelflow-spark`` and Java.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import funnelflow_spark
import pyarrow.parquet
from pyspark.sql import SparkSession

import funnelflow.arrow
from benchmarks.arrow import make_evidence

EVENTS = 10_000_000
CHUNK = 500_000


def run(events: str = "") -> None:
    """Print the times of both, by cores and by partitions."""
    count = int(events.replace("_", "")) if events else EVENTS
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place:
        path = Path(place) / "events.parquet"
        _write(path, count)
        print(f"{count:,} events by `standard`, {path.stat().st_size / 1e6:.0f} MB of Parquet")
        arrow = _by_arrow(path)
        print(f"  arrow, one process            {arrow:8.1f} s  {count / arrow:10,.0f} a second")
        for cores in sorted({1, min(2, os.cpu_count() or 1)}):
            for partitions in (2, 16):
                starting, taken = _by_spark(path, cores, partitions)
                ratio = taken * cores / arrow
                print(
                    f"  Spark, {cores} cores, {partitions:2} partitions {taken:8.1f} s"
                    f"  x{ratio:.2f} of arrow by core (start {starting:.1f} s)"
                )


def _write(path: Path, count: int) -> None:
    """Write evidence in parts, so that memory stays the same."""
    writer = None
    for number in range(0, count, CHUNK):
        table = make_evidence(min(CHUNK, count - number), first=number)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=65_536)
    if writer is not None:
        writer.close()


def _by_arrow(path: Path) -> float:
    start = time.perf_counter()
    for _ in funnelflow.arrow.fold("standard", path, ("stays",), ordered=True):
        pass
    return time.perf_counter() - start


def _by_spark(path: Path, cores: int, partitions: int) -> tuple[float, float]:
    """Return how long Spark takes to start and to fold, in seconds."""
    start = time.perf_counter()
    spark = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "4g")
        .getOrCreate()
    )
    spark.range(1).mapInArrow(lambda batches: batches, "id long").count()
    begun = time.perf_counter()
    events = spark.read.parquet(str(path))
    stays = funnelflow_spark.stays(events, "standard", partitions=partitions)
    stays.write.format("noop").mode("overwrite").save()
    done = time.perf_counter()
    spark.stop()
    return begun - start, done - begun
