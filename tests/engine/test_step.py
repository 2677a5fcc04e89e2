"""The fast path: one event after the other."""

import datetime as dt
import pickle

import pytest

from funnelflow.engine import Contact, Event, Funnel

from .funnels import DAY, SMALL, T0


@pytest.fixture(scope="module")
def funnel() -> Funnel:
    return Funnel(SMALL)


def story(funnel: Funnel, *steps: tuple[str, dict]) -> Contact:
    """Tell a story a minute a step, and give the contact it makes."""
    events = [
        funnel.event(name, T0 + i * dt.timedelta(minutes=1), facts, roles=("sales",))
        for i, (name, facts) in enumerate(steps)
    ]
    return funnel.fold("ada", events)


READY = (
    ("form_submitted", {"email": "ada@example.com"}),
    ("replied", {"fits": True}),
    ("replied", {}),
)


def test_a_contact_starts_in_the_initial_stage_with_the_defaults(funnel):
    assert funnel.new_contact("ada") == Contact("ada", "target", {"replies": 0})


def test_an_event_takes_the_transition_whose_criteria_are_met(funnel):
    assert story(funnel, READY[0]).stage == "lead.inquiry"


def test_an_event_whose_criteria_are_not_met_leaves_the_stage(funnel):
    assert story(funnel, ("form_submitted", {})).stage == "target"


def test_facts_alone_can_open_an_automatic_transition(funnel):
    contact = story(funnel, READY[0], ("set", {"fits": True, "replies": 2}))
    assert contact.stage == "lead.ready"


def test_an_event_sets_what_the_vocabulary_says(funnel):
    contact = story(funnel, *READY)
    assert contact.fields["replies"] == 2
    assert contact.stage == "lead.ready"


def test_facts_about_the_event_alone_do_not_stay_with_the_contact(funnel):
    assert "words" not in story(funnel, ("replied", {"words": 3})).fields


def test_a_fact_taken_back_is_unknown_again(funnel):
    assert "email" not in story(funnel, READY[0], ("set", {"email": None})).fields


def test_an_event_that_the_definition_does_not_use_changes_no_stage(funnel):
    assert story(funnel, ("signed", {})).stage == "target"


def test_entering_a_stage_settles_where_its_criteria_lead(funnel):
    contact = story(funnel, *READY, ("met", {"budget": 6000}), ("went_quiet", {}))
    assert contact.stage == "lead.ready"


def test_an_inner_transition_comes_before_that_of_the_stage_around_it(funnel):
    leaving = [t.index for t in funnel.leaving("lead.ready")]
    assert leaving == [2, 5, 6]


def test_a_role_that_is_missing_keeps_the_transition_closed(funnel):
    contact = story(funnel, *READY)
    outcome = funnel.step(contact, funnel.event("met", T0 + DAY, {"budget": 9000}))
    assert (outcome.outcome, contact.stage) == ("stayed", "lead.ready")


def test_a_timed_transition_fires_at_its_own_moment_before_the_event(funnel):
    contact = story(funnel, READY[0])
    late = funnel.event("replied", T0 + 200 * DAY)
    outcome = funnel.step(contact, late)
    assert [(t.to, t.at, t.cause) for t in outcome.path] == [("target", T0 + 90 * DAY, "timed")]
    assert contact.since == T0 + 90 * DAY


def test_a_tick_brings_the_clock_to_now_and_nothing_else(funnel):
    contact = story(funnel, READY[0])
    assert funnel.due_at(contact) == T0 + 90 * DAY
    assert funnel.step(contact, funnel.event("tick", T0 + 89 * DAY)).outcome == "stayed"
    assert funnel.step(contact, funnel.event("tick", T0 + 90 * DAY)).outcome == "moved"


def test_since_activity_counts_from_the_last_event(funnel):
    contact = story(funnel, *READY, ("met", {"budget": 6000}))
    assert contact.stage == "prospect"
    funnel.step(contact, funnel.event("replied", T0 + 20 * DAY))
    assert funnel.due_at(contact) == T0 + 50 * DAY
    funnel.step(contact, funnel.event("set", T0 + 25 * DAY, {"budget": 1.0}))
    assert funnel.due_at(contact) == T0 + 50 * DAY


def test_the_clock_never_goes_back(funnel):
    contact = story(funnel, READY[0])
    funnel.step(contact, funnel.event("replied", T0 - 5 * DAY))
    assert contact.clock == T0
    assert contact.active == T0


def test_a_move_takes_a_transition_whose_criteria_are_met(funnel):
    contact = story(funnel, ("set", {"email": "a@example.com"}))
    outcome = funnel.step(contact, funnel.event("move", T0 + DAY, to="lead"))
    assert (outcome.outcome, contact.stage) == ("moved", "lead.inquiry")


