"""What is taken back never counted, is restored by taking that back, and stays readable."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.errors import ConflictError, UnknownContactError, UsageError

from ..funnels import DAY, T0
from .test_order import PROPERTY, STORIES, change, stands, stored_of

WHY = "typed twice"


def sequences(workspace, contact, row):
    """Return the rows of the history that a row of a story became."""
    event, day, _ = row
    rows = workspace.history(contact).rows
    return [r.sequence for r in rows if r.at == T0 + day * DAY and r.event in {event, "add"}]


@PROPERTY
@given(STORIES, st.randoms(use_true_random=False), st.integers(1, 7))
def test_rows_that_are_taken_back_never_counted(deals, story, chance, count):
    name = f"w{uuid4().hex}"
    for row in chance.sample(story, len(story)):
        deals.context.record(change(name, row))
    before = stands(deals, name)
    gone = chance.sample(story, min(count, len(story)))
    kept = [row for row in story if row not in gone]
    about = [number for row in gone for number in sequences(deals, name, row)]
    answer = deals.void(name, about, WHY)
    for row in kept:
        deals.context.record(change(f"{name}-b", row))
    if kept:
        assert stands(deals, name) == stands(deals, f"{name}-b")
    else:
        with pytest.raises(UnknownContactError, match="no contact"):
            deals.contact(name)
    deals.void(name, [answer.sequence], "it was right")
    assert stands(deals, name) == before


def test_everything_that_was_taken_back_and_restored_verifies(deals):
    for number in range(4):
        name = f"c{number}"
        deals.add(name, at=T0)
        deals.set(name, {"seats": 12}, at=T0 + DAY)
        deals.record(name, "purchased", at=T0 + 2 * DAY)
        void = deals.void(name, [2] if number else [1, 2, 3], WHY)
        if number > 1:
            deals.void(name, [void.sequence], "it was right")
        if number > 2:
            deals.void(name, [void.sequence + 1], "no, it was not")
    assert deals.verify().is_sound
    assert deals.counts() == {"nurture": 0, "engaged": 0, "won": 1, "lost": 2}  # time passed
    assert [contact.id for contact in deals.list()] == ["c1", "c2", "c3"]


def test_the_answer_says_what_it_changed(deals):
    deals.add("ada", at=T0)
    deals.set("ada", {"seats": 12}, at=T0 + DAY)
    deals.record("ada", "purchased", at=T0 + 2 * DAY)
    tried = deals.void("ada", [2], WHY, dry_run=True)
    answer = deals.void("ada", [2], WHY, actor="eve")
    assert tried.to_json() == {**answer.to_json(), "dry_run": True} | {
        "event": {**answer.to_json()["event"], "actor": "", "at": tried.to_json()["event"]["at"]}
    }
    decision, restated = answer.decision, answer.restated
    assert (decision.outcome, decision.before, decision.after) == ("moved", "won", "nurture")
    assert [(c.field, c.before, c.after) for c in decision.changes] == [("seats", 12, None)]
    assert (restated.before, restated.stage, restated.entered) == ("won", "nurture", T0)
    assert restated.others == 1
    assert answer.to_json()["event"]["about"] == [2]


def test_the_history_marks_what_was_taken_back_and_by_which_row(deals):
    deals.add("ada", at=T0)
    deals.set("ada", {"seats": 12}, at=T0 + DAY)
    known = deals.history("ada").rows[-1].id
    deals.void("ada", [2], WHY)
    first, second, third = deals.history("ada").rows
    assert (first.voided_by, second.voided_by, third.voided_by) == (None, 3, None)
    assert (third.event, third.about, third.reason) == ("void", (2,), WHY)
    assert [row.voided_by for row in deals.history("ada", known_at=known).rows] == [None, None]
    deals.void("ada", [3], "it was right")
    assert [row.voided_by for row in deals.history("ada").rows] == [None, None, 4, None]


def test_what_was_known_before_still_counts_what_was_taken_back_later(deals):
    deals.add("ada", at=T0)
    known = deals.set("ada", {"seats": 12}, at=T0 + DAY)
    number = deals.history("ada").rows[-1].id
    deals.void("ada", [known.sequence], WHY)
    assert deals.why("ada", known_at=number).contact.contact.stage == "engaged"
    assert deals.why("ada", T0 + 2 * DAY).contact.contact.stage == "nurture"
    assert deals.why("ada", T0 + 2 * DAY, known_at=number).contact.contact.stage == "engaged"
    assert [c.contact.stage for c in deals.list(at=T0 + 2 * DAY)] == ["nurture"]
    assert [c.contact.stage for c in deals.list(known_at=number)] == ["engaged"]


def test_other_definitions_do_not_count_what_was_taken_back(deals):
    deals.add("ada", at=T0)
    deals.set("ada", {"seats": 12}, at=T0 + DAY)
    deals.void("ada", [2], WHY)
    funnel = deals.funnel()
    assert deals.translate("ada", funnel).translation.stage == "lost"  # nothing for 30 days
    assert [one.translation.stage for one in deals.translate_all(funnel)] == ["lost"]


def test_somebody_of_whom_all_was_taken_back_can_come_again(deals):
    deals.add("ada", {"seats": 3}, at=T0)
    deals.void("ada", [1], WHY)
    with pytest.raises(UnknownContactError) as raised:
        deals.contact("ada")
    assert raised.value.hint == (
        "all that was known of it has been taken back: funnelflow history ada"
    )
    deals.add("ada", {"budget": 5}, at=T0 + DAY)
    stored = stored_of(deals, "ada")
    assert (stored.contact.fields, stored.created_at) == ({"budget": 5, "paid": 0}, T0 + DAY)
    assert deals.verify().is_sound


def test_only_what_is_there_and_counts_can_be_taken_back(deals):
    deals.add("ada", at=T0)
    deals.record("ada", "opened", at=T0 + DAY)
    deals.void("ada", [2], WHY)
    with pytest.raises(ConflictError, match="row 2 of ada is taken back already, by row 3") as two:
        deals.void("ada", [2], WHY)
    assert two.value.hint == "to restore it, take that back: funnelflow void ada 3"
    with pytest.raises(UsageError, match="ada has no row 9: its history has 3"):
        deals.void("ada", [1, 9], WHY)
    with pytest.raises(UsageError, match="no row is named"):
        deals.void("ada", [], WHY)
    with pytest.raises(UsageError, match="needs a reason"):
        deals.void("ada", [1], " ")
    with pytest.raises(UnknownContactError):
        deals.void("bob", [1], WHY)
    assert len(deals.history("ada").rows) == 3


def test_a_void_is_a_change_like_any_other(deals):
    deals.add("ada", at=T0)
    deals.record("ada", "opened", at=T0 + DAY)
    with pytest.raises(ConflictError, match="ada has changed meanwhile"):
        deals.void("ada", [1], WHY, expect=1)
    first = deals.void("ada", [2], WHY, expect=2, key="k")
    again = deals.void("ada", [2], WHY, key="k")
    assert (again.duplicate, again.sequence) == (True, first.sequence)
    assert again.decision == first.decision
    with pytest.raises(ConflictError, match="now it differs in: what it is about"):
        deals.void("ada", [1], WHY, key="k")


def test_a_void_keeps_the_key_of_what_it_takes_back(deals):
    deals.add("ada", at=T0)
    deals.record("ada", "opened", at=T0 + DAY, key="k")
    deals.void("ada", [2], WHY)
    assert deals.record("ada", "opened", at=T0 + DAY, key="k").duplicate
