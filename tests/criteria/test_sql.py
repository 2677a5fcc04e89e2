"""Filters in SQL select exactly the rows for which the criterion is true in Python."""

import datetime as dt
import json
import re
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnelflow.criteria import BOOLEAN, TEXT, TIMESTAMP, Field, Scope, compile_expression

from .worlds import CONTACTS, NOW, NOWS, SCOPE, TEXTS, TIMESTAMPS, heavy, sources

WIDE = Scope(
    {**SCOPE.contact, "id": Field("id", TEXT), "since": Field("since", TIMESTAMP)}, SCOPE.event
)
COLUMNS = {"id": "contacts.id", "since": "contacts.since"}
UNSTORED = set(COLUMNS)


def stored(contact):
    """Write the facts of a contact as the store does."""
    facts = {
        name: WIDE.contact[name].to_json(value)
        for name, value in contact.items()
        if name not in UNSTORED
    }
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))


def rows_of(contacts):
    """Return the rows of contacts: their number, id, since and facts."""
    return [
        (
            number,
            contact.get("id"),
            WIDE.contact["since"].to_json(contact["since"]) if "since" in contact else None,
            stored(contact),
        )
        for number, contact in enumerate(contacts)
    ]


SQLITE = sqlite3.connect(":memory:", isolation_level=None)
SQLITE.execute("CREATE TABLE contacts (number INTEGER, id TEXT, since TEXT, fields TEXT)")


def in_sqlite(filter_, contacts):
    """Select the numbers of the contacts that SQLite finds."""
    SQLITE.execute("DELETE FROM contacts")
    SQLITE.executemany("INSERT INTO contacts VALUES (?, ?, ?, ?)", rows_of(contacts))
    found = SQLITE.execute(f"SELECT number FROM contacts WHERE {filter_.text}", filter_.parameters)
    return {number for (number,) in found}


def in_postgresql(connection, filter_, contacts):
    """Select the numbers of the contacts that PostgreSQL finds."""
    numbers, ids, sinces, facts = map(list, zip(*rows_of(contacts), strict=True))
    table = "unnest(%(n)s::int[], %(i)s::text[], %(s)s::text[], %(f)s::text[])"
    query = f"SELECT number FROM {table} AS contacts(number, id, since, fields)"
    parameters = {"n": numbers, "i": ids, "s": sinces, "f": facts, **filter_.parameters}
    found = connection.execute(f"{query} WHERE {named(filter_.text)}", parameters)
    return {number for (number,) in found.fetchall()}


def named(text):
    """Write parameters as psycopg does."""
    return re.sub(r":(\w+)", r"%(\1)s", text)


def in_python(expression, contacts, now):
    """Find the contacts for which the criterion is true."""
    return {number for number, contact in enumerate(contacts) if expression.holds(contact, {}, now)}


def compare(select, dialect, source, contacts, now):
    """Hold what a database finds to what Python finds; tell whether the filter was exact."""
    expression = compile_expression(source, WIDE)
    filter_ = expression.to_sql(dialect, now, columns=COLUMNS, fields="contacts.fields")
    found, wanted = select(filter_, contacts), in_python(expression, contacts, now)
    if filter_.exact:
        assert found == wanted, filter_
    assert found >= wanted, filter_
    return filter_.exact


WITH_COLUMNS = st.builds(
    lambda contact, columns: {**contact, **columns},
    CONTACTS,
    st.fixed_dictionaries({}, optional={"id": TEXTS, "since": TIMESTAMPS}),
)
TABLES = st.lists(WITH_COLUMNS, min_size=1, max_size=6)

