"""Evidence from the future: refused unless somebody means it, then kept and told of."""

import datetime as dt
from contextlib import nullcontext

import pytest
from attrs import evolve

from funnelflow.errors import FieldError
from funnelflow.ingest.file_options import FileOptions

from ..funnels import DAY, T0

MICROSECOND = dt.timedelta(microseconds=1)

LATER = "2036-01-15T10:00:00Z"
HINT = "did you mean 2026-01-15 10:00 UTC? --future records it all the same"

CHANGES = {
    "add": lambda workspace, **how: workspace.add("eve", **how),
    "record": lambda workspace, **how: workspace.record("ada", "replied", **how),
    "record who is new": lambda workspace, **how: workspace.record(
        "eve", "replied", create=True, **how
    ),
    "set": lambda workspace, **how: workspace.set("ada", {"budget": 3}, **how),
    "move": lambda workspace, **how: workspace.move("ada", "lead", **how),
}
ROWS = {
    "apply": [{"contact": "ada", "event": "replied"}, {"contact": "eve", "event": "replied"}],
    "import_contacts": [{"contact": "ada", "budget": 3}, {"contact": "eve", "budget": 3}],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_time_more_than_a_day_ahead_is_refused_unless_it_is_meant(workspace, change):
    workspace.add("ada")
    rows = workspace.history().rows
    for dry_run in (True, False):
        with pytest.raises(FieldError) as caught:
            CHANGES[change](workspace, at=LATER, dry_run=dry_run)
        assert caught.value.message == "2036-01-15 10:00 UTC lies more than a day in the future"
        assert (caught.value.hint, caught.value.field) == (HINT, "at")
        assert workspace.history().rows == rows
    assert CHANGES[change](workspace, at=LATER, future=True).ahead
    assert workspace.verify().is_sound


@pytest.mark.parametrize("verb", ROWS)
def test_a_row_from_the_future_is_rejected_unless_it_is_meant(workspace, clock, verb):
    clock.now = T0
    workspace.add("ada")
    take = getattr(workspace, verb)
    summary = take([{**row, "at": LATER} for row in ROWS[verb]], FileOptions())
    assert (summary.counts.rejected, summary.counts.in_future) == (2, 0)
    assert {(r.column, r.reason) for r in summary.examples} == {
        ("at", f"2036-01-15 10:00 UTC lies more than a day in the future ({HINT})")
    }
    assert [stored.id for stored in workspace.list()] == ["ada"]
    summary = take(summary.rejects, FileOptions(future=True))
    assert (summary.counts.rejected, summary.counts.in_future) == (0, 2)


@pytest.mark.parametrize(
    ("now", "at", "asked"),
    [
        ("2026-03-01T09:00:00Z", "2036-01-15T10:00:00Z", "did you mean 2026-01-15 10:00 UTC"),
        ("2026-01-02T09:00:00Z", "2026-12-30T10:00:00Z", "did you mean 2025-12-30 10:00 UTC"),
        ("2026-03-01T09:00:00Z", "2036-12-30T10:00:00Z", "did you mean 2025-12-30 10:00 UTC"),
        ("2026-03-01T09:00:00Z", "2026-03-03T01:00:00+02:00", "did you mean 2025-03-02 23:00 UTC"),
        ("2026-03-01T09:00:00Z", "2028-02-29T10:00:00Z", "is the year mistyped"),
    ],
)
def test_a_mistyped_year_is_guessed_from_the_last_time_that_there_was_that_date(
    workspace, clock, now, at, asked
):
    clock.now = dt.datetime.fromisoformat(now)
    with pytest.raises(FieldError) as caught:
        workspace.add("ada", at=at)
    assert caught.value.hint == f"{asked}? --future records it all the same"


def test_what_was_recorded_under_a_key_is_answered_again(workspace):
    first = workspace.add("ada", at=LATER, key="k", future=True)
    again = workspace.add("ada", at=LATER, key="k", future=True)
    assert (again.duplicate, again.sequence) == (True, first.sequence)


def test_a_tick_is_stored_at_most_a_day_ahead_unless_that_is_meant(workspace):
    workspace.add("ada", {"email": "ada@example.com", "replies": 2}, at=T0)
    workspace.record("ada", "subscribed")
    rows = workspace.history().rows
    assert workspace.tick(T0 + 40 * DAY, dry_run=True).moved == 1
    with pytest.raises(FieldError) as caught:
        workspace.tick(T0 + 40 * DAY)
    assert "--dry-run says who will have moved by then; --future stores it" in caught.value.hint
    assert workspace.history().rows == rows
    assert workspace.tick(T0 + 40 * DAY, future=True).moved == 1
    assert workspace.contacts_ahead().count == 1


def test_nobody_lies_ahead_of_a_workspace_without_such_evidence(workspace):
    workspace.add("ada")
    assert workspace.contacts_ahead().count == 0


def test_contacts_with_evidence_from_the_future_are_counted_and_named(workspace):
    for name in ("ada", "bob", "eve", "fay"):
        workspace.add(name, at="2126-03-01T09:00:00Z", future=True)
    workspace.add("gus")
    found = workspace.contacts_ahead()
    assert (found.count, [name for name, _ in found.examples]) == (4, ["ada", "bob", "eve"])
    assert found.examples[0][1].startswith("2126-03-01T09:00")


@pytest.mark.parametrize(("later", "ahead"), [(DAY, False), (DAY + MICROSECOND, True)])
def test_more_than_a_day_after_the_clock_is_the_future(workspace, later, ahead):
    workspace._context = evolve(workspace.context, clock=lambda: T0)
    with pytest.raises(FieldError) if ahead else nullcontext():
        workspace.add("ada", at=T0 + later)
    with pytest.raises(FieldError) if ahead else nullcontext():
        workspace.tick(T0 + later)
    assert workspace.add("bob", at=T0 + later, future=True).ahead is ahead


def test_the_last_days_of_the_calendar_have_no_future(workspace):
    workspace.add("ada", at="9999-12-31T23:00:00Z", future=True)
    assert workspace.contacts_ahead(dt.datetime(9999, 12, 31, 22, tzinfo=dt.UTC)).count == 0
