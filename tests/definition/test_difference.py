"""What is different in a new version of a definition, in words."""

import datetime as dt
import time

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import INTEGER, NUMBER, Field
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Group,
    Invariant,
    Stage,
    Transition,
    Vocabulary,
    diff,
    renamed_stages,
)

from .strategies import VOCABULARY, definitions

FITS, RICH = Criterion("Fits", "contact.fits"), Criterion("Rich", "contact.budget > 5")
GO = Transition("a", "b", "form", require=[FITS])
BACK = Transition("b", "a", "quiet")
BUY = Transition(("a", "b"), "won", "call")
OLD = Definition(
    "small",
    VOCABULARY,
    "a",
    (Stage("a"), Stage("b", stages=(Stage("x"), Stage("y"))), Stage("won", type="won")),
    (GO, BACK, BUY),
    force=("boss",),
)


def said(new, old=OLD):
    return [change.words for change in diff(old, new)]


def with_transitions(*transitions):
    return said(evolve(OLD, transitions=transitions))


def with_stages(*stages, **about):
    return said(evolve(OLD, stages=stages, **about))


A, B, WON = OLD.stages


def test_a_change_says_what_it_is_about():
    (change,) = diff(OLD, evolve(OLD, stages=(*OLD.stages, Stage("c"))))
    assert (change.subject, change.kind, change.name) == ("stage", "added", "c")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"initial": "b"}, "contacts start in b, not in a"),
        ({"force": ()}, "moves are forced by nobody, not by boss"),
        ({"force": ("boss", "owner")}, "moves are forced by boss or owner, not by boss"),
        ({"stages": (A, B, WON, Stage("c"))}, "stage c is added"),
        ({"stages": (A, evolve(B, stages=(*B.stages, Stage("z"))), WON)}, "stage b.z is added"),
        (
            {"stages": (A, evolve(B, stages=B.stages[::-1]), WON)},
            "stage b is entered at b.y, not at b.x",
        ),
        ({"stages": (A, evolve(B, stages=B.stages[:1]), WON)}, "stage b.y is removed"),
        ({"stages": (A, B, evolve(WON, type="lost"))}, "stage won is lost, not won"),
        (
            {"transitions": (GO, BACK, BUY, Transition("b.x", "b.y"))},
            "transition b.x → b.y is added (as soon as its criteria are met)",
        ),
        ({"transitions": (GO, BUY)}, "transition b → a is removed (on quiet)"),
        (
            {"transitions": (evolve(GO, on=("form", "call")), BACK, BUY)},
            "a → b: taken on form or call, not on form",
        ),
        (
            {"transitions": (evolve(GO, after=dt.timedelta(days=3)), BACK, BUY)},
            "a → b: taken on form, or after 3 days in this stage, not on form",
        ),
        (
            {"transitions": (evolve(GO, by="sales"), BACK, BUY)},
            "a → b: open to sales, not to everybody",
        ),
        ({"transitions": (GO, BACK, evolve(BUY, sources=("b",)))}, "b → won: leaves b, not a, b"),
        (
            {"transitions": (evolve(GO, require=[FITS, RICH]), BACK, BUY)},
            "a → b: criterion added: Rich (contact.budget > 5)",
        ),
        ({"transitions": (evolve(GO, require=None), BACK, BUY)}, "a → b: criterion removed: Fits"),
        (
            {
                "transitions": (
                    evolve(GO, require=[evolve(FITS, expression="!contact.fits")]),
                    BACK,
                    BUY,
                )
            },
            "a → b: criterion changed: Fits (!contact.fits, not contact.fits)",
        ),
        ({"transitions": (BUY, GO, BACK)}, "the transitions out of a are tried in another order"),
        (
            {
                "vocabulary": evolve(
                    VOCABULARY, fields={**VOCABULARY.fields, "x": Field("x", NUMBER)}
                )
            },
            "field x is added",
        ),
        (
            {
                "vocabulary": evolve(
                    VOCABULARY, fields={**VOCABULARY.fields, "budget": Field("budget", INTEGER)}
                )
            },
            "field budget has changed",
        ),
        (
            {
                "vocabulary": evolve(
                    VOCABULARY, events={**VOCABULARY.events, "form": EventType("form")}
                )
            },
            "event form has changed",
        ),
    ],
)
def test_a_difference_is_said_in_words(changed, words):
    assert words in said(evolve(OLD, **changed))


def test_a_renamed_event_is_no_other_event():
    events = dict(VOCABULARY.events)
    form = events.pop("form")
    events["submitted"] = evolve(form, name="submitted", aliases=("form", "sent"))
    vocabulary = evolve(VOCABULARY, events=events)
    new = evolve(OLD, vocabulary=vocabulary, transitions=(evolve(GO, on="submitted"), BACK, BUY))
    assert said(new) == [
        "event form is renamed to submitted",
        "event submitted has changed",  # it is what was `sent`, too
    ]
    events["submitted"] = evolve(form, name="submitted", aliases=("form",))
    assert said(new) == ["event form is renamed to submitted"]
    assert diff(OLD, new)[0].kind == "renamed"


def test_what_is_gone_is_said():
    assert "event call is removed" in said(evolve(OLD, vocabulary=Vocabulary("v")))


def test_the_form_of_a_group_is_a_difference():
    groups = [Group(kind, (FITS, RICH), count) for kind, count in (("any", 0), ("at_least", 2))]
    old, new = (evolve(OLD, transitions=(evolve(GO, require=group),)) for group in groups)
    assert said(new, old) == ["a → b: how many of the criteria must be met has changed"]


