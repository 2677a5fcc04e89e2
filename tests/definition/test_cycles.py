"""Circles that no event closes, ends left by accident, and stages that nothing tells apart."""

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
    return [(p.code, p.message) for p in check(definition)]


def circles(*transitions):
    every = found([A, B, C, WON], *transitions, OUT)
    return [(code, message) for code, message in every if code in ("F406", "F407")]


def test_automatic_transitions_that_lead_back_are_told_with_the_way():
    assert circles(
        Transition("a", "b", require=[FITS]),
        Transition("b", "c", require=[RICH]),
        Transition("c", "a", require=[FITS]),
    ) == [("F406", "automatic transitions go round: a -> b -> c -> a")]


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
def test_criteria_that_exclude_each_other_make_no_circle(there, back):
    assert not circles(
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
    assert circles(
        Transition("a", "b", require=[Criterion("There", there)]),
        Transition("b", "a", require=[Criterion("Back", back)]),
    )


def test_a_circle_that_an_event_closes_is_none():
    assert not circles(
        Transition("a", "b", require=[FITS]), Transition("b", "a", "call", require=[FITS])
    )


def test_waiting_in_a_circle_is_told():
    assert circles(Transition("a", "b", after=DAY), Transition("b", "a", after=DAY)) == [
        ("F407", "waiting goes round: a -> b -> a")
    ]


def test_waiting_and_passing_in_a_circle_is_told():
    assert circles(Transition("a", "b", after=DAY), Transition("b", "a", require=[FITS])) == [
        ("F407", "waiting goes round: a -> b -> a")
    ]


def test_a_wait_that_an_event_can_cut_short_is_no_circle_of_time_alone():
    assert not circles(Transition("a", "b", after=DAY), Transition("b", "a", "call", after=DAY))


def test_two_circles_are_told_each():
    every = circles(
        Transition("a", "b", require=[FITS]),
        Transition("b", "a", require=[RICH]),
        Transition("c", "b", after=DAY),
        Transition("b", "c", after=DAY),
    )
    assert [code for code, _ in every] == ["F406", "F407"]


def ends(*transitions, stages=(A, WON, LOST)):
    way = Transition("a", "won", "form"), Transition("a", "lost", "call")
    return [m for code, m in found(stages, *way, *transitions) if code == "F408"]


def test_an_end_left_by_itself_is_told():
    assert ends(Transition("won", "a", require=[FITS])) == [
        "'won' is won, and this leads out by itself"
    ]


def test_an_end_left_by_time_alone_is_told():
    assert ends(Transition("lost", "a", after=DAY)) == ["'lost' is lost, and time alone leads out"]


def test_recycling_on_an_event_is_meant():
    assert ends(Transition("lost", "a", "form", require=[FITS])) == []
    assert ends(Transition(("a", "lost"), "won", "quiet")) == []


def test_an_end_left_through_an_outer_stage_is_told():
    outer = Stage("a", stages=(Stage("x"), Stage("gone", type="lost")))
    way = Transition("a.x", "a.gone", "form"), Transition("a", "won", "call")
    assert [m for code, m in found([outer, WON], *way) if code == "F408"] == [
        "'a.gone' is lost, and this transition names only a stage around it"
    ]


def test_an_outer_stage_that_is_an_end_itself_may_be_named():
    outer = Stage("gone", type="lost", stages=(Stage("x"), Stage("y")))
    way = (
        Transition("a", "gone", "form"),
        Transition("gone.x", "gone.y", require=[FITS]),
        Transition("gone", "won", "call"),
    )
    assert [m for code, m in found([A, outer, WON], *way) if code == "F408"] == []


def twins(*transitions, stages=(A, B, C, WON)):
    return [m for code, m in found(stages, *transitions) if code == "F409"]


def test_two_stages_entered_and_left_in_the_same_ways_are_told():
    assert twins(
        Transition("a", "b", "form", require=[FITS]),
        Transition("a", "c", "form", require=[FITS]),
        Transition("b", "won", "call"),
        Transition("c", "won", "call"),
    ) == ["nothing tells 'c' from 'b'"]


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
    assert not twins(
        Transition("a", "b", "form", require=[FITS]), Transition("b", "won", "call"), *different
    )


def test_ends_of_two_types_are_told_apart_by_them():
    way = Transition("a", "won", "form"), Transition("a", "lost", "form", require=[FITS])
    assert not twins(*way, stages=(A, WON, LOST))
