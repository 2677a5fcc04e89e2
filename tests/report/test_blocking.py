"""What to ask: the smallest sets of answers that could open a transition, against trying all."""

import datetime as dt
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import INTEGER, TEXT, Verdict
from funnelflow.definition import (
    Criterion,
    Definition,
    EventType,
    Field,
    Group,
    Stage,
    Transition,
    Vocabulary,
)
from funnelflow.engine import Funnel
from funnelflow.report.blocking import ways_of

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
WANTED = {"a": 9, "b": 9, "c": "yes", "d": "yes"}
"""Values that meet every criterion about them."""
UNWANTED = {"a": 1, "b": 1, "c": "no", "d": "no"}
FIELDS = {name: Field(name, INTEGER if name in "ab" else TEXT, ask=f"{name}?") for name in WANTED}
CRITERIA = (
    "contact.a >= 5",
    "contact.b >= 5",
    'contact.c == "yes"',
    "has(contact.d)",
    'contact.a >= 5 || contact.c == "yes"',
    'contact.b >= 5 && contact.c == "yes"',
)

leaves = st.sampled_from(CRITERIA).map(lambda source: Criterion(source, source))
rules = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda kind, items: Group(kind, tuple(items), 2 if kind == "at_least" else 0),
        st.sampled_from(["all", "any", "at_least"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=5,
)
known = st.dictionaries(st.sampled_from(sorted(WANTED)), st.booleans()).map(
    lambda said: {name: (WANTED if ok else UNWANTED)[name] for name, ok in said.items()}
)


def funnel_with(rule):
    """Return a funnel with one transition, which needs a rule."""
    vocabulary = Vocabulary("v", fields=FIELDS, events={"go": EventType("go")})
    stages = (Stage("lead"), Stage("prospect"))
    way = Transition("lead", "prospect", on="go", require=Group("all", (rule,)))
    return Funnel(Definition("f", vocabulary, "lead", stages, (way,)))


@given(rules, known)
def test_the_fewest_questions_are_those_that_trying_all_answers_finds(rule, fields):
    funnel = funnel_with(rule)
    (way,) = ways_of(funnel.linked)
    _, options = way.answers(fields, NOW)
    (transition,) = funnel.leaving("lead")

    def opens(names):
        answered = {**fields, **{name: WANTED[name] for name in names}}
        return transition.rule(answered, {}, NOW, ())

    unknown = sorted(set(WANTED) - set(fields))
    size = next(
        (n for n in range(len(unknown) + 1) if any(map(opens, combinations(unknown, n)))), None
    )
    smallest = set() if size is None else {
        frozenset(names) for names in combinations(unknown, size) if opens(names)
    }  # fmt: skip
    found = {one for one in options if len(one) == len(options[0])}
    assert found == smallest


def test_what_events_set_is_no_question_and_what_they_say_is_in_nobodys_way():
    counted = EventType("go", fields={"way": Field("way", TEXT)}, sets={"a": "contact.a + 1"})
    vocabulary = Vocabulary("v", fields=FIELDS, events={"go": counted})
    stages = (Stage("lead"), Stage("prospect"))
    need = Group("all", (Criterion("Twice", "contact.a >= 5"), Criterion("In", "event.way == 'x'")))
    definition = Definition(
        "f", vocabulary, "lead", stages, (Transition("lead", "prospect", on="go", require=need),)
    )
    (way,) = ways_of(Funnel(definition).linked)
    (twice, said), options = way.answers({}, NOW)
    assert (twice.verdict, said.verdict) == (Verdict.UNKNOWN, Verdict.MET)
    assert options == ()


@pytest.mark.parametrize(("budget", "verdict"), [(9, Verdict.MET), (1, Verdict.NOT_MET)])
def test_what_is_known_is_never_asked(budget, verdict):
    (way,) = ways_of(funnel_with(Criterion("Budget", "contact.a >= 5")).linked)
    (answer,), options = way.answers({"a": budget}, NOW)
    assert answer.verdict is verdict
    assert options == ((frozenset(),) if verdict is Verdict.MET else ())
