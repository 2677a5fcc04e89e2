"""A changed definition over the stored evidence: who, where, when, and what became of them."""

import pytest
from attrs import evolve

from funnelflow.definition import load_definition
from funnelflow.errors import UnknownNameError, UsageError

from ..funnels import DAY, T0

STORIES = {
    "rich": (9000, True),
    "middle": (4000, True),
    "late": (3000, False),
    "poor": (500, False),
}


@pytest.fixture
def told(workspace, clock):
    """Tell four stories: two were won; one named a budget that was enough only later."""
    clock.now = T0 + 60 * DAY
    for name, (budget, won) in STORIES.items():
        workspace.add(name, {"email": f"{name}@example.com", "authority": True}, at=T0)
        workspace.record(name, "subscribed", at=T0 + DAY)
        workspace.set(name, {"budget": budget, "replies": 1}, at=T0 + 2 * DAY)
        workspace.record(name, "called", at=T0 + 3 * DAY)
        if name == "late":
            workspace.set(name, {"budget": 6000}, at=T0 + 13 * DAY)
            workspace.record(name, "called", at=T0 + 14 * DAY)
        if won:
            workspace.move(
                name, "prospect", at=T0 + 4 * DAY, force=True, reason="r", roles=["boss"]
            )
            workspace.record(name, "signed", at=T0 + 5 * DAY, roles=["sales"])
    return workspace


def stage(found, name):
    (effect,) = [one for one in found.stages if one.stage == name]
    return effect


def test_a_lower_threshold_lets_somebody_in_earlier_and_somebody_else_at_all(told):
    found = told.what_if({"budget": 2000})
    prospect = stage(found, "prospect")
    assert (found.contacts, prospect.before, prospect.after) == (4, 3, 3)
    assert (prospect.earlier.count, prospect.earlier.median_days) == (2, 1)
    found = told.what_if({"budget": "400"})
    prospect = stage(found, "prospect")
    assert (prospect.before, prospect.after) == (3, 4)
    assert (prospect.let_in.count, prospect.let_in.open, prospect.let_in.examples) == (
        1,
        1,
        ("poor",),
    )
    assert [(s.before, s.after, s.examples) for s in found.shifts] == [
        ("lead.fresh", "prospect", ("poor",))
    ]
    (effect,) = found.effects
    assert (effect.kind, effect.is_proved) == ("looser", True)
    assert found.asked == "'Budget is at least 5,000' asked for 400, not for 5,000"


def test_a_higher_threshold_keeps_people_out_and_says_what_became_of_them(told):
    found = told.what_if({"budget": 7000})
    prospect = stage(found, "prospect")
    assert (prospect.kept_out.count, prospect.kept_out.examples) == (1, ("late",))
    assert (prospect.kept_out.won, prospect.kept_out.open) == (0, 1)
    assert stage(found, "customer").is_same


def test_the_curve_counts_whom_each_value_lets_in(told):
    found = told.what_if({"budget": [400, 7000]})
    assert found.threshold == "prospect"
    assert [(p.value, p.is_now, p.let_in.count, p.let_in.won) for p in found.curve] == [
        (400, False, 4, 2),
        (5000, True, 3, 2),
        (7000, False, 2, 2),
    ]
    curve = told.what_if({"budget": 400}, curve=True).curve
    assert [p.value for p in curve] == [400, 1250, 2500, 3750, 5000, 6250, 7500, 10000]


def test_nothing_is_stored_and_the_same_value_changes_nothing(told):
    before = list(told.history().rows)
    found = told.what_if({"budget": 5000})
    assert found.effects == ()
    assert all(one.is_same for one in found.stages)
    assert not found.shifts
    assert list(told.history().rows) == before
    assert found.to_json()["contacts"] == 4


def test_a_changed_definition_from_a_file_is_read_by_its_own_words(told, directory):
    file = directory / "pipeline.yaml"
    text = file.read_text().replace("  prospect: {}", "  buyer: {aliases: [prospect]}")
    text = text.replace("to: prospect", "to: buyer").replace("prospect", "buyer")
    text = text.replace("aliases: [buyer]", "aliases: [prospect]").replace(">= 5000", ">= 400")
    (directory / "changed.yaml").write_text(text)
    found = told.what_if(directory / "changed.yaml")
    buyer = stage(found, "buyer")
    assert (buyer.before, buyer.after, buyer.let_in.examples) == (3, 4, ("poor",))
    assert found.effects[0].kind == "looser"


def test_what_it_says_is_what_an_adoption_does(told, directory):
    file = directory / "pipeline.yaml"
    file.write_text(
        file.read_text().replace(">= 5000", ">= 400").replace("version: 1", "version: 2")
    )
    found = told.what_if(file)
    told.adopt(file)
    stood = {one.id: one.contact.stage for one in told.list()}
    assert stood["poor"] == "prospect"
    assert [(s.before, s.after, s.count) for s in found.shifts] == [("lead.fresh", "prospect", 1)]
    same = told.what_if(load_definition(file).definition)
    assert all(one.is_same for one in same.stages)


def test_what_makes_no_sense_is_refused(told):
    with pytest.raises(UsageError, match="one field"):
        told.what_if({"budget": 1, "replies": 2})
    with pytest.raises(UnknownNameError):
        told.what_if({"budgt": 1})
    with pytest.raises(UnknownNameError):
        told.what_if({"budget": 1}, funnel="nope")
    with pytest.raises(UsageError, match="'They answered twice'"):
        told.what_if({"replies": 1})
    assert told.what_if({"replies": 1}, label="Long").contacts == 4


def test_a_definition_of_another_name_is_read_as_if_it_were_ours(told, directory):
    definition = load_definition(directory / "pipeline.yaml").definition
    found = told.what_if(evolve(definition, name="other"))
    assert found.funnel == "pipeline"
    assert all(one.is_same for one in found.stages)


def test_whom_time_moves_either_way_no_version_moves(told, directory):
    told.add("warm", {"email": "warm@example.com", "replies": 3}, at=T0)
    told.record("warm", "subscribed", at=T0 + DAY)
    told.set("warm", {"replies": 0}, at=T0 + 3 * DAY)
    assert told.contact("warm").contact.stage == "lead.fresh"
    file = directory / "pipeline.yaml"
    file.write_text(file.read_text().replace("version: 1", "version: 2").replace("5000", "4999"))
    assert told.plan_adoption(file).shifts == ()
    assert told.what_if(file).shifts == ()
