"""Transitions that time opens ask nothing that cannot be scheduled."""

import datetime as dt

import pytest

from funnelflow.criteria import DURATION, TIMESTAMP, Field
from funnelflow.definition import Criterion, Definition, EventType, Stage, Transition, Vocabulary
from funnelflow.definition import check as check_definition

DAY = dt.timedelta(days=1)
VOCABULARY = Vocabulary(
    "timed",
    fields={"due": Field("due", TIMESTAMP), "grace": Field("grace", DURATION)},
    events={"asked": EventType("asked", fields={"at": Field("at", TIMESTAMP)})},
)
OUT = Transition("b", "a", "asked")


def codes(source, **written):
    criterion = Criterion("Timed", source)
    transition = Transition("a", "b", require=[criterion], **written)
    definition = Definition("timed", VOCABULARY, "a", (Stage("a"), Stage("b")), (transition, OUT))
    return [p.code for p in check_definition(definition) if p.code in ("E160", "E161")]


@pytest.mark.parametrize("written", [{}, {"after": DAY}, {"after": DAY, "on": "asked"}])
def test_a_moment_that_cannot_be_computed_is_refused(written):
    assert codes("now - contact.due > contact.due - now", **written) == ["E160"]
    assert codes("now in [contact.due]", **written) == ["E160"]
    assert codes("now - contact.due > contact.grace", **written) == []


def test_nothing_is_asked_of_an_event_where_there_is_none():
    assert codes("event.at < now") == ["E161"]
    assert codes("event.at < now", after=DAY) == ["E161"]
    assert codes("has(event.at)", after=DAY) == ["E161"]


def test_an_event_may_be_asked_where_one_takes_the_transition():
    assert codes("event.at < now", on="asked") == []
    assert codes("event.at < now", on="asked", after=DAY) == []
    assert codes("now - event.at > event.at - now", on="asked") == []
    assert codes("has(event.at)") == []


def notes(source, to="b", **written):
    stages = (Stage("a", stages=(Stage("x"), Stage("y"))), Stage("b"))
    transition = Transition(source, to, **written)
    definition = Definition("timed", VOCABULARY, "a", stages, (transition, OUT))
    return [p.message for p in check_definition(definition) if p.code == "F416"]


def test_a_wait_in_a_stage_with_nested_ones_says_what_it_counts_from():
    assert notes(("a", "a.x"), after=DAY) == [
        "this wait counts from when 'a' was entered, whichever stage in it the contact is in"
    ]
    assert notes("a", "a.y", after=DAY) == [
        "this wait leads to a stage in 'a', so it counts from when each of the others was entered"
    ]


def test_a_wait_that_can_be_read_in_one_way_says_nothing():
    assert notes("a.x", after=DAY) == []
    assert notes("a", after=DAY, since="activity") == []
    assert notes("a", on="asked") == []
