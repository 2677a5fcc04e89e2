"""The same evidence in another definition's words."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from funnelflow.compare import translate
from funnelflow.definition import load_definition, shipped_definitions
from funnelflow.engine import Event, Funnel

T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)


def shipped(name: str) -> Funnel:
    """Give a shipped definition, ready to run."""
    return Funnel(load_definition(shipped_definitions() / f"{name}.yaml"))


STANDARD, DIALOGUE = shipped("standard"), shipped("dialogue")
EVENTS = sorted(STANDARD.linked.events)


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
