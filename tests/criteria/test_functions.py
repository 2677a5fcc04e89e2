"""Functions of one value, in every form that an expression takes."""

import datetime as dt

import pytest

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    CriterionError,
    Field,
    Scope,
    Verdict,
    compile_expression,
    unschedulable,
)
from funnelflow.criteria.evaluate import as_decimal

NOW = dt.datetime(2026, 3, 1, 23, 30, tzinfo=dt.UTC)
SCOPE = Scope({
    "seats": Field("seats", INTEGER), "price": Field("price", NUMBER, unit="EUR"),
    "country": Field("country", TEXT), "fits": Field("fits", BOOLEAN),
    "closes": Field("closes", TIMESTAMP), "wait": Field("wait", DURATION),
})  # fmt: skip
FACTS = {
    "seats": 3, "price": 1.5, "country": " DE \u00c4", "fits": True, "closes": NOW,
    "wait": dt.timedelta(days=30),
}  # fmt: skip


def value(source, facts=FACTS):
    return compile_expression(source, SCOPE, None).value(facts, {}, NOW)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("double(contact.seats) * contact.price", 4.5),
        ("int(contact.price)", 1),
        ("int(-1.9)", -1),
        ("int('42')", 42),
        ("int('4.2')", None),
        ("int(9223372036854775807.0)", None),
        ("double('2.5')", 2.5),
        ("double('x')", None),
        ("string(contact.seats) + ' seats'", "3 seats"),
        ("string(contact.fits)", "true"),
        ("contact.country.lowerAscii()", " de \u00c4"),
        ("contact.country.trim().lowerAscii().startsWith('de')", True),
        ("contact.country.lowerAscii().upperAscii()", " DE \u00c4"),
        ("contact.closes.getMonth()", 2),
        ("contact.closes.getDayOfWeek()", 0),
        ("contact.closes.getDayOfWeek('Europe/Paris')", 1),
        ("contact.closes.getDate('+01:00')", 2),
        ("contact.closes.getFullYear()", 2026),
        ("contact.closes.getHours('-08:00')", 15),
        ("contact.wait == duration('30d')", True),
        ("contact.wait < duration('5w')", True),
        ("duration('1d12h')", dt.timedelta(hours=36)),
    ],
)
def test_a_function_gives_what_cel_gives(source, expected):
    found = value(source)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "source", ["int(contact.price) > 1", "contact.country.lowerAscii() == 'x'",
               "contact.closes.getMonth() == 2"],
)  # fmt: skip
def test_of_what_is_unknown_it_is_unknown(source):
    assert compile_expression(source, SCOPE).explain({}, {}, NOW).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "contact.country.lowerAscii() == 'fr'",
            'country in small letters is " de \u00c4"; needs fr',
        ),
        ("int(contact.price) >= 5", "price as a whole number is 1; needs at least 5"),
        (
            "contact.closes.getMonth('Europe/Paris') == 5",
            "the month of closes, from 0 in Europe/Paris is 2; needs 5",
        ),
    ],
)
def test_people_read_what_was_found_and_what_is_needed(source, words):
    assert compile_expression(source, SCOPE).explain(FACTS, {}, NOW).words == words


@pytest.mark.parametrize(
    "source",
    ["int(contact.fits) == 1", "contact.seats.getMonth() == 1", "string(contact.price) == '1'",
     "contact.closes.getMonth('Nowhere') == 1", "lowerAscii(contact.country) == 'x'", "int() == 1",
     "contact.country.lowerAscii(1) == 'x'"],
)  # fmt: skip
def test_what_a_function_does_not_take_is_said(source):
    with pytest.raises(CriterionError) as caught:
        compile_expression(source, SCOPE)
    assert len(caught.value.problems) == 1


def test_what_day_it_is_now_opens_nothing_by_time():
    expression = compile_expression("now.getDayOfWeek() == 1", SCOPE)
    assert [problem.variant for problem in unschedulable(expression)] == ["calendar"]


@pytest.mark.parametrize(
    ("computed", "meant"),
    [
        (0.1 + 0.2, 0.3),
        (3 * 1.1, 3.3),
        (1e15 + 0.3, 1e15 + 0.3),
        (9007199254740993.0, 9007199254740992.0),
        (-0.1 - 0.2, -0.3),
    ],
)
def test_a_computed_number_is_the_decimal_that_was_meant(computed, meant):
    assert as_decimal(computed) == meant
