"""Macros over lists: what they give, in words, in files, and where nothing can be proved."""

import datetime as dt

import pytest

from funnelflow.criteria import (
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Field,
    Scope,
    Verdict,
    compile_expression,
    list_of,
    unschedulable,
)
from funnelflow.criteria.implication import exclude, find_case, implies

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
SCOPE = Scope({
    "products": Field("products", list_of(TEXT)), "main": Field("main", TEXT),
    "seats": Field("seats", list_of(INTEGER)), "prices": Field("prices", list_of(NUMBER)),
    "calls": Field("calls", list_of(TIMESTAMP)), "n": Field("n", INTEGER),
    "plan": Field("plan", list_of(TEXT), choices=("free", "paid")),
})  # fmt: skip


def compiled(source):
    return compile_expression(source, SCOPE)


@pytest.mark.parametrize(
    ("source", "facts", "expected"),
    [
        ('contact.products.exists(p, p.startsWith("CRM"))', {"products": ("ERP", "CRM 2")}, True),
        ('contact.products.exists(p, p.startsWith("CRM"))', {"products": ("ERP",)}, False),
        ('contact.products.exists(p, p.startsWith("CRM"))', {}, None),
        ('contact.products.all(p, p.lowerAscii() == "crm")', {"products": ("CRM", "crm")}, True),
        ("contact.products.all(p, p == contact.main)", {"products": ()}, True),
        ("contact.products.all(p, p == contact.main)", {"products": ("a",)}, None),
        ("contact.products.exists_one(p, size(p) > 2)", {"products": ("a", "abc")}, True),
        ("contact.products.exists_one(p, size(p) > 2)", {"products": ("abc", "abd")}, False),
        # what has no result is absorbed as in && and ||, but exists_one wants every answer
        ("contact.seats.exists(s, 6 / s == 3)", {"seats": (0, 2)}, True),
        ("contact.seats.all(s, 6 / s == 3)", {"seats": (0, 1)}, False),
        ("contact.seats.exists(s, 6 / s == 3)", {"seats": (0, 1)}, None),
        ("contact.seats.exists_one(s, 6 / s == 3)", {"seats": (0, 2)}, None),
        ("[1, 2, contact.n].exists(s, s == 1)", {}, None),
        ('["a", "b"].all(p, p != contact.main)', {"main": "c"}, True),
        ('!contact.products.exists(p, p == "a") && contact.n > 1', {"n": 2, "products": ()}, True),
    ],
)
def test_a_macro_gives_what_cel_gives(source, facts, expected):
    expression = compiled(source)
    assert expression.value(facts, {}, NOW) is expected
    assert expression.holds(facts, {}, NOW) is (expected is True)


@pytest.mark.parametrize(
    ("source", "words", "why"),
    [
        (
            'contact.products.exists(p, p.startsWith("CRM"))',
            "products: at least one item p such that p starts with CRM",
            "products is ERP, HR; needs at least one item p such that p starts with CRM",
        ),
        (
            "contact.products.all(p, size(p) > 2)",
            "products: only items p such that length of p is more than 2",
            "products is ERP, HR; needs only items p such that length of p is more than 2",
        ),
        (
            '!contact.products.exists(p, p == "HR")',
            "products: no item p such that p is HR",
            "products is ERP, HR; needs no item p such that p is HR",
        ),
    ],
)
def test_a_macro_is_said_in_plain_words(source, words, why):
    expression = compiled(source)
    assert expression.words() == words
    explained = expression.explain({"products": ("ERP", "HR")}, {}, NOW)
    assert (explained.verdict, explained.words) == (Verdict.NOT_MET, why)


def test_an_unknown_list_is_what_is_missing():
    explained = compiled("contact.seats.exists(s, s > 5)").explain({}, {}, NOW)
    assert (explained.verdict, explained.words) == (Verdict.UNKNOWN, "unknown: seats")
    assert [field.name for field in explained.missing] == ["seats"]


def test_time_opens_nothing_by_a_macro():
    problems = unschedulable(compiled('contact.calls.exists(c, now - c > duration("72h"))'))
    assert [problem.code for problem in problems] == ["E160"]


def test_nothing_is_claimed_of_a_macro_that_is_not_proved():
    crm = compiled('contact.products.exists(p, p.startsWith("CRM"))')
    erp = compiled('contact.products.all(p, p == "ERP")')
    assert exclude(crm, erp) is not True
    assert implies(crm, crm).proved is True
    assert exclude(crm, compiled('!contact.products.exists(p, p.startsWith("CRM"))')) is True


def test_a_case_for_macros_is_found_among_the_items_in_question():
    both = compiled('contact.products.exists(p, p == "a") && contact.products.exists(p, p == "b")')
    case = find_case([both])
    assert case
    assert set(case.contact["products"]) >= {"a", "b"}
    plan = find_case([compiled('contact.plan.all(p, p == "paid") && size(contact.plan) == 1')])
    assert plan
    assert plan.contact["plan"] == ("paid",)


def test_a_macro_may_be_known_where_what_its_condition_reads_is_not():
    empty = compiled("contact.products.all(p, p == contact.main) && !has(contact.main)")
    case = find_case([empty])
    assert case
    assert case.contact["products"] == ()


def test_a_macro_about_now_claims_nothing_at_other_times():
    moon = 'timestamp("1969-07-20T00:00:00Z")'
    early = compiled(f"contact.calls.exists(c, c == {moon} && now < c)")
    assert exclude(early) is not True


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_filter_with_a_macro_asks_each_row(dialect):
    found = compiled("contact.n > 1 && contact.seats.exists(s, s > 5)").to_sql(dialect, NOW)
    assert not found.exact
    assert "seats" not in found.text


def test_a_macro_over_constants_is_computed_before():
    found = compiled("[1, 2].exists(s, s > 1) && contact.n > 1").to_sql("sqlite", NOW)
    assert found.exact
