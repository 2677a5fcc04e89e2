"""The same evidence in another definition's words."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.compare import translate
from funnelflow.criteria import NUMBER, Field
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Stage,
    Transition,
    Vocabulary,
    load_definition,
    shipped_definitions,
)
from funnelflow.engine import Event, Funnel, Veto

T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)


def shipped(name: str) -> Funnel:
    """Give a shipped definition, ready to run."""
    return Funnel(load_definition(shipped_definitions() / f"{name}.yaml"))


STANDARD, DIALOGUE = shipped("standard"), shipped("dialogue")
EVENTS = sorted(STANDARD.linked.events)

BUDGETED = Funnel(
    Definition(
        "budgeted",
        vocabulary=Vocabulary(
            "small",
            fields={"budget": Field("budget", NUMBER)},
            events={"asked": EventType("asked"), "offered": EventType("offered")},
        ),
        initial="new",
        stages=(Stage("new"), Stage("talking"), Stage("customer", type="won")),
        transitions=(
            Transition(("new",), "talking", on=("asked",)),
            Transition(
                ("talking",),
                "customer",
                on=("offered",),
                require=Criterion("Budget is enough", "contact.budget >= 5000"),
            ),
        ),
    )
)


@st.composite
def stories(draw):
    """Draw evidence of the shared vocabulary."""
    names = draw(st.lists(st.sampled_from(EVENTS), max_size=8))
    facts = {"email": "ada@example.com", "budget": 9000.0, "authority": "decides"}
    return [
        Event(name, T0 + i * dt.timedelta(hours=1), facts if draw(st.booleans()) else {})
        for i, name in enumerate(names)
    ]


@given(stories())
def test_translated_to_itself_a_contact_stays_where_it_is(story):
    home = STANDARD.fold("ada", story)
    assert translate(STANDARD, "ada", story).contact == home


def test_what_hangs_on_an_unknown_fact_is_flagged_with_the_question():
    story = [Event("form_submitted", T0, {"email": "ada@example.com"})]
    translation = translate(STANDARD, "ada", [*story, Event("assessed", T0, {"budget": 9000.0})])
    assert translation.stage == "lead.inquiry"
    assert translation.is_flagged
    assert {"authority", "horizon_days"} <= {f.name for f in translation.questions()}


def test_a_question_that_was_never_asked_flags_it_too():
    translation = translate(STANDARD, "ada", [Event("form_submitted", T0)])
    assert translation.stage == "target"
    assert translation.is_flagged
    assert {"email", "phone"} <= {f.name for f in translation.questions()}


def test_what_no_answer_would_change_is_certain():
    story = [
        Event("form_submitted", T0, {"email": "ada@example.com"}),
        Event("disqualified", T0, {"lost_reason": "no_budget"}),
    ]
    assert not translate(STANDARD, "ada", story).is_flagged


def test_a_contact_whose_answers_are_all_known_and_say_no_is_certain():
    asked = Event("asked", T0)
    offered = Event("offered", T0, {"budget": 3000.0})
    translation = translate(BUDGETED, "ada", [asked, offered])
    assert translation.stage == "talking"
    assert not translation.is_flagged


def test_an_event_that_came_before_the_stage_was_entered_flags_nothing():
    """The budget is asked for when they are offered something, which was too early."""
    early = [Event("offered", T0), Event("asked", T0)]
    assert translate(BUDGETED, "ada", early).stage == "talking"
    assert not translate(BUDGETED, "ada", early).is_flagged
    assert translate(BUDGETED, "ada", [*early, Event("offered", T0)]).is_flagged


def test_a_veto_of_one_definition_closes_nothing_in_another():
    vetoes = tuple(Veto(t.index, "office-hours", "not today") for t in BUDGETED.linked.transitions)
    vetoed = Event("asked", T0, {"budget": 9000.0}, vetoes=vetoes)
    assert BUDGETED.fold("ada", [vetoed]).stage == "new"
    translation = translate(BUDGETED, "ada", [vetoed])
    assert translation.contact == BUDGETED.fold("ada", [vetoed._replace(vetoes=())])
    assert (translation.stage, translation.moves) == ("talking", 0)


def test_a_move_by_hand_says_nothing_in_another_definition():
    story = [
        Event("add", T0),
        Event("move", T0, to="customer", reason="on paper", force=True, roles=("sales_manager",)),
    ]
    translation = translate(DIALOGUE, "ada", story)
    assert (translation.stage, translation.moves) == ("target", 1)


def test_the_facts_a_move_brought_are_kept():
    story = [Event("add", T0), Event("move", T0, {"budget": 5.0}, to="lead")]
    assert translate(DIALOGUE, "ada", story).contact.fields["budget"] == 5.0


def test_translating_does_not_depend_on_what_was_translated_before():
    first = [Event("form_submitted", T0, {"email": "ada@example.com"})]
    alone = translate(DIALOGUE, "ada", first)
    translate(DIALOGUE, "bob", [Event("disqualified", T0, {"lost_reason": "no_budget"})])
    assert translate(DIALOGUE, "ada", first) == alone


def test_nothing_that_happened_is_no_stage_at_all_but_the_first():
    assert translate(DIALOGUE, "ada", []).stage == "target"


def test_aliases_are_understood_whatever_their_case():
    for funnel in (STANDARD, DIALOGUE):
        for name, stage in funnel.linked.stages.items():
            for alias in stage.aliases:
                assert funnel.linked.resolve_stage(alias.upper()) == name
