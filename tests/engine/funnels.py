"""Small funnels, built in Python, that the engine's tests run."""

import datetime as dt

from funnelflow.criteria import BOOLEAN, INTEGER, NUMBER, TEXT, TIMESTAMP, Field
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Group,
    Stage,
    Transition,
    Vocabulary,
)

T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)

VOCABULARY = Vocabulary(
    "small",
    fields={
        "email": Field("email", TEXT, ask="What is your address?"),
        "budget": Field("budget", NUMBER, unit="EUR", ask="What may it cost?"),
        "replies": Field("replies", INTEGER, default=0),
        "fits": Field("fits", BOOLEAN),
        "lost_reason": Field("lost_reason", TEXT),
        "seen_at": Field("seen_at", TIMESTAMP),
    },
    events={
        "form_submitted": EventType("form_submitted"),
        "replied": EventType(
            "replied",
            fields={"words": Field("words", INTEGER)},
            sets={"replies": "contact.replies + 1"},
        ),
        "met": EventType("met"),
        "signed": EventType("signed"),
        "disqualify": EventType("disqualify"),
        "went_quiet": EventType("went_quiet"),
    },
)

STAGES = (
    Stage("target"),
    Stage("lead", stages=(Stage("inquiry"), Stage("ready")), aliases=("suspect",)),
    Stage("prospect"),
    Stage("customer", type="won"),
    Stage("gone", type="lost"),
)


def all_of(**criteria: str) -> Group:
    """Require every one of some labelled expressions."""
    return Group("all", tuple(Criterion(k.replace("_", " "), v) for k, v in criteria.items()))


TRANSITIONS = (
    Transition(
        ("target",),
        "lead",
        on=("form_submitted",),
        require=all_of(We_can_reach_them="has(contact.email)"),
    ),
    Transition(
        ("lead.inquiry",),
        "lead.ready",
        require=all_of(Fits="contact.fits", Answered="contact.replies >= 2"),
    ),
    Transition(
        ("lead.ready",),
        "prospect",
        on=("met",),
        require=all_of(Budget_is_enough="contact.budget >= 5000"),
        by=("sales",),
    ),
    Transition(("prospect",), "customer", on=("signed",)),
    Transition(("prospect",), "lead", on=("went_quiet",), after=30 * DAY, since="activity"),
    Transition(
        ("target", "lead", "prospect"),
        "gone",
        on=("disqualify",),
        require=all_of(A_reason_is_given="has(contact.lost_reason)"),
    ),
    Transition(("lead",), "target", after=90 * DAY),
)

SMALL = Definition(
    "small",
    vocabulary=VOCABULARY,
    initial="target",
    stages=STAGES,
    transitions=TRANSITIONS,
    force=("admin",),
)
