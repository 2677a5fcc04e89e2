"""Whether conditions can hold together, and follow from each other: proved, or shown by facts."""

import datetime as dt
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    AllOf,
    AnyOf,
    AtLeast,
    Custom,
    Field,
    Leaf,
    Roles,
    Scope,
    compile_expression,
    compile_rule,
    list_of,
)
from funnelflow.criteria.cases import Case, is_met
from funnelflow.criteria.implication import exclude, find_case, implies
from funnelflow.criteria.smt import find_case_by_solver
from tests.criteria.worlds import CONTACTS, EVENTS, NOW, SCOPE, heavy, sources

FIELDS = Scope(
    {
        "budget": Field("budget", NUMBER),
        "n": Field("n", INTEGER),
        "m": Field("m", INTEGER),
        "says": Field("says", TEXT, choices=("decides", "influences", "none")),
        "other": Field("other", TEXT, choices=("decides", "none")),
        "name": Field("name", TEXT),
        "seen": Field("seen", TIMESTAMP),
        "due": Field("due", TIMESTAMP),
        "wait": Field("wait", DURATION),
        "flag": Field("flag", BOOLEAN),
        "tags": Field("tags", list_of(TEXT)),
    },
    {"way": Field("way", TEXT, choices=("in", "out")), "n": Field("n", INTEGER)},
)


def expr(source):
    return compile_expression(source, FIELDS)


FOLLOWS = [
    ("contact.budget >= 5000", "contact.budget > 0"),
    ("contact.budget > 5000 || contact.budget == 7", "contact.budget > 6.5"),
    ("contact.budget > 5000", "has(contact.budget)"),
    ("!has(contact.budget)", "!(has(contact.budget) && contact.flag)"),
    ("contact.n > 4", "contact.n >= 5"),
    ("contact.n > 4.5 && contact.n < 5.5", "contact.n == 5"),
    ("contact.n == 5 || contact.n == 6", "contact.n in [5, 6]"),
    ('contact.says != "none"', 'contact.says == "decides" || contact.says == "influences"'),
    ('contact.says == contact.other && contact.says != "none"', 'contact.other == "decides"'),
    ("contact.n > contact.m && contact.m > 3", "contact.n > 4"),
    ("contact.n == contact.n", "has(contact.n)"),
    ("contact.n + 1 > 4", "contact.n > 3 - 1 + 1"),
    ("10 - contact.n > 4", "contact.n < 6"),
    ("-contact.n < 4", "contact.n > -4"),
    ("contact.seen < contact.due", "!(contact.due <= contact.seen)"),
    ('now - contact.seen < duration("720h")', 'contact.seen > now - duration("800h")'),
    (
        'contact.seen < timestamp("2026-01-01T00:00:00Z") && now - contact.seen < duration("24h")',
        'now < timestamp("2026-01-02T00:00:00Z")',
    ),
    ('contact.wait + duration("1h") > duration("2h")', 'contact.wait > duration("1h")'),
    ('"a" in contact.tags', "size(contact.tags) > 0"),
    ("size(contact.tags) > 1", "size(contact.tags) >= 2"),
    ('contact.name == "a"', 'contact.name in ["a", "b"]'),
    ('contact.name > "b"', 'contact.name != "a"'),
    ("contact.flag ? contact.n > 5 : contact.n > 7", "contact.n > 5"),
    ("has(contact.n) ? contact.n > 5 : contact.flag", "contact.flag || contact.n > 4"),
    ("contact.n > 3 && contact.n < 2", "contact.flag"),
    ('event.way == "in" && contact.n > 1', 'event.way != "out"'),
    ("event.n > 3", "event.n > 2"),
]
DOES_NOT_FOLLOW = [
    ("contact.budget > 0", "contact.budget >= 5000"),
    ("contact.budget > 0", "contact.budget >= 1"),
    ("contact.n > 4", "contact.n > 5"),
    ("has(contact.budget)", "contact.budget > 0"),
    ("!(contact.budget > 5)", "contact.budget < 5"),
    ('contact.says != "none"', 'contact.says == "decides"'),
    ("contact.n > contact.m && contact.m > 3", "contact.n > 5"),
    ("contact.n + 1 > 4", "contact.n > 4"),
    ('now - contact.seen < duration("720h")', 'contact.seen > now - duration("700h")'),
    (
        'contact.seen < timestamp("2026-01-01T00:00:00Z") && now - contact.seen < duration("24h")',
        'now < timestamp("2026-01-01T12:00:00Z")',
    ),
    ("size(contact.tags) > 0", '"a" in contact.tags'),
    ('contact.name.startsWith("a")', 'contact.name.startsWith("ab")'),
    ('contact.name != "a"', "!has(contact.name)"),
    ("has(contact.n) ? contact.n > 5 : true", "contact.n > 3"),
    ("event.n > 3", "contact.n > 2"),
    ("contact.n * 2 > 5", "contact.n > 3"),
    ("true", "contact.flag"),
]


