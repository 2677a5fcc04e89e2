"""A snapshot says what is the case, and nothing of since when."""

import datetime as dt
import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funnelflow.engine import Event
from funnelflow.engine.story import StoryRow, fold_story
from funnelflow.errors import ConflictError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping import find_mapping
from funnelflow.ingest.mapping_files import read_mapping
from funnelflow.storage.connect import reading
from funnelflow.storage.replay import EvidenceReader, read_told, united
from funnelflow.storage.told import as_story
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

SALES = """\
funnel: sales
version: 1
title: A lead counts by its size
initial: lead
vocabulary: standard
fields: {calls: {type: integer, default: 0}}
events: {called: {sets: {calls: contact.calls + 1}}, met: {}}
stages: {lead: {}, qualified: {}, cold: {type: lost}, won: {type: won}}
transitions:
  - from: lead
    to: qualified
    require: [Large enough: contact.company_size >= 100]
  - {from: qualified, to: cold, after: 30d}
  - {from: qualified, to: won, on: met}
"""
NOW = dt.datetime(2026, 6, 1, 9, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture
def shop(tmp_path, database):
    (tmp_path / "sales.yaml").write_text(SALES)
    with Workspace.create(tmp_path, "sales", database=database, clock=lambda: NOW) as shop:
        yield shop


def stands(shop, contact_id="7"):
    """Return where a contact stands, since when, and what is known."""
    contact = shop.contact(contact_id).contact
    return contact.stage, contact.since, contact.fields


PEOPLE = "contact,email,company_size\n7,ada@example.com,250\n"
HISTORY = "contact,event,at\n7,called,2026-05-10T09:00:00Z\n7,met,2026-05-20T09:00:00Z\n"


def test_contacts_first_and_history_second_is_history_first_and_contacts_second(
    shop, tmp_path, write
):
    people, history = write(PEOPLE, "people.csv"), write(HISTORY, "history.csv")
    shop.import_contacts(people)
    shop.apply(history)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sales.yaml").write_text(SALES)
    with Workspace.create(tmp_path / "other", "sales", clock=lambda: NOW) as other:
        other.apply(history)
        other.import_contacts(people)
        assert stands(other) == stands(shop)
        assert other.verify().is_sound
    assert stands(shop)[:2] == ("won", dt.datetime(2026, 5, 20, 9, tzinfo=dt.UTC))
    assert shop.contact("7").created_at == dt.datetime(2026, 5, 10, 9, tzinfo=dt.UTC)
    assert shop.verify().is_sound


def test_what_changes_in_a_later_snapshot_is_of_its_own_day(shop, tmp_path, write):
    mapping = read_mapping(find_mapping("hubspot-contacts", tmp_path))
    head = "Record ID,Create Date,Email,Number of Employees\n7,2021-04-01 17:32:47,ada@example.com,"
    options = FileOptions(mapping=mapping)
    shop.import_contacts(write(head + "\n", "monday.csv"), options)
    assert stands(shop)[0] == "lead"
    shop.import_contacts(write(head + "250\n", "tuesday.csv"), options)
    assert stands(shop)[:2] == ("qualified", NOW)
    shop.tick(NOW + DAY, future=True)
    assert stands(shop)[0] == "qualified"


def test_when_a_record_was_created_is_not_taken_for_when_its_values_held(shop, write):
    content = "contact,created_at,company_size\n7,2021-04-01T17:32:47Z,250\n"
    summary = shop.import_contacts(write(content))
    assert summary.ignored == ("created_at",)
    assert stands(shop)[:2] == ("qualified", NOW)
    content = "contact,modified_at,company_size\n8,2026-05-30T09:00:00Z,250\n"
    shop.import_contacts(write(content))
    assert stands(shop, "8")[:2] == ("qualified", NOW - 2 * DAY)


def test_a_field_that_was_told_before_the_snapshot_does_not_hold_back(shop, write):
    shop.add("7", at=NOW - 60 * DAY)
    shop.set("7", {"company_size": 5}, at=NOW - 50 * DAY)
    shop.import_contacts(write(PEOPLE))
    assert stands(shop)[:2] == ("qualified", NOW)


def test_a_snapshot_without_values_is_not_the_first_one(shop, write):
    shop.record("7", "called", create=True, at=NOW - 60 * DAY)
    shop.import_contacts(write("contact\n7\n", "ids.csv"))
    shop.import_contacts(write(PEOPLE))
    assert shop.why("7", NOW - 59 * DAY).contact.contact.fields["company_size"] == 250


def test_a_field_that_events_count_never_holds_back(shop, write):
    shop.record("7", "called", create=True, at=NOW - 60 * DAY)
    shop.import_contacts(write('contact,facts\n7,"{""calls"": 5}"\n'))
    assert shop.why("7", NOW - DAY).contact.contact.fields["calls"] == 1
    assert stands(shop)[2]["calls"] == 5


ORDERS = int(os.environ.get("FUNNELFLOW_ORDERS", "25"))
"""How many random stories are put into other orders; see CONTRIBUTING."""
LAWFUL = """\
funnel: sales
version: 1
initial: lead
fields:
  size: integer
  note: text
  calls: {type: integer, default: 0}
events: {called: {sets: {calls: contact.calls + 1}}, met: {}}
stages: {lead: {}, grown: {}, busy: {}, cold: {}, won: {type: won}}
transitions:
  - {from: lead, to: grown, after: 3d, require: [Large: contact.size >= 100]}
  - {from: lead, to: busy, require: [Often: contact.calls >= 3], SETS}
  - {from: grown, to: cold, require: [Small again: contact.size < 100]}
  - {from: [grown, busy, cold], to: won, on: met, require: [Known: has(contact.note)]}
"""
SIZES = st.sampled_from([5, 5, 250])
ONE = st.one_of(
    st.tuples(st.sampled_from(["set", "import", "nightly"]), SIZES, st.sampled_from(["", "n"])),
    st.tuples(st.sampled_from(["called", "met"]), st.just(0), st.just("")),
)


def test_an_import_that_was_taken_back_may_come_again(shop, write):
    shop.import_contacts(write(PEOPLE))
    shop.undo(1, "too early")
    summary = shop.import_contacts(write(PEOPLE))
    assert (summary.counts.rejected, summary.counts.created) == (0, 1)
    assert stands(shop)[2]["company_size"] == 250


STORIES = st.lists(
    st.tuples(st.integers(0, 400), ONE), min_size=1, max_size=9, unique_by=lambda row: row[0]
)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request):
    """Return what gives the setting of another empty database of the kind."""
    if request.param == "sqlite":
        return lambda: "funnelflow.db"
    return request.getfixturevalue("new_schema")


