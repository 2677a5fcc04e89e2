"""Fields: the one way in for facts."""

import datetime as dt
import json
import math
import pickle
import re
import unicodedata
from decimal import Decimal
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Field,
    Position,
    list_of,
    parse_type,
)
from funnelflow.criteria.value_forms import says_nothing
from funnelflow.errors import FieldError

from .worlds import VALUES

NINE = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
BERLIN = ZoneInfo("Europe/Berlin")


class NotATime(dt.datetime):
    """What pandas' NaT is: a datetime by its class, equal to nothing, and no time."""

    def __eq__(self, _other):
        return False

    def __ne__(self, _other):
        return True

    __hash__ = None

    def utcoffset(self):
        raise ValueError("it has none")


def same(one, other):
    """Whether two values are the same, their types included."""
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (BOOLEAN, True, True),
        (INTEGER, 5, 5),
        (INTEGER, 5.0, 5),
        (INTEGER, Decimal("5.00"), 5),
        (INTEGER, 2**63 - 1, 2**63 - 1),
        (INTEGER, -(2**63), -(2**63)),
        (NUMBER, 5, 5.0),
        (NUMBER, 5.5, 5.5),
        (NUMBER, Decimal("5.5"), 5.5),
        (TEXT, "", ""),
        (TEXT, "two\nlines\tand a tab", "two\nlines\tand a tab"),
        (TEXT, "🐱 ä \u200b", "🐱 ä \u200b"),
        (TIMESTAMP, NINE, NINE),
        (TIMESTAMP, "2026-03-01T10:30:00+01:00", NINE),
        (TIMESTAMP, NINE.astimezone(BERLIN), NINE),
        (DURATION, dt.timedelta(hours=1), dt.timedelta(hours=1)),
        (DURATION, "30d", dt.timedelta(days=30)),
        (DURATION, "5400s", dt.timedelta(minutes=90)),
        (list_of(TEXT), ["a", "b"], ("a", "b")),
        (list_of(NUMBER), (1, 2.5), (1.0, 2.5)),
        (list_of(TIMESTAMP), ["2026-03-01T09:30:00Z"], (NINE,)),
        (list_of(TEXT), ["a", "", " \u200b", "b"], ("a", "b")),
        (list_of(NUMBER), [1, ""], (1.0,)),
        (TEXT, None, None),
    ],
)
def test_a_value_becomes_the_canonical_one(kind, raw, value):
    assert same(Field("x", kind).normalise(raw), value)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (BOOLEAN, 1),
        (BOOLEAN, "yes"),
        (INTEGER, True),
        (INTEGER, 5.5),
        (INTEGER, "5"),
        (INTEGER, 2**63),
        (INTEGER, -(2**63) - 1),
        (INTEGER, math.nan),
        (INTEGER, math.inf),
        (INTEGER, Decimal("NaN")),
        (INTEGER, Decimal("sNaN")),
        (INTEGER, Decimal("1e999999999")),
        (INTEGER, 1e300),
        (NUMBER, True),
        (NUMBER, "5"),
        (NUMBER, math.nan),
        (NUMBER, math.inf),
        (NUMBER, 10**400),
        (NUMBER, Decimal("1e999")),
        (NUMBER, Decimal("NaN")),
        (NUMBER, Decimal("sNaN")),
        (TEXT, 5),
        (TEXT, 10**5000),
        (TEXT, {"a": "b" * 1000}),
        (TEXT, b"a"),
        (TEXT, ["a"]),
        (TEXT, "a\0"),
        (TEXT, "\ud800"),
        (TEXT, "a\x1b[31m"),
        (TEXT, "a\x85"),
        (TEXT, "a" * 10_001),
        (TIMESTAMP, NotATime(2026, 3, 1, tzinfo=dt.UTC)),
        (TIMESTAMP, 1_700_000_000),
        (TIMESTAMP, "yesterday"),
        (TIMESTAMP, "2026-03-01"),
        (TIMESTAMP, "2026-03-01T09:30:00"),
        (TIMESTAMP, dt.datetime(2026, 3, 1)),  # noqa: DTZ001  # what is refused
        (TIMESTAMP, dt.date(2026, 3, 1)),
        (TIMESTAMP, dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1)))),
        (DURATION, 30),
        (DURATION, "soon"),
        (DURATION, dt.timedelta(days=200_000)),
        (list_of(TEXT), "a"),
        (list_of(TEXT), {"a"}),
        (list_of(TEXT), ["a", 5]),
        (list_of(TEXT), ["a", None]),
        (list_of(TEXT), [["a"]]),
        (list_of(TEXT), ["a"] * 101),
    ],
    ids=lambda raw: type(raw).__name__,
)
def test_what_is_no_value_is_refused_with_the_name_of_the_field(kind, raw):
    with pytest.raises(FieldError, match=r"^budget: ") as caught:
        Field("budget", kind).normalise(raw)
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "raw", ["2026-03-01 10:30", dt.datetime(2026, 3, 1, 10, 30)]  # noqa: DTZ001  # what is read
)  # fmt: skip
def test_a_time_without_an_offset_is_read_in_the_zone_given(raw):
    assert Field("x", TIMESTAMP).normalise(raw, BERLIN) == NINE


