"""Timestamps: RFC 3339 in, UTC inside, one fixed width out."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from funnelflow.criteria.times import (
    TimeTextError,
    parse_timestamp,
    timestamp_json,
    timestamp_words,
)

from .worlds import TIMESTAMPS

NINE = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T09:30:00Z",
        "2026-03-01T10:30:00+01:00",
        "2026-03-01T04:00:00-05:30",
        "2026-03-01t09:30:00z",
        "2026-03-01 09:30:00Z",
        "2026-03-01T09:30Z",
        "2026-03-01T09:30:00.000000000Z",
    ],
)
def test_a_timestamp_is_read_and_brought_to_utc(text):
    assert parse_timestamp(text) == NINE


def test_a_time_without_an_offset_is_read_in_the_zone_given():
    assert parse_timestamp("2026-03-01 10:30", ZoneInfo("Europe/Berlin")) == NINE


def test_a_date_alone_is_the_midnight_of_the_zone_given():
    midnight = parse_timestamp("2026-07-01", ZoneInfo("Europe/Berlin"))
    assert midnight == dt.datetime(2026, 6, 30, 22, tzinfo=dt.UTC)


def test_a_time_without_an_offset_is_refused_where_no_zone_is_given():
    with pytest.raises(TimeTextError) as caught:
        parse_timestamp("2026-03-01 10:30")
    assert caught.value.hint == 'write "2026-03-01T10:30:00Z" for UTC'


@pytest.mark.parametrize(
    "text",
    ["", "today", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-03-01T24:01:00Z",
     "2026-03-01T09:60:00Z", "2026-03-01T09:30:60Z", "2026-03-01T09:30:00+24:00",
     "26-03-01T00:00:00Z", "2026-03-01T09:30:00+1", "0000-01-01T00:00:00Z",
     "10000-01-01T00:00:00Z", "\uff12026-03-01T00:00:00Z",
     "0001-01-01T00:00:00+01:00", "9999-12-31T23:30:00-01:00", "2026-03-01T09:30:00Z\n"],
)  # fmt: skip
def test_what_is_no_timestamp_is_refused(text):
    with pytest.raises(TimeTextError):
        parse_timestamp(text)


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T09:30:00.000+0000", "2026-03-01 09:30:00 UTC", "2026-03-01 09:30:00GMT",
     "2026-03-01 09:30:00+00", "2026-03-01 10:30:00 +0100", "2026-03-01T09:30:00.0000009Z",
     "2026-03-01T09:30:00.000000999+00:00"],
)  # fmt: skip
def test_what_can_mean_one_time_only_is_read_as_it(text):
    assert parse_timestamp(text) == NINE
    with pytest.raises(TimeTextError):
        parse_timestamp(text, strict=True)


def test_the_end_of_a_day_is_the_midnight_of_the_next():
    midnight = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert parse_timestamp("2026-02-28T24:00:00Z") == midnight
    with pytest.raises(TimeTextError):
        parse_timestamp("2026-02-28T24:00:00Z", strict=True)


def test_the_strict_reading_refuses_what_is_finer_than_a_microsecond():
    with pytest.raises(TimeTextError, match="finer than a microsecond"):
        parse_timestamp("2026-03-01T09:30:00.0000001Z", strict=True)


@pytest.mark.parametrize(
    "text", ["2026-03-01T09:30:00z", "2026-03-01t09:30:00Z", "2026-03-01 09:30:00Z",
             "2026-03-01T09:30Z", "2026-03-01", "2026-03-01T09:30:00"]
)  # fmt: skip
def test_the_strict_reading_takes_full_timestamps_only(text):
    with pytest.raises(TimeTextError) as caught:
        parse_timestamp(text, dt.UTC, strict=True)
    assert 'write timestamp("2026-03-01T' in caught.value.hint


@given(TIMESTAMPS)
def test_the_json_form_is_read_back_exactly_and_has_one_width(value):
    text = timestamp_json(value)
    assert parse_timestamp(text, strict=True) == value
    assert len(text) == 27


@given(TIMESTAMPS, TIMESTAMPS)
def test_the_json_forms_sort_as_the_times_do(one, other):
    assert (timestamp_json(one) < timestamp_json(other)) is (one < other)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (NINE, "2026-03-01 09:30 UTC"),
        (dt.datetime(2026, 3, 1, tzinfo=dt.UTC), "2026-03-01"),
        (dt.datetime(2026, 3, 1, 0, 0, 5, tzinfo=dt.UTC), "2026-03-01 00:00:05 UTC"),
        (dt.datetime(2026, 3, 1, 0, 0, 0, 250000, tzinfo=dt.UTC), "2026-03-01 00:00:00.25 UTC"),
    ],
)
def test_a_timestamp_is_read_out_as_short_as_it_is(value, words):
    assert timestamp_words(value) == words
