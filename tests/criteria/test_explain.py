"""Why a criterion is met or not, in words that an admin would use."""

import datetime as dt

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
    Seen,
    Verdict,
    compile_expression,
    list_of,
)

from .worlds import CONTACTS, EVENTS, NOWS, SCOPE, heavy, sources

NOW = dt.datetime(2026, 4, 4, tzinfo=dt.UTC)
MARCH = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
BUDGET = Field("budget", NUMBER, unit="EUR", ask="What is your budget?")
FIELDS = [
    BUDGET,
    Field("price", NUMBER, unit="EUR"),
    Field("authority", TEXT, choices=("decides", "influences")),
    Field("email", TEXT),
    Field("phone", TEXT),
    Field("fax", TEXT),
    Field("fits", BOOLEAN, title="fits the offering"),
    Field("seats", INTEGER),
    Field("rooms", INTEGER),
    Field("last_reply", TIMESTAMP),
    Field("due", TIMESTAMP),
    Field("wait", DURATION),
    Field("tags", list_of(TEXT)),
]
SMALL = Scope({field.name: field for field in FIELDS}, {"amount": Field("amount", NUMBER)})
ADA = {
    "budget": 3000.0,
    "price": 4000.0,
    "email": "ada@example.com",
    "fits": False,
    "seats": 5,
    "last_reply": MARCH,
    "due": dt.datetime(2026, 5, 1, tzinfo=dt.UTC),
    "wait": dt.timedelta(days=2),
    "tags": ("crm", "erp"),
}
MET, NOT_MET, UNKNOWN = Verdict.MET, Verdict.NOT_MET, Verdict.UNKNOWN

