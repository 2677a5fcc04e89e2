"""The whole answer: what was considered, what was seen, what is still to ask."""

import datetime as dt

import pytest
from attrs import evolve

from funnelflow.criteria import Verdict
from funnelflow.definition import Transition
from funnelflow.engine import Event, FactChange, Funnel, Veto, decide, why

from .funnels import DAY, SMALL, T0, TRANSITIONS, all_of

SECOND = dt.timedelta(seconds=1)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def funnel() -> Funnel:
    return Funnel(SMALL)


@pytest.fixture
def ready(funnel):
    """Return a contact in lead.ready."""
    return funnel.fold(
        "ada",
        [
            funnel.event("form_submitted", T0, {"email": "ada@example.com"}),
            funnel.event("set", T0, {"fits": True, "replies": 2, "budget": 3000}),
        ],
    )


def test_a_decision_leaves_the_contact_as_it_was(funnel, ready):
    before = ready.copy()
    decision = decide(funnel, ready, funnel.event("disqualify", T0 + DAY, {"lost_reason": "x"}))
    assert ready == before
    assert (decision.before, decision.after) == ("lead.ready", "gone")
    assert decision.changes == (FactChange("lost_reason", None, "x"),)


def test_a_refused_move_names_every_criterion_of_every_transition_that_leads_there(funnel, ready):
    decision = decide(funnel, ready, funnel.event("move", T0 + DAY, to="prospect", roles=("x",)))
    assert decision.outcome == "refused"
    found = {
        leaf.label or leaf.kind: leaf.verdict for c in decision.considered for leaf in c.leaves()
    }
    assert Verdict.NOT_MET in found.values()
    assert found["Budget is enough"] is Verdict.NOT_MET
    assert len(found) == 2


def test_a_refused_move_names_the_stages_that_can_be_reached(funnel, ready):
    decision = decide(funnel, ready, funnel.event("move", T0 + DAY, to="customer"))
    assert decision.considered == ()
    assert decision.reachable == ("prospect", "gone", "target")


def test_an_unknown_fact_is_a_question_and_not_a_no(funnel):
    contact = funnel.new_contact("ada")
    contact.stage, contact.since = "lead.inquiry", T0
    decision = decide(funnel, contact, funnel.event("replied", T0 + DAY))
    assert decision.outcome == "stayed"
    assert [q.name for q in decision.questions()] == ["fits"]


def test_an_event_that_moves_shows_what_it_met(funnel, ready):
    ready.fields["budget"] = 7000.0
    decision = decide(funnel, ready, funnel.event("met", T0 + DAY, roles=("sales",)))
    assert decision.outcome == "moved"
    assert [(c.to, c.verdict) for c in decision.considered] == [("prospect", Verdict.MET)]


def test_a_refused_force_says_who_may(funnel, ready):
    event = funnel.event("move", T0, to="customer", force=True, reason="r", roles=("sales",))
    decision = decide(funnel, ready, event)
    assert decision.outcome == "refused"
    assert decision.considered[0].check.words == "only admin may force a move"


def test_a_forced_move_that_is_allowed_has_no_reason_against_it(funnel, ready):
    event = funnel.event("move", T0, to="customer", force=True, reason="r", roles=("admin",))
    decision = decide(funnel, ready, event)
    assert (decision.outcome, decision.considered) == ("moved", ())


def test_why_shows_every_way_out_in_the_order_tried(funnel, ready):
    found = why(funnel, ready, T0 + DAY)
    assert [(c.to, c.cause) for c in found] == [
        ("prospect", "event"),
        ("gone", "event"),
        ("target", "timed"),
    ]
    assert found[2].due == T0 + 90 * DAY
    assert found[2].verdict is Verdict.NOT_MET
    assert found[2].check.words == "due 2026-05-31 09:00 UTC, in 89 days"


def test_why_of_a_contact_without_evidence_says_that_its_wait_has_not_begun():
    waiting = Funnel(evolve(SMALL, initial="lead"))
    timed = why(waiting, waiting.new_contact("ada"), T0)[-1]
    assert (timed.to, timed.cause, timed.due) == ("target", "timed", None)
    assert (timed.verdict, timed.check.words) == (Verdict.NOT_MET, "never due")


def test_why_agrees_with_what_happens_next(funnel, ready):
    late = T0 + 90 * DAY
    assert why(funnel, ready, late)[2].verdict is Verdict.MET
    assert decide(funnel, ready, funnel.event("tick", late)).after == "target"


def test_a_move_before_its_time_says_how_long_it_takes(funnel, ready):
    event = funnel.event("move", T0 + dt.timedelta(days=80), to="target")
    decision = decide(funnel, ready, event)
    assert decision.outcome == "refused"
    assert decision.considered[0].check.words == "due 2026-05-31 09:00 UTC, in 10 days"


@pytest.mark.parametrize(
    ("away", "coming", "past"),
    [
        (0 * MINUTE, "now", "now"),
        (59 * SECOND, "now", "now"),
        (1 * MINUTE, "in 1 minute", "1 minute ago"),
        (59 * MINUTE, "in 59 minutes", "59 minutes ago"),
        (60 * MINUTE, "in 1 hour", "1 hour ago"),
        (119 * MINUTE, "in 1 hour", "1 hour ago"),
        (23 * HOUR, "in 23 hours", "23 hours ago"),
        (24 * HOUR, "in 1 day", "1 day ago"),
    ],
    ids=str,
)
def test_how_far_away_a_moment_is_is_said_in_its_largest_unit(away, coming, past):
    """Of a move before its time has come, and of one after it whose criteria are not met."""
    waits = Transition(("target",), "lead", after=9 * DAY, require=all_of(Fits="contact.fits"))
    waiting = Funnel(evolve(SMALL, transitions=(*TRANSITIONS[1:], waits)))
    contact = waiting.fold("ada", [waiting.event("add", T0)])
    for moment, words in ((T0 + 9 * DAY - away, coming), (T0 + 9 * DAY + away, past)):
        decision = decide(waiting, contact, waiting.event("move", moment, to="lead"))
        time, _ = decision.considered[-1].leaves()
        assert time.words == f"due 2026-03-11 09:00 UTC, {words}"


def test_a_veto_closes_a_transition_and_is_shown_like_a_criterion(funnel, ready):
    vetoes = (Veto(5, "office-hours", "nobody is in today"),)
    event = Event("disqualify", T0 + DAY, {"lost_reason": "x"}, vetoes=vetoes)
    decision = decide(funnel, ready, event)
    assert decision.after == "lead.ready"
    checks = [(leaf.kind, leaf.verdict, leaf.words) for leaf in decision.considered[0].leaves()]
    assert checks[0] == ("veto", Verdict.NOT_MET, "nobody is in today")
    assert checks[1][1] is Verdict.MET


def test_a_veto_closes_a_timed_transition_too(funnel, ready):
    tick = Event("tick", T0 + 91 * DAY, vetoes=(Veto(6, "office-hours", "not today"),))
    assert decide(funnel, ready, tick).after == "lead.ready"
