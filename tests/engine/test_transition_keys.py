"""Transitions from any stage, back to where a contact was, at a date, and that set facts."""

import datetime as dt

import pytest
from attrs import evolve

from funnelflow.criteria import INTEGER, TIMESTAMP, Field
from funnelflow.definition import Criterion, Definition, EventType, Stage, Transition, Vocabulary
from funnelflow.engine import Event, Funnel, decide
from funnelflow.engine.diagram import diagram
from funnelflow.engine.story import StoryRow, fold_story

T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
VOCABULARY = Vocabulary(
    "v",
    fields={
        "next_at": Field("next_at", TIMESTAMP),
        "tries": Field("tries", INTEGER, default=0),
        "asked_at": Field("asked_at", TIMESTAMP),
        "size": Field("size", INTEGER),
    },
    events={name: EventType(name) for name in ("call", "park", "back", "form", "quiet")},
)
STAGES = (
    Stage("lead", stages=(Stage("new"), Stage("warm"))),
    Stage("prospect"),
    Stage("parked", stages=(Stage("short"), Stage("long"))),
    Stage("gone", type="lost"),
)
TRANSITIONS = (
    Transition("lead.new", "lead.warm", on="call"),
    Transition(
        "lead", "prospect", on="form", sets={"asked_at": "now", "tries": "contact.tries + 1"}
    ),
    Transition(("lead", "prospect"), "parked", on="park"),
    Transition("parked.short", "parked.long", after=20 * DAY),
    Transition("parked", "*", on="back", after="contact.next_at", resume=True),
    Transition("prospect", "lead", on="call", resume=True),
    Transition("*", "gone", on="quiet"),
)
FUNNEL = Funnel(Definition("f", VOCABULARY, "lead", STAGES, TRANSITIONS))


def at(day: float, name: str, /, **facts) -> Event:
    return Event(name, T0 + day * DAY, facts)


def stage_after(*events: Event, funnel: Funnel = FUNNEL) -> str:
    return funnel.fold("ada", [at(0, "add"), *events]).stage


def test_any_open_stage_is_left_and_no_closed_one():
    assert stage_after(at(1, "quiet")) == "gone"
    assert stage_after(at(1, "park"), at(2, "quiet")) == "gone"
    assert stage_after(at(1, "quiet"), at(2, "quiet")) == "gone"
    first = Transition("prospect", "lead", on="quiet")
    named = Funnel(Definition("f", VOCABULARY, "lead", STAGES, (*TRANSITIONS, first)))
    assert stage_after(at(1, "form"), at(2, "quiet"), funnel=named) == "lead.new"


def test_a_contact_comes_back_to_the_stage_before_whatever_came_between():
    assert stage_after(at(1, "call"), at(2, "park"), at(3, "back")) == "lead.warm"
    assert stage_after(at(1, "form"), at(2, "park"), at(30, "back")) == "prospect"
    moved = Event("move", T0 + 2 * DAY, to="parked")
    assert stage_after(at(1, "call"), moved, at(3, "back")) == "lead.warm"


def test_a_contact_comes_back_to_where_it_was_last_in_a_group_and_to_the_first_if_never():
    assert stage_after(at(1, "call"), at(2, "form"), at(3, "call")) == "lead.warm"
    assert stage_after(at(2, "form"), at(3, "call")) == "lead.new"
    forced = Event("move", T0 + DAY, to="prospect", force=True, reason="r", roles=("boss",))
    funnel = Funnel(evolve(FUNNEL.definition, initial="parked", force=("boss",)))
    assert stage_after(forced, at(3, "call"), funnel=funnel) == "lead.new"


def test_a_move_asks_for_the_leaf_that_a_contact_would_come_back_to():
    contact = FUNNEL.fold("ada", [at(0, "add"), at(1, "call"), at(2, "park")])
    wanted = decide(FUNNEL, contact, Event("move", T0 + 3 * DAY, to="lead.warm"))
    assert (wanted.outcome, wanted.after) == ("moved", "lead.warm")
    other = decide(FUNNEL, contact, Event("move", T0 + 3 * DAY, to="prospect"))
    assert other.outcome == "refused"


def test_a_date_takes_a_transition_at_its_very_moment_whenever_it_became_known():
    parked = FUNNEL.fold("ada", [at(0, "add"), at(1, "call"), at(2, "park")])
    assert FUNNEL.due_at(parked) == T0 + 22 * DAY
    FUNNEL.step(parked, at(3, "set", next_at=T0 + 9 * DAY))
    assert FUNNEL.due_at(parked) == T0 + 9 * DAY
    before = parked.copy()
    FUNNEL.step(before, at(8.99, "tick"))
    assert before.stage == "parked.short"
    path = FUNNEL.step(parked, at(30, "tick")).path
    assert [(t.to, t.cause, t.at) for t in path] == [("lead.warm", "timed", T0 + 9 * DAY)]


