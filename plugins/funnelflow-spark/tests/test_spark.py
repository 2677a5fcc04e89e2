"""The fold on a real Spark, in two threads of one machine."""

import datetime as dt
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pyspark = pytest.importorskip("pyspark", reason="pip install 'funnelflow-spark[dev]'")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java 17 or later", allow_module_level=True)

import funnelflow_spark as fs  # noqa: E402  # not where there is no Spark
import pyarrow as pa  # noqa: E402
import pyarrow.parquet  # noqa: E402
from funnelflow_spark import job  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

import funnelflow.arrow as fa  # noqa: E402
from funnelflow.errors import UsageError  # noqa: E402

T0 = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
DEFINITION = """\
funnel: small
version: 1
initial: target
fields: {email: text, replies: {type: integer, default: 0}}
events:
  subscribed: {}
  replied: {sets: {replies: contact.replies + 1}}
  signed: {}
stages:
  target: {}
  lead: {}
  prospect: {}
  customer: {type: won}
  cold: {type: lost}
transitions:
  - {from: target, to: lead, on: subscribed, require: [We can reach them: has(contact.email)]}
  - {from: lead, to: prospect, require: [They answered twice: contact.replies >= 2]}
  - {from: prospect, to: customer, on: signed}
  - {from: lead, to: cold, after: 30d, since: activity}
"""


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    """Run Spark in this process, with the Python that runs the tests."""
    warehouse = tmp_path_factory.mktemp("warehouse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.sql.shuffle.partitions", "4")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.warehouse.dir", str(warehouse))
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()
        )
        yield session
        session.stop()


@pytest.fixture
def definition(tmp_path: Path) -> str:
    """Give the file of a definition."""
    (tmp_path / "small.yaml").write_text(DEFINITION, encoding="utf-8")
    return str(tmp_path / "small.yaml")


def evidence(people: int, *, arrival: int = 0, late: bool = False) -> list[dict[str, object]]:
    """Tell the stories of some people, the rows of each behind those of all others."""
    names = ("subscribed", "replied", "replied", "signed")
    rows = []
    for step, name in enumerate(names):
        for person in range(people):
            if step > person % 5:
                continue
            at = T0 + dt.timedelta(days=2 * step + person % 3 - (40 if late else 0))
            facts = {"email": f"c{person}@example.com"} if name == "subscribed" else {}
            rows.append(
                {"contact": f"c{person}", "event": name, "at": at, "arrival": arrival + len(rows),
                 "facts": json.dumps(facts)}
            )  # fmt: skip
    return rows


def rows_of(frame) -> list[dict[str, object]]:
    """Collect rows by contact, in the form that Arrow gives."""
    found = frame.toArrow().to_pylist()
    return sorted(found, key=lambda row: (row["contact"], str(row.get("entered", row.get("at")))))


def frame_of(spark, rows):
    return spark.createDataFrame(rows)


def of_arrow(reader) -> list[dict[str, object]]:
    found = reader.read_all().to_pylist()
    return sorted(found, key=lambda row: (row["contact"], str(row.get("entered", row.get("at")))))


@pytest.mark.parametrize("table", ["stays", "decisions", "positions"])
def test_the_tables_are_those_of_arrow_however_the_rows_come(spark, definition, table):
    rows = evidence(40)
    expected = of_arrow(getattr(fa, table)(definition, pa.Table.from_pylist(rows)))
    for told in (rows, rows[::-1]):
        for partitions in (1, 7):
            frame = frame_of(spark, told)
            found = fs.fold_table(table, frame, definition, partitions=partitions)
            assert rows_of(found) == expected


def test_a_moment_is_folded_to(spark, definition):
    at = T0 + dt.timedelta(days=60)
    rows = evidence(10)
    expected = of_arrow(fa.positions(definition, pa.Table.from_pylist(rows), at=at))
    assert rows_of(fs.positions(frame_of(spark, rows), definition, at=at)) == expected
    assert "cold" in {row["stage"] for row in expected}


def test_rows_that_cannot_be_read_end_the_job_or_are_listed(spark, definition):
    rows = evidence(4)
    rows.append({**rows[0], "event": "sang", "arrival": 999})
    frame = frame_of(spark, rows)
    (bad,) = fs.rejected(frame, definition).collect()
    assert (bad.arrival, "'sang'" in bad.reason) == (999, True)
    good = fs.stays(frame, definition, strict=False)
    assert rows_of(good) == rows_of(fs.stays(frame_of(spark, rows[:-1]), definition))
    with pytest.raises(Exception, match="row 999 of the evidence"):
        fs.stays(frame, definition).collect()


def test_a_column_that_is_lacking_is_named(spark, definition):
    frame = frame_of(spark, evidence(1)).withColumnRenamed("contact", "id")
    with pytest.raises(UsageError, match="no column 'contact'"):
        fs.stays(frame, definition)
    assert fs.stays(frame, definition, columns={"id": "contact"}).count() > 0


