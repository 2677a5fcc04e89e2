"""The functions for warehouses give what the fold gives, called as the warehouses call them."""

import csv
import importlib.util
import io
import json
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pytest

import funnelflow.arrow

EXAMPLES = Path(__file__).parents[2] / "examples"
SEED = EXAMPLES / "dbt" / "seeds" / "raw_events.csv"


@pytest.fixture(scope="module")
def events():
    """Give the rows of the seed, by contact."""
    rows = list(csv.DictReader(io.StringIO(SEED.read_text(encoding="utf-8"))))
    told = [{**row, "arrival": n, "to_stage": row["to"] or None} for n, row in enumerate(rows)]
    told.sort(key=lambda row: row["contact"])
    return {name: list(found) for name, found in groupby(told, key=lambda row: row["contact"])}


@pytest.fixture(scope="module")
def stays(events):
    """Give the stays of each contact, as the fold has them."""
    names = ("contact", "event", "at", "facts", "arrival", "to_stage")
    rows = [row for story in events.values() for row in story]
    table = pa.table({name: [row[name] for row in rows] for name in names})
    found = funnelflow.arrow.stays("standard", table).read_all().to_pylist()
    return {name: list(some) for name, some in groupby(found, key=lambda row: row["contact"])}


def rest(row):
    return row["facts"], row["to_stage"]


def example(name: str):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / "warehouses" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_function_for_snowflake_gives_the_stays_of_each_partition(events, stays):
    module = example("snowflake_stays")
    for contact, story in events.items():
        handler = module.StaysHandler()
        for row in story:
            at = pa.scalar(row["at"]).cast(pa.timestamp("us", "UTC")).as_py()
            assert handler.process(contact, row["event"], at, row["arrival"], *rest(row)) is None
        expected = [tuple(list(stay.values())[1:]) for stay in stays.get(contact, [])]
        assert list(handler.end_partition()) == expected
    assert len(events) > 50


def test_the_function_for_bigquery_gives_the_stays_of_a_story(events, stays):
    module = example("bigquery_stays")
    for contact, story in events.items():
        text = json.dumps(
            [{n: row[n] for n in ("event", "at", "facts", "to_stage")} for row in story]
        )
        found = json.loads(module.stays_as_json(text))
        assert [(s["stage"], s["entered"], s["left"]) for s in found] == [
            (s["stage"], s["entered"].isoformat(), s["left"] and s["left"].isoformat())
            for s in stays.get(contact, [])
        ]