def test_a_date_is_read_as_the_midnight_of_the_zone_given():
    midnight = dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)
    assert Field("x", TIMESTAMP).normalise(dt.date(2026, 3, 1), BERLIN) == midnight


def test_a_time_is_stored_in_utc_itself():
    value = Field("x", TIMESTAMP).normalise(NINE.astimezone(BERLIN))
    assert value.tzinfo is dt.UTC


AUTHORITY = Field("authority", TEXT, choices=("decides", "influences"))


def test_a_choice_is_let_in():
    assert AUTHORITY.normalise("decides") == "decides"


def test_no_choice_is_refused_with_the_nearest():
    with pytest.raises(FieldError) as caught:
        AUTHORITY.normalise("Decide")
    assert caught.value.message == "authority: Decide is none of its values"
    assert caught.value.hint == "did you mean decides?"


def test_no_choice_is_refused_with_all_where_none_is_near():
    with pytest.raises(FieldError) as caught:
        AUTHORITY.normalise("zzz")
    assert caught.value.hint == "known values: decides, influences"


def test_the_choices_of_a_list_are_those_of_its_items():
    topics = Field("topics", list_of(TEXT), choices=("crm", "erp"))
    assert topics.normalise(["erp"]) == ("erp",)
    with pytest.raises(FieldError):
        topics.normalise(["erp", "x"])


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (BOOLEAN, "yes", True),
        (BOOLEAN, " False ", False),
        (INTEGER, "5000", 5000),
        (INTEGER, "-5", -5),
        (INTEGER, "5.0", 5),
        (NUMBER, "5000", 5000.0),
        (NUMBER, " 12.5 ", 12.5),
        (NUMBER, "1e3", 1000.0),
        (NUMBER, ".5", 0.5),
        (TEXT, "5000", "5000"),
        (TEXT, " a ", " a "),
        (TIMESTAMP, "2026-03-01T09:30:00Z", NINE),
        (DURATION, "30d", dt.timedelta(days=30)),
        (list_of(TEXT), "a, b", ("a", "b")),
        (list_of(TEXT), '"a, b", c', ("a, b", "c")),
        (list_of(TEXT), '["a, b", "c"]', ("a, b", "c")),
        (list_of(INTEGER), "1, 2", (1, 2)),
        (list_of(INTEGER), "[1, 2]", (1, 2)),
        (list_of(INTEGER), "[]", ()),
        (TEXT, "", None),
        (NUMBER, "  ", None),
        (TEXT, " \u00a0\u200b", None),
        (list_of(TEXT), "", None),
        (list_of(TEXT), "a,, \u200b,b", ("a", "b")),
    ],
)
def test_text_is_read_by_the_type_of_the_field(kind, text, value):
    assert same(Field("x", kind).parse(text), value)