def lawful(path, database, clock, sets=""):
    """Return a workspace with the funnel of the law."""
    path.mkdir()
    text = LAWFUL.replace(", SETS", f", sets: {{{sets}}}" if sets else "")
    (path / "sales.yaml").write_text(text)
    return Workspace.create(path, "sales", database=database, clock=clock)


def facts_of(told):
    """Return the facts of a row of a story."""
    _, size, note = told
    return {"size": size} | ({"note": note} if note else {}) if size else {}


def tell(shop, clock, at, told):
    """Tell one row of a story, which happened at a time; nightly imports are read then."""
    clock.now = at if told[0] == "nightly" else NOW
    if told[0] == "nightly":
        shop.import_contacts([{"contact": "7", **facts_of(told)}])
    elif told[0] == "import":
        shop.import_contacts([{"contact": "7", "at": at, **facts_of(told)}])
    elif told[0] == "set":
        if not any(one.id == "7" for one in shop.list()):
            shop.add("7", at=at)
        shop.set("7", facts_of(told), at=at)
    else:
        shop.record("7", told[0], create=True, at=at)
    clock.now = NOW


def whole_story(shop, rows):
    """Fold a story in which every snapshot is evidence."""
    story = [
        StoryRow(
            arrival,
            Event(told[0] if told[0] in {"called", "met"} else "set", at, facts_of(told)),
            asserted=told[0] in {"import", "nightly"},
        )
        for arrival, (at, told) in enumerate(rows)
    ]
    return summary(fold_story(shop.context.funnel(None), "7", story, NOW))


def summary(story):
    """Return where a story ends, and every stay of it."""
    stays = [(stay.stage, stay.entered, stay.left) for stay in story.stays]
    return story.contact.stage, story.contact.since, story.contact.fields, stays


def stored_story(shop):
    """Fold what a workspace has stored of the contact."""
    store = shop.context.definitions
    with reading(shop.context.engine) as connection:
        ((one, loaded),) = shop.context.find_positions(connection, "7")
        rows = read_told(connection, store, EvidenceReader(loaded), united(connection, one.number))
        story, _ = as_story(rows, loaded.name)
    return summary(fold_story(loaded.funnel, "7", story, NOW))


@given(STORIES, st.randoms(use_true_random=False), st.sampled_from(["", "size: 100"]))
@settings(max_examples=ORDERS, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_snapshots_and_events_in_any_order_of_arrival_give_the_same(
    tmp_path_factory, new_database, rows, chance, sets
):
    rows = [(NOW - dt.timedelta(hours=hours), told) for hours, told in rows]
    clock = FrozenClock(NOW)
    with lawful(tmp_path_factory.mktemp("law") / "shop", new_database(), clock, sets) as shop:
        for at, told in chance.sample(rows, len(rows)):
            tell(shop, clock, at, told)
        assert shop.verify().is_sound
        expected = whole_story(shop, rows)
        assert stored_story(shop) == expected
        stood = shop.why("7").contact.contact
        assert (stood.stage, stood.since, stood.fields) == expected[:3]


@given(
    STORIES,
    st.randoms(use_true_random=False),
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=3),
)
@settings(max_examples=ORDERS, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_import_that_is_taken_back_never_was_and_one_that_is_restored_was(
    tmp_path_factory, new_database, rows, chance, undone
):
    """Whether it recorded what it said or noted it, and whatever comes before and after."""
    rows = [(NOW - dt.timedelta(hours=hours), told) for hours, told in rows]
    when = dict(undone)
    clock, by, counting = FrozenClock(NOW), dict[int, tuple[int, int]](), dict(enumerate(rows))
    with lawful(tmp_path_factory.mktemp("law") / "shop", new_database(), clock) as shop:
        for step, number in enumerate(chance.sample(range(len(rows)), len(rows))):
            before = len(shop.runs())
            tell(shop, clock, *rows[number])
            if len(shop.runs()) > before and step in when:
                run = shop.runs(1)[0].number
                by[step] = number, shop.undo(run, "the wrong file").by
                del counting[number]
        for step, (number, undo) in by.items():
            if when[step]:
                with suppress(ConflictError):  # the same content came again since
                    shop.undo(undo, "it was right")
                    counting[number] = rows[number]
        assert shop.verify().is_sound
        if counting:
            assert stored_story(shop) == whole_story(shop, list(counting.values()))
