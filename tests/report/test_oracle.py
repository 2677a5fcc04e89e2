"""Every number of a report, equal to what DuckDB counts of the same events by SQL.

The real event files are tried where ``FUNNELFLOW_DATA`` names their directory. Of the bank's
1,871 applications that were approved, registered and activated, the last two steps follow in
order for all of them by the rule for ties; by arrival for 1,150 and 478, as most of these events
carry the same instant.
"""

import csv
import datetime as dt
import json
import os
import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from funnelflow.ingest.file_options import FileOptions
from funnelflow.report import Number
from funnelflow.workspace.workspace import Workspace

from ..funnels import T0
from .duckdb_oracle import Oracle, definition

DATA = os.environ.get("FUNNELFLOW_DATA", "")
NOT_OF_EVENTS = {"waiting", "ready", "late-rows", "changing-rows", "stood-elsewhere"}
NOT_OF_EVENTS |= {"not-known-then", "refused-moves", "refused-without-transition", "by"}
"""Numbers of what events alone do not say; other tests are about them."""

STAGES = ("asked", "called", "met", "offered", "signed", "gone", "spam")


def numbers_of(report):
    """Return the numbers of a report that events decide, by name, as the oracle has them."""
    found = {}
    for one in report.numbers():
        if one.name.partition("/")[0] in NOT_OF_EVENTS:
            continue
        if isinstance(one, Number):
            found[one.name] = one.value
        elif one.count:
            found[one.name] = (
                one.count, one.quartile_1_days, one.median_days, one.quartile_3_days, one.p90_days
            )  # fmt: skip
    return found


def differing(report, expected):
    """Return the numbers that differ, with both values; lengths to a microsecond of a day."""
    own = numbers_of(report)
    assert len(own) > 50
    listed = {name: expected.get(name, 0) for name in own}
    return {
        name: (value, listed[name])
        for name, value in own.items()
        if value != pytest.approx(listed[name], abs=1e-9)
    }


def unlisted(report, expected):
    """Return what the oracle counted and the report does not say."""
    own = numbers_of(report)
    return {name: value for name, value in expected.items() if name not in own and value}


def made_up(seed, contacts=120):
    """Return events of which many happen at one instant, and some again, in order of arrival."""
    chance = random.Random(seed)
    events = []
    for number in range(contacts):
        at = T0 + dt.timedelta(minutes=chance.randrange(200 * 1440))
        for _ in range(chance.randrange(1, 8)):
            events.append((f"c{number}", chance.choice(STAGES), at))
            at += dt.timedelta(minutes=chance.choice([0, 0, 1, 1440, chance.randrange(90 * 1440)]))
    chance.shuffle(events)
    return events


def report_of(directory, database, text, rows, now, zone=""):
    """Apply rows of events in a workspace of its own, and return its report."""
    name = text.split()[1]
    (directory / "definitions").mkdir(parents=True)
    (directory / "definitions" / f"{name}.yaml").write_text(text)
    with (directory / "events.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("contact", "event", "at", "facts"), *rows])
    with Workspace.create(directory, name, database=database, clock=lambda: now) as workspace:
        config = directory / "funnelflow.toml"
        config.write_text(config.read_text().replace('timezone = ""', f'timezone = "{zone}"'))
        summary = workspace.apply(str(directory / "events.csv"), FileOptions(actor="oracle"))
        assert summary.counts.rejected == 0
        (report,) = workspace.report(at=now)
    return report


@pytest.mark.parametrize("zone", ["", "America/Sao_Paulo"])
def test_every_number_of_made_up_events_is_what_sql_counts(tmp_path, database, zone):
    events, now = made_up(7), T0 + dt.timedelta(days=900, hours=3)
    text = definition("made", STAGES, ("signed",), ("gone", "spam"), {})
    rows = [(contact, stage, at.isoformat(), "") for contact, stage, at in events]
    report = report_of(tmp_path / "work", database, text, rows, now, zone)
    expected = Oracle(events, STAGES, ("signed",), ("gone", "spam"), now, zone or "UTC").all()
    assert differing(report, expected) == {}
    assert unlisted(report, expected) == {}
    assert expected["backward"] > 20
    assert expected["in-order/called"] > expected["by-arrival/called"] > 0


def read_events(name, zone):
    """Read a file of real events: (contact, event, moment, facts), in order of arrival."""
    with (Path(DATA) / name).open(newline="") as file:
        for row in csv.DictReader(file):
            at = dt.datetime.fromisoformat(row["at"])
            yield row["entity_id"], row["event"], at.replace(tzinfo=at.tzinfo or zone), row["facts"]


needs_data = pytest.mark.skipif(
    not DATA, reason="FUNNELFLOW_DATA names no directory with the real event files"
)


@needs_data
def test_every_number_of_the_marketing_leads_is_what_sql_counts(tmp_path):
    zone, now = ZoneInfo("America/Sao_Paulo"), dt.datetime(2018, 12, 1, tzinfo=dt.UTC)
    told = list(read_events("olist_dev_events.csv", zone))
    stages = ("form_submitted", "deal_won")
    fields = dict.fromkeys((name for row in told for name in json.loads(row[3])), "text")
    text = definition("leads", stages, ("deal_won",), (), fields)
    rows = [(contact, event, at.isoformat(), facts) for contact, event, at, facts in told]
    report = report_of(tmp_path / "work", "w.db", text, rows, now, zone.key)
    sources = {row[0]: found for row in told if (found := json.loads(row[3]).get("source"))}
    events = [row[:3] for row in told]
    expected = Oracle(events, stages, ("deal_won",), (), now, zone.key, sources).all()
    assert differing(report, expected) == {}
    assert (report.entries.value, expected["touched/deal_won"]) == (5345, 529)
    assert expected["negative/form_submitted/deal_won"] == 1
    assert report.conversion[-1].time_from_before.least_days < -1


BANK = ("a_submitted", "a_partlysubmitted", "a_preaccepted", "a_accepted", "a_finalized")
BANK += ("a_approved", "a_registered", "a_activated", "a_declined", "a_cancelled")


@needs_data
def test_every_number_of_the_loan_applications_is_what_sql_counts(tmp_path):
    zone, now = ZoneInfo("Europe/Amsterdam"), dt.datetime(2012, 6, 1, tzinfo=dt.UTC)
    told = list(read_events("bpi2012_A_dev_events.csv", zone))
    lost = ("a_declined", "a_cancelled")
    text = definition("loans", BANK, ("a_activated",), lost, {"amount_requested": "integer"})
    rows = [(contact, event.lower(), at.isoformat(), facts) for contact, event, at, facts in told]
    report = report_of(tmp_path / "work", "w.db", text, rows, now, zone.key)
    events = [(contact, event.lower(), at) for contact, event, at, _ in told]
    expected = Oracle(events, BANK, ("a_activated",), lost, now, zone.key).all()
    assert differing(report, expected) == {}
    registered, activated = report.conversion[-2:]
    assert registered.in_order.value == activated.in_order.value == 1871
    assert (registered.by_arrival.value, activated.by_arrival.value) == (1150, 478)