@pytest.mark.parametrize(
    ("kind", "text", "hint"),
    [
        (BOOLEAN, "1", "write yes or no"),
        (BOOLEAN, "oui", "write yes or no"),
        (INTEGER, "5,000", "write 5000, or 5 if the comma is decimal"),
        (INTEGER, "5,250", "write 5250"),
        (INTEGER, "5.5", "give a number without decimals, like 5000"),
        (INTEGER, "five", "write it like 5000 or 12.5"),
        (NUMBER, "5,000.50", "write 5000.50"),
        (NUMBER, "5,000", "write 5000, or 5.0 if the comma is decimal"),
        (NUMBER, "5.000 EUR", "write 5000, or 5.0 if the point is decimal"),
        (NUMBER, "5.000,00", "write 5000.00"),
        (NUMBER, "5.000,50", "write 5000.50"),
        (NUMBER, "1.234.567", "write 1234567"),
        (NUMBER, "12,34,567.5", "write 1234567.5"),
        (NUMBER, "12,5", "write 12.5, with a point"),
        (NUMBER, "1,5k", "write 1500, with a point"),
        (NUMBER, "-5 000", "write -5000"),
        (NUMBER, "5-10", "write it like 5000 or 12.5"),
        (NUMBER, "50%", "write it like 5000 or 12.5"),
        (NUMBER, "5 million", "write it like 5000 or 12.5"),
        (NUMBER, "(5,000)", "write it like 5000 or 12.5"),
        (NUMBER, "5 000", "write 5000"),
        (NUMBER, "€5000", "write 5000"),
        (NUMBER, "5000 EUR", "write 5000"),
        (NUMBER, "5k", "write 5000"),
        (NUMBER, "1.5M", "write 1500000"),
        (NUMBER, "٣", "write it like 5000 or 12.5"),
        (NUMBER, "nan", "write it like 5000 or 12.5"),
        (NUMBER, "inf", "write it like 5000 or 12.5"),
        (NUMBER, "1e999", "give a finite number"),
        (NUMBER, "1_000", "write 1000"),
        (NUMBER, "9" * 500, "write it like 5000 or 12.5"),
        (TIMESTAMP, "03/01/2026", 'write it like "2026-03-01T09:30:00Z"'),
        (DURATION, "30", 'write it like "30d", "36h" or "1h30m"'),
        (list_of(INTEGER), "1, x", "write it like 5000 or 12.5"),
        (list_of(TEXT), '"a', "write a, b, c"),
        (list_of(TEXT), "[1", "write a, b, c"),
        (list_of(TEXT), "[" * 5000, "write a, b, c"),
    ],
)
def test_text_that_is_no_value_is_refused_with_what_to_write(kind, text, hint):
    with pytest.raises(FieldError) as caught:
        Field("x", kind).parse(text)
    assert caught.value.hint == hint


@given(st.sampled_from(list(VALUES)).flatmap(lambda k: st.tuples(st.just(k), VALUES[k])))
def test_the_storage_form_is_read_back_exactly(drawn):
    kind, value = drawn
    field = Field("x", kind)
    stored = json.loads(json.dumps(field.to_json(value)))
    assert same(field.from_json(stored), value)


@given(st.sampled_from(list(VALUES)).flatmap(lambda k: st.tuples(st.just(k), VALUES[k])))
def test_a_canonical_value_stays_what_it_is(drawn):
    kind, value = drawn
    field = Field("x", kind)
    if kind.item:
        value = tuple(item for item in value if not says_nothing(item))
    assert same(field.normalise(value), value)
    assert same(field.normalise(field.to_json(value)), value)


@given(st.sampled_from(list(VALUES)), st.text(max_size=30))
def test_any_text_is_a_value_or_refused(kind, text):
    message = ""
    try:
        Field("x", kind).parse(text, dt.UTC)
    except FieldError as error:
        message = error.message
    assert message.isprintable()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (Field("budget", NUMBER, unit="EUR"), 3000.0, "3,000 EUR"),
        (Field("budget", NUMBER), 1234.5, "1,234.5"),
        (Field("budget", NUMBER), 1e22, "1e+22"),
        (Field("days", INTEGER, unit="days"), 1000, "1,000 days"),
        (Field("fits", BOOLEAN, unit="EUR"), True, "yes"),
        (Field("email", TEXT, unit="EUR"), "ada@example.com", "ada@example.com"),
        (Field("email", TEXT), "", '""'),
        (Field("email", TEXT), "a" * 100, "a" * 59 + "…"),
        (Field("email", TEXT), "a\nb", "a·b"),
        (Field("at", TIMESTAMP), NINE, "2026-03-01 09:30 UTC"),
        (Field("wait", DURATION), dt.timedelta(days=30), "30 days"),
        (Field("tags", list_of(TEXT)), ("a", "b"), "a, b"),
        (Field("tags", list_of(TEXT)), (), "an empty list"),
    ],
)
def test_a_value_is_shown_as_a_person_writes_it(field, value, words):
    assert field.words(value) == words


