"""Numbers and times as files have them: read as somebody said, and never guessed."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.errors import FieldError, UsageError
from funnelflow.ingest.text_formats import (
    check_date_format,
    number_advice,
    number_reader,
    time_advice,
    time_reader,
)


@pytest.mark.parametrize(
    ("decimal", "text", "number"),
    [
        (",", "1.234,56", "1234.56"), (",", "1.234", "1234"), (",", "5000,5", "5000.5"),
        (",", "1 234 567,5", "1234567.5"), (",", "€ 1.234,50", "1234.50"), (",", "-12", "-12"),
        (".", "1.234", "1.234"), (".", "$5,000.00", "5000.00"), (".", "5,000", "5000"),
        (".", "1.5E3", "1.5E3"), (".", "(1,250.00)", "-1250.00"), (".", "5k", "5000"),
    ],
)  # fmt: skip
def test_a_number_is_read_by_the_mark_of_its_decimals(decimal, text, number):
    assert number_reader(decimal)(text) == number


@pytest.mark.parametrize(
    ("decimal", "text", "option"),
    [(",", "5000.50", "--decimal . reads it"), (".", "1.234,56", "--decimal , reads it"),
     (".", "much", "write it like 5000"), (",", "1.2.3", "write it like 5000")],
)  # fmt: skip
def test_a_number_by_another_mark_is_refused_and_the_mark_is_named(decimal, text, option):
    with pytest.raises(FieldError) as caught:
        number_reader(decimal)(text)
    assert option in caught.value.hint


def test_what_may_be_two_numbers_names_both_options():
    assert number_advice("1,234") == "--decimal , or --decimal . reads it"


@pytest.mark.parametrize(
    ("pattern", "text", "time"),
    [
        ("dd.MM.yyyy", "31.12.2025", "2025-12-31T00:00:00"),
        ("MM/dd/yyyy h:mm a", "12/31/2025 5:03\u202fPM", "2025-12-31T17:03:00"),
        ("d MMM, yyyy HH:mm:ss", "15 Apr, 2021 00:03:00", "2021-04-15T00:03:00"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2026-03-01T10:30:00+01:00", "2026-03-01T10:30:00+01:00"),
        ("yy-MM-dd", "20-10-16", "2020-10-16T00:00:00"),
        ("%d-%b-%y", "3-Jan-21", "2021-01-03T00:00:00"),
        ("epoch-s", "1609459200", "2021-01-01T00:00:00+00:00"),
        ("epoch-ms", "1609459200123", "2021-01-01T00:00:00.123000+00:00"),
    ],
)
def test_a_time_is_read_by_its_pattern_and_as_funnelflow_writes_it(pattern, text, time):
    read = time_reader([pattern])
    assert read(text) == time
    for ours in ("2026-03-01T09:30:00Z", "2026-03-01", "now"):
        assert read(ours).startswith(ours[:10])


def test_a_time_that_two_patterns_read_otherwise_is_refused():
    read = time_reader(["dd/MM/yyyy", "MM/dd/yyyy"])
    assert read("31/12/2025") == "2025-12-31T00:00:00"
    assert read("04/04/2025") == "2025-04-04T00:00:00"
    with pytest.raises(FieldError, match=r"2025-04-03.*by dd/MM/yyyy, and 2025-03-04"):
        read("03/04/2025")


def test_a_pattern_with_the_day_before_the_month_leaves_nothing_to_ours():
    read = time_reader(["yyyy-dd-MM"])
    assert read("2025-03-04") == "2025-04-03T00:00:00"
    with pytest.raises(FieldError):
        read("2025-03-25")


@pytest.mark.parametrize("pattern", ["", "foo", "dd.mm.yyyy", "QQQ yyyy", "%Y", "%c", "HH:mm"])
def test_what_is_no_pattern_of_dates_is_refused(pattern):
    with pytest.raises(UsageError) as caught:
        check_date_format(pattern)
    assert "dd.MM.yyyy" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "patterns"),
    [("31.12.2025", ["dd.MM.yyyy"]), ("03/04/2025", ["MM/dd/yyyy", "dd/MM/yyyy"]),
     ("15 Apr, 2021 00:03:00", ["d MMM, yyyy HH:mm:ss"]), ("20-10-16", ["yy-MM-dd", "dd-MM-yy"]),
     ("1609459200", ["epoch-s"]), ("1609459200123", ["epoch-ms"]), ("soon", [])],
)  # fmt: skip
def test_the_answer_names_the_patterns_that_would_read_a_time(text, patterns):
    advice = time_advice(text)
    assert [pattern for pattern in patterns if f"--date-format '{pattern}'" in advice] == patterns
    assert advice.count("--date-format") == len(patterns)
    for pattern in patterns:
        assert time_reader([pattern])(text)


@given(st.text(max_size=30))
def test_no_text_is_read_by_mistake_or_breaks_the_readers(text):
    number_advice(text)
    time_advice(text)
    for reader in (number_reader(","), number_reader("."), time_reader(["dd.MM.yyyy", "epoch-s"])):
        try:
            plain = reader(text)
        except FieldError:
            continue
        assert plain.strip()


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2), st.sampled_from(",."))
def test_a_number_with_separators_is_read_as_it_was_written(number, decimal):
    written = f"{number:,.2f}"
    if decimal == ",":
        written = written.translate(str.maketrans(",.", ".,"))
    assert float(number_reader(decimal)(written)) == float(number)


@given(st.integers(0, 4 * 10**9))
def test_a_time_is_read_as_it_was_written(seconds):
    time = dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None)
    read = time_reader(["dd.MM.yyyy HH:mm:ss"])
    assert read(f"{time:%d.%m.%Y %H:%M:%S}") == time.isoformat()
