"""Evidence from the future: kept, and told of."""

import datetime as dt

import pytest

DAY = dt.timedelta(days=1)


def test_nobody_lies_ahead_of_a_workspace_without_such_evidence(workspace):
    workspace.add("ada")
    assert workspace.contacts_ahead().count == 0


def test_contacts_with_evidence_from_the_future_are_counted_and_named(workspace):
    for name in ("ada", "bob", "eve", "fay"):
        workspace.add(name, at="2126-03-01T09:00:00Z")
    workspace.add("gus")
    found = workspace.contacts_ahead()
    assert (found.count, [name for name, _ in found.examples]) == (4, ["ada", "bob", "eve"])
    assert found.examples[0][1].startswith("2126-03-01T09:00")


@pytest.mark.parametrize(("later", "ahead"), [(DAY / 2, False), (2 * DAY, True)])
def test_more_than_a_day_after_the_clock_is_the_future(workspace, later, ahead):
    assert workspace.add("ada", at=workspace.clock() + later).ahead is ahead


def test_the_last_days_of_the_calendar_have_no_future(workspace):
    workspace.add("ada", at="9999-12-31T23:00:00Z")
    assert workspace.contacts_ahead(dt.datetime(9999, 12, 31, 22, tzinfo=dt.UTC)).count == 0
