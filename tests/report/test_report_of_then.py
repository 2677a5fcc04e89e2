"""The report of another time: what was said then is said again, whatever has been told since."""

import csv

import pytest
from attrs import evolve

from funnelflow.ingest.file_options import FileOptions
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, T0
from .duckdb_oracle import definition
from .test_oracle import STAGES, made_up

TEXT = definition("made", STAGES, ("signed",), ("gone", "spam"), {})


@pytest.fixture
def made(tmp_path, database, clock):
    """Give a workspace of made-up events, and what applies some of them."""
    place = tmp_path / "made"
    (place / "definitions").mkdir(parents=True)
    (place / "definitions" / "made.yaml").write_text(TEXT)
    clock.now = T0 + 500 * DAY
    with Workspace.create(place, "made", database=database, clock=clock) as workspace:
        yield workspace


def apply(workspace, events, name):
    """Apply events as a file."""
    path = workspace.context.directory / f"{name}.csv"
    with path.open("w", newline="") as file:
        rows = [(contact, event, at.isoformat()) for contact, event, at in events]
        csv.writer(file).writerows([("contact", "event", "at"), *rows])
    workspace.apply(str(path), FileOptions(actor="test"))


def the(workspace, **asked):
    """Return the only report, without by which clock it was asked for."""
    (report,) = workspace.report(**asked)
    return evolve(report, known_at=None)


def told_within(days, seed=3):
    """Return made-up events of the first days."""
    return [event for event in made_up(seed, 40) if event[2] < T0 + days * DAY]


def test_what_arrives_later_changes_nothing_of_the_report_of_then(made, clock):
    events, at = told_within(400), T0 + 450 * DAY
    apply(made, events[:80], "first")
    said = the(made, at=at)
    *_, last = made.history(limit=10_000).rows
    clock.now += 3 * DAY
    apply(made, events[80:], "second")
    made.void("c1", [1], reason="by mistake")
    now = the(made, at=at)
    assert now.entries.value > said.entries.value
    then = the(made, at=at, known_at=last.id)
    assert then == said
    assert the(made, at=at, known_at=last.recorded_at) == said
    assert then.restatements.changing_rows.value < now.restatements.changing_rows.value


def test_what_happens_later_changes_nothing_of_the_report_of_a_day(made):
    events, at = sorted(told_within(400), key=lambda event: event[2]), T0 + 100 * DAY
    early = [event for event in events if event[2] <= at]
    apply(made, early, "early")
    said = the(made, at=at)
    apply(made, events[len(early) :], "later")
    assert the(made, at=at) == said
    assert the(made).entries.value > said.entries.value


def test_a_report_counts_everybody_where_the_list_of_that_day_has_them(made):
    apply(made, told_within(400), "all")
    for day in (0, 40, 150, 300):
        at = T0 + day * DAY
        stages = {one.stage: one.now.value for one in the(made, at=at).stages if one.now.value}
        listed = [one.contact.stage for one in made.list(at=at)]
        assert stages == {stage: listed.count(stage) for stage in listed}


def test_who_is_said_to_be_elsewhere_is_counted_as_said_too_early(made, clock):
    clock.now = T0 + 59 * DAY  # the end of April
    made.record("ada", "asked", at=T0 + 10 * DAY, create=True)
    made.record("bob", "asked", at=T0 + 10 * DAY, create=True)
    clock.now = T0 + 65 * DAY
    made.record("ada", "called", at=T0 + 20 * DAY)
    made.record("cy", "asked", at=T0 + 20 * DAY, create=True)
    found = the(made).restatements
    assert (found.stood_elsewhere.value, found.not_known_then.value) == (1, 1)
    assert found.stood_elsewhere.of == 3
    assert [one.contact for one in made.counted("stood-elsewhere")] == ["ada"]


def test_contacts_that_are_merged_count_once_and_who_is_erased_not_at_all(made):
    for name in ("ada", "ada2", "bob"):
        made.record(name, "asked", at=T0 + 10 * DAY, create=True)
    made.record("ada2", "signed", at=T0 + 12 * DAY)
    before = made.history().rows[-1].id
    made.merge("ada2", into="ada")
    made.erase("bob")
    report = the(made)
    assert (report.entries.value, report.win_rates.won.value, report.erased) == (1, 1, 1)
    assert [one.contact for one in made.counted("now/won")] == ["ada"]
    then = the(made, known_at=before)
    assert (then.entries.value, then.win_rates.won.value) == (2, 1)


def test_each_funnel_of_a_contact_has_a_report_of_its_own(workspace, more_funnels, clock):
    clock.now = T0 + 60 * DAY
    workspace.add("ada", {"email": "a@example.com"}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + DAY)
    workspace.enter("ada", "upsell", at=T0 + 5 * DAY)
    reports = {one.funnel: one for one in workspace.report()}
    assert sorted(reports) == ["pipeline", "upsell"]
    (first, *_) = reports["upsell"].ageing
    assert (first.stage, first.ages.count, first.ages.median_days) == (
        "target", 1, pytest.approx(55, abs=0.01),
    )  # fmt: skip
    (only,) = workspace.report("upsell")
    assert only.funnel == "upsell"


def test_the_report_of_then_speaks_the_words_of_then(workspace, directory, clock):
    clock.now = T0 + 60 * DAY
    workspace.add("ada", {"email": "a@example.com"}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + DAY)
    said = the(workspace)
    *_, last = workspace.history().rows
    path = directory / "pipeline.yaml"
    text = path.read_text().replace("version: 1", "version: 2")
    path.write_text(text.replace("lead", "contacted"))
    workspace.adopt(path, {"lead.fresh": "contacted.fresh"})
    now, then = the(workspace), the(workspace, known_at=last.id, at=said.at)
    assert (now.version, then.version) == (2, 1)
    assert {one.stage: one.now.value for one in now.stages}["contacted"] == 1
    assert then.stages == said.stages
    (found,) = workspace.counted("stage/lead", known_at=last.id, at=said.at)
    assert (found.contact, found.stage) == ("ada", "lead.fresh")
