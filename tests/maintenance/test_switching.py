"""A workspace that goes over to other words: its contacts come along by translation."""

import datetime as dt

import pytest

from funnelflow.definition import load_definition, shipped_definitions
from funnelflow.errors import UnknownNameError
from funnelflow.workspace.workspace import Workspace

DIALOGUE = shipped_definitions() / "dialogue.yaml"
NOW = dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
AT = "2026-03-02T09:{:02}:00Z"


@pytest.fixture
def filled(tmp_path, database):
    """Give a workspace of three contacts in the shipped funnel `standard`."""
    made = Workspace.create(tmp_path, "standard", database=database)
    made.close()
    with Workspace.open(tmp_path, clock=lambda: NOW) as workspace:
        workspace.add("ada", {"email": "ada@example.com"}, at=AT.format(0))
        workspace.record("ada", "form_submitted", at=AT.format(1))
        facts = {"budget": 9000, "authority": "decides", "horizon_days": 30}
        workspace.set("ada", facts, at=AT.format(2))
        workspace.move("ada", "prospect", at=AT.format(3))
        workspace.add("bob", at=AT.format(0))
        workspace.add("eve", funnel="dialogue", at=AT.format(0))
        yield workspace


def test_the_plan_is_what_translating_says(filled):
    funnel = filled.funnel("dialogue")
    said = {one.contact_id: one for one in filled.translate_all(funnel, home="standard")}
    plan = filled.plan_adoption(DIALOGUE, instead_of="standard")
    assert plan.contacts == 2
    assert plan.unmapped == {}
    assert [(s.before, s.after, s.examples) for s in plan.shifts] == [
        ("prospect.qualified", said["ada"].translation.stage, ("ada",))
    ]
    assert filled.contact("ada").funnel == "standard"


def test_contacts_come_over_with_their_evidence(filled):
    expected = filled.translate("ada", filled.funnel("dialogue")).translation.contact
    done = filled.adopt(DIALOGUE, instead_of="standard", actor="ada")
    assert (done.contacts, done.moved) == (2, 1)
    for name in ("ada", "bob", "eve"):
        assert filled.contact(name).funnel == "dialogue"
    assert filled.contact("ada").contact.stage == expected.stage
    assert [row.event for row in filled.history("ada").rows][-1] == "adopt"
    assert filled.verify().problems == 0


def test_what_happens_next_is_decided_by_the_new_words(filled):
    filled.adopt(DIALOGUE, instead_of="standard")
    stages = load_definition(DIALOGUE).leaves
    filled.record("ada", "downloaded", {"fits_profile": True}, at=AT.format(30))
    assert filled.contact("ada").contact.stage in stages
    assert filled.verify().problems == 0


def test_a_second_time_nothing_is_left_to_do(filled):
    filled.adopt(DIALOGUE, instead_of="standard")
    assert filled.plan_adoption(DIALOGUE, instead_of="standard").contacts == 0


def test_a_funnel_that_nobody_uses_cannot_be_replaced(filled):
    with pytest.raises(UnknownNameError) as caught:
        filled.plan_adoption(DIALOGUE, instead_of="standrad")
    assert caught.value.hint == "did you mean 'standard'?"
