"""Warnings of criteria that can never hold, or always do: certain, or not given."""

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
    Scope,
    compile_expression,
    list_of,
)

from .worlds import CONTACTS, EVENTS, NOW, NOWS, heavy, sources, text_literal
from .worlds import SCOPE as WIDE

FIELDS = [
    Field("budget", NUMBER),
    Field("seats", INTEGER),
    Field("authority", TEXT, choices=("decides", "influences")),
    Field("level", INTEGER, choices=(1, 2, 3)),
    Field("email", TEXT),
    Field("fits", BOOLEAN),
    Field("seen", TIMESTAMP),
    Field("wait", DURATION),
    Field("tags", list_of(TEXT)),
]
SCOPE = Scope({field.name: field for field in FIELDS})
VALUES = {
    "budget": st.sampled_from([-1.0, 0.0, 2.5, 3.0, 4.0, 5.0, 1e300]),
    "seats": st.integers(-1, 6) | st.sampled_from([2**63 - 1, -(2**63)]),
    "authority": st.sampled_from(["decides", "influences"]),
    "level": st.sampled_from([1, 2, 3]),
    "email": st.sampled_from(["", "a", "a\0", "ab", "b", "z"]),
    "fits": st.booleans(),
}
FACTS = st.fixed_dictionaries({}, optional=VALUES)

# The suspicious part stands between « and ».
NEVER = [
    "«contact.budget > 5 && contact.budget < 3»",
    "«contact.budget > 5 && contact.budget == 5»",
    "«contact.seats > 3 && contact.seats < 4»",
    "«contact.seats == 1.5»",
    "«contact.seats in []»",
    "«contact.seats in [1, 2] && contact.seats in [3]»",
    '«contact.authority == "decides" && contact.authority == "influences"»',
    '«contact.authority.startsWith("x")»',
    "«contact.level > 3»",
    '«contact.email == "a" && contact.email == "b"»',
    '«contact.email < ""»',
    "«contact.fits && !contact.fits»",
    "«has(contact.email) && !has(contact.email)»",
    "«contact.fits && contact.budget > 5 && contact.fits && contact.budget < 3»",
    "contact.fits || «contact.budget > 5 && contact.budget < 3»",
    "«size(contact.tags) < 0»",
    "«contact.budget != contact.budget»",
    "«contact.seen > now && contact.seen < now»",
    '«contact.seen > now && now - contact.seen > duration("1h")»',
    '«contact.wait > duration("1h") && contact.wait < duration("1h")»',
    "«1 > 2»",
    "«false»",
    "!(«contact.level > 3»)",
    "«contact.fits ? false : false»",
]
ALWAYS = [
    "«contact.budget > 5 || contact.budget <= 5»",
    "«contact.level >= 1»",
    "«contact.seats != 1.5»",
    '«contact.authority in ["decides", "influences"]»',
    "«contact.fits || !contact.fits»",
    "«has(contact.email) || !has(contact.email)»",
    "«size(contact.tags) >= 0»",
    "«contact.budget == contact.budget»",
    "contact.fits && «contact.level > 0»",
    "«true»",
    "«2 > 1»",
]
WITHOUT_RESULT = [
    "«contact.seats / 0» > 1",
    "«contact.seats % 0» > 1",
    "«9223372036854775807 + 1» > contact.seats",
    'contact.seen > «timestamp("9999-12-31T23:59:59Z") + duration("1s")»',
]
SOUND = [
    "contact.budget > 3 && contact.budget < 5",
    "contact.budget > 3 || contact.budget < 5 && contact.seats > 3",
    "contact.budget >= 5 && contact.budget <= 5",
    "contact.seats > 3 && contact.seats < 5",
    "contact.seats < 9223372036854775807",
    "contact.seats > 9007199254740992.0",
    "contact.seats in [1.8014398509481984e16]",
    'contact.email > "a" && contact.email < "ab"',
    "contact.fits && contact.level == 2",
    "contact.fits ? contact.seats > 1 : contact.seats > 2",
    "contact.seen > now",
    'contact.seen < now - duration("720h")',
    'contact.seen > now && contact.seen < timestamp("1999-01-01T00:00:00Z")',
    'contact.seen > timestamp("9999-12-31T23:59:59.999998Z")',
    "size(contact.tags) > 2 && size(contact.tags) < 2",
    "contact.budget * 2.0 > 5.0",
    '"a" in contact.tags',
    'contact.email.startsWith("a") && contact.email.startsWith("b")',
    'now > timestamp("2020-01-01T00:00:00Z")',
    " && ".join(f"contact.seats != {number}" for number in range(80)),
]


