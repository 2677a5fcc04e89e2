"""Durations: read as people and as CEL write them, within CEL's range."""

import datetime as dt

import pytest
from hypothesis import given

from funnelflow.criteria import duration_words, parse_duration
from funnelflow.criteria.times import (
    TimeTextError,
    duration_json,
    in_range,
    parse_cel_duration,
    rough_words,
)

from .worlds import DURATIONS

DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30d", 30 * DAY),
        ("2w", 14 * DAY),
        ("36h", 1.5 * DAY),
        ("1h30m", dt.timedelta(minutes=90)),
        ("90s", dt.timedelta(seconds=90)),
        ("1.5h", dt.timedelta(minutes=90)),
        ("-1d", -DAY),
        ("+1d", DAY),
        (" 1d ", DAY),
        ("250ms", dt.timedelta(milliseconds=250)),
        ("1000ns", dt.timedelta(microseconds=1)),
        ("1w2d3h4m5s", dt.timedelta(days=9, hours=3, minutes=4, seconds=5)),
    ],
)
def test_a_duration_is_read_as_people_write_it(text, length):
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", " ", "5", "d", "1x", "1 d", "1d!", "--1d", "-", "1.d", ".5d", "1e3s", "1µs", "٣d",
             "1d" * 40, "9" * 30 + "s"]
)  # fmt: skip
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(TimeTextError):
        parse_duration(text)


@pytest.mark.parametrize("text", ["293y", "107000d", "2562048h", "-107000d"])
def test_a_duration_beyond_292_years_is_refused(text):
    with pytest.raises(TimeTextError):
        parse_duration(text)


def test_cel_knows_no_days_and_the_help_says_how_many_hours_they_are():
    with pytest.raises(TimeTextError) as caught:
        parse_cel_duration("2d")
    assert caught.value.hint == 'write duration("48h")'


def test_the_help_gives_seconds_where_hours_are_not_whole():
    with pytest.raises(TimeTextError) as caught:
        parse_cel_duration("1d1s")
    assert caught.value.hint == 'write duration("86401s")'


@given(DURATIONS)
def test_the_json_form_is_read_back_exactly(length):
    assert parse_cel_duration(duration_json(length)) == length


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (dt.timedelta(0), "0s"),
        (dt.timedelta(minutes=90), "5400s"),
        (dt.timedelta(seconds=-1.5), "-1.5s"),
        (dt.timedelta(microseconds=1), "0.000001s"),
    ],
)
def test_the_json_form_counts_seconds(length, text):
    assert duration_json(length) == text


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (30 * DAY, "30 days"),
        (DAY, "1 day"),
        (dt.timedelta(minutes=90), "1 hour 30 minutes"),
        (dt.timedelta(seconds=1.5), "1.5 seconds"),
        (dt.timedelta(seconds=1), "1 second"),
        (dt.timedelta(0), "0 seconds"),
        (-DAY, "minus 1 day"),
        (1000 * DAY, "1,000 days"),
    ],
)
def test_a_duration_is_read_out_exactly(length, words):
    assert duration_words(length) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [(34.9 * DAY, "34 days"), (-1.5 * DAY, "1 day"), (0.4 * DAY, "9 hours"),
     (dt.timedelta(seconds=59.9), "59 seconds")],
)  # fmt: skip
def test_a_rough_duration_is_its_largest_unit(length, words):
    assert rough_words(length) == words


def test_the_range_is_that_of_64_bits_of_nanoseconds():
    longest = dt.timedelta(microseconds=9223372036854775)
    assert in_range(longest)
    assert in_range(-longest)
    assert not in_range(longest + dt.timedelta(microseconds=1))
