"""What was asked before under the same key gets the first answer, in the words of then."""

import pytest

from funnelflow.errors import ConflictError, UnknownNameError

from ..funnels import PIPELINE, T0

RENAMED = {
    "version: 1": "version: 2",
    "  called: {fields": "  phoned: {aliases: [called], fields",
    "on: [called]": "on: [phoned]",
    "Talks to the decider": "Speaks with who signs",
    "  prospect: {}": "  opportunity: {aliases: [prospect]}",
    "to: prospect": "to: opportunity",
    "from: prospect": "from: opportunity",
    "transitions:\n": "transitions:\n  - {from: customer, to: lost, on: [gave_up]}\n",
    "from: [target, lead, prospect]": "from: [target, lead]",
}


@pytest.fixture
def ada(workspace):
    """Give a workspace with a contact who may be called."""
    workspace.add("ada", {"email": "ada@example.com"}, at=T0, key="added")
    workspace.record("ada", "subscribed", at=T0)
    return workspace


def adopt(workspace):
    """Take a version into use in which an event, a stage and places of transitions differ."""
    text = PIPELINE
    for old, new in RENAMED.items():
        assert old in text
        text = text.replace(old, new)
    newer = workspace.config.directory / "newer.yaml"
    newer.write_text(text)
    workspace.adopt(newer, {"prospect": "opportunity"})


FACTS = {"budget": 9000, "authority": True, "minutes": 3}


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.add("ada", {"email": "ada@example.com"}, at=T0, key="added"),
        lambda w: w.record("ada", "called", FACTS, key="k"),
        lambda w: w.record("ada", "called", {"budget": 1}, key="k"),
        lambda w: w.move("ada", "prospect", facts={"budget": 1}, key="k"),
        lambda w: w.set("ada", {"authority": "yes"}, text=True, key="k"),
    ],
    ids=["add", "moved", "stayed", "refused", "set"],
)
def test_a_repeated_key_gets_the_first_answer_after_an_adoption(ada, change):
    first = change(ada)
    adopt(ada)
    again = change(ada)
    assert again.duplicate
    assert again.sequence == first.sequence
    assert again.decision == first.decision
    assert again.decision.linked.definition == first.decision.linked.definition
    assert ada.verify().is_sound


def test_what_differs_is_found_by_the_definition_of_then(ada):
    ada.record("ada", "called", FACTS, at=T0, key="k")
    adopt(ada)
    with pytest.raises(ConflictError, match="differs in: facts"):
        ada.record("ada", "called", {**FACTS, "minutes": 4}, at=T0, key="k")


def test_a_decision_names_the_transitions_of_the_definition_that_decided(ada):
    moved = ada.record("ada", "called", FACTS, key="k").decision
    adopt(ada)
    taken = moved.linked.transitions[moved.path[-1].index]
    assert taken.to == moved.after


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (
            lambda w: w.record("ada", "called", FACTS, key="k"),
            lambda w: w.record("ada", "phoned", FACTS, key="k"),
        ),
        (
            lambda w: w.move("ada", "prospect", key="k"),
            lambda w: w.move("ada", "opportunity", key="k"),
        ),
    ],
    ids=["event", "stage"],
)
def test_what_is_called_otherwise_since_then_may_be_asked_for_by_either_name(ada, first, again):
    said = first(ada)
    adopt(ada)
    repeated = again(ada)
    assert (repeated.duplicate, repeated.decision) == (True, said.decision)
    assert first(ada).decision == said.decision


def test_what_the_definition_of_then_does_not_know_is_something_else(ada):
    ada.record("ada", "subscribed", at=T0, key="k")
    adopt(ada)
    for name in ("phoned", "replied"):
        with pytest.raises(ConflictError, match="differs in: event"):
            ada.record("ada", name, at=T0, key="k")
    with pytest.raises(UnknownNameError, match="faxed"):
        ada.record("ada", "faxed", at=T0, key="k")
