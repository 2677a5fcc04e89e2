"""Transitions that are never taken, because an earlier one always is."""

import datetime as dt

import pytest

from funnelflow.definition import Criterion, Definition, Group, Stage, Transition, check

from .strategies import VOCABULARY
from .support import read

FITS, RICH = Criterion("Fits", "contact.fits"), Criterion("Rich", "contact.budget >= 5000")
DAY = dt.timedelta(days=1)
STAGES = (
    Stage("a", stages=(Stage("x"), Stage("y"))),
    Stage("b", type="won"),
    Stage("c", type="lost"),
)


def never_taken(*transitions):
    """Return the numbers of the transitions that are told to be never taken, from 1."""
    definition = Definition("small", VOCABULARY, "a", STAGES, transitions)
    found = [p for p in check(definition) if p.code == "F405"]
    return [int(p.name.split("transition ")[1].split(" ")[0]) for p in found]


def go(to="b", on="form", require=None, source="a", **about):
    return Transition(source, to, on, require=require, **about)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (go(), go("c")),
        (go(), go("c", require=[FITS])),
        (go(require=[FITS]), go("c", require=[FITS])),
        (go(require=[FITS]), go("c", require=[RICH, FITS])),
        (
            go(require=[FITS]),
            go("c", require=[Criterion("Both", "contact.budget > 3 && contact.fits")]),
        ),
        (go(require=FITS), go("c", require=[FITS])),
        (go(require=[FITS]), go("c", require=[Criterion("Other words", " contact.fits ")])),
        (
            go(require=[Group("any", (FITS, RICH))]),
            go("c", require=[Group("any", (RICH, FITS), label="x")]),
        ),
        (
            go(require=[Criterion("Either", "contact.fits || contact.budget > 3 && true")]),
            go("c", require=[FITS]),
        ),
        (go(require=[Criterion("Any", "contact.budget > 0")]), go("c", require=[RICH])),
        (
            go(require=[Criterion("Any", "contact.budget > 0")]),
            go("c", require=[Criterion("Most", "contact.budget > 10000"), FITS]),
        ),
        (go(on=("form", "call")), go("c", on="call")),
        (go(by=("sales", "boss")), go("c", by="sales")),
        (go(), go("c", by="sales")),
        (go(on=(), require=[FITS]), go("c", on=(), require=[FITS])),
        (go(on=(), after=DAY), go("c", on=(), after=2 * DAY)),
        (go(on=(), after=DAY), go("c", on=(), after=DAY, require=[FITS])),
        (go(), go("c", source="a.x", require=[FITS]).__class__("a", "c", "form")),
        (go(source="a.x"), go("c", source="a.x")),
        (go(on=(), after=DAY, source="a.x"), go("c", on=(), after=DAY, source="a.x")),
        (go(on=(), after=DAY, source=("a.x", "a.y")), go("a.y", on=(), after=2 * DAY)),
    ],
)
def test_the_second_is_never_taken(first, second):
    assert never_taken(first, second) == [2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (go(require=[FITS]), go("c")),
        (go(require=[FITS]), go("c", require=[RICH])),
        (go(require=[FITS, RICH]), go("c", require=[FITS])),
        (go(require=[Group("any", (FITS, RICH))]), go("c", require=[FITS])),
        (
            go(require=[Group("at_least", (FITS, RICH), 1)]),
            go("c", require=[Group("at_least", (FITS, RICH), 2)]),
        ),
        (go(on="form"), go("c", on="call")),
        (go(on="form"), go("c", on=("form", "call"))),
        (go(on="form"), go("c", on="form", after=DAY)),
        (go(by="sales"), go("c", by=("sales", "boss"))),
        (go(by="sales"), go("c")),
        (go(on=(), after=2 * DAY), go("c", on=(), after=DAY)),
        (go(on=(), after=DAY), go("c", on=(), after=2 * DAY, since="activity")),
        (go(on=(), after=DAY, source=("a.x", "a.y")), go("c", on=(), after=2 * DAY)),
        (go(on=(), after=DAY), go("c", on="form")),
        (go(), go("c", source="a.x")),
        (go(source="a.x"), go("c")),
        (go(on=(), require=[FITS]), go("c", require=[FITS])),
    ],
)
def test_the_second_is_taken_sometimes(first, second):
    assert never_taken(first, second) == []


def test_a_transition_from_inside_comes_before_an_earlier_one_from_outside():
    assert never_taken(go(), go("c", source="a.x"), go("c", source="a.y")) == [1]


def test_without_a_file_the_one_that_comes_before_is_counted():
    definition = Definition("small", VOCABULARY, "a", STAGES, (go(), go("c")))
    (problem,) = [p for p in check(definition) if p.code == "F405"]
    assert problem.parameters == {"number": 1}


def test_the_one_that_comes_before_is_named(tmp_path):
    text = (
        "funnel: small\nevents: {e: {}}\ninitial: a\nstages: {a: , b: {type: won}}\ntransitions:\n"
        "  - {from: a, to: b, on: e}\n  - {from: a, to: b, on: e}\n"
    )
    (problem,) = read(tmp_path, text).problems
    assert (problem.variant, problem.parameters) == ("placed", {"line": 6})


def test_a_transition_that_another_file_puts_before_is_meant_to_be(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "funnel: base\nevents: {e: {}}\ninitial: a\nstages: {a: , b: {type: won}}\n"
        "transitions:\n  - {from: a, to: b, on: e}\n"
    )
    text = (
        "funnel: small\nextends: base\ntransitions:\n  - {from: a, to: b, on: e, replaces: false}\n"
    )
    assert read(tmp_path, text).problems == ()
