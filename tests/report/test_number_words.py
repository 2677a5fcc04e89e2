"""Numbers as people read them: exact about none and all, and silent about shares of few."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.report import Number
from funnelflow.report.number_words import (
    count_words,
    days_words,
    percent,
    share_words,
    short_title,
)


def plain(text):
    """Return a text with common spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("share", "says"),
    [
        (0, "0 %"),
        (1 / 5884, "< 0.1 %"),
        (0.0123, "1.2 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (0.5, "50 %"),
        (0.994, "99 %"),
        (0.996, "99.6 %"),
        (0.99996, "> 99.9 %"),
        (1, "100 %"),
    ],
)
def test_a_share_is_written_as_exactly_as_it_matters(share, says):
    assert plain(percent(share)) == says


@given(st.floats(0, 1))
def test_only_none_is_written_as_none_and_only_all_as_all(share):
    text = plain(percent(share))
    assert (text in ("0 %", "0.0 %")) == (share == 0)
    assert (text in ("100 %", "100.0 %")) == (share == 1)


@pytest.mark.parametrize(
    ("number", "count", "share"),
    [
        (Number("n", 1_234), "1,234", "-"),
        (Number("n", 529, 5_345), "529 (9.9 %)", "9.9 %"),
        (Number("n", 3, 7), "3 of 7", "3 of 7"),
        (Number("n", 0, 0), "0", "-"),
    ],
)
def test_of_few_a_number_says_of_how_many_and_no_share(number, count, share):
    assert plain(count_words(number)) == count
    assert plain(share_words(number)) == share


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (None, "-"),
        (0, "0 min"),
        (1 / 96, "15 min"),
        (0.5, "12.0 h"),
        (-0.5, "-12.0 h"),
        (1.26, "1.3 d"),
        (12.4, "12 d"),
        (1_234.5, "1,234 d"),
        (-3, "-3.0 d"),
    ],
)
def test_a_length_of_time_is_written_in_the_unit_that_suits_it(days, says):
    assert plain(days_words(days)) == says


def test_a_stage_without_a_title_is_called_by_the_last_part_of_its_name():
    assert short_title("lead.inquiry", "lead.inquiry") == "inquiry"
    assert short_title("lead.inquiry", "An inq. of ours") == "An inq. of ours"
