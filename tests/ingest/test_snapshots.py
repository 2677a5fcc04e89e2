"""A snapshot says what is the case, and nothing of since when."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping import find_mapping
from funnelflow.ingest.mapping_files import read_mapping
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


def test_a_field_that_events_count_never_holds_back(shop, write):
    shop.record("7", "called", create=True, at=NOW - 60 * DAY)
    shop.import_contacts(write('contact,facts\n7,"{""calls"": 5}"\n'))
    assert shop.why("7", NOW - DAY).contact.contact.fields["calls"] == 1
    assert stands(shop)[2]["calls"] == 5


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["set", "snapshot", "called", "met"]),
        st.integers(0, 400),
        st.sampled_from([5, 100, 250, None]),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda row: row[1],
)


@given(ROWS, st.randoms(use_true_random=False))
def test_snapshots_and_events_in_any_order_of_arrival_give_the_same(tmp_path_factory, rows, chance):
    """Of snapshots that each say something else than anybody: what is known is not said again.

    A snapshot that says what was known already is not recorded, so that evidence of before it that
    comes later counts as if it had not been seen.
    """
    found = []
    others = {hours: number for number, (_, hours, _) in enumerate(sorted(rows, key=str))}
    for order in (sorted(rows, key=lambda row: row[1]), chance.sample(rows, len(rows))):
        directory = tmp_path_factory.mktemp("order")
        (directory / "sales.yaml").write_text(SALES)
        with Workspace.create(directory, "sales", clock=lambda: NOW) as shop:
            for kind, hours, size in order:
                at = NOW - dt.timedelta(hours=hours)
                if kind == "snapshot":
                    own = others[hours] + (6 if size == 5 else 1_000)
                    row = {"contact": "7", "at": at, "company_size": own}
                    shop.import_contacts([row])
                elif kind == "set":
                    shop.record("7", "met" if size is None else "called", create=True, at=at)
                    shop.set("7", {"company_size": size}, at=at)
                else:
                    shop.record("7", kind, create=True, at=at)
            assert shop.verify().is_sound
            found.append(stands(shop))
    assert found[0] == found[1]
