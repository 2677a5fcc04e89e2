"""Arithmetic on what may be unknown: total, and with CEL's range."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import DURATION, INTEGER, NUMBER, TEXT, TIMESTAMP, list_of
from funnelflow.criteria.evaluate import (
    all_of,
    any_of,
    list_made,
    negated_integer,
    operation,
    size_of,
    widened,
)

from .worlds import VALUES

LEAST, MOST = -(2**63), 2**63 - 1
KINDS = [
    *[(sign, INTEGER, INTEGER, INTEGER) for sign in "+-*/%"],
    *[(sign, NUMBER, NUMBER, NUMBER) for sign in "+-*/"],
    ("+", TEXT, TEXT, TEXT),
    ("+", list_of(TEXT), list_of(TEXT), list_of(TEXT)),
    ("+", TIMESTAMP, TIMESTAMP, DURATION),
    ("+", TIMESTAMP, DURATION, TIMESTAMP),
    ("-", TIMESTAMP, TIMESTAMP, DURATION),
    ("-", DURATION, TIMESTAMP, TIMESTAMP),
    ("+", DURATION, DURATION, DURATION),
    ("-", DURATION, DURATION, DURATION),
]
PYTHON = {
    INTEGER: int,
    NUMBER: float,
    TEXT: str,
    TIMESTAMP: dt.datetime,
    DURATION: dt.timedelta,
    list_of(TEXT): tuple,
}


@pytest.mark.parametrize(("sign", "kind", "left", "right"), KINDS, ids=str)
@given(data=st.data())
def test_an_operation_gives_a_value_of_its_type_or_none(sign, kind, left, right, data):
    function = operation(sign, kind, left)
    value = function(data.draw(VALUES[left]), data.draw(VALUES[right]))
    assert value is None or type(value) is PYTHON[kind]


@pytest.mark.parametrize(("sign", "kind", "left", "right"), KINDS, ids=str)
@given(data=st.data())
def test_an_operation_on_the_unknown_is_unknown(sign, kind, left, right, data):
    function = operation(sign, kind, left)
    assert function(None, data.draw(VALUES[right])) is None
    assert function(data.draw(VALUES[left]), None) is None
    assert function(None, None) is None


@pytest.mark.parametrize(
    ("sign", "one", "other", "value"),
    [
        ("+", MOST, 1, None),
        ("+", LEAST, -1, None),
        ("-", LEAST, 1, None),
        ("*", MOST, 2, None),
        ("*", LEAST, -1, None),
        ("/", 7, 2, 3),
        ("/", -7, 2, -3),
        ("/", LEAST, -1, None),
        ("/", 1, 0, None),
        ("/", 0, 5, 0),
        ("%", 7, -3, 1),
        ("%", -7, 3, -1),
        ("%", LEAST, -1, None),
        ("%", 1, 0, None),
    ],
)
def test_integers_have_64_bits_and_divide_toward_zero(sign, one, other, value):
    assert operation(sign, INTEGER, INTEGER)(one, other) == value


@pytest.mark.parametrize(
    ("one", "other", "value"),
    [
        (1.0, 0.0, math.inf),
        (1.0, -0.0, -math.inf),
        (-1.0, 0.0, -math.inf),
        (1e308, 1e-308, math.inf),
    ],
)
def test_numbers_divide_as_ieee_754_says(one, other, value):
    assert operation("/", NUMBER, NUMBER)(one, other) == value


@pytest.mark.parametrize(("one", "other"), [(0.0, 0.0), (-0.0, 0.0), (math.nan, 0.0)])
def test_zero_by_zero_is_not_a_number(one, other):
    assert math.isnan(operation("/", NUMBER, NUMBER)(one, other))


@pytest.mark.parametrize(("one", "value"), [(5, -5), (LEAST, None), (None, None), (-MOST, MOST)])
def test_the_least_integer_has_no_counterpart(one, value):
    assert negated_integer(one) == value


@given(st.lists(st.sampled_from([True, False, None]), max_size=4))
def test_false_absorbs_and_true_absorbs(values):
    both, either = all_of(*values), any_of(*values)
    assert both is (False if False in values else None if None in values else True)
    assert either is (True if True in values else None if None in values else False)


def test_a_size_counts_characters_and_items():
    assert [size_of("ä🐱"), size_of(("a", "b")), size_of(()), size_of(None)] == [2, 2, 0, None]


def test_a_list_with_an_unknown_item_is_unknown():
    assert list_made(1, 2) == (1, 2)
    assert list_made(1, None) is None


def test_widening_gives_numbers():
    assert repr([widened(1), widened((1, 2.5)), widened(None)]) == "[1.0, (1.0, 2.5), None]"
