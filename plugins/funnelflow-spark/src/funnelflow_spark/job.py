"""``funnelflow-spark``, or ``spark-submit`` on this file: a table from the evidence in a lake.

The table is written as a whole into a directory of its own beside those before, and a small file
then says that it is finished: whoever asks `current` sees the old one or the new one, and a
job that was killed is started again. With ``--ingested`` only those contacts are folded again, from
their whole stories, of which rows were ingested since the last run.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql

from funnelflow.arrow import funnels_of
from funnelflow.definition import Library, Linked, digest, load_definition
from funnelflow.errors import Error, UsageError
from funnelflow.plugins import load_plugins
from funnelflow_spark import SCHEMAS, fold_table

_KEPT = 2
"""How many versions of a table stay: whoever reads the one before is not disturbed."""


@frozen
class TableVersion:
    """Which directory of a table counts.

    Attributes:
        number: Its number; 0 for none.
        ingested: The latest value of the column of ingestion that it holds; None for all.
        asked: What it was made with; another definition begins anew.
    """

    number: int = 0
    ingested: str | None = None
    asked: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fold evidence into a table; return the exit code."""
    given = _parser().parse_args(arguments)
    spark = SparkSession.builder.appName("funnelflow").getOrCreate()
    try:
        written = update_table(
            spark, given.table, given.events, given.definition, given.out,
            at=given.at, ingested=given.ingested, partitions=given.partitions,
            strict=not given.lenient, text=given.text,
        )  # fmt: skip
    except Error as error:
        sys.stderr.write(f"error: {error.message}\n" + f"hint: {error.hint}\n" * bool(error.hint))
        return error.exit_code
    sys.stdout.write(f"{written}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="funnelflow-spark",
        description="Fold evidence into a table: who was in which stage, from when to when.",
        epilog="funnelflow-spark --events s3://lake/events --definition standard --out s3://lake/stays",
    )
    parser.add_argument(
        "--events", required=True, help="Parquet files of evidence, or a Delta table"
    )
    parser.add_argument("--definition", required=True, help="a file, or the name of one that ships")
    parser.add_argument("--out", required=True, help="the directory of the table")
    parser.add_argument("--table", default="stays", choices=list(SCHEMAS), help="what to write")
    parser.add_argument(
        "--at", help="the moment to fold to; else the last evidence of each contact"
    )
    parser.add_argument(
        "--ingested", metavar="COLUMN", help="fold only who has rows since last time"
    )
    parser.add_argument("--partitions", type=int, help="over how many the contacts are spread")
    parser.add_argument("--text", action="store_true", help="facts are text, as a person types it")
    parser.add_argument("--lenient", action="store_true", help="leave out rows that cannot be read")
    return parser


def update_table(  # noqa: PLR0913  # as the command line has them, by keyword
    spark: SparkSession,
    table: str,
    events: str,
    definition: str,
    out: str,
    *,
    at: str | None = None,
    ingested: str | None = None,
    partitions: int | None = None,
    strict: bool = True,
    text: bool = False,
) -> str:
    """Write a table anew, or what has changed of it; return the directory that counts now.

    Args:
        spark: The session.
        table: Which of `SCHEMAS`.
        events: Where the evidence is.
        definition: The definition that decides.
        out: The directory of the table.
        at: The moment to fold to.
        ingested: The column that says when a row was ingested; None folds everybody.
        partitions: Over how many partitions the contacts are spread.
        strict: Whether a row that cannot be read ends the job.
        text: Whether facts are text.

    Raises:
        UsageError: A column is lacking.
        DefinitionError: The definition has errors.
    """
    evidence = read_table(spark, events)
    before = read_version(spark, out)
    funnels = funnels_of(_load(definition))
    digests = [digest(funnel.definition) for funnel in funnels]
    asked = json.dumps([table, digests, at, text])
    latest = None if ingested is None else _latest(evidence, ingested)
    options: dict[str, Any] = {"at": at, "partitions": partitions, "strict": strict, "text": text}
    where = f"{out}/{directory_of(before.number + 1)}"
    is_increment = ingested is not None and before.ingested is not None and before.asked == asked
    if is_increment:
        since = sql.col(str(ingested)).cast("string") > sql.lit(before.ingested)
        touched = evidence.where(since).select("contact").distinct()
        kept = read_table(spark, f"{out}/{directory_of(before.number)}")
        kept = kept.join(touched, "contact", "left_anti").select(SCHEMAS[table].names)
        again = evidence.join(touched, "contact", "left_semi")
        found = kept.unionByName(fold_table(table, again, funnels, **options))
    else:
        found = fold_table(table, evidence, funnels, **options)
    found.write.mode("overwrite").parquet(where)
    write_version(spark, out, TableVersion(before.number + 1, latest, asked))
    return where