@pytest.mark.parametrize(("one", "other"), FOLLOWS)
def test_what_follows_is_proved(one, other):
    assert implies(expr(one), expr(other)).proved is True


@pytest.mark.parametrize(("one", "other"), DOES_NOT_FOLLOW)
def test_what_does_not_follow_is_shown_by_facts(one, other):
    found = implies(expr(one), expr(other))
    assert found.proved is False
    case = found.counterexample
    assert expr(one).holds(case.contact, case.event, case.now)
    assert not expr(other).holds(case.contact, case.event, case.now)


def test_several_conditions_together_may_imply_what_none_does():
    given_ = [expr("contact.n >= 5"), expr("contact.n <= 5")]
    assert implies(given_, expr("contact.n == 5")).proved
    assert not any(implies(one, expr("contact.n == 5")).proved for one in given_)


def leaf(source):
    return Leaf(source, expr(source))


def test_groups_count_what_is_met():
    parts = tuple(
        map(leaf, ("contact.n > 1", "contact.n > 2", "contact.flag", "has(contact.name)"))
    )
    three, two = AtLeast(3, "", parts), AtLeast(2, "", parts)
    assert implies(three, two).proved
    assert implies(two, three).proved is False
    assert implies(AllOf("", parts), three).proved
    assert implies(three, AnyOf("", parts[:2])).proved
    assert implies(AtLeast(3, "", parts[:3]), AllOf("", parts[:3])).proved
    assert exclude(AtLeast(3, "", parts), leaf("contact.n < 1 && !contact.flag"))


def test_roles_and_answers_of_plugins_are_decided_too():
    sales, both = Roles(("sales",)), Roles(("sales", "boss"))
    assert implies(sales, both).proved
    found = implies(both, sales)
    assert found.counterexample is not None
    assert found.counterexample.roles == ("boss",)
    asked = Custom("asked", lambda _: True, "a plugin", "asked", {"x": 1})
    again = Custom("again", lambda _: True, "a plugin", "asked", {"x": 1})
    other = Custom("asked", lambda _: True, "a plugin", "asked", {"x": 2})
    assert implies(AllOf("", (asked, leaf("contact.n > 3"))), again).proved
    assert implies(asked, other).proved is False


def test_a_case_reads_naturally():
    found = find_case([expr("contact.budget >= 5000")], [expr("contact.budget > 8000")])
    assert isinstance(found, Case)
    assert found.contact == {"budget": 5000.0}


def test_what_the_classes_do_not_decide_is_not_claimed():
    assert implies(expr("contact.n * contact.n == 7"), expr("contact.flag")).proved is not False


NUMBERS = [-2, -1, 0, 1, 2, 3, 4, 5, 2**63 - 2, 2**63 - 1, None]
SMALL = Scope(
    {
        "a": Field("a", INTEGER),
        "b": Field("b", INTEGER),
        "flag": Field("flag", BOOLEAN),
        "text": Field("text", TEXT),
    }
)
_SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_ATOMS = st.one_of(
    st.builds("contact.{} {} {}".format, st.sampled_from("ab"), _SIGNS, st.integers(0, 3)),
    st.builds("contact.a {} contact.b".format, _SIGNS),
    st.builds("contact.{} + 1 {} {}".format, st.sampled_from("ab"), _SIGNS, st.integers(1, 3)),
    st.builds("contact.{} in [0, {}]".format, st.sampled_from("ab"), st.integers(1, 3)),
    st.builds("has(contact.{})".format, st.sampled_from(["a", "flag", "text"])),
    st.sampled_from(["contact.flag", 'contact.text == "x"', 'contact.text != "y"']),
    st.builds('contact.text {} "y"'.format, _SIGNS),
)
_SOURCES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds("!({})".format, inner),
        st.builds("({}) && ({})".format, inner, inner),
        st.builds("({}) || ({})".format, inner, inner),
        st.builds("({}) ? ({}) : ({})".format, inner, inner, inner),
    ),
    max_leaves=5,
)


def _contacts() -> Iterator[dict[str, Any]]:
    texts = ["a", "x", "xx", "y", "z", None]
    for values in product(NUMBERS, NUMBERS, [True, False, None], texts):
        yield {n: v for n, v in zip(SMALL.contact, values, strict=True) if v is not None}


SMALL_CONTACTS = list(_contacts())


@given(st.lists(_SOURCES, min_size=1, max_size=3), st.lists(_SOURCES, max_size=2))
def test_a_case_is_found_exactly_where_trying_everything_finds_one(met, not_met):
    met, not_met = ([compile_expression(s, SMALL) for s in many] for many in (met, not_met))
    tried = any(
        all(e.holds(facts, {}, NOW) for e in met)
        and not any(e.holds(facts, {}, NOW) for e in not_met)
        for facts in SMALL_CONTACTS
    )
    found = find_case(met, not_met)
    assert found is not None
    assert bool(found) is tried


