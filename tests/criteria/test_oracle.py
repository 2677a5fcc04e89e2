"""Criteria mean what CEL means: random expressions against an implementation of CEL."""

import datetime as dt
import math

import pytest
from hypothesis import given

from funnelflow.criteria import BOOLEAN, Verdict, compile_expression

from .worlds import CONTACTS, EVENTS, NOW, NOWS, SCOPE, TYPED_SOURCES, heavy, sources

pytest.importorskip("cel_expr_python")

from .oracle import Oracle

ORACLE = Oracle(SCOPE)


def same(ours, theirs):
    """Whether two values are the same, types included."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    return type(ours) is type(theirs) and ours == theirs


@heavy
@given(TYPED_SOURCES, CONTACTS, EVENTS, NOWS)
def test_the_value_is_that_of_cel(typed, contact, event, now):
    _, source = typed
    expression = compile_expression(source, SCOPE, None)
    ours = expression.value(contact, event, now)
    theirs = ORACLE.value(source, contact, event, now)
    assert same(ours, theirs), f"{source}: {ours!r}, CEL has {theirs!r}"


@heavy
@given(sources(BOOLEAN), CONTACTS, EVENTS, NOWS)
def test_holds_and_the_verdict_are_those_of_cel(source, contact, event, now):
    expression = compile_expression(source, SCOPE)
    theirs = ORACLE.value(source, contact, event, now)
    assert expression.holds(contact, event, now) is (theirs is True)
    verdict = {True: Verdict.MET, False: Verdict.NOT_MET, None: Verdict.UNKNOWN}[theirs]
    assert expression.explain(contact, event, now).verdict is verdict


BIG = [2**53, 2**53 + 1, 2**53 + 2, 2**62, 2**63 - 1, 2**63 - 512, 2**63 - 513, 0]
CLOSE = [2.0**53, 2.0**53 + 2, 2.0**62, 2.0**63, 2.0**63 - 1024, 2.0**64, 0.0, -0.0]
FORMS = [
    "contact.count {op} contact.budget",
    "contact.budget {op} contact.count",
    "contact.count {op} {number!r}",
    "contact.budget {op} {whole}",
]
LIST_FORMS = [
    "contact.count in [1.5, {number!r}]",
    "contact.budget in [1, {whole}]",
    "contact.count in contact.scores",
    "contact.budget in contact.ids",
    "contact.ids == contact.scores",
    "[{whole}] == contact.scores",
]


@pytest.mark.parametrize("form", FORMS + LIST_FORMS)
def test_integers_and_numbers_compare_as_in_cel_where_integers_fall_between_numbers(form):
    for whole in [*BIG, *[-value for value in BIG]]:
        for number in [*CLOSE, *[-value for value in CLOSE]]:
            contact = {"count": whole, "budget": number, "ids": (whole,), "scores": (number,)}
            for op in ["==", "!=", "<", "<=", ">", ">="] if "{op}" in form else [""]:
                source = form.format(op=op, whole=whole, number=number)
                expression = compile_expression(source, SCOPE)
                theirs = ORACLE.value(source, contact, {}, NOW)
                assert expression.value(contact, {}, NOW) is theirs, (source, whole, number)
                assert expression.holds(contact, {}, NOW) is theirs, (source, whole, number)
                verdict = expression.explain(contact, {}, NOW).verdict
                assert (verdict is Verdict.MET) is theirs, (source, whole, number)


SECOND = dt.timedelta(seconds=1)
MICRO = dt.timedelta(microseconds=1)
NEAR_THE_END = [
    sign * (seconds * SECOND + micros * MICRO)
    for sign in (1, -1)
    for seconds in (9223372035, 9223372036, 9223372037)
    for micros in (0, 1, 500_000, 854_775, 854_776, 999_999)
]


@pytest.mark.parametrize("micros", [0, 1, 500_000, 854_775, 999_999])
def test_the_distance_of_two_times_has_a_value_where_it_has_in_cel(micros):
    time = NOW + micros * MICRO
    expression = compile_expression("contact.seen - contact.due", SCOPE, None)
    for length in NEAR_THE_END:
        contact = {"seen": time, "due": time - length}
        theirs = ORACLE.value("contact.seen - contact.due", contact, {}, NOW)
        assert expression.value(contact, {}, NOW) == theirs, (time, length)


@pytest.mark.parametrize("sign", "+-")
def test_durations_have_a_sum_where_they_have_in_cel(sign):
    source = f"contact.wait {sign} contact.pause"
    expression = compile_expression(source, SCOPE, None)
    for length in NEAR_THE_END:
        contact = {"wait": length / 2, "pause": length - length / 2}
        theirs = ORACLE.value(source, contact, {}, NOW)
        assert expression.value(contact, {}, NOW) == theirs, length