def test_a_date_that_has_passed_takes_it_at_once():
    contact = FUNNEL.fold("ada", [at(0, "add", next_at=T0), at(1, "call")])
    decision = decide(FUNNEL, contact, at(2, "park"))
    assert [(t.to, t.cause) for t in decision.path] == [
        ("parked.short", "event"),
        ("lead.warm", "timed"),
    ]
    assert decision.contact_after.since == T0 + 2 * DAY
    late = FUNNEL.fold("ada", [at(0, "add"), at(1, "park")])
    assert decide(FUNNEL, late, at(3, "set", next_at=T0)).after == "lead.new"


def test_a_wait_that_is_over_is_taken_when_its_criteria_are_met_not_at_the_next_look():
    wait = Transition("lead", "gone", after=5 * DAY, require=Criterion("c", "contact.size > 3"))
    funnel = Funnel(Definition("f", VOCABULARY, "lead", STAGES, (*TRANSITIONS, wait)))
    contact = funnel.fold("ada", [at(0, "add"), at(9, "form"), at(10, "call")])
    assert contact.stage == "lead.new"
    contact = funnel.fold("ada", [at(0, "add")])
    decision = decide(funnel, contact, at(9, "set", size=4))
    assert (decision.after, decision.path[0].cause) == ("gone", "timed")
    assert [(c.to, c.verdict.value) for c in decision.considered][-1] == ("gone", "met")


def test_taking_a_transition_sets_facts_and_staying_sets_none():
    contact = FUNNEL.fold("ada", [at(0, "add"), at(1, "form")])
    assert (contact.fields["asked_at"], contact.fields["tries"]) == (T0 + DAY, 1)
    contact = FUNNEL.fold("ada", [at(0, "add"), at(1, "form"), at(2, "call"), at(3, "form")])
    assert contact.fields["tries"] == 2
    assert FUNNEL.fold("ada", [at(0, "add"), at(1, "park"), at(2, "form")]).fields["tries"] == 0
    decision = decide(FUNNEL, FUNNEL.fold("ada", [at(0, "add")]), at(1, "form"))
    assert {change.field for change in decision.changes} == {"asked_at", "tries"}


def test_what_a_transition_sets_never_reaches_back():
    rows = [
        StoryRow(2, Event("set", T0 + 9 * DAY, {"tries": 7, "size": 3}, asserted=True), (), True),
        StoryRow(1, at(1, "form")),
        StoryRow(0, at(0, "add")),
    ]
    early = fold_story(FUNNEL, "ada", rows, T0 + 2 * DAY).contact
    assert (early.fields["tries"], early.fields["size"]) == (1, 3)
    assert {"tries", "asked_at"} <= FUNNEL.derived


def test_time_sets_facts_of_its_own_moment():
    wait = Transition("lead", "gone", after=5 * DAY, sets={"asked_at": "now"})
    funnel = Funnel(Definition("f", VOCABULARY, "lead", STAGES, (wait,)))
    contact = funnel.fold("ada", [at(0, "add"), at(30, "tick")])
    assert contact.fields["asked_at"] == T0 + 5 * DAY


@pytest.mark.parametrize("name", ["default", "note", "Scale", "end", "end-user", "state", "as"])
def test_a_name_that_mermaid_keeps_for_itself_is_written_otherwise(name):
    stages = (Stage(name), Stage("done", type="won"))
    drawn = diagram(
        Funnel(
            Definition("f", VOCABULARY, name, stages, (Transition(name, "done", on="form"),))
        ).linked
    )
    spelt = "end_user" if name == "end-user" else f"{name}_"
    assert f"{spelt} --> done" in drawn
    assert f'state "{name.replace("-", "#45;")}" as {spelt}' in drawn


def test_names_that_only_begin_like_such_a_word_stay_as_they_are():
    stages = (Stage("ending"), Stage("noted", type="won"))
    definition = Definition(
        "f", VOCABULARY, "ending", stages, (Transition("ending", "noted", on="form"),)
    )
    assert "ending --> noted" in diagram(Funnel(definition).linked)


def test_names_that_would_be_spelt_alike_are_told_apart():
    stages = (
        Stage("end-a"),
        Stage("end_a"),
        Stage("note", stages=(Stage("note"),)),
        Stage("note_"),
    )
    ways = (Transition("end-a", "end_a", on="form"), Transition("note_", "note.note", on="form"))
    drawn = diagram(Funnel(Definition("f", VOCABULARY, "end-a", stages, ways)).linked)
    assert "end_a_ --> end_a: form" in drawn
    assert "note_ --> note__.note_: form" in drawn


def test_a_diagram_shows_any_stage_by_each_outermost_one():
    drawn = [line.strip() for line in diagram(FUNNEL.linked).splitlines()]
    for stage in ("lead", "prospect", "parked"):
        assert f"{stage} --> gone: quiet" in drawn
    back = "back or at contact.next_at (back to where it was)"
    assert f"parked --> prospect: {back}" in drawn
