"""Looks fold those who are due on to their own moment, and store nothing."""

import pytest

from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0

MOMENT = T0 + 5 * DAY


@pytest.fixture
def due(workspace, clock):
    """Add a lead who cools down on day 31, and one who is never due; then look on day 40."""
    workspace.add("ada", {"email": "ada@example.com", "replies": 2}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + DAY)
    workspace.add("bob", {"email": "bob@example.com"}, at=T0)
    clock.now = T0 + 40 * DAY
    return workspace


def looks(workspace):
    """Return where each look finds the contacts: by id, listed, counted, explained, translated."""
    counts = {stage: count for stage, count in workspace.counts().items() if count}
    stored, considered, _ = workspace.why("ada")
    return (
        workspace.contact("ada").contact.stage,
        {found.id: found.contact.stage for found in workspace.list()},
        [found.id for found in workspace.list(stage="lead.warm")],
        [found.id for found in workspace.list("contact.stage == 'lead.warm'", limit=5)],
        [found.id for found in workspace.list("contact.stage == 'lead.fresh'")],
        counts,
        (stored.contact.stage, stored.contact.since, [way.to for way in considered]),
        workspace.translate("ada", workspace.funnel()).translation.stage,
        {one.contact_id: one.stage for one in workspace.translate_all(workspace.funnel())},
    )


def test_every_look_shows_what_a_tick_would_store(due):
    before = due.history().rows
    seen = looks(due)
    assert due.history().rows == before
    assert seen[0] == "lead.warm"
    assert seen[6][:2] == ("lead.warm", T0 + 31 * DAY)
    due.tick(T0 + 40 * DAY)
    assert looks(due) == seen


def test_a_look_at_a_time_folds_on_to_that_time(due):
    for day, since in ((30, T0 + DAY), (32, T0 + 31 * DAY), (70, T0 + 61 * DAY)):
        assert due.why("ada", T0 + day * DAY).contact.contact.since == since


def test_criteria_that_read_now_are_due_for_tick_at_the_very_moment(directory, clock):
    overdue = """
  - {from: target, to: lost, require: [The meeting is over: contact.met_on < now]}
"""
    (directory / "pipeline.yaml").write_text(PIPELINE + overdue)
    with Workspace.create(directory, "pipeline", clock=clock) as workspace:
        workspace.add("ada", {"met_on": MOMENT}, at=T0)
        assert workspace.contact("ada").due_at > MOMENT
        clock.now = MOMENT + DAY
        assert workspace.tick(MOMENT).due == 0
        ticked = workspace.tick(MOMENT + DAY)
        assert (ticked.due, ticked.moved) == (1, 1)
        taken = workspace.history(event="tick").rows[0].path[0]
        assert (taken.to, taken.at) == ("lost", workspace.contact("ada").contact.since)
        assert MOMENT < taken.at < MOMENT + DAY / 1000


def test_a_wait_of_a_stage_with_nested_ones_is_the_same_for_all_that_look(
    directory, database, clock
):
    """It counts from when `lead` was entered, which is kept with the contact."""
    wait = "\n  - {from: lead, to: lost, after: 10d}\n"
    (directory / "pipeline.yaml").write_text(PIPELINE + wait)
    clock.now = T0 + 6 * DAY
    with Workspace.create(directory, "pipeline", database=database, clock=clock) as workspace:
        workspace.add("ada", {"email": "ada@example.com"}, at=T0)
        workspace.record("ada", "subscribed", at=T0 + DAY)
        workspace.record("ada", "replied", {"replies": 1}, at=T0 + 5 * DAY)
        stored = workspace.contact("ada")
        assert (stored.contact.stage, stored.contact.since) == ("lead.warm", T0 + 5 * DAY)
        assert stored.due_at == T0 + 11 * DAY
        (way,) = [one for one in workspace.why("ada").considered if one.to == "lost" and one.due]
        assert way.due == T0 + 11 * DAY
        clock.now = T0 + 12 * DAY
        assert [c.contact.since for c in workspace.list(stage="lost")] == [T0 + 11 * DAY]
        assert workspace.tick().moved == 1
        assert workspace.contact("ada").contact.since == T0 + 11 * DAY
        assert workspace.verify().is_sound
