"""How values are shown to people."""

import datetime as dt
import math

import pytest
from hypothesis import given

from funnelflow.criteria.value_forms import listed, shown, shown_text

from .worlds import CONTACTS, TEXTS


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "", "0"),
        (-1234567, "", "-1,234,567"),
        (3000.0, "EUR", "3,000 EUR"),
        (0.1, "", "0.1"),
        (-0.0, "", "0"),
        (1234567.891, "", "1,234,567.891"),
        (1e15, "", "1,000,000,000,000,000"),
        (1e16, "", "1e+16"),
        (1e300, "", "1e+300"),
        (math.nan, "", "not a number"),
        (math.inf, "", "infinity"),
        (-math.inf, "", "minus infinity"),
        (True, "EUR", "yes"),
        (False, "", "no"),
        ("web", "EUR", "web"),
        (" a", "", '" a"'),
        (dt.timedelta(hours=1), "", "1 hour"),
        ((2, 2000), "days", "2 days, 2,000 days"),
        ((), "EUR", "an empty list"),
    ],
)
def test_a_value_is_shown_as_a_person_writes_it(value, unit, text):
    assert shown(value, unit) == text


def test_a_long_text_is_cut():
    assert shown_text("a" * 60) == "a" * 60
    assert shown_text("a" * 61) == "a" * 59 + "…"


def test_a_long_list_is_cut_and_counted():
    assert listed(list("abc")) == "a, b, c"
    assert listed(list("abcdefghijk")) == "a, b, c, d, e, f, g, h, i, j, … (11 in all)"


@given(TEXTS)
def test_no_text_moves_the_cursor(value):
    assert shown_text(value).isprintable()


@given(CONTACTS)
def test_every_value_can_be_shown(contact):
    assert all(shown(value).isprintable() for value in contact.values())