TOLD = [
    ("contact.budget >= 2000", MET, "budget is 3,000 EUR"),
    ("contact.budget >= 5000", NOT_MET, "budget is 3,000 EUR; needs at least 5,000 EUR"),
    ("contact.budget > 5000", NOT_MET, "budget is 3,000 EUR; needs more than 5,000 EUR"),
    ("contact.budget < 500.5", NOT_MET, "budget is 3,000 EUR; needs less than 500.5 EUR"),
    ("contact.budget <= 500", NOT_MET, "budget is 3,000 EUR; needs at most 500 EUR"),
    ("contact.budget == 500", NOT_MET, "budget is 3,000 EUR; needs 500 EUR"),
    ("contact.budget != 3000", NOT_MET, "budget is 3,000 EUR; needs anything but 3,000 EUR"),
    ("5000 <= contact.budget", NOT_MET, "budget is 3,000 EUR; needs at least 5,000 EUR"),
    ("!(contact.budget < 5000)", NOT_MET, "budget is 3,000 EUR; needs at least 5,000 EUR"),
    ("contact.budget >= contact.price", NOT_MET,
     "budget is 3,000 EUR; needs at least price (4,000 EUR)"),
    ("contact.budget - contact.price > 0.0", NOT_MET,
     "budget minus price is -1,000 EUR; needs more than 0 EUR"),
    ("contact.budget * 2.0 > 9000.0", NOT_MET,
     "budget times 2 is 6,000; needs more than 9,000"),
    ('contact.authority == "decides"', UNKNOWN, "unknown: authority"),
    ('contact.email == "x"', NOT_MET, "email is ada@example.com; needs x"),
    ('contact.email == ""', NOT_MET, 'email is ada@example.com; needs ""'),
    ("contact.fits", NOT_MET, "fits the offering is no; needs yes"),
    ("!contact.fits", MET, "fits the offering is no"),
    ("contact.fits == true", NOT_MET, "fits the offering is no; needs yes"),
    ("has(contact.email)", MET, "email is ada@example.com"),
    ("has(contact.phone)", NOT_MET, "phone is not known"),
    ("!has(contact.phone)", MET, "phone is not known"),
    ("!has(contact.email)", NOT_MET, "email is ada@example.com; needs to be unknown"),
    ("has(contact.email) || has(contact.phone)", MET, "email is ada@example.com"),
    ("has(contact.fax) || has(contact.phone)", NOT_MET, "neither fax nor phone is known"),
    ("has(contact.fax) || has(contact.phone) || has(contact.authority)", NOT_MET,
     "none of fax, phone, authority is known"),
    ("has(contact.fax) && has(contact.phone)", NOT_MET,
     "fax is not known; and phone is not known"),
    ("contact.budget > 1 && contact.seats > 1", MET, "budget is 3,000 EUR, seats is 5"),
    ("contact.budget > 1 && contact.seats > 9", NOT_MET, "seats is 5; needs more than 9"),
    ("contact.budget > 9000 || contact.seats > 9", NOT_MET,
     "budget is 3,000 EUR; needs more than 9,000 EUR; or seats is 5; needs more than 9"),
    ('contact.phone == "1" && contact.rooms > 1', UNKNOWN, "unknown: phone, rooms"),
    ('contact.phone == "1" && contact.seats > 9', NOT_MET, "seats is 5; needs more than 9"),
    ('contact.phone == "1" || contact.seats > 1', MET, "seats is 5"),
    ('contact.phone == "1" || contact.seats > 9', UNKNOWN, "unknown: phone"),
    ("!(contact.fits || contact.seats > 1)", NOT_MET, "seats is 5; needs at most 1"),
    ('contact.email in ["a", "b"]', NOT_MET, "email is ada@example.com; needs one of a, b"),
    ("!(contact.seats in [4, 5])", NOT_MET, "seats is 5; needs none of 4, 5"),
    ('"crm" in contact.tags', MET, "tags is crm, erp"),
    ('"cms" in contact.tags', NOT_MET, "tags is crm, erp; needs cms among them"),
    ('!("crm" in contact.tags)', NOT_MET, "tags is crm, erp; needs crm not among them"),
    ('contact.email.endsWith("org")', NOT_MET, "email is ada@example.com; needs to end with org"),
    ('!contact.email.contains("ada")', NOT_MET,
     "email is ada@example.com; needs not to contain ada"),
    ("size(contact.tags) > 2", NOT_MET, "number of tags is 2; needs more than 2"),
    ("size(contact.email) < 5", NOT_MET, "length of email is 15; needs less than 5"),
    ('contact.last_reply > now - duration("720h")', NOT_MET,
     "last reply was 2026-03-01, 34 days ago; needs less than 30 days ago"),
    ('now - contact.last_reply < duration("960h")', MET,
     "last reply was 2026-03-01, 34 days ago"),
    ('now - contact.last_reply >= duration("1440h")', NOT_MET,
     "last reply was 2026-03-01, 34 days ago; needs at least 60 days ago"),
    ('contact.due < now + duration("168h")', NOT_MET,
     "due is 2026-05-01, in 27 days; needs less than 7 days from now"),
    ("contact.due < now", NOT_MET, "due is 2026-05-01, in 27 days; needs in the past"),
    ("contact.last_reply > now", NOT_MET,
     "last reply was 2026-03-01, 34 days ago; needs later than now"),
    ('contact.last_reply > timestamp("2026-04-01T00:00:00Z")', NOT_MET,
     "last reply was 2026-03-01, 34 days ago; needs after 2026-04-01"),
    ('contact.wait > duration("72h")', NOT_MET, "wait is 2 days; needs more than 3 days"),
    ("contact.fits ? contact.budget > 1 : has(contact.phone)", NOT_MET, "phone is not known"),
    ("contact.rooms > 1 ? contact.budget > 1 : has(contact.phone)", UNKNOWN, "unknown: rooms"),
    ("contact.seats / 0 > 1", UNKNOWN, "cannot be worked out with seats 5"),
    ("event.amount > 1", UNKNOWN, "unknown: amount"),
    ("contact.budget > event.amount", UNKNOWN, "unknown: amount"),
    ("true", MET, "always"),
    ("false", NOT_MET, "never"),
]  # fmt: skip


def explained(source, contact=ADA, event=None):
    return compile_expression(source, SMALL).explain(contact, event or {}, NOW)


