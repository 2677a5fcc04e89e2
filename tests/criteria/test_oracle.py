"""Criteria mean what CEL means: random expressions against an implementation of CEL."""

import math

import pytest
from hypothesis import given

from funnelflow.criteria import BOOLEAN, Verdict, compile_expression

from .worlds import CONTACTS, EVENTS, NOWS, SCOPE, TYPED_SOURCES, heavy, sources

pytest.importorskip("cel_expr_python")

from .oracle import Oracle

ORACLE = Oracle(SCOPE)


def same(ours, theirs):
    """Tell whether two values are the same, types included."""
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