# Every one of these must be exact in both databases: it is what filters are made of.
COMMON = [
    "contact.flag",
    "!contact.flag",
    "contact.flag == true",
    "contact.flag != contact.other_flag",
    "contact.count > 3",
    "contact.count >= 2.5",
    "contact.count == 9007199254740993",
    "contact.count == 9007199254740992.0",
    "contact.count < contact.total",
    "contact.count < contact.budget",
    "contact.budget >= 0",
    "contact.budget == 0.1",
    "contact.budget > contact.rate",
    "contact.budget <= 9007199254740993",
    "contact.budget > -1e308 * 10.0",
    "contact.name == 'a'",
    "contact.name != 'ä'",
    "contact.name > 'B'",
    "contact.name <= '\\uffff'",
    "contact.name == contact.email",
    "contact.name in ['a', 'b', '']",
    "contact.name in []",
    "contact.count in [1, 2, 9007199254740993]",
    "contact.count in [1, 2.5, 9007199254740992.0]",
    "contact.budget in [1, 0.1]",
    "contact.seen in [timestamp('2026-03-01T00:00:00Z')]",
    "has(contact.name)",
    "!has(contact.tags)",
    "has(contact.name) && contact.count > 1",
    "has(contact.name) || contact.count > 1",
    "!(contact.flag && contact.count > 1)",
    "contact.name.startsWith('a')",
    "contact.name.startsWith('')",
    "contact.name.endsWith('🐱')",
    "contact.name.endsWith('')",
    "contact.name.contains('%')",
    "contact.name.contains('_')",
    "contact.name.contains('\\\\')",
    "contact.name.contains('')",
    "size(contact.name) > 1",
    "contact.name.size() == size(contact.email)",
    "size(contact.tags) >= 2",
    "'a' in contact.tags",
    "!('a' in contact.tags)",
    "!(contact.name in contact.tags)",
    "!(1 in contact.ids)",
    "contact.name in contact.tags",
    "1 in contact.ids",
    "contact.count in contact.ids",
    "contact.count in contact.scores",
    "contact.budget in contact.ids",
    "0.1 in contact.scores",
    "true in contact.marks",
    "contact.seen in contact.visits",
    "contact.wait in contact.waits",
    "contact.seen < now",
    "contact.seen > now - duration('720h')",
    "contact.seen < timestamp('2026-03-01T00:00:00Z')",
    "contact.seen < contact.due",
    "contact.seen == contact.due",
    "now - contact.seen < duration('720h')",
    "now - contact.seen > duration('720h')",
    "duration('720h') <= now - contact.seen",
    "contact.seen - now >= duration('-720h')",
    "contact.seen + duration('720h') < now",
    "duration('720h') + contact.seen < now",
    "contact.seen - duration('720h') != now",
    "contact.wait == duration('720h')",
    "contact.wait != contact.pause",
    "contact.flag ? contact.count > 1 : contact.name == 'a'",
    "(contact.flag ? contact.count : contact.total) > 1",
    "contact.id == 'a'",
    "contact.id > 'B' && has(contact.id)",
    "contact.id in contact.tags",
    "!has(contact.since)",
    "contact.since < now - duration('1h')",
    "now - contact.since < duration('1h')",
    "event.count > 1",
    "has(event.note)",
    "event.urgent ? contact.flag : contact.other_flag",
    "(event.urgent ? contact.count : contact.total) > 1",
    "event.urgent == event.urgent",
    "event.note.contains('a') || contact.flag",
    "contact.count in [1, 1 / 0]",
    "contact.name.contains(1 / 0 == 1 ? 'a' : 'b')",
    "contact.seen > now - duration('1h') - (timestamp('9999-01-01T00:00:00Z') - now)",
    "(1 / 0 == 1 ? contact.name : contact.email) == 'a'",
    "1 / 0 == 1",
    "1 / 0 == 1 || contact.flag",
    "1 / 0 == 1 && contact.flag",
    "contact.count > 1 / 0",
    "now > timestamp('2020-01-01T00:00:00Z')",
    "true",
    "false",
]

