"""The tables do not depend on the order in which rows come, nor on who sorts them.

``FUNNELFLOW_PERMUTATIONS=100 pytest tests/arrow/test_permutations.py`` is the full size: 2,000
stories in 100 orders, by every definition that ships.
"""

import csv
import datetime as dt
import io
import json
import os
import random
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pytest

import funnelflow.arrow as ff
from funnelflow.definition import Library
from funnelflow.engine.story import StoryRow, fold_story

ORDERS = int(os.environ.get("FUNNELFLOW_PERMUTATIONS", "2"))
STORIES = 20 * ORDERS
SAMPLE = Path(__file__).parents[2] / "src" / "funnelflow" / "samples" / "events.csv"
SHIPPED = sorted(p.stem for p in (Path(__file__).parents[2] / "definitions").glob("*.yaml"))


@pytest.fixture(scope="module")
def stories() -> pa.Table:
    """Give stories of events, facts and orders of the sample's, no two rows at one instant."""
    rows = list(csv.DictReader(io.StringIO(SAMPLE.read_text(encoding="utf-8"))))
    chance, told = random.Random(7), []
    for story in range(STORIES):
        moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        for _ in range(chance.randrange(1, 25)):
            moment += dt.timedelta(microseconds=chance.randrange(1, 30 * 86_400_000_000))
            row = chance.choice(rows)
            name = row["event"] if row["event"] != "move" else "set"
            told.append((f"c{story:05}", name, moment, row["facts"] or None, len(told)))
    names = ("contact", "event", "at", "facts", "arrival")
    columns = dict(zip(names, zip(*told, strict=True), strict=True))
    times = pa.array(columns["at"], pa.timestamp("us", "UTC"))
    return pa.table({n: times if n == "at" else list(c) for n, c in columns.items()})


def folded(names: list[str], table: pa.Table, **options: object) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {"stays": [], "positions": []}
    for name, batch in ff.fold(names, table, tuple(found), **options):
        found[name] += batch.to_pylist()
    return found


def test_every_order_gives_the_same_tables_by_every_definition(stories):
    expected = folded(SHIPPED, stories, ordered=True)
    assert len(expected["positions"]) == STORIES * len(SHIPPED)
    for seed in range(ORDERS):
        order = list(range(stories.num_rows))
        random.Random(seed).shuffle(order)
        assert folded(SHIPPED, stories.take(pa.array(order))) == expected


@pytest.mark.parametrize("name", SHIPPED)
def test_they_are_what_the_engine_makes_of_each_story(stories, name):
    (funnel,) = ff.funnels_of(Library().find(name))
    rows = stories.to_pylist()
    expected = []
    for contact, story in groupby(rows, key=lambda row: row["contact"]):
        told = [
            StoryRow(
                r["arrival"], funnel.event(r["event"], r["at"], json.loads(r["facts"] or "{}"))
            )
            for r in story
        ]
        expected += [
            (contact, s.stage, s.entered, s.left, s.cause, s.arrival)
            for s in fold_story(funnel, contact, told).stays
        ]
    found = ff.stays(funnel, stories, ordered=True).read_all().to_pylist()
    assert [
        (s["contact"], s["stage"], s["entered"], s["left"], s["cause"], s["arrival"]) for s in found
    ] == expected
