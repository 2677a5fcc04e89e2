"""Time: what it takes by itself, when, and in which order."""

import datetime as dt

from funnelflow.definition import Definition, Stage, Transition
from funnelflow.engine import Funnel

from .funnels import DAY, T0, VOCABULARY, all_of


def funnel_with(*transitions: Transition) -> Funnel:
    """Return a funnel of four stages in a row, and a way back that events can take."""
    return Funnel(
        Definition(
            "timed",
            vocabulary=VOCABULARY,
            initial="a",
            stages=tuple(Stage(name) for name in "abcd"),
            transitions=(
                *transitions,
                Transition(("b", "c", "d"), "a", on=("disqualify",)),
                Transition(("a",), "b", on=("met",)),
                Transition(("a",), "c", on=("signed",)),
                Transition(("a",), "d", on=("went_quiet",)),
            ),
        )
    )


def test_what_is_due_first_is_taken_first_whatever_its_place_in_the_file():
    funnel = funnel_with(Transition(("a",), "b", after=9 * DAY), Transition(("a",), "c", after=DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("tick", T0 + 20 * DAY)])
    assert (contact.stage, contact.since) == ("c", T0 + DAY)


def test_one_late_event_sets_off_every_wait_in_turn():
    funnel = funnel_with(Transition(("a",), "b", after=DAY), Transition(("b",), "c", after=2 * DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    outcome = funnel.step(contact, funnel.event("tick", T0 + 20 * DAY))
    assert [(t.to, t.at) for t in outcome.path] == [("b", T0 + DAY), ("c", T0 + 3 * DAY)]


def test_a_wait_that_ran_out_before_an_event_is_a_step_of_its_own():
    """Also where nothing is automatic, which lets an event's own step be given as it is."""
    funnel = funnel_with(Transition(("a",), "b", after=DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0)])
    outcome = funnel.step(contact, funnel.event("disqualify", T0 + 5 * DAY))
    assert [(t.source, t.to, t.cause) for t in outcome.path] == [
        ("a", "b", "timed"),
        ("b", "a", "event"),
    ]


def test_what_was_due_before_its_criteria_were_met_is_taken_when_they_are():
    transition = Transition(("a",), "b", after=DAY, require=all_of(Fits="contact.fits"))
    funnel = funnel_with(transition)
    known = T0 + 5 * DAY
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("set", known)])
    assert contact.stage == "a"
    funnel.step(contact, funnel.event("set", known, {"fits": True}))
    outcome = funnel.step(contact, funnel.event("tick", known + DAY))
    assert [(t.to, t.at) for t in outcome.path] == [("b", known)]


def test_criteria_about_now_are_looked_at_when_time_has_passed():
    quiet = all_of(Quiet='now - contact.seen_at > duration("72h")')
    funnel = funnel_with(Transition(("a",), "b", after=DAY, require=quiet))
    contact = funnel.fold("ada", [funnel.event("add", T0, {"seen_at": T0})])
    assert funnel.step(contact, funnel.event("tick", T0 + 2 * DAY)).outcome == "stayed"
    outcome = funnel.step(contact, funnel.event("tick", T0 + 4 * DAY))
    assert [(t.to, t.at) for t in outcome.path] == [("b", T0 + 4 * DAY)]


def test_activity_before_a_stage_was_entered_does_not_shorten_its_wait():
    funnel = funnel_with(Transition(("b",), "c", after=10 * DAY, since="activity"))
    moved = funnel.event("move", T0 + 6 * DAY, to="b")
    contact = funnel.fold("ada", [funnel.event("replied", T0), moved])
    assert funnel.due_at(contact) == T0 + 16 * DAY


def test_activity_does_not_put_off_a_wait_since_the_stage_was_entered():
    funnel = funnel_with(Transition(("a",), "b", after=10 * DAY))
    contact = funnel.fold("ada", [funnel.event("add", T0), funnel.event("replied", T0 + 6 * DAY)])
    assert funnel.due_at(contact) == T0 + 10 * DAY


def test_facts_and_ticks_are_no_activity():
    funnel = funnel_with(Transition(("a",), "c", after=10 * DAY, since="activity"))
    contact = funnel.fold("ada", [funnel.event("replied", T0)])
    for name in ("set", "tick"):
        funnel.step(contact, funnel.event(name, T0 + 3 * DAY))
    assert funnel.due_at(contact) == T0 + 10 * DAY


def test_a_stage_that_nothing_leaves_by_time_has_no_date():
    funnel = funnel_with(Transition(("a",), "b", after=DAY))
    contact = funnel.fold("ada", [funnel.event("signed", T0)])
    assert funnel.due_at(contact) is None


def test_a_wait_beyond_the_calendar_never_ends():
    funnel = funnel_with(Transition(("a",), "b", after=DAY))
    contact = funnel.fold(
        "ada", [funnel.event("add", dt.datetime(9999, 12, 31, 12, tzinfo=dt.UTC))]
    )
    assert funnel.due_at(contact) is None
