"""The sample events: reproducible, and as untidy as real ones."""

import csv
import datetime as dt
from collections import Counter
from importlib.resources import files
from itertools import pairwise

import make_sample_events as maker
import pytest


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(maker.render().splitlines()))


def test_the_file_in_the_package_is_what_the_script_makes():
    shipped = files("funnelflow").joinpath("samples/events.csv").read_bytes()
    assert shipped == maker.render().encode()


def test_there_are_a_few_thousand_events(rows):
    assert 3_000 <= len(rows) <= 4_500


def test_every_story_begins_with_the_contact_being_added(rows):
    first = {}
    for row in rows:
        first.setdefault(row["contact"], row["event"])
    assert set(first.values()) == {"add"}


def test_some_events_are_delivered_twice_with_the_same_key_and_content(rows):
    twice = [key for key, count in Counter(row["key"] for row in rows).items() if count > 1]
    assert len(twice) >= 20
    assert all(len({tuple(r.values()) for r in rows if r["key"] == key}) == 1 for key in twice)


def test_some_events_arrive_late(rows):
    times = [dt.datetime.fromisoformat(row["at"]) for row in rows]
    days_late = [b < a - dt.timedelta(days=1) for a, b in pairwise(times)]
    assert sum(days_late) >= 20


def test_many_events_share_their_time(rows):
    assert max(Counter(row["at"] for row in rows).values()) >= 30


def test_times_come_with_more_than_one_offset(rows):
    assert {row["at"][19:] for row in rows} == {"Z", "+01:00"}


def test_some_contacts_are_silent_for_months(rows):
    last: dict[str, dt.datetime] = {}
    longest = dt.timedelta(0)
    for row in rows:
        at = dt.datetime.fromisoformat(row["at"])
        longest = max(longest, at - last.get(row["contact"], at))
        last[row["contact"]] = at
    assert longest > dt.timedelta(days=60)


def test_moves_are_asked_for_by_name(rows):
    assert {row["to"] for row in rows if row["event"] == "move"} == {"prospect", "customer"}
    assert all(not row["to"] for row in rows if row["event"] != "move")


def test_nobody_in_it_exists(rows):
    text = maker.render()
    assert text.count("@") == text.count("@example.com")
    assert text.count('phone""') == text.count('phone"": ""+44 20 7946 0')


def test_the_script_writes_where_it_is_told(tmp_path, capsys):
    maker.main([str(tmp_path / "events.csv")])
    assert (tmp_path / "events.csv").read_bytes() == maker.render().encode()
    assert "events.csv: " in capsys.readouterr().out