def _load(definition: str) -> Linked:
    """Load a definition by its path or name, with what the installed plugins offer."""
    library = load_plugins(None).library(Library())
    path = Path(definition)
    found = path if path.exists() else library.find(definition)
    return load_definition(path if found is None else found, library)


def read_table(spark: SparkSession, path: str) -> DataFrame:
    """Return a table of Parquet files, or one of Delta where the reader for it is there."""
    if _file_system(spark, path).exists(_path(spark, f"{path}/_delta_log")):
        return spark.read.format("delta").load(path)
    return spark.read.parquet(path)


def current(spark: SparkSession, out: str) -> DataFrame:
    """Return the table as the last job that came to its end left it.

    Raises:
        UsageError: None has.
    """
    version = read_version(spark, out)
    if not version.number:
        raise UsageError(f"{out} holds no table yet", hint="funnelflow-spark --help")
    return spark.read.parquet(f"{out}/{directory_of(version.number)}")


def _latest(evidence: DataFrame, column: str) -> str | None:
    """Return the last moment of ingestion, as text that compares as the column does."""
    if column not in evidence.columns:
        has = ", ".join(evidence.columns)
        raise UsageError(f"the evidence has no column {column!r}: it has {has}", hint="--ingested")
    found = evidence.agg(sql.max(sql.col(column).cast("string"))).first()
    return None if found is None else found[0]


def read_version(spark: SparkSession, out: str) -> TableVersion:
    """Return the last version of a table that a job has finished; number 0 for none."""
    for place in sorted(_files(spark, out, "finished-"), reverse=True):
        said = "".join(row[0] for row in spark.read.text(place).collect())
        try:
            return TableVersion(**json.loads(said))
        except ValueError:  # the job was killed while it wrote that
            continue
    return TableVersion()


def write_version(spark: SparkSession, out: str, version: TableVersion) -> None:
    """Say that a version is finished, and remove those before the last two."""
    files = _file_system(spark, out)
    mark = _path(spark, f"{out}/finished-{version.number:06d}.json")
    stream = files.create(mark, True)  # noqa: FBT003  # Java takes no names
    stream.write(bytearray(json.dumps(asdict(version)).encode()))
    stream.close()
    for kind in ("finished-", "version="):
        for place in sorted(_files(spark, out, kind))[:-_KEPT]:
            files.delete(_path(spark, place), True)  # noqa: FBT003


def directory_of(number: int) -> str:
    """Return the name of the directory that holds a version of a table."""
    return f"version={number:06d}"


def _files(spark: SparkSession, out: str, kind: str) -> list[str]:
    """List what is in the directory of a table, by how the names begin."""
    files, home = _file_system(spark, out), _path(spark, out)
    if not files.exists(home):
        return []
    names = [str(found.getPath().getName()) for found in files.listStatus(home)]
    return [f"{out}/{name}" for name in names if name.startswith(kind)]


def _path(spark: SparkSession, path: str) -> Any:
    java: Any = spark.sparkContext._jvm  # noqa: SLF001
    return java.org.apache.hadoop.fs.Path(path)


def _file_system(spark: SparkSession, path: str) -> Any:
    context = spark.sparkContext
    return _path(spark, path).getFileSystem(context._jsc.hadoopConfiguration())  # noqa: SLF001


if __name__ == "__main__":
    sys.exit(main())