@pytest.mark.parametrize(("source", "verdict", "words"), TOLD, ids=[one[0] for one in TOLD])
def test_a_criterion_says_why(source, verdict, words):
    explanation = explained(source)
    assert (explanation.verdict, explanation.words) == (verdict, words)


def test_the_facts_of_an_event_are_told_apart_from_those_of_the_contact():
    assert explained("event.amount > 5", event={"amount": 4.0}).words == (
        "the event's amount is 4; needs more than 5"
    )


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (dt.timedelta(seconds=59), "59 seconds"),
        (dt.timedelta(minutes=1), "1 minute"),
        (dt.timedelta(minutes=59), "59 minutes"),
        (dt.timedelta(hours=1), "1 hour"),
        (dt.timedelta(minutes=119), "1 hour"),
        (dt.timedelta(hours=23), "23 hours"),
        (dt.timedelta(days=1), "1 day"),
    ],
    ids=str,
)
def test_a_time_says_how_far_away_it_is_in_its_largest_unit(away, words):
    past = explained("has(contact.last_reply)", {"last_reply": NOW - away}).words
    coming = explained("has(contact.last_reply)", {"last_reply": NOW + away}).words
    assert past.startswith("last reply was ")
    assert past.endswith(f", {words} ago")
    assert coming.startswith("last reply is ")
    assert coming.endswith(f", in {words}")


def test_a_time_that_is_now_has_come():
    words = explained("has(contact.last_reply)", {"last_reply": NOW}).words
    assert words == "last reply was 2026-04-04, 0 seconds ago"


ASKED = [
    ('contact.authority == "decides"', {"authority"}),
    ('contact.authority == "decides" && contact.budget > 1', {"authority"}),
    ('contact.authority == "decides" && contact.budget > 5000', set()),
    ('contact.authority == "decides" || contact.budget > 5000', {"authority"}),
    ('contact.authority == "decides" || contact.budget > 1', set()),
    ("has(contact.phone)", {"phone"}),
    ("has(contact.phone) || has(contact.fax)", {"phone", "fax"}),
    ("has(contact.phone) && contact.rooms > 1", {"phone", "rooms"}),
    ("has(contact.phone) && contact.seats > 9", set()),
    ("!has(contact.phone)", set()),
    ("!has(contact.email)", set()),
    ("contact.rooms > contact.seats", {"rooms"}),
    ('contact.fits ? contact.phone == "1" : contact.rooms > 1', {"rooms"}),
    ("has(contact.fax) ? contact.seats > 1 : contact.seats > 9", {"fax"}),
    ("has(contact.phone) == true", {"phone"}),
    ("has(contact.email) == false", set()),
    ("contact.seats / 0 > 1", set()),
]


@pytest.mark.parametrize(("source", "names"), ASKED, ids=[one[0] for one in ASKED])
def test_missing_are_the_fields_whose_answer_could_make_it_met(source, names):
    assert {field.name for field in explained(source).missing} == names


def test_what_was_seen_is_every_fact_looked_at_once():
    assert explained('contact.budget > 1 && (contact.budget < 9 || contact.phone == "1")').seen == (
        Seen("contact.budget", BUDGET, 3000.0),
        Seen("contact.phone", SMALL.contact["phone"], None),
    )


def test_every_outermost_operand_is_a_clause():
    clauses = explained("contact.budget > 1 && (contact.fits || contact.seats > 1)").clauses
    assert [(clause.source, clause.verdict, clause.words) for clause in clauses] == [
        ("contact.budget > 1", MET, "budget is 3,000 EUR"),
        ("contact.fits || contact.seats > 1", MET, "seats is 5"),
    ]


def test_a_criterion_without_operands_is_its_own_only_clause():
    assert [clause.source for clause in explained("contact.fits").clauses] == ["contact.fits"]


