"""Who needs somebody today, for the most urgent reason, with what to do first."""

import pytest

from ..funnels import DAY, PIPELINE, T0

FUNNEL = (
    PIPELINE.replace("version: 1", "version: 2")
    .replace("called: {fields: {minutes: number}}", "called: {fields: {direction: text}}")
    .replace("  target: {}", "  target: {rotting_after: 20d, owner: marketing, playbook: [Write]}")
    .replace("    aliases: [sales lead]", "    aliases: [sales lead]\n    rotting_after: 90d")
    .replace("  prospect: {}", "  prospect: {owner: sales}")
)


@pytest.fixture
def team(workspace, directory, clock):
    """Give a workspace with one contact for each reason, and one for none."""
    clock.now = T0 + 39 * DAY
    (directory / "pipeline.yaml").write_text(FUNNEL)
    workspace.adopt(directory / "pipeline.yaml")
    for name in ("ada", "bob", "cy", "dee", "eve"):
        day = 30 if name == "eve" else 0
        workspace.add(name, {"email": f"{name}@example.com"}, at=T0 + day * DAY)
    for name in ("ada", "bob", "cy"):
        workspace.record(name, "subscribed", at=T0 + 8 * DAY)
    for day in (9, 9.6):
        workspace.record("ada", "replied", at=T0 + day * DAY)
    workspace.set("bob", {"budget": 9000}, at=T0 + 10 * DAY)
    workspace.record("cy", "called", {"direction": "inbound"}, at=T0 + 11 * DAY)
    return workspace


def test_the_most_urgent_reason_comes_first(team):
    found = {item.contact: item for item in team.todo()}
    assert [item.contact for item in team.todo()] == ["ada", "dee", "cy", "bob"]
    assert {name: item.reason for name, item in found.items()} == {
        "ada": "due", "dee": "rotting", "cy": "answered", "bob": "question",
    }  # fmt: skip
    assert found["ada"].due_at == T0 + 39.6 * DAY
    assert found["dee"].over_days == pytest.approx(19, abs=0.01)
    assert (found["dee"].owner, found["dee"].playbook) == ("marketing", "Write")
    assert found["cy"].answered_at == T0 + 11 * DAY
    assert (found["bob"].question, found["bob"].ask) == ("authority", "Who signs")
    assert found["bob"].opens == "prospect"


def test_when_we_spoke_last_nobody_has_to_answer(team):
    team.record("cy", "called", {"direction": "outbound"}, at=T0 + 12 * DAY)
    assert "cy" not in {item.contact for item in team.todo() if item.reason == "answered"}


def test_who_is_won_or_lost_needs_nobody(team):
    team.record("dee", "gave_up")
    assert "dee" not in {item.contact for item in team.todo()}


def test_of_nobody_there_is_nothing_to_do(workspace):
    workspace.funnel()
    assert workspace.todo() == []
