"""The event parser gives on its fast path what it gives on its slow one."""

import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import TIMESTAMP, Field
from funnelflow.criteria.times import timestamp_json
from funnelflow.definition import load_definition
from funnelflow.engine import Funnel
from funnelflow.engine.events import EventParser, TimestampCache
from funnelflow.errors import Error, UnknownNameError

from ..funnels import PIPELINE

AT = Field("at", TIMESTAMP)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def funnel(tmp_path_factory):
    """Return the funnel of the tests."""
    path = tmp_path_factory.mktemp("quick") / "pipeline.yaml"
    path.write_text(PIPELINE.replace("signed: {}", "signed: {aliases: [agreed]}"))
    return Funnel(load_definition(path))


@frozen
class Raw:
    """What somebody says has happened."""

    event: str
    at: dt.datetime | str | None
    facts: Mapping[str, Any] = {}
    actor: str = ""
    to: str = ""
    reason: str = ""
    force: bool = False
    text: bool = False
    roles: tuple[str, ...] | None = None


def roles_of(actor):
    """Return roles in no order, one of them twice."""
    return {"ada": ("sales", "boss", "sales"), "bob": ("sales",)}.get(actor, ())


TIMES = st.one_of(
    st.datetimes(timezones=st.sampled_from([dt.UTC, dt.timezone(dt.timedelta(hours=-3))])).map(
        lambda at: at.isoformat()
    ),
    st.datetimes().map(lambda at: at.isoformat(" ")),
    st.from_regex(
        r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]([Tt ][0-2][0-9]:[0-6][0-9](:[0-6][0-9]([.,][0-9]{1,9})?)?"
        r"(Z|z|[+-][0-2][0-9](:?[0-6][0-9])?)?)?\Z"
    ),
    st.sampled_from(
        ["", "now", "20260301", "2026-W09-1", "2026-03-01T24:00:00Z", "2026-03-01T09:30:00+24:00",
         "2026-03-01T09:30:00-00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-01:00",
         "2026-03-01T09:30:60Z", "2026-02-30", "२०२६-03-01", "2026-03-29 02:30:00",
         "2026-10-25 02:30:00", "2026-03-01T09:30:00.1234567Z"]
    ),
)  # fmt: skip
FACTS = st.dictionaries(
    st.sampled_from(["email", "budget", "authority", "met_on", "pause", "tags", "minutes", "x"]),
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), TIMES,
        st.lists(st.text(max_size=3), max_size=3), st.sampled_from(["", " ", "\u00a0", "\u200b"]),
    ),
    max_size=3,
)  # fmt: skip
RAW_EVENTS = st.builds(
    Raw,
    event=st.sampled_from(["subscribed", "called", "agreed", "set", "add", "move", "nope", ""]),
    at=TIMES | st.none() | st.datetimes(timezones=st.just(dt.UTC)),
    facts=FACTS,
    actor=st.sampled_from(["", "ada", "bob", "zoë"]) | st.text(max_size=4),
    to=st.sampled_from(["", "", "lead", "nowhere"]),
    reason=st.sampled_from(["", "", "because"]),
    force=st.booleans(),
    text=st.booleans(),
    roles=st.none() | st.lists(st.sampled_from(["sales", "boss"]), max_size=3).map(tuple),
).map(lambda raw: evolve(raw, facts=typed(raw.facts)) if raw.text else raw)
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@given(RAW_EVENTS, st.sampled_from([None, BERLIN, dt.UTC]))
def test_the_fast_path_gives_the_event_or_the_error_of_the_slow_path(funnel, raw, zone):
    parser = EventParser(funnel.linked, TimestampCache(zone), roles_of)
    expected = answer(lambda: slow_path(funnel, raw, zone))
    for _ in range(2):  # the second time from memory
        assert answer(lambda: parser.parse(raw, NOW)) == expected


def test_the_fast_path_reads_the_name_that_an_event_had_before(funnel):
    parser = EventParser(funnel.linked)
    told = parser.parse_plain(Raw("agreed", "2026-03-01T09:00:00Z"))
    assert told == funnel.event("signed", "2026-03-01T09:00:00Z")


def test_facts_that_events_share_are_read_once_for_each_event_that_has_them(funnel):
    parser = EventParser(funnel.linked)

    def read(name, facts):
        return parser.parse(Raw(name, "2026-03-01T09:00:00Z", facts), NOW).facts

    facts, own = {"budget": 5}, {"minutes": 3}
    assert read("called", facts) is read("called", facts)
    assert read("called", dict(facts)) is not read("called", facts)
    assert read("called", own) == {"minutes": 3.0}
    with pytest.raises(UnknownNameError):
        read("signed", own)