ASKING = [
    ("contact.budget >= 5000", "budget is at least 5,000 EUR"),
    ("contact.budget != 5000", "budget is not 5,000 EUR"),
    ("!(contact.budget >= 5000)", "budget is less than 5,000 EUR"),
    ("5000 < contact.budget", "budget is more than 5,000 EUR"),
    ("contact.budget > contact.price", "budget is more than price"),
    ("has(contact.email)", "email is known"),
    ("!has(contact.email)", "email is not known"),
    ("contact.fits", "fits the offering is yes"),
    ("!contact.fits", "fits the offering is no"),
    ("contact.fits == false", "fits the offering is no"),
    ('contact.email in ["a", "b"]', "email is one of a, b"),
    ('!(contact.email in ["a", "b"])', "email is none of a, b"),
    ('"crm" in contact.tags', "tags include crm"),
    ('!("crm" in contact.tags)', "tags do not include crm"),
    ('contact.email.startsWith("ada")', "email starts with ada"),
    ('!contact.email.contains("x")', "email does not contain x"),
    ("has(contact.email) || has(contact.phone)", "email is known or phone is known"),
    ("contact.fits && (has(contact.email) || has(contact.phone))",
     "fits the offering is yes and (email is known or phone is known)"),
    ("!(contact.fits || has(contact.phone))", "fits the offering is no and phone is not known"),
    ('contact.last_reply > now - duration("720h")', "last reply is less than 30 days ago"),
    ('contact.last_reply < timestamp("2026-04-01T00:00:00Z")', "last reply is before 2026-04-01"),
    ("contact.due < now", "due is in the past"),
    ("contact.fits ? contact.seats > 1 : contact.seats > 9",
     "seats is more than 1 if fits the offering is yes, otherwise seats is more than 9"),
    ("size(contact.tags) >= 2", "number of tags is at least 2"),
    ("-contact.seats < 0", "minus seats is less than 0"),
    ("(contact.seats + 1) * 2 > 9", "(seats plus 1) times 2 is more than 9"),
    ("true", "always"),
    ("!true", "never"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "words"), ASKING, ids=[one[0] for one in ASKING])
def test_a_criterion_says_what_it_asks_for(source, words):
    assert compile_expression(source, SMALL).words() == words


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("contact.seats + 1", "seats plus 1"),
        ("contact.fits ? contact.seats : 0", "seats or 0"),
        ('[contact.email, "a"]', "email, a"),
        ("now", "now"),
        ('"a" + contact.email', "a plus email"),
    ],
)
def test_a_value_says_what_it_gives(source, words):
    assert compile_expression(source, SMALL, None).words() == words


@heavy
@given(sources(BOOLEAN), CONTACTS, EVENTS, NOWS)
def test_the_verdict_is_that_of_the_fast_code(source, contact, event, now):
    expression = compile_expression(source, SCOPE)
    value = expression.value(contact, event, now)
    explanation = expression.explain(contact, event, now)
    assert expression.holds(contact, event, now) is (value is True)
    assert explanation.verdict is {True: MET, False: NOT_MET, None: UNKNOWN}[value]
    assert explanation.words.isprintable()
    assert explanation.words


@heavy
@given(sources(BOOLEAN), CONTACTS, EVENTS, NOWS)
def test_what_was_seen_is_what_is_known(source, contact, event, now):
    known = {"contact": contact, "event": event}
    for seen in compile_expression(source, SCOPE).explain(contact, event, now).seen:
        root, _, name = seen.name.partition(".")
        assert seen.value == known[root].get(name)
        assert seen.field.name == name


@heavy
@given(sources(BOOLEAN), CONTACTS, EVENTS, NOWS, st.data())
def test_nothing_but_what_is_missing_could_make_it_met(source, contact, event, now, data):
    expression = compile_expression(source, SCOPE)
    explanation = expression.explain(contact, event, now)
    if explanation.verdict is MET:
        assert explanation.missing == ()
        return
    missing = {field.name for field in explanation.missing}
    more = data.draw(CONTACTS)
    answered = {name: value for name, value in more.items() if name not in missing} | contact
    assert expression.explain(answered, event, now).verdict is not MET


@heavy
@given(sources(BOOLEAN), CONTACTS, EVENTS, NOWS)
def test_what_is_missing_is_not_known(source, contact, event, now):
    explanation = compile_expression(source, SCOPE).explain(contact, event, now)
    for field in explanation.missing:
        assert field.name not in contact or field.name not in event
