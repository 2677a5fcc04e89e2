"""A contact in several funnels at once: one story, and one position a funnel."""

import pytest

from funnelflow.errors import ConflictError, UnknownNameError, UsageError
from funnelflow.storage.connect import reading
from funnelflow.storage.contacts import find_positions

from ..funnels import DAY, T0

PIPELINE = """\
funnel: pipeline
initial: nurture
fields: {budget: number, seats: integer}
events: {opened: {}, called: {}, purchased: {}}
stages:
  nurture: {}
  engaged: {}
  won: {type: won}
  lost: {type: lost}
transitions:
  - {from: nurture, to: engaged, on: opened}
  - {from: engaged, to: won, require: [Has a budget: contact.budget > 10]}
  - {from: nurture, to: lost, after: 30d}
"""
SUPPORT = """\
funnel: support
initial: quiet
fields: {budget: number, mood: text}
events: {called: {}, opened: {}}
stages:
  quiet: {}
  talking: {}
  engaged: {}
  gone: {type: lost}
transitions:
  - {from: quiet, to: talking, on: called}
  - {from: talking, to: engaged, require: [Is happy: contact.mood == "happy"]}
  - {from: quiet, to: gone, after: 10d}
"""


@pytest.fixture
def two(directory, workspace, clock):
    """Give a workspace with two funnels, long after what happens."""
    clock.now = T0 + 200 * DAY
    for name, text in {"pipeline": PIPELINE, "support": SUPPORT}.items():
        (directory / f"{name}.yaml").write_text(text)
        workspace.adopt(directory / f"{name}.yaml")
    return workspace


def stands(workspace, contact):
    """Return where a contact stands as it is stored, by funnel, in the order of entering them."""
    with reading(workspace.context.engine) as connection:
        found = find_positions(connection, workspace.context.definitions, contact)
    return {s.funnel: (s.contact.stage, s.contact.since, s.contact.fields) for s, _ in found}


def stages(workspace, contact):
    """Return the stage of a contact in each of its funnels."""
    return {funnel: stage for funnel, (stage, *_) in stands(workspace, contact).items()}


def test_what_happens_moves_a_contact_in_all_of_its_funnels(two):
    two.add("ada", funnel="pipeline", at=T0)
    entered = two.enter("ada", "support", at=T0 + DAY)
    assert (entered.funnel, entered.decision.after) == ("support", "quiet")
    assert [(one.funnel, one.decision.after) for one in entered.others] == [("pipeline", "nurture")]
    called = two.record("ada", "called", at=T0 + 2 * DAY)
    assert (called.funnel, called.decision.outcome) == ("pipeline", "stayed")
    (other,) = called.others
    assert (other.funnel, other.decision.before, other.decision.after) == (
        "support",
        "quiet",
        "talking",
    )
    two.record("ada", "opened", {"budget": 20, "mood": "happy"}, at=T0 + 3 * DAY)
    assert stages(two, "ada") == {"pipeline": "won", "support": "engaged"}
    assert two.verify().is_sound


def test_what_happened_before_a_funnel_was_entered_is_known_there_and_moves_nobody(two):
    two.add("ada", {"budget": 5}, funnel="pipeline", at=T0)
    two.record("ada", "opened", at=T0 + DAY)
    two.enter("ada", "support", at=T0 + 2 * DAY)
    assert stands(two, "ada")["support"] == ("quiet", T0 + 2 * DAY, {"budget": 5})
    two.record("ada", "called", at=T0 + DAY)
    assert stages(two, "ada") == {"pipeline": "engaged", "support": "quiet"}
    assert two.verify().is_sound


def test_leaving_a_funnel_and_entering_it_again_counts_anew(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0)
    two.record("ada", "called", at=T0 + DAY)
    left = two.leave("ada", "support", at=T0 + 2 * DAY)
    assert (left.funnel, left.decision.after) == ("support", "talking")
    assert stages(two, "ada") == {"pipeline": "nurture"}
    assert two.verify().is_sound
    two.enter("ada", "support", at=T0 + 3 * DAY)
    assert stands(two, "ada")["support"][:2] == ("quiet", T0 + 3 * DAY)
    assert two.verify().is_sound


