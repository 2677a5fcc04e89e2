"""Moves by hand: what is kept of the transitions that were tried."""

import pytest

from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0, content

TWO_WAYS = PIPELINE.replace(
    "  - from: prospect\n", "  - {from: lead, to: prospect, on: [signed]}\n  - from: prospect\n"
)
"""A second transition from a lead to a prospect, which asks for nothing."""


@pytest.fixture
def directory(directory):
    """Give a directory with that funnel in it."""
    (directory / "pipeline.yaml").write_text(TWO_WAYS)
    return directory


def test_a_move_keeps_nothing_of_the_transition_that_was_closed_when_another_is_open(
    workspace, clock, directory, write
):
    """Whether it is recorded by itself or comes from a file, and `verify` agrees."""
    clock.now = T0 + 2 * DAY
    workspace.add("ada", {"email": "ada@example.com"}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + DAY)
    decision = workspace.move("ada", "prospect", at=T0 + 2 * DAY).decision
    assert [way.verdict.value for way in decision.considered] == ["unknown", "met"]
    rows = workspace.history("ada").rows
    assert (rows[-1].outcome, rows[-1].unmet) == ("moved", ())
    story = (
        "contact,event,at,to,email\n"
        f"ada,add,{T0.isoformat()},,ada@example.com\n"
        f"ada,subscribed,{(T0 + DAY).isoformat()},,\n"
        f"ada,move,{(T0 + 2 * DAY).isoformat()},prospect,\n"
    )
    with Workspace.create(directory / "other", "pipeline", library=workspace.library) as other:
        other.apply(write(story))
        assert content(other.history("ada").rows) == content(rows)
    assert workspace.verify().is_sound