def warned(marked):
    """Return the codes and places of the warnings, and those marked."""
    start = marked.index("«")
    source = marked.replace("«", "").replace("»", "")
    warnings = compile_expression(source, SCOPE).warnings
    assert all(one.severity == "warning" for one in warnings)
    return [(one.code, one.start, one.end) for one in warnings], (start, marked.index("»") - 1)


@pytest.mark.parametrize("marked", NEVER)
def test_what_can_never_hold_is_reported_with_its_place(marked):
    given_, place = warned(marked)
    assert given_ == [("E190", *place)]


@pytest.mark.parametrize("marked", ALWAYS)
def test_what_always_holds_is_reported_with_its_place(marked):
    given_, place = warned(marked)
    assert given_ == [("E191", *place)]


@pytest.mark.parametrize("source", SOUND)
def test_what_can_come_out_either_way_gives_no_warning(source):
    assert compile_expression(source, SCOPE).warnings == ()


@pytest.mark.parametrize("marked", WITHOUT_RESULT)
def test_a_calculation_without_a_result_is_reported(marked):
    given_, place = warned(marked)
    assert given_ == [("E192", *place)]


def test_a_division_of_numbers_by_zero_has_a_result():
    assert compile_expression("contact.budget / 0.0 > 1.0", SCOPE).warnings == ()


def test_the_choices_are_named():
    warning = compile_expression("contact.level > 3", SCOPE).warnings[0]
    assert warning.parameters == {"text": "contact.level > 3", "choices": "1, 2, 3"}


def test_both_parts_are_named_that_exclude_each_other():
    warning = compile_expression("contact.budget > 5 && contact.budget < 3", SCOPE).warnings[0]
    assert warning.variant == "together"
    assert warning.parameters == {"text": "contact.budget > 5", "other": "contact.budget < 3"}


COMPARISONS = st.one_of(
    st.builds(
        "contact.{} {} {}".format,
        st.sampled_from(["budget", "seats", "level"]),
        st.sampled_from(["<", "<=", ">", ">="]),
        st.sampled_from(["1", "3", "3.5", "5", "-1"]),
    ),
    st.builds(
        "contact.email {} {}".format,
        st.sampled_from(["<", "==", "!=", ">="]),
        st.sampled_from(["", "a", "ab"]).map(lambda text: text_literal(text, '"')),
    ),
    st.sampled_from(
        ["contact.fits", "!contact.fits", "has(contact.seats)", "!has(contact.email)",
         'contact.authority == "decides"', "contact.level == 2", "contact.seats in [1, 2, 4]",
         'contact.email.startsWith("a")', "size(contact.email) > 0"]
    ),
)  # fmt: skip


def joined(parts):
    """Join conditions by ``&&`` and ``||``."""
    return st.lists(parts, min_size=2, max_size=3).flatmap(
        lambda drawn: st.sampled_from([" && ".join, " || ".join]).map(
            lambda join: f"({join(drawn)})"
        )
    )


CONDITIONS = st.recursive(COMPARISONS, joined, max_leaves=6)


def part_of(expression, warning, scope):
    """Compile the part that a warning is about."""
    return compile_expression(expression.source[warning.start : warning.end], scope)


@heavy
@given(CONDITIONS, st.lists(FACTS, min_size=20, max_size=20))
def test_what_is_said_never_to_hold_never_holds(source, contacts):
    expression = compile_expression(source, SCOPE)
    for warning in expression.warnings:
        part = part_of(expression, warning, SCOPE)
        unwanted = warning.code == "E190"
        for contact in contacts:
            assert part.value(contact, {}, NOW) is not unwanted


@heavy
@given(sources(BOOLEAN), CONTACTS, EVENTS, NOWS)
def test_no_warning_is_wrong_about_any_expression(source, contact, event, now):
    expression = compile_expression(source, WIDE)
    for warning in expression.warnings:
        if warning.code == "E192":
            continue
        part = part_of(expression, warning, WIDE)
        assert part.value(contact, event, now) is not (warning.code == "E190")