def test_a_plugins_arguments_are_a_difference():
    one, other = (Criterion("Near", function="near", arguments={"km": km}) for km in (5, 9))
    old, new = (evolve(OLD, transitions=(evolve(GO, require=[c]),)) for c in (one, other))
    assert said(new, old) == ["a → b: criterion changed: Near (near(km=9), not near(km=5))"]


def test_other_words_for_the_same_are_no_difference():
    new = evolve(
        OLD,
        title="New",
        about="New",
        version=9,
        stages=(evolve(A, about="x", owner="me", playbook=("do",), aliases=("first",)), B, WON),
        transitions=(evolve(GO, about="x"), BACK, BUY),
        vocabulary=evolve(
            VOCABULARY,
            about="x",
            fields={n: evolve(f, title="x", about="y") for n, f in VOCABULARY.fields.items()},
            events={n: evolve(e, title="x", about="y") for n, e in VOCABULARY.events.items()},
        ),
    )
    assert said(new) == []


def renamed(old, new):
    """Return the old definition with a stage under another name and the old one as alias."""
    stages = tuple(evolve(s, name=new, aliases=(old,)) if s.name == old else s for s in OLD.stages)
    return evolve(
        OLD,
        stages=stages,
        initial=OLD.initial.replace(old, new),
        transitions=tuple(
            evolve(
                t,
                sources=tuple(new if s == old else s for s in t.sources),
                to=new if t.to == old else t.to,
            )
            for t in OLD.transitions
        ),
    )


def test_a_renamed_stage_is_renamed_and_nothing_else():
    assert said(renamed("a", "start")) == ["stage a is renamed to start"]


def test_what_is_nested_is_renamed_with_its_outer_stage():
    assert said(renamed("b", "c")) == [
        "stage b is renamed to c",
        "stage b.x is renamed to c.x",
        "stage b.y is renamed to c.y",
    ]
    assert renamed_stages(OLD, renamed("b", "c")) == {"b": "c", "b.x": "c.x", "b.y": "c.y"}


def test_an_alias_of_a_stage_that_was_there_before_renames_nothing():
    new = evolve(OLD, stages=(evolve(A, aliases=("b",)), WON), transitions=())
    assert renamed_stages(OLD, new) == {}


def test_a_nested_stage_that_moves_out_keeps_its_name_by_alias():
    new = (A, evolve(B, stages=B.stages[:1]), Stage("later", aliases=("y",)), WON)
    assert renamed_stages(OLD, evolve(OLD, stages=new)) == {"b.y": "later"}


def test_the_same_way_twice_is_matched_one_to_one():
    two = (GO, evolve(GO, on="call", require=[RICH]))
    old, new = evolve(OLD, transitions=two), evolve(OLD, transitions=(two[1],))
    assert said(new, old) == ["transition a → b is removed (on form)"]


def test_of_several_ways_the_most_alike_is_the_same():
    slow, quick = (Transition("a", "b", after=dt.timedelta(days=d), require=[FITS]) for d in (9, 2))
    old = evolve(OLD, transitions=(slow, quick))
    new = evolve(OLD, transitions=(evolve(quick, require=[RICH]), evolve(slow, require=[RICH])))
    assert said(new, old) == [
        "a → b: criterion added: Rich (contact.budget > 5)",
        "a → b: criterion removed: Fits",
        "a → b: criterion added: Rich (contact.budget > 5)",
        "a → b: criterion removed: Fits",
        "the transitions out of a are tried in another order",
    ]


def test_an_automatic_way_is_matched_with_an_automatic_one():
    event, automatic = Transition("a", "b", "form"), Transition("a", "b", require=[FITS])
    old = evolve(OLD, transitions=(event, automatic))
    new = evolve(OLD, transitions=(Transition("a", "b", require=[RICH]), event))
    assert "the transitions out of a are tried in another order" in said(new, old)


@given(definitions())
def test_nothing_is_different_from_itself(definition):
    assert diff(definition, definition) == ()


@given(definitions(), st.data())
def test_a_transition_that_is_taken_out_is_reported(definition, data):
    listed = definition.transitions
    if listed:
        gone = data.draw(st.integers(0, len(listed) - 1))
        new = evolve(definition, transitions=(*listed[:gone], *listed[gone + 1 :]))
        assert diff(definition, new)


def test_a_promise_that_is_another_is_reported():
    promise = Invariant("Once won, always won", "won", never_after=("a",))
    promised = evolve(OLD, always=(promise,))
    other = evolve(OLD, always=(evolve(promise, never_after=("b",)),))
    assert [change.words for change in diff(OLD, promised)] == [
        "the invariant 'Once won, always won' is added"
    ]
    assert [(c.kind, c.words) for c in diff(promised, other)] == [
        ("changed", "the invariant 'Once won, always won' has changed")
    ]
    assert [change.kind for change in diff(promised, OLD)] == ["removed"]


@given(definitions(), definitions())
def test_any_two_definitions_can_be_told_apart_in_words(old, new):
    for change in diff(old, new):
        assert change.words
        assert change.kind in ("added", "removed", "renamed", "changed")


def test_thousands_of_transitions_to_one_stage_are_compared_soon():
    many = tuple(
        Transition("a", "won", "form", require=[Criterion("C", f"contact.score > {n}")])
        for n in range(5_000)
    )
    start = time.process_time()
    assert len(diff(evolve(OLD, transitions=many), evolve(OLD, transitions=many[::-1]))) > 1_000
    assert time.process_time() - start < 10
