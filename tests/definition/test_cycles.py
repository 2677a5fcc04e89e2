"""Cycles that no event breaks, terminal stages left by accident, indistinguishable stages."""

import datetime as dt

import pytest

from funnelflow.definition import Criterion, Definition, Stage, Transition, check

from .strategies import VOCABULARY

DAY = dt.timedelta(days=1)
FITS, NOT = Criterion("Fits", "contact.fits"), Criterion("Does not", "!contact.fits")
RICH = Criterion("Rich", "contact.budget >= 5000")
A, B, C = Stage("a"), Stage("b"), Stage("c")
WON, LOST = Stage("won", type="won"), Stage("lost", type="lost")
OUT = Transition(("a", "b", "c"), "won", "form")


def found(stages, *transitions):
    definition = Definition("small", VOCABULARY, stages[0].name, tuple(stages), transitions)
    return check(definition)


def cycles(*transitions):
    every = found([A, B, C, WON], *transitions, OUT)
    return [(p.code, p.parameters["path"]) for p in every if p.code in ("F406", "F407")]


def test_automatic_transitions_that_lead_back_are_reported_with_the_path():
    assert cycles(
        Transition("a", "b", require=[FITS]),
        Transition("b", "c", require=[RICH]),
        Transition("c", "a", require=[FITS]),
    ) == [("F406", ("a", "b", "c", "a"))]


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("contact.fits", "!contact.fits"),
        ("contact.fits", "!(contact.fits)"),
        ("!has(contact.budget)", "has(contact.budget)"),
        ("contact.budget >= 5000", "contact.budget < 5000"),
        ("contact.budget > 5000", "contact.budget <= 5000"),
        ("contact.budget == 3", "contact.budget != 3.0"),
        ("contact.budget > 5", "contact.budget == 5"),
        ("contact.score > 80 && contact.fits", "contact.score < 50"),
        ('contact.authority == "none"', 'contact.authority == "decides"'),
        ('contact.authority == "none"', "contact.authority != 'none'"),
    ],
)
def test_criteria_that_exclude_each_other_make_no_cycle(there, back):
    assert not cycles(
        Transition("a", "b", require=[Criterion("There", there)]),
        Transition("b", "a", require=[Criterion("Back", back)]),
    )


@pytest.mark.parametrize(
    ("there", "back"),
    [
        ("contact.fits", "contact.budget > 3"),
        ("contact.budget >= 5000", "contact.budget <= 5000"),
        ("contact.budget > 5", "contact.budget < 9"),
        ("contact.budget != 3", "contact.budget != 4"),
        ("contact.score > 3", "contact.budget < 3"),
        ('contact.authority == "none"', 'contact.authority != "decides"'),
    ],
)
def test_criteria_that_may_hold_together_make_one(there, back):
    assert cycles(
        Transition("a", "b", require=[Criterion("There", there)]),
        Transition("b", "a", require=[Criterion("Back", back)]),
    )


def test_a_cycle_that_waits_for_an_event_is_none():
    assert not cycles(
        Transition("a", "b", require=[FITS]), Transition("b", "a", "call", require=[FITS])
    )


def test_waiting_in_a_cycle_is_reported():
    assert cycles(Transition("a", "b", after=DAY), Transition("b", "a", after=DAY)) == [
        ("F407", ("a", "b", "a"))
    ]


def test_waiting_and_passing_in_a_cycle_is_reported():
    assert cycles(Transition("a", "b", after=DAY), Transition("b", "a", require=[FITS])) == [
        ("F407", ("a", "b", "a"))
    ]


def test_a_wait_that_an_event_can_cut_short_is_no_cycle_of_time_alone():
    assert not cycles(Transition("a", "b", after=DAY), Transition("b", "a", "call", after=DAY))


def test_two_cycles_are_reported_each():
    every = cycles(
        Transition("a", "b", require=[FITS]),
        Transition("b", "a", require=[RICH]),
        Transition("c", "b", after=DAY),
        Transition("b", "c", after=DAY),
    )
    assert [code for code, _ in every] == ["F406", "F407"]


def left_by_accident(*transitions, stages=(A, WON, LOST)):
    there = Transition("a", "won", "form"), Transition("a", "lost", "call")
    every = found(stages, *there, *transitions)
    return [(p.variant, p.parameters["stage"]) for p in every if p.code == "F408"]


def test_a_terminal_stage_left_by_itself_is_reported():
    assert left_by_accident(Transition("won", "a", require=[FITS])) == [("automatic", "won")]


def test_a_terminal_stage_left_by_time_alone_is_reported():
    assert left_by_accident(Transition("lost", "a", after=DAY)) == [("timed", "lost")]


def test_recycling_on_an_event_is_meant():
    assert left_by_accident(Transition("lost", "a", "form", require=[FITS])) == []
    assert left_by_accident(Transition(("a", "lost"), "won", "quiet")) == []


def test_a_terminal_stage_left_through_an_outer_one_is_reported():
    outer = Stage("a", stages=(Stage("x"), Stage("gone", type="lost")))
    there = Transition("a.x", "a.gone", "form"), Transition("a", "won", "call")
    (problem,) = [p for p in found([outer, WON], *there) if p.code == "F408"]
    assert (problem.variant, problem.parameters["stage"]) == ("outer", "a.gone")


def test_an_outer_stage_that_is_terminal_itself_may_be_named():
    outer = Stage("gone", type="lost", stages=(Stage("x"), Stage("y")))
    there = (
        Transition("a", "gone", "form"),
        Transition("gone.x", "gone.y", require=[FITS]),
        Transition("gone", "won", "call"),
    )
    assert [p for p in found([A, outer, WON], *there) if p.code == "F408"] == []


def indistinguishable(*transitions, stages=(A, B, C, WON)):
    every = found(stages, *transitions)
    return [(p.parameters["stage"], p.parameters["other"]) for p in every if p.code == "F409"]


def test_two_stages_entered_and_left_in_the_same_ways_are_reported():
    assert indistinguishable(
        Transition("a", "b", "form", require=[FITS]),
        Transition("a", "c", "form", require=[FITS]),
        Transition("b", "won", "call"),
        Transition("c", "won", "call"),
    ) == [("c", "b")]


@pytest.mark.parametrize(
    "different",
    [
        (Transition("a", "c", "quiet", require=[FITS]), Transition("c", "won", "call")),
        (Transition("a", "c", "form", require=[NOT]), Transition("c", "won", "call")),
        (Transition("b", "c", "form", require=[FITS]), Transition("c", "won", "call")),
        (Transition("a", "c", "form", require=[FITS]), Transition("c", "a", "call")),
        (Transition("a", "c", "form", require=[FITS]), Transition("c", "won", "call", by="sales")),
    ],
)
def test_any_difference_tells_them_apart(different):
    assert not indistinguishable(
        Transition("a", "b", "form", require=[FITS]), Transition("b", "won", "call"), *different
    )


def test_terminal_stages_of_two_types_are_told_apart_by_them():
    there = Transition("a", "won", "form"), Transition("a", "lost", "form", require=[FITS])
    assert not indistinguishable(*there, stages=(A, WON, LOST))