def test_a_job_folds_again_only_who_has_new_or_late_rows(spark, definition, tmp_path):
    """Its table is the one of a job that folds everybody, also when it was killed on the way."""
    events, out = str(tmp_path / "events"), str(tmp_path / "stays")
    first = [{**row, "loaded": T0} for row in evidence(20)]
    frame_of(spark, first).write.parquet(events)
    update = {"ingested": "loaded"}
    job.update_table(spark, "stays", events, definition, out, **update)
    before = rows_of(job.current(spark, out))
    second = [
        {**row, "loaded": T0 + dt.timedelta(days=1)} for row in evidence(3, arrival=500, late=True)
    ]
    frame_of(spark, second).write.mode("append").parquet(events)
    shutil.copytree(f"{out}/version=000001", f"{out}/version=000002")  # of a job that was killed
    (Path(out) / "finished-000002.json").write_text('{"number": 2,')
    assert rows_of(job.current(spark, out)) == before
    job.update_table(spark, "stays", events, definition, out, **update)
    found = rows_of(job.current(spark, out))
    assert found == of_arrow(fa.stays(definition, pa.Table.from_pylist([*first, *second])))
    assert found != before
    job.update_table(spark, "stays", events, definition, out, **update)
    assert rows_of(job.current(spark, out)) == found
    assert len(list(Path(out).glob("version=*"))) == 2


def test_the_command_says_where_the_table_is_and_what_is_wrong(spark, definition, tmp_path):
    events, out = str(tmp_path / "events"), str(tmp_path / "out")
    frame_of(spark, evidence(5)).write.parquet(events)
    words = ["--events", events, "--definition", definition, "--out", out, "--table", "positions"]
    assert job.main(words) == 0
    assert job.current(spark, out).count() == 5
    assert job.main([*words, "--ingested", "loaded"]) == 2


def test_help_has_an_example():
    command = [sys.executable, "-m", "funnelflow_spark.job", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "--definition standard" in said


def test_what_the_readme_shows_runs(spark, capsys):
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    exec(compile(block, "README.md", "exec"), {"spark": spark})
    said = capsys.readouterr().out
    assert "lead" in said
    assert "bob" in said


def test_a_plugin_that_is_not_on_an_executor_is_said():
    with pytest.raises(UsageError, match=r"not installed on the executors.*no_such_module"):
        fs._funnels(b"cno_such_module\ncriterion\n.")


PLUGIN = """
from funnelflow.plugins import CriterionProvider, hookimpl


def answers_us(call):
    return call.fields.get("replies", 0) >= 2


@hookimpl
def funnelflow_criteria():
    return [CriterionProvider("answers_us", answers_us, "Answers us")]
"""


def test_a_criterion_of_an_installed_plugin_decides_on_the_executors(tmp_path):
    """In a session of its own, whose driver and executors have the plugin."""
    site = tmp_path / "site"
    (site / "answers_us-1.0.dist-info").mkdir(parents=True)
    (site / "answers_us.py").write_text(PLUGIN)
    (site / "answers_us-1.0.dist-info" / "METADATA").write_text("Name: answers-us\nVersion: 1.0\n")
    (site / "answers_us-1.0.dist-info" / "entry_points.txt").write_text(
        "[funnelflow.v1]\nanswers-us = answers_us\n"
    )
    asking = DEFINITION.replace(
        "They answered twice: contact.replies >= 2", "criterion: answers_us"
    )
    (tmp_path / "asking.yaml").write_text(asking, encoding="utf-8")
    rows = evidence(10)
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "events.parquet")
    said = run_job(tmp_path, "asking.yaml", PYTHONPATH=str(site)).communicate(timeout=300)[0]
    (tmp_path / "small.yaml").write_text(DEFINITION, encoding="utf-8")
    expected = of_arrow(fa.stays(tmp_path / "small.yaml", pa.Table.from_pylist(rows)))
    found = pa.parquet.read_table(said.strip()).to_pylist()
    assert places(found) == places(expected)
    assert any(stage == "prospect" for _, stage, _ in places(found))


def test_a_job_that_is_killed_and_started_again_gives_the_same_table(tmp_path):
    """Killed with all its processes while it writes, as often as FUNNELFLOW_SPARK_KILLS says."""
    (tmp_path / "small.yaml").write_text(DEFINITION, encoding="utf-8")
    rows = evidence(400)
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "events.parquet")
    killed = 0
    for number in range(int(os.environ.get("FUNNELFLOW_SPARK_KILLS", "1"))):
        running = run_job(tmp_path, "small.yaml")
        while running.poll() is None and not list((tmp_path / "out").glob("version=*/*")):
            time.sleep(0.01)
        time.sleep(0.05 * number)
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        killed += running.returncode == -signal.SIGKILL
    said = run_job(tmp_path, "small.yaml").communicate(timeout=300)[0]
    found = pa.parquet.read_table(said.strip()).to_pylist()
    expected = of_arrow(fa.stays(tmp_path / "small.yaml", pa.Table.from_pylist(rows)))
    assert killed
    assert places(found) == places(expected)


def run_job(place: Path, definition: str, **environment: str) -> subprocess.Popen[str]:
    """Start the command in a process group of its own."""
    command = [
        sys.executable, "-m", "funnelflow_spark.job", "--events", str(place / "events.parquet"),
        "--definition", str(place / definition), "--out", str(place / "out"),
    ]  # fmt: skip
    own = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, **own, **environment}, start_new_session=True,
    )  # fmt: skip


def places(rows) -> list[tuple[str, str, str]]:
    """Return who was where since when, in order; Spark writes times without their zone, UTC."""
    entered = ((row["contact"], row["stage"], row["entered"]) for row in rows)
    return sorted((who, stage, str(since.replace(tzinfo=dt.UTC))) for who, stage, since in entered)
