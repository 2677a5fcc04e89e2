"""The dbt project builds, and its table is that of the fold; skipped where dbt is not installed."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pytest

import funnelflow

PROJECT = Path(__file__).parents[2] / "examples" / "dbt"
DBT = shutil.which("dbt", path=str(Path(sys.executable).parent))

pytestmark = pytest.mark.skipif(
    DBT is None or importlib.util.find_spec("dbt.adapters.duckdb") is None,
    reason="pip install -r examples/dbt/requirements.txt",
)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Build the project, and open its database."""
    place = tmp_path_factory.mktemp("dbt")
    build = [str(DBT), "build", "--profiles-dir", str(PROJECT), "--project-dir", str(PROJECT)]
    build += ["--target-path", str(place / "target"), "--log-path", str(place / "logs")]
    found = {"FUNNELFLOW_DBT_DATABASE": str(place / "funnel.duckdb")}
    environment = {**os.environ, **found}
    run = subprocess.run(build, check=False, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    with duckdb.connect(str(place / "funnel.duckdb"), read_only=True) as connection:
        yield connection


def test_its_stages_are_those_of_a_workspace_with_the_same_events(database, tmp_path):
    shop = funnelflow.create(tmp_path / "shop")
    shop.apply(PROJECT / "seeds" / "raw_events.csv")
    last = 'SELECT stage, count(*) FROM stage_intervals WHERE "left" IS NULL GROUP BY stage'
    (end,) = database.execute('SELECT max("at") FROM events').fetchone()
    assert dict(database.execute(last).fetchall()) == Counter(
        contact.contact.stage for contact in shop.list(at=end)
    )


def test_its_counts_are_those_of_the_report(database, tmp_path):
    """Who is in a stage now, and who ever was in a step."""
    shop = funnelflow.create(tmp_path / "shop")
    shop.apply(PROJECT / "seeds" / "raw_events.csv")
    (end,) = database.execute('SELECT max("at") FROM events').fetchone()
    (report,) = shop.report(at=end)
    known = {(n.name, n.of): n.value for n in report.numbers() if hasattr(n, "value")}
    values = {name: value for (name, _), value in known.items()}
    now = database.execute(
        'SELECT stage, count(*) FILTER ("left" IS NULL) FROM stage_intervals GROUP BY stage'
    ).fetchall()
    assert len(now) > 4
    assert {stage: values[f"stage/{stage}"] for stage, _ in now} == dict(now)
    ever = database.execute(
        "SELECT split_part(stage, '.', 1) AS step, count(DISTINCT contact) FROM stage_intervals"
        " GROUP BY step"
    ).fetchall()
    steps = {step: count for step, count in ever if f"touched/{step}" in values}
    assert len(steps) > 2
    assert {step: values[f"touched/{step}"] for step in steps} == steps


def test_conversion_counts_a_contact_once(database):
    entered = "SELECT any_value(entered) FROM conversion WHERE stage = 'lead.inquiry'"
    contacts = "SELECT count(DISTINCT contact) FROM stage_intervals WHERE stage = 'lead.inquiry'"
    assert database.execute(entered).fetchone() == database.execute(contacts).fetchone()