EDGES = [
    {},
    {"flag": True, "other_flag": False, "count": 1, "total": 2, "budget": 0.1, "rate": 1.5},
    {"flag": False, "count": 2**53 + 1, "total": 2**63 - 1, "budget": 2.0**53, "rate": -0.0},
    {"count": -(2**63), "budget": 1e308, "name": "ä", "email": "a\u0308"},
    {"name": "", "email": "", "tags": (), "ids": (), "scores": (), "marks": (), "visits": ()},
    {"name": "🐱", "tags": ("a", "🐱"), "ids": (1, 2), "scores": (0.1, 1.0), "marks": (True,)},
    {"name": "a%b_\\'\"", "email": "\uffff", "tags": ("",), "count": 2, "budget": 2.0},
    {"name": "a", "email": "b", "count": 2**53, "scores": (2.0**53,), "ids": (2**53 + 1,)},
    {"budget": 2.0**53, "count": 2**53 + 1, "ids": (2**53 + 1,), "scores": (2.0**53,)},
    {"seen": NOW, "due": NOW, "visits": (NOW,), "wait": dt.timedelta(days=30)},
    {"seen": NOW - dt.timedelta(days=30), "since": NOW - dt.timedelta(hours=1), "id": "a"},
    {"seen": dt.datetime(1, 1, 1, tzinfo=dt.UTC), "due": NOW, "id": "B", "tags": ("B",)},
    {"seen": dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC), "id": "🐱"},
    {"seen": dt.datetime(1733, 1, 1, tzinfo=dt.UTC), "since": NOW, "wait": dt.timedelta(0)},
    {"wait": dt.timedelta(0), "pause": dt.timedelta(0), "waits": (dt.timedelta(0),)},
    {"budget": 5e-324, "rate": 5e-324, "scores": (5e-324,)},
]


@pytest.mark.parametrize("source", COMMON)
def test_a_common_filter_is_exact_in_sqlite(source):
    assert compare(in_sqlite, "sqlite", source, EDGES, NOW)


@pytest.mark.parametrize("source", COMMON)
def test_a_common_filter_is_exact_in_postgresql(postgresql, source):
    def select(filter_, contacts):
        return in_postgresql(postgresql, filter_, contacts)

    assert compare(select, "postgresql", source, EDGES, NOW)


@heavy
@given(sources(BOOLEAN), TABLES, NOWS)
def test_sqlite_finds_what_python_finds(source, contacts, now):
    compare(in_sqlite, "sqlite", source, contacts, now)


@heavy
@given(st.sampled_from(COMMON), TABLES, NOWS)
def test_sqlite_finds_what_python_finds_by_common_filters(source, contacts, now):
    compare(in_sqlite, "sqlite", source, contacts, now)