def typed(facts):
    """Return facts as a person types them."""
    return {name: str(value) for name, value in facts.items()}


def slow_path(funnel, raw, zone):
    """Make the event as `Funnel.event` does."""
    return funnel.event(
        raw.event, NOW if raw.at is None else raw.at, raw.facts, actor=raw.actor,
        roles=roles_of(raw.actor) if raw.roles is None else raw.roles, to=raw.to,
        reason=raw.reason, force=raw.force, timezone=zone, text=raw.text,
    )  # fmt: skip


def answer(parse):
    """Return an event with the types of its facts, or what the error says."""
    try:
        event = parse()
    except Error as error:
        return type(error), error.message, error.hint
    return event, {name: type(value) for name, value in event.facts.items()}


@given(TIMES, st.sampled_from([None, BERLIN]))
def test_cached_times_are_those_that_a_field_reads(text, zone):
    times = TimestampCache(zone)
    for _ in range(2):  # the second time by what is known of its hour
        check_time(times, text, zone)


@given(
    hour=st.sampled_from(["2026-03-01T09", "2026-03-01 09", "0001-01-01T00", "9999-12-31T23"]),
    offset=st.sampled_from(["Z", "+00:00", "-11:00", "+05:45"]),
    rest=st.from_regex(r"\A:[0-9]{2}:[0-9]{2}([.,][0-9]{1,7})?\Z")
    | st.text(":.,0123456789+-Z ٣", max_size=13)
    | st.sampled_from([":30:60", ":60:00", ":3٣:00", ":30:00.", ":30:00,123", "-30-00"]),
)
def test_a_time_of_a_known_hour_is_read_as_a_field_reads_it(hour, offset, rest):
    times = TimestampCache(BERLIN)
    times.read(f"{hour}:00:00{offset}")
    text = f"{hour}{rest}{offset}"
    check_time(times, text, BERLIN)


def check_time(times, text, zone):
    """Hold what is read to what a field reads, unless it is left to that."""
    at = times.read(text)
    if at is not None:
        assert at == AT.normalise(text, zone)
        assert at.tzinfo is dt.UTC
        assert times.last[0] is at
        assert times.last[1] == timestamp_json(at)


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T09:30:00Z", "2026-03-01T09:30:00+01:00", "2026-03-01 09:30:00.546-03:00"],
)
def test_the_usual_times_are_of_a_plain_form(text):
    times = TimestampCache(None)
    for _ in range(2):
        at = times.read(text)
        assert at == dt.datetime.fromisoformat(text)
        assert times.last == (at, timestamp_json(at))


def test_naive_times_of_one_hour_are_not_taken_for_each_other():
    times = TimestampCache(BERLIN)
    before, after = times.read("2026-10-25 01:30:00"), times.read("2026-10-25 03:30:00")
    assert after - before == dt.timedelta(hours=3)


@pytest.fixture
def fast(funnel, monkeypatch):
    """Return a parser that has no slow path."""

    def refuse(*_, **__):
        raise AssertionError("the slow path was taken")

    parser = EventParser(funnel.linked, TimestampCache(None), roles_of)
    monkeypatch.setattr(parser, "read", refuse)
    return parser


def test_events_of_a_plain_form_take_the_fast_path(fast):
    raw = Raw("called", "2026-03-01T09:30:00Z", {"budget": 5, "minutes": 3}, "ada")
    event = fast.parse(raw, NOW)
    assert event.facts == {"budget": 5.0, "minutes": 3.0}
    assert event.roles == ("boss", "sales")


def test_facts_of_one_object_are_read_anew_for_another_event(fast):
    facts = {"minutes": 3}
    assert fast.parse(Raw("called", "2026-03-01T09:30:00Z", facts), NOW).facts == facts
    with pytest.raises(AssertionError, match="slow path"):
        fast.parse(Raw("replied", "2026-03-01T09:30:00Z", facts), NOW)


@given(
    moment=st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29)),  # noqa: DTZ001
    offset=st.sampled_from(["Z", "+00:00", "+01:00", "-01:00", "+23:00", "-11:30", "+05:45"]),
    fraction=st.sampled_from(["", ".5", ".000001"]),
)
def test_a_time_that_is_written_as_it_was_read_is_written_right(funnel, moment, offset, fraction):
    text = moment.isoformat(timespec="seconds") + fraction + offset
    times = TimestampCache(None)
    event = EventParser(funnel.linked, times).parse(Raw("subscribed", text), NOW)
    assert times.last == (event.at, timestamp_json(event.at))