def test_a_move_by_an_alias_is_a_move_to_its_stage(funnel):
    contact = story(funnel, ("set", {"email": "a@example.com"}))
    assert funnel.event("move", T0, to="suspect").to == "lead"
    assert funnel.step(contact, funnel.event("move", T0 + DAY, to="Suspect")).outcome == "moved"


def test_a_move_without_a_transition_that_leads_there_is_refused(funnel):
    contact = funnel.new_contact("ada")
    assert funnel.step(contact, funnel.event("move", T0, to="customer")).outcome == "refused"
    assert contact.stage == "target"


def test_a_move_to_where_the_contact_is_changes_nothing(funnel):
    contact = story(funnel, *READY)
    assert funnel.step(contact, funnel.event("move", T0 + DAY, to="lead")).outcome == "stayed"


def test_a_move_cannot_take_before_its_time_what_only_time_takes(funnel):
    contact = story(funnel, READY[0])
    assert funnel.step(contact, funnel.event("move", T0 + DAY, to="target")).outcome == "refused"


def test_a_forced_move_needs_a_role_that_may_force(funnel):
    contact = funnel.new_contact("ada")
    forced = {"to": "customer", "reason": "signed on paper", "force": True}
    refused = funnel.step(contact, funnel.event("move", T0, roles=("sales",), **forced))
    assert refused.outcome == "refused"
    moved = funnel.step(contact, funnel.event("move", T0, roles=("admin",), **forced))
    assert (moved.path[0].cause, contact.stage) == ("forced", "customer")


def test_a_forced_contact_is_not_moved_on_by_the_same_event(funnel):
    contact = story(funnel, *READY)
    force = {"to": "lead.inquiry", "reason": "again", "force": True, "roles": ("admin",)}
    funnel.step(contact, funnel.event("move", T0 + DAY, **force))
    assert contact.stage == "lead.inquiry"
    funnel.step(contact, funnel.event("set", T0 + DAY))
    assert contact.stage == "lead.ready"


def test_a_move_forced_into_a_parent_stage_enters_its_first_leaf(funnel):
    contact = story(funnel, ("set", {"email": "ada@example.com"}))
    force = {"to": "lead", "reason": "on paper", "force": True, "roles": ("admin",)}
    funnel.step(contact, funnel.event("move", T0 + DAY, **force))
    assert contact.stage == "lead.inquiry"


def test_an_adoption_that_leads_to_the_parent_of_where_the_contact_is_changes_nothing(funnel):
    contact = story(funnel, *READY)
    since = contact.since
    outcome = funnel.step(contact, Event("adopt", T0 + DAY, to="lead"))
    assert (outcome.outcome, outcome.path) == ("stayed", ())
    assert (contact.stage, contact.since) == ("lead.ready", since)


def test_evidence_of_another_vocabulary_is_read_as_far_as_it_is_known(funnel):
    contact = funnel.new_contact("ada")
    alien = Event("webinar_attended", T0, {"email": "a@example.com", "webinar": "x"})
    assert funnel.step(contact, alien).outcome == "stayed"
    assert contact.fields == {"replies": 0, "email": "a@example.com"}
    assert funnel.step(contact, Event("move", T0, to="nowhere")).outcome == "refused"


def test_a_funnel_pickles_as_its_definition(funnel):
    again = pickle.loads(pickle.dumps(funnel))
    assert again.definition == funnel.definition
    events = [funnel.event(name, T0, facts) for name, facts in READY]
    assert again.fold("ada", events) == funnel.fold("ada", events)


def test_the_rule_of_an_adoption_places_a_contact(funnel):
    contact = story(funnel, *READY)
    outcome = funnel.step(contact, Event("adopt", T0 + DAY, to="prospect"))
    assert [(t.to, t.cause) for t in outcome.path] == [("prospect", "forced")]
    assert (contact.stage, contact.since) == ("prospect", T0 + DAY)
    for to in ("prospect", "", "a stage of another definition"):
        assert funnel.step(contact, Event("adopt", T0 + 2 * DAY, to=to)).outcome == "stayed"
        assert (contact.stage, contact.since) == ("prospect", T0 + DAY)


def test_the_machine_does_not_run_without_a_funnel_that_asks_the_criteria(funnel):
    with pytest.raises(NotImplementedError):
        funnel.machine.events["signed"].trigger(funnel.new_contact("ada"))


def test_the_machine_holds_no_contacts(funnel):
    story(funnel, *READY)
    assert funnel.machine.models == []