def test_a_field_is_called_by_its_title_or_else_by_its_name():
    assert Field("buying_horizon", TEXT).label == "buying horizon"
    assert Field("buying_horizon", TEXT, title="Horizon").label == "Horizon"


@pytest.mark.parametrize("kind", list(VALUES), ids=str)
def test_a_field_pickles(kind):
    field = Field("x", kind, title="X", default=None, position=Position("a.yaml", 1, 2))
    again = pickle.loads(pickle.dumps(field))
    assert again == field
    assert again.position == field.position
    assert again.normalise(None) is None


def test_where_a_field_was_written_is_no_part_of_it():
    assert Field("x", TEXT, position=Position("a", 1, 1)) == Field("x", TEXT)


def test_a_field_can_be_changed_into_another():
    assert attrs.evolve(Field("x", TEXT), type=INTEGER).normalise(5) == 5


@pytest.mark.parametrize("kind", list(VALUES), ids=str)
def test_a_type_is_read_as_it_is_written(kind):
    assert parse_type(str(kind)) == kind


@pytest.mark.parametrize("text", ["", "money", "list of", "list of money", "list of list of text"])
def test_what_is_no_type_is_none(text):
    assert parse_type(text) is None


UNSEEN = ["", " ", "\t\n", "\u00a0", "\u200b\u2060\ufeff", " \u00ad ", "\u3164", "\u2800", "\ufe0f"]


@pytest.mark.parametrize("text", UNSEEN)
def test_text_in_which_nothing_can_be_seen_says_nothing(text):
    assert says_nothing(text)
    assert says_nothing([text, text])
    assert not says_nothing(f"{text}a{text}")
    assert not says_nothing(f"{text}ä")
    assert not says_nothing([text, "a"])


@pytest.mark.parametrize(
    "raw", [None, 0, False, [], (), [[""]], [None], "0", "-", "\u200bé", "\x00"]
)
def test_everything_else_says_something(raw):
    assert not says_nothing(raw)


def test_every_character_without_a_picture_says_nothing():
    """Of Unicode's format characters those that do have one are few, and stand in Arabic texts."""
    for code in range(0x11000):
        char = chr(code)
        if char.isspace() or unicodedata.category(char) in ("Zs", "Zl", "Zp"):
            assert says_nothing(char), hex(code)
        elif unicodedata.category(char) == "Cf" and not 0xFFF9 <= code <= 0xFFFB:
            assert (
                says_nothing(char)
                or "ARABIC" in (name := unicodedata.name(char))
                or ("SYRIAC" in name or "KAITHI" in name)
            ), hex(code)
        elif unicodedata.category(char)[0] in "LNPS" and "FILLER" not in unicodedata.name(char, ""):
            assert not says_nothing(char) or char == "\u2800", hex(code)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        (5, "5"),
        (-(10**29), str(-(10**29))),
        (10**31, "the number"),
        (-(10**31), "the number"),
        (2.5, "2.5"),
        (True, "True"),
        (Decimal("1.5"), "the number"),
        (NINE, "a value of type datetime"),
    ],
)
def test_a_value_that_is_refused_is_named_as_far_as_it_can_be_read(raw, named):
    with pytest.raises(FieldError, match=re.escape(f"x: {named} is not text")):
        Field("x", TEXT).normalise(raw)


def test_where_a_field_was_declared_is_no_part_of_what_it_is():
    here = Field("x", TEXT, position=Position("a.yaml", 3, 1))
    assert (here, repr(here)) == (Field("x", TEXT), repr(Field("x", TEXT)))