shared = settings(heavy, suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared
@given(sources(BOOLEAN), TABLES, NOWS)
def test_postgresql_finds_what_python_finds(postgresql, source, contacts, now):
    def select(filter_, contacts):
        return in_postgresql(postgresql, filter_, contacts)

    compare(select, "postgresql", source, contacts, now)


@shared
@given(st.sampled_from(COMMON), TABLES, NOWS)
def test_postgresql_finds_what_python_finds_by_common_filters(postgresql, source, contacts, now):
    def select(filter_, contacts):
        return in_postgresql(postgresql, filter_, contacts)

    compare(select, "postgresql", source, contacts, now)


def filter_of(source, dialect="sqlite"):
    return compile_expression(source, WIDE).to_sql(dialect, NOW)


@pytest.mark.parametrize(
    "source",
    [
        "contact.count + 1 > 2",
        "contact.budget * 2.0 > 3.0",
        "contact.tags == ['a']",
        "contact.wait > duration('1h')",
        "contact.name.contains(contact.email)",
        "contact.name + 'a' == 'ba'",
        "contact.name == 'a\\u0000'",
        "contact.seen + contact.wait < now",
        "contact.seen + (duration('9223372036s') + duration('9223372036s')) < now",
        "contact.due - contact.seen > duration('1h')",
        "contact.wait - duration('1h') > duration('1h')",
        "contact.waits == contact.waits",
        "size(contact.tags + ['a']) > 1",
        "contact.budget != 0.0 / 0.0",
        "contact.count in [contact.total]",
        "'a' in contact.tags + ['a']",
    ],
)
def test_what_sql_would_answer_differently_is_left_out_and_said(source):
    filter_ = filter_of(source)
    assert (filter_.text, dict(filter_.parameters), filter_.exact) == ("TRUE", {}, False)


def test_what_can_be_said_stays_where_something_else_is_left_out():
    filter_ = filter_of("contact.count > 1 && contact.count * 2 > 4 && contact.flag")
    assert not filter_.exact
    assert filter_.text.count("json_extract") == 2
    assert list(filter_.parameters.values()) == [1]


def test_nothing_is_said_of_operands_of_which_one_is_left_out():
    filter_ = filter_of("contact.count > 1 || contact.count * 2 > 4")
    assert (filter_.text, filter_.exact) == ("TRUE", False)


def test_values_are_bound_and_never_written():
    filter_ = filter_of('contact.name == "\'; DROP TABLE contacts; --"')
    assert "DROP" not in filter_.text
    assert list(filter_.parameters.values()) == ["'; DROP TABLE contacts; --"]


def test_parameters_have_the_prefix_that_was_asked_for():
    expression = compile_expression("contact.count > 1", WIDE)
    assert list(expression.to_sql("sqlite", NOW, prefix="other").parameters) == ["other_0"]


def test_a_filter_grows_with_the_expression_only():
    lengths = []
    for levels in (4, 8, 12):
        source = "contact.flag"
        for _ in range(levels):
            source = f"({source} ? contact.flag : contact.other_flag) == contact.flag"
        lengths.append(len(filter_of(source).text))
    assert lengths[2] - lengths[1] == lengths[1] - lengths[0]


def test_facts_of_another_type_than_declared_are_unknown_to_postgresql(postgresql):
    filter_ = filter_of("contact.count > 1 || contact.flag || size(contact.tags) > 0", "postgresql")
    fields = '{"count": "five", "flag": "yes", "tags": "a"}'
    query = "SELECT count(*) FROM (SELECT %(f)s::text AS fields) AS contacts"
    found = postgresql.execute(
        f"{query} WHERE {named(filter_.text)}", {"f": fields, **filter_.parameters}
    ).fetchone()
    assert found == (0,)


def test_a_name_that_is_none_is_never_written():
    scope = Scope({"name": Field("na'me", TEXT)})
    filter_ = compile_expression("has(contact.name)", scope).to_sql("sqlite", NOW)
    assert (filter_.text, filter_.exact) == ("TRUE", False)


@pytest.mark.parametrize("source", ["contact.name > 'B'", "contact.id > 'B'", "contact.seen < now"])
def test_postgresql_compares_by_code_point(source):
    expression = compile_expression(source, WIDE)
    filter_ = expression.to_sql("postgresql", NOW, columns=COLUMNS, fields="contacts.fields")
    assert 'COLLATE "C"' in filter_.text


FAR = [
    sign * (dt.timedelta(seconds=seconds) + dt.timedelta(microseconds=micros))
    for sign in (1, -1)
    for seconds in (9223372035, 9223372036, 9223372037)
    for micros in (0, 1, 500_000, 854_775, 854_776, 999_999)
]


@pytest.mark.parametrize("micros", [0, 1, 500_000, 854_775, 999_999])
@pytest.mark.parametrize(
    "source",
    [
        "now - contact.seen < duration('1h')",
        "now - contact.seen > duration('1h')",
        "contact.seen - now != duration('1h')",
    ],
)
def test_the_distance_of_two_times_is_known_where_it_is_in_python(source, micros):
    now = NOW + dt.timedelta(microseconds=micros)
    contacts = [{"seen": now - length} for length in FAR]
    assert compare(in_sqlite, "sqlite", source, contacts, now)
