"""The quick way to make evidence gives what the long way gives, or leaves it to that."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.criteria import TIMESTAMP, Field
from funnelflow.definition import load_definition
from funnelflow.engine import Funnel
from funnelflow.storage.changes import Change
from funnelflow.storage.quick_events import FastEventParser, TimestampCache
from funnelflow.storage.row_format import checksum, checksum_ending, decode, encode, to_text

from ..funnels import PIPELINE

AT = Field("at", TIMESTAMP)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def funnel(tmp_path_factory):
    """Give the funnel of the tests."""
    path = tmp_path_factory.mktemp("quick") / "pipeline.yaml"
    path.write_text(PIPELINE)
    return Funnel(load_definition(path))


def roles_of(actor):
    """Give roles in no order, one of them twice."""
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
        st.lists(st.text(max_size=3), max_size=3),
    ),
    max_size=3,
)  # fmt: skip
REQUESTS = st.builds(
    Change,
    contact_id=st.just("c"),
    event=st.sampled_from(["subscribed", "called", "replied", "set", "add", "move", "nope", ""]),
    at=TIMES | st.none() | st.datetimes(timezones=st.just(dt.UTC)),
    facts=FACTS,
    actor=st.sampled_from(["", "ada", "bob", "zoë"]) | st.text(max_size=4),
    to=st.sampled_from(["", "", "lead", "nowhere"]),
    reason=st.sampled_from(["", "", "because"]),
    force=st.booleans(),
    text=st.booleans(),
)
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@given(REQUESTS, st.sampled_from([None, BERLIN, dt.UTC]))
def test_the_quick_way_gives_what_the_long_way_gives_or_nothing(funnel, request_, zone):
    door = FastEventParser(funnel, roles_of, zone)
    for _ in range(2):  # the second time from memory
        quick = door.event(request_)
        if quick is not None:
            assert quick == long_way(funnel, request_, zone)
            assert {n: type(v) for n, v in quick.facts.items()} == {
                n: type(v) for n, v in long_way(funnel, request_, zone).facts.items()
            }


def long_way(funnel, said, zone):
    """Make the event as `Funnel.event` does."""
    return funnel.event(
        said.event, said.at or NOW, said.facts, actor=said.actor, roles=roles_of(said.actor),
        to=said.to, reason=said.reason, force=said.force, timezone=zone, text=said.text,
    )  # fmt: skip


@given(TIMES, st.sampled_from([None, BERLIN]))
def test_quick_times_are_those_that_a_field_reads(text, zone):
    times = TimestampCache(zone)
    for _ in range(2):  # the second time by what is known of its hour
        check_time(times.read(text), text, zone)


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
    check_time(times.read(text), text, BERLIN)


def check_time(timed, text, zone):
    """Hold what was read to what a field reads, unless it is left to that."""
    if timed is not None:
        at, stored = timed
        assert at == AT.normalise(text, zone)
        assert at.tzinfo is dt.UTC
        assert stored == to_text(at)


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T09:30:00Z", "2026-03-01T09:30:00+01:00", "2026-03-01 09:30:00.546-03:00"],
)
def test_the_usual_times_are_quick(text):
    times = TimestampCache(None)
    for _ in range(2):
        at, stored = times.read(text)
        assert (at, stored) == (dt.datetime.fromisoformat(text), to_text(at))


def test_naive_times_of_one_hour_are_not_taken_for_each_other():
    times = TimestampCache(BERLIN)
    before, after = times.read("2026-10-25 01:30:00"), times.read("2026-10-25 03:30:00")
    assert after[0] - before[0] == dt.timedelta(hours=3)


def test_plain_rows_take_the_quick_way(funnel):
    door = FastEventParser(funnel, roles_of, None)
    said = Change("c", "called", "2026-03-01T09:30:00Z", {"budget": 5, "minutes": 3}, "ada")
    event = door.event(said)
    assert event.facts == {"budget": 5.0, "minutes": 3.0}
    assert event.roles == ("boss", "sales")


def test_facts_of_one_object_are_read_anew_for_another_event(funnel):
    door = FastEventParser(funnel, roles_of, None)
    facts = {"minutes": 3}
    assert door.event(Change("c", "called", "2026-03-01T09:30:00Z", facts)) is not None
    assert door.event(Change("c", "replied", "2026-03-01T09:30:00Z", facts)) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)  # fmt: skip


@given(VALUES)
def test_canonical_json_is_read_back_as_it_was_written(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize("text", ['{"a":1} ', "", " {}", "{", "nope", "{}{}"])
def test_what_is_no_canonical_json_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        decode(text)


@given(st.text(), st.lists(st.text() | st.integers() | st.none(), max_size=3))
def test_a_checksum_may_be_taken_of_the_first_column_last(first, others):
    assert checksum_ending(*others)(first) == checksum(first, *others)


@given(
    moment=st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29)),  # noqa: DTZ001
    offset=st.sampled_from(["Z", "+00:00", "+01:00", "-01:00", "+23:00", "-11:30", "+05:45"]),
    fraction=st.sampled_from(["", ".5", ".000001"]),
)
def test_a_time_that_is_written_as_it_was_read_is_written_right(funnel, moment, offset, fraction):
    text = moment.isoformat(timespec="seconds") + fraction + offset
    door = FastEventParser(funnel, roles_of, None)
    event = door.event(Change("ada", "subscribed", text))
    assert event is not None
    assert door.at_text == to_text(event.at)
