"""Hints for numbers: what is proposed is what was meant, in whatever style it was written."""

import re
from decimal import Decimal

from hypothesis import assume, example, given
from hypothesis import strategies as st

from funnelflow.criteria import INTEGER, NUMBER, Field
from funnelflow.errors import FieldError

STYLES = {
    "1,234.5": (",", "."),
    "1.234,5": (".", ","),
    "1 234,5": (" ", ","),
    "1'234.5": ("'", "."),
}


def in_style(number: Decimal, places: int, style: str) -> str:
    group, decimal = STYLES[style]
    plain = f"{number:,.{places}f}"
    return plain.translate({ord(","): group, ord("."): decimal})


def proposed(kind, text: str) -> list[Decimal]:
    """Return the numbers that a hint says to write; the text alone where it is a number already."""
    try:
        value = Field("x", kind).parse(text)
        return [] if value is None else [Decimal(repr(value))]
    except FieldError as error:
        if "write it like" in error.hint:
            return []
        found = re.findall(r"(?:write|or) (-?\d+(?:\.\d+)?)(?=$|,| )", error.hint)
        return [Decimal(one) for one in found]


@given(
    st.integers(-(10**9), 10**9), st.integers(0, 4), st.sampled_from(list(STYLES)), st.booleans()
)
@example(500_000, 2, "1.234,5", False)
@example(500_050, 2, "1.234,5", False)
@example(1_234_567, 0, "1.234,5", False)
@example(125, 1, "1 234,5", False)
@example(5_000, 0, "1,234.5", False)
def test_a_hint_proposes_the_number_that_was_written_in_any_style(digits, places, style, in_euro):
    number = Decimal(digits).scaleb(-places)
    text = in_style(number, places, style) + (" EUR" if in_euro else "")
    assume(style == "1,234.5" or not re.fullmatch(r"-?\d+\.\d{3}", text))  # valid as it is
    assert number in proposed(NUMBER, text)


@given(st.integers(1, 999), st.integers(0, 999), st.sampled_from(",."), st.sampled_from(["", "-"]))
def test_one_mark_before_three_digits_is_never_read_in_one_way_alone(head, tail, mark, sign):
    text = f"{sign}{head}{mark}{tail:03} EUR"
    both = [Decimal(f"{sign}{head}{tail:03}"), Decimal(f"{sign}{head}.{tail:03}")]
    assert proposed(NUMBER, text) == both


@given(st.integers(1, 999), st.integers(1, 999))
def test_for_a_whole_number_only_whole_readings_are_proposed(head, tail):
    assume(tail % 1000)
    assert proposed(INTEGER, f"{head},{tail:03}") == [Decimal(f"{head}{tail:03}")]


@given(st.text(alphabet="0123456789.,' -k%+(m)€_", min_size=1, max_size=12))
def test_nothing_is_proposed_that_is_not_a_number_of_the_same_digits(text):
    assume("k" not in text and "m" not in text)
    digits = re.sub(r"\D", "", text)
    for number in proposed(NUMBER, text) if not re.search(r"\d[eE]", text) else []:
        shown = re.sub(r"\D", "", f"{number:f}")
        assert shown.strip("0") == digits.strip("0")
