"""Which imports said what was known, and when that has to be evidence."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from funnelflow.errors import StoreError
from funnelflow.maintenance.dump import dump_database, load_database
from funnelflow.storage.connect import reading, writing
from funnelflow.storage.import_runs import ImportRun
from funnelflow.storage.sightings import RunSpan, SaidAt, Sighting, read_sighting
from funnelflow.storage.tables import evidence, sightings
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

NOW = dt.datetime(2026, 6, 1, 2, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
FUNNEL = """\
funnel: sales
version: 1
initial: lead
fields: {size: integer, note: text}
events: {met: {}}
stages: {lead: {}, large: {}, won: {type: won}}
transitions:
  - {from: lead, to: large, require: [Large: contact.size >= 100]}
  - {from: large, to: won, on: met}
"""


@pytest.fixture
def clock():
    return FrozenClock(NOW)


@pytest.fixture
def shop(tmp_path, database, clock):
    (tmp_path / "sales.yaml").write_text(FUNNEL)
    with Workspace.create(tmp_path, "sales", database=database, clock=clock) as shop:
        yield shop


def nights(shop, clock, count, *, size=5):
    """Import the same every night; the clock stands behind the last of them."""
    for _ in range(count):
        shop.import_contacts([{"contact": "7", "size": size}])
        clock.now += DAY


def marks(shop):
    """Return the marks in the database."""
    with reading(shop.engine) as connection:
        return [read_sighting(row) for row in connection.execute(select(sightings))]


def rows(shop, contact_id="7"):
    """Return the history in the order of arrival: what happened on which day."""
    found = sorted(shop.history(contact_id).rows, key=lambda row: row.sequence)
    return [(row.sequence, row.event, (row.at - NOW).days) for row in found]


@given(st.lists(st.booleans(), max_size=12))
def test_a_mark_holds_the_runs_that_were_noted_and_no_others(seen):
    mark = Sighting(1, '{"size":5}', "")
    for run, is_seen in enumerate(seen, 1):
        if is_seen:
            mark.note(run, run - 1, "")
            mark.note(run, run - 1, "")
    held = {n for span in mark.spans for n in range(span.first, span.last + 1)}
    assert held == {run for run, is_seen in enumerate(seen, 1) if is_seen}
    assert len(mark.spans) == sum(
        is_seen and not before for before, is_seen in zip([False, *seen], seen, strict=False)
    )
    read = read_sighting(mark.row())
    assert (read.spans, read.is_changed) == (mark.spans, False)
    for run in sorted(held):
        mark.forget(SaidAt(NOW, ImportRun(run, NOW, "", True)))
    assert mark.spans == []


def test_a_time_of_its_own_is_noted_once_and_forgotten_by_itself():
    mark, at = Sighting(1, "{}", ""), "2026-06-01T02:00:00.000000Z"
    mark.note(3, 2, "")
    mark.note(4, 3, at)
    mark.note(5, 4, at)
    mark.note(5, 4, "")
    assert mark.spans == [RunSpan(3, 3), RunSpan(4, 4, at), RunSpan(5, 5)]
    mark.forget(SaidAt(NOW, ImportRun(4, NOW + DAY, "", True)))
    assert mark.spans == [RunSpan(3, 3), RunSpan(5, 5)]


def test_unchanged_nights_add_no_evidence_and_move_one_mark(shop, clock):
    nights(shop, clock, 5)
    assert rows(shop) == [(1, "add", 0)]
    (mark,) = marks(shop)
    assert (mark.facts, mark.spans) == ('{"size":5}', [RunSpan(2, 5)])
    assert [run.counts["unchanged"] for run in shop.runs()] == [1, 1, 1, 1, 0]


def test_the_first_snapshot_is_evidence_though_all_of_it_was_known(shop, clock):
    shop.add("7", {"size": 5}, at=NOW - DAY)
    nights(shop, clock, 3)
    assert rows(shop) == [(1, "add", -1), (2, "set", 0)]
    assert [run.counts["unchanged"] for run in shop.runs()] == [1, 1, 1]
    assert [mark.spans for mark in marks(shop)] == [[RunSpan(2, 3)]]


def test_where_the_first_snapshot_is_taken_back_the_next_one_is_evidence(shop, clock):
    shop.add("7", {"size": 5}, at=NOW - DAY)
    nights(shop, clock, 1)
    shop.undo(1, "the wrong file")
    nights(shop, clock, 2)
    assert [row[1] for row in rows(shop)] == ["add", "set", "void", "set"]


def test_a_night_without_the_contact_is_not_in_its_mark(shop, clock):
    nights(shop, clock, 3)
    shop.import_contacts([{"contact": "8", "size": 5}])
    nights(shop, clock, 2)
    assert [mark.spans for mark in marks(shop)] == [[RunSpan(2, 3), RunSpan(5, 6)]]


def test_older_evidence_counts_until_the_next_snapshot_and_no_longer(shop, clock):
    nights(shop, clock, 5)
    shop.set("7", {"size": 50}, at=NOW + 2.5 * DAY)
    assert rows(shop) == [(1, "add", 0), (2, "set", 3), (3, "set", 2)]
    assert [mark.spans for mark in marks(shop)] == [[RunSpan(2, 3), RunSpan(5, 5)]]
    known = [shop.why("7", NOW + days * DAY).contact.contact.fields["size"] for days in (2, 2.7, 4)]
    assert known == [5, 50, 5]
    with reading(shop.engine) as connection:
        wanted = select(evidence.c.run).order_by(evidence.c.sequence)
        assert connection.execute(wanted).scalars().all() == [1, 4, None]
    assert shop.verify().is_sound


def test_what_no_snapshot_says_writes_none_out(shop, clock):
    nights(shop, clock, 3)
    shop.record("7", "met", at=NOW + DAY / 2)
    shop.set("7", {"note": "n"}, at=NOW + DAY / 2)
    assert len(rows(shop)) == 3


def test_an_import_that_is_taken_back_has_said_nothing_until_it_counts_again(shop, clock):
    nights(shop, clock, 2)
    undone = shop.undo(2, "the wrong file")
    shop.set("7", {"size": 50}, at=NOW + DAY / 2)
    assert shop.contact("7").contact.fields["size"] == 50
    shop.undo(undone.by, "it was right")
    assert shop.contact("7").contact.fields["size"] == 5
    assert shop.verify().is_sound


def test_who_recorded_a_value_first_may_be_taken_back_and_the_next_night_still_says_it(shop, clock):
    nights(shop, clock, 3)
    shop.undo(1, "the wrong day")
    contact = shop.contact("7").contact
    assert (contact.fields, contact.since) == ({"size": 5}, NOW + DAY)


def test_a_row_that_is_taken_back_takes_what_repeated_it_with_it(shop, clock):
    shop.add("7", at=NOW - DAY)
    nights(shop, clock, 3, size=250)
    nights(shop, clock, 2)
    for _ in range(2):  # asked again under its key, it is the same
        shop.void("7", [2], reason="a slip", key="k")
    voided = [row.sequence for row in shop.history("7").rows if row.voided_by]
    assert voided == [2, 4, 5]
    assert shop.why("7", NOW + 2 * DAY).contact.contact.fields == {"size": 5}
    assert shop.contact("7").contact.stage == "lead"
    (void,) = (row.sequence for row in shop.history("7").rows if row.event == "void")
    shop.void("7", [void], reason="it was none")
    assert shop.contact("7").contact.stage == "large"
    assert shop.verify().is_sound


def test_the_length_that_is_expected_of_a_history_is_that_before_anything_is_written_out(
    shop, clock
):
    nights(shop, clock, 3)
    shop.set("7", {"size": 50}, at=NOW + DAY / 2, expect=1)
    assert len(rows(shop)) == 3


def test_merged_stories_hold_what_was_said_again_of_each(shop, clock):
    nights(shop, clock, 3)
    shop.add("8", {"size": 70}, at=NOW + 1.5 * DAY)
    shop.merge("8", "7")
    assert shop.contact("7").contact.fields["size"] == 5
    shop.unmerge("8")
    assert shop.contact("8").contact.fields["size"] == 70
    assert shop.contact("7").contact.fields["size"] == 5
    assert shop.verify().is_sound


def test_a_known_value_of_a_time_far_ahead_is_refused_as_a_new_one_is(shop, clock):
    nights(shop, clock, 1)
    late = {"contact": "7", "at": NOW + 30 * DAY, "size": 5}
    assert shop.import_contacts([late]).counts.rejected == 1


def test_erasing_deletes_the_marks(shop, clock):
    nights(shop, clock, 3)
    assert shop.erase("7").rows["sightings"] == 1
    assert marks(shop) == []
    assert shop.verify().is_sound


def test_marks_are_loaded_as_they_were_exported(shop, clock, tmp_path):
    nights(shop, clock, 3)
    dump_database(shop.engine, tmp_path / "dump")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "sales.yaml").write_text(FUNNEL)
    with Workspace.create(tmp_path / "other", "sales", clock=clock) as other:
        load_database(other.engine, tmp_path / "dump")
        other.set("7", {"size": 50}, at=NOW + DAY / 2)
        assert other.contact("7").contact.fields["size"] == 5


def test_an_altered_mark_is_named_and_not_read(shop, clock):
    nights(shop, clock, 3)
    with writing(shop.engine) as connection:
        connection.execute(update(sightings).values(seen="[[1,9]]"))
    (finding,) = shop.verify().findings
    assert (finding.kind, finding.name) == ("contact", "7")
    with pytest.raises(StoreError, match="has been altered"):
        shop.set("7", {"size": 50}, at=NOW + DAY / 2)


def test_a_new_version_that_counts_a_field_is_told_what_snapshots_said_of_it(shop, clock, tmp_path):
    nights(shop, clock, 1)
    shop.record("7", "met", at=NOW + 1.5 * DAY)
    clock.now += DAY
    nights(shop, clock, 2)
    counted = FUNNEL.replace("version: 1", "version: 2").replace(
        "met: {}", "met: {sets: {size: contact.size + 1}}"
    )
    (tmp_path / "sales.yaml").write_text(counted)
    shop.adopt(tmp_path / "sales.yaml")
    assert shop.contact("7").contact.fields["size"] == 5
    assert shop.why("7", NOW + 1.7 * DAY).contact.contact.fields["size"] == 6
    assert shop.verify().is_sound