@given(st.lists(_SOURCES, min_size=1, max_size=4), st.integers(0, 4), CONTACTS)
def test_a_rule_is_met_as_its_code_says(listed, count, facts):
    group = AtLeast(count, "", tuple(Leaf(s, compile_expression(s, SMALL)) for s in listed))
    case = Case(facts, {}, NOW)
    assert is_met(group, case) is compile_rule(group)(facts, {}, NOW, ())


@heavy
@given(sources(depth=2), sources(depth=2), CONTACTS, EVENTS)
def test_nothing_is_excluded_that_some_facts_meet(one, other, contact, event):
    first, second = compile_expression(one, SCOPE), compile_expression(other, SCOPE)
    met = [e for e in (first, second) if e.holds(contact, event, NOW)]
    not_met = [e for e in (first, second) if e not in met]
    found = find_case(met, not_met)
    assert found is not False
    if found:
        assert all(e.holds(found.contact, found.event, found.now) for e in met)
        assert not any(e.holds(found.contact, found.event, found.now) for e in not_met)


def test_what_numbers_too_large_to_be_exact_say_of_integers_is_not_decided_by_classes():
    """Integers next to such a number are equal to it, and those further away are not."""
    for condition in (
        "-contact.count != double(9223372036854775807)",
        "contact.count - 1 != double(9223372036854775807)",
        "contact.count != double(9223372036854775807)",
    ):
        assert find_case([compile_expression(condition, SCOPE)], []) is not False


def test_in_which_month_it_is_is_not_decided_at_one_time():
    assert exclude(compile_expression("now.getMonth() == 5", SCOPE)) is None


def test_the_time_is_found_at_which_dates_and_ages_meet():
    early = expr('contact.seen < timestamp("2026-01-01T00:00:00Z")')
    found = find_case([early, expr('now - contact.seen < duration("24h")')])
    assert isinstance(found, Case)
    assert found.now - found.contact["seen"] < dt.timedelta(hours=24)


BEYOND = [
    ('contact.name.startsWith("abc")', 'contact.name.startsWith("ab")', True),
    ('contact.name.contains("abc")', 'contact.name.contains("b") && size(contact.name) > 2', True),
    ("contact.n * 2 > 4", "contact.n > 2", True),
    ("contact.n * contact.n == 7", "contact.flag", True),
    ("contact.n % 4 == 3", "contact.n % 2 != 0", True),
    ("contact.n + contact.m > 9 && contact.m < 4", "contact.n > 5", True),
    ("contact.n / 3 == 2", "contact.n >= 6 && contact.n <= 8", True),
    ("contact.n + contact.m > 9 && contact.m < 4", "contact.n > 7", False),
    ("contact.n * 3 > 7", "contact.n > 3", False),
    ("contact.budget * 2.0 > 9.0", "contact.budget > 4.5", True),
    ("contact.budget * 2.0 > 9.0", "contact.budget > 5.0", False),
    ('contact.name + "x" == "ax"', 'contact.name == "a"', True),
]


@pytest.mark.parametrize(("one", "other", "follows"), BEYOND)
def test_what_the_classes_do_not_decide_the_solver_does(one, other, follows):
    pytest.importorskip("z3")
    found = implies(expr(one), expr(other))
    assert found.proved is follows
    if found.counterexample is not None:
        assert is_met(expr(one), found.counterexample)
        assert not is_met(expr(other), found.counterexample)


@settings(max_examples=max(30, settings().max_examples // 4))
@given(st.lists(_SOURCES, min_size=1, max_size=2), st.lists(_SOURCES, max_size=2))
def test_classes_and_solver_agree_on_small_criteria(met, not_met):
    pytest.importorskip("z3")
    met, not_met = ([compile_expression(s, SMALL) for s in many] for many in (met, not_met))
    solved = find_case_by_solver(met, not_met)
    assert solved is None or bool(solved) is bool(find_case(met, not_met))


@settings(max_examples=max(30, settings().max_examples // 4))
@given(sources(depth=2), sources(depth=2), CONTACTS, EVENTS)
def test_classes_and_solver_never_contradict_each_other(one, other, contact, event):
    pytest.importorskip("z3")
    first, second = compile_expression(one, SCOPE), compile_expression(other, SCOPE)
    found, solved = (
        find_case([first], [second], solver=False),
        find_case_by_solver([first], [second]),
    )
    assert not (found and solved is False)
    assert not (solved and found is False)
    if first.holds(contact, event, NOW) and not second.holds(contact, event, NOW):
        assert solved is not False