def test_the_first_funnel_can_be_left_for_another(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0)
    two.leave("ada", "pipeline", at=T0 + DAY)
    two.record("ada", "called", at=T0 + 2 * DAY)
    assert stages(two, "ada") == {"support": "talking"}
    two.enter("ada", "pipeline", at=T0 + 3 * DAY)
    two.record("ada", "opened", at=T0 + 4 * DAY)
    assert stages(two, "ada") == {"support": "talking", "pipeline": "engaged"}
    assert two.verify().is_sound


def test_a_funnel_is_not_entered_twice_and_the_only_one_not_left(two):
    two.add("ada", funnel="pipeline", at=T0)
    with pytest.raises(ConflictError, match="only funnel of ada"):
        two.leave("ada", "pipeline", at=T0 + DAY)
    with pytest.raises(ConflictError, match="in the funnel 'pipeline' already"):
        two.enter("ada", "pipeline", at=T0 + DAY)
    with pytest.raises(UsageError, match="ada is not in the funnel 'support'"):
        two.leave("ada", "support", at=T0 + DAY)
    with pytest.raises(UnknownNameError, match="no funnel 'nowhere'"):
        two.enter("ada", "nowhere", at=T0 + DAY)
    with pytest.raises(UnknownNameError, match="no contact 'grace'"):
        two.enter("grace", "support", at=T0 + DAY)
    assert len(two.history("ada").rows) == 1


def test_a_move_is_in_the_funnel_that_has_the_stage_or_that_is_named(two):
    two.add("ada", {"mood": "happy"}, funnel="support", at=T0)
    two.enter("ada", "pipeline", at=T0)
    with pytest.raises(UsageError, match="several funnels that have a stage 'engaged'") as caught:
        two.move("ada", "engaged", at=T0 + DAY)
    assert "funnelflow move ada engaged --funnel support" in caught.value.hint
    moved = two.move("ada", "engaged", funnel="pipeline", at=T0 + DAY)
    assert (moved.funnel, moved.decision.outcome) == ("pipeline", "moved")
    assert stages(two, "ada") == {"support": "quiet", "pipeline": "engaged"}
    refused = two.move("ada", "won", at=T0 + 2 * DAY)
    assert (refused.funnel, refused.decision.outcome) == ("pipeline", "refused")
    assert two.history("ada").rows[-1].about == ("pipeline",)
    assert two.verify().is_sound


def test_who_is_merged_is_in_the_funnels_of_both(two):
    two.add("ada", {"budget": 20}, funnel="pipeline", at=T0)
    two.add("bob", {"mood": "happy"}, funnel="support", at=T0 + DAY)
    two.record("bob", "called", at=T0 + 2 * DAY)
    before = {name: stands(two, name) for name in ("ada", "bob")}
    two.merge("bob", "ada")
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "engaged"}
    two.record("bob", "opened", at=T0 + 3 * DAY)
    assert stages(two, "bob") == {"pipeline": "won", "support": "engaged"}
    assert two.verify().findings == ()
    two.tick(T0 + 90 * DAY)
    assert two.verify().findings == ()
    two.unmerge("bob")
    assert stands(two, "ada").keys() == before["ada"].keys()
    assert stages(two, "bob") == {"support": "engaged"}
    assert stands(two, "bob") == before["bob"]
    assert two.verify().findings == ()
    two.merge("ada", "bob")
    assert stages(two, "bob") == {"support": "engaged", "pipeline": "won"}
    assert two.verify().findings == ()


def test_a_funnel_that_one_of_two_entered_later_counts_from_where_it_begins_for_the_whole(two):
    two.add("ada", funnel="pipeline", at=T0)
    two.enter("ada", "support", at=T0 + 5 * DAY)
    two.add("bob", funnel="support", at=T0 + DAY)
    two.record("ada", "called", at=T0 + 2 * DAY)
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "quiet"}
    two.merge("bob", "ada")
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "talking"}
    assert two.verify().findings == ()
    two.unmerge("bob")
    assert stages(two, "ada") == {"pipeline": "nurture", "support": "quiet"}
    assert stages(two, "bob") == {"support": "quiet"}
    assert two.verify().findings == ()
