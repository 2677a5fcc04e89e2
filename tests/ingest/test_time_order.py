"""Files that are not in the order of time: sorted first, with what they bring and say unchanged."""

import csv
import gzip
import io
import json
import os
import random
import re
import sqlite3
from itertools import count
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from funnelflow.errors import ConflictError, StoreError
from funnelflow.ingest import apply as apply_module
from funnelflow.ingest import time_order
from funnelflow.ingest.file_errors import FileError
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE, T0, content
from .applying import HEADER, break_after, counts, events, options, story

ORDERS = int(os.environ.get("FUNNELFLOW_ORDERS", "8"))
"""How many random files are put into other orders; see CONTRIBUTING."""


def rows(number, **said):
    """Give rows of events, one a second."""
    return events(number, **said).splitlines(keepends=True)[1:]


def newest_first(number, **said):
    """Write a CSV file of many events, the newest first."""
    return HEADER + "".join(reversed(rows(number, **said)))


def stored(workspace):
    """Give what is stored of every contact: what its history says, and where it stands."""
    found = {}
    for row in workspace.history(limit=100_000).rows:
        found.setdefault(row.contact_id, []).extend(content([row]))
    return found, [evolve(contact, number=0) for contact in workspace.list()]


def break_off(workspace, path, chunks, **said):
    """Begin to apply a file, and break that off when so many chunks are committed."""
    with pytest.MonkeyPatch.context() as patch:
        break_after(patch, chunks)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply(path, options(**said))


def in_order_of_arrival(workspace):
    """Give contact and event of everything that was recorded, in the order in which it was."""
    found = sorted(workspace.history(limit=100_000).rows, key=lambda row: row.id)
    return [(row.contact_id, row.event) for row in found if row.event != "add"]


@pytest.fixture
def other(workspace, directory):
    """Give another workspace like the first."""
    with Workspace.create(directory / "other", "pipeline", library=workspace.library) as made:
        yield made


def test_a_file_that_comes_newest_first_brings_what_the_ordered_one_does(workspace, other, write):
    summary = workspace.apply(write(newest_first(60)), options(chunk=7))
    ordered = other.apply(write(events(60), "ordered.csv"), options(chunk=7))
    assert counts(summary) == counts(ordered)
    assert summary.counts.late == 0
    assert stored(workspace) == stored(other)
    assert in_order_of_arrival(workspace) == in_order_of_arrival(other)


CELLS = st.tuples(
    st.sampled_from(["ada", "Bob", "åsa"]),
    st.sampled_from(["subscribed", "replied", "called", "signed", "gave_up", "nope"]),
    st.integers(1, 28).map(lambda day: f"2026-02-{day:02d}T09:00:00Z"),
    st.sampled_from(
        ["", '{"email": "a@example.com"}', '{"budget": 6000}', '{"budget": null}', "{"]
    ),
)


def test_any_permutation_of_the_rows_brings_the_same_on_both_databases(tmp_path, new_schema):
    places = (tmp_path / str(number) for number in count())

    @settings(
        max_examples=ORDERS,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(said=st.lists(CELLS, min_size=2, max_size=25), dice=st.randoms(use_true_random=False))
    def check(said, dice):
        shuffled = permuted(said, dice)
        outcomes = [
            told(next(places), "funnelflow.db", sorted(said, key=lambda cells: cells[2])),
            told(next(places), "funnelflow.db", said),
            told(next(places), "funnelflow.db", shuffled),
            told(next(places), new_schema(), shuffled),
        ]
        assert outcomes[1:] == outcomes[:1] * 3

    check()


def permuted(said, dice):
    """Put rows in any order, but for those of one instant, which keep theirs."""
    places = dice.sample(range(len(said)), len(said))
    shuffled = [said[place] for place in places]
    waiting = {at: [cells for cells in said if cells[2] == at] for _, _, at, _ in said}
    return [waiting[at].pop(0) for _, _, at, _ in shuffled]


def told(directory, database, said):
    """Apply rows as JSON Lines in a new workspace, and give all that came of them."""
    directory.mkdir()
    (directory / "pipeline.yaml").write_text(PIPELINE)
    path = directory / "events.csv"
    quoted = [[cell.replace('"', '""') for cell in cells] for cells in said]
    lines = [f'{contact},{event},{at},"{facts}"\n' for contact, event, at, facts in quoted]
    path.write_text("contact,event,at,facts\n" + "".join(lines))
    with Workspace.create(directory, "pipeline", database=database, clock=lambda: T0) as made:
        summary = made.apply(str(path), options(chunk=4))
        assert made.verify().is_sound
        kept = stored(made)
        return kept, counts(summary), sorted(rejects_of(summary))


def rejects_of(summary):
    """Give the rejected rows without the line on which they stood."""
    if not summary.rejects:
        return []
    with Path(summary.rejects).open(newline="") as file:
        return [cells[:-3] + cells[-2:] for cells in csv.reader(file)]


@pytest.mark.parametrize("form", ["gzip", "utf-16", "jsonl", "old line ends", "several lines"])
def test_what_the_file_is_written_in_changes_nothing(workspace, other, write, form):
    said = rows(60)
    random.Random(1).shuffle(said)
    other.apply(write(events(60), "ordered.csv"), options())
    path = {
        "gzip": lambda: write(gzip.compress((HEADER + "".join(said)).encode()), "e.csv.gz"),
        "utf-16": lambda: write((HEADER + "".join(said)).encode("utf-16")),
        "jsonl": lambda: write("".join(map(as_json, said)), "e.jsonl"),
        "old line ends": lambda: write((HEADER + "".join(said)).replace("\n", "\r").encode()),
        "several lines": lambda: write(
            HEADER.replace(",key", ",key,note") + "".join(f'{s[:-1]},"a\n\nb"\n' for s in said)
        ),
    }[form]()
    summary = workspace.apply(path, options(chunk=7))
    assert (summary.counts.rejected, summary.counts.late) == (0, 0)
    assert stored(workspace) == stored(other)


def as_json(row):
    """Write a row as an object."""
    contact, event, at, _, facts = row.strip().split(",", 4)
    facts = json.loads(facts.rstrip(",").strip('"').replace('""', '"'))
    return json.dumps({"at": at, "contact": contact, "event": event, "facts": facts}) + "\n"


def test_rows_of_one_instant_keep_their_order(workspace, write):
    said = ["called", "replied", "subscribed", "gave_up"]
    tied = "".join(f"ada,{event},2026-03-01T10:00:00+01:00,,,\n" for event in said)
    later = "ada,replied,2026-03-02T09:00:00Z,,,\n"
    earlier = "ada,subscribed,2026-03-01T08:59:59.999999Z,,,\n"
    workspace.apply(write(HEADER + later + tied + earlier), options())
    assert story(workspace) == ["add", "subscribed", *said, "replied"]


def test_a_file_that_tells_one_story_after_the_other_is_not_sorted(workspace, write, monkeypatch):
    grouped = sorted(rows(60), key=lambda row: row.split(",")[0])
    monkeypatch.setattr(time_order, "_copy", None)
    summary = workspace.apply(write(HEADER + "".join(grouped)), options(chunk=7))
    assert summary.counts.late == 0
    assert [contact for contact, _ in in_order_of_arrival(workspace)] == [
        row.split(",")[0] for row in grouped
    ]


def test_of_many_contacts_only_some_are_remembered(workspace, write, monkeypatch):
    monkeypatch.setattr(time_order, "_CONTACTS_KEPT", 3)
    monkeypatch.setattr(time_order, "_BATCH", 5)
    grouped = sorted(rows(60), key=lambda row: row.split(",")[0])
    workspace.apply(write(HEADER + "".join(grouped)), options())
    assert in_order_of_arrival(workspace) == [tuple(row.split(",")[:2]) for row in rows(60)]
    monkeypatch.setattr(time_order, "_copy", None)
    assert workspace.apply(write(events(60, key=True), "ordered.csv"), options()).counts.rows == 60


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_of_a_long_file_in_order_only_a_sample_is_looked_at(workspace, write, monkeypatch, form):
    monkeypatch.setattr(time_order, "_is_in_order_by_contact", None)
    monkeypatch.setattr(time_order, "_SAMPLED", 256)
    said = rows(900, contacts=50)
    text = "".join(map(as_json, said)) if form == "jsonl" else HEADER + "".join(said)
    assert workspace.apply(write(text, f"e.{form}"), options(chunk=500)).counts.rejected == 0


def test_a_long_file_that_begins_once_more_is_sorted(workspace, other, write, monkeypatch):
    monkeypatch.setattr(time_order, "_SAMPLED", 256)
    old, new = rows(450, key=True), rows(450, key=True, start=450)
    path = write(HEADER + "".join(new + old))
    assert workspace.apply(path, options(chunk=100)).counts.late == 0
    other.apply(write(events(900, key=True), "ordered.csv"), options(chunk=100))
    assert stored(workspace) == stored(other)


def test_rows_whose_time_cannot_be_read_come_first_with_their_lines_and_reasons(workspace, write):
    text = HEADER + (
        "ada,replied,2026-03-03T09:00:00Z,,,\n"
        "ada,replied,yesterday,,,\n"
        "ada,nope,2026-03-02T09:00:00Z,,,\n"
        "ada,replied\n"
        "ada,replied,2026-03-02T09:00:00,,,\n"
        "ada,subscribed,2026-03-01T09:00:00Z,,,\n"
    )
    summary = workspace.apply(write(text), options())
    assert [(r.line, r.column) for r in summary.examples] == [
        (3, "at"), (5, ""), (6, "at"), (4, "event"),
    ]  # fmt: skip
    assert "yesterday" in summary.examples[0].reason
    with Path(summary.rejects).open(newline="") as file:
        assert [row["rejected_line"] for row in csv.DictReader(file)] == ["3", "5", "6", "4"]
    assert story(workspace) == ["add", "subscribed", "replied"]


def test_times_that_are_written_differently_are_compared_as_times(workspace, write):
    text = HEADER + (
        "ada,gave_up,2026-03-29t03:30+02:00,,,\n"
        "ada,replied,2026-03-29T00:30:00.000000000Z,,,\n"
        "ada,subscribed,2026-03-28 23:59:59-00:00,,,\n"
    )
    assert workspace.apply(write(text), options()).counts.late == 0
    assert story(workspace) == ["add", "subscribed", "replied", "gave_up"]


def test_what_happens_now_comes_last(workspace, clock, write):
    text = HEADER + "ada,replied,now,,,\n" + "ada,subscribed,2026-03-01T09:00:00Z,,,\n"
    assert workspace.apply(write(text), options()).counts.late == 0
    assert story(workspace) == ["add", "subscribed", "replied"]


def test_bytes_that_are_not_utf_8_stay_what_they_were(workspace, write):
    said = [row.replace(",,", ",åsa,", 1).encode() for row in reversed(rows(30))]
    said[7] = b"c1,replied,2026-03-01T09:00:00Z,\xff,,\n"
    summary = workspace.apply(write(HEADER.encode() + b"".join(said)), options())
    assert [r.line for r in summary.examples] == [9]
    assert b"\xff" in Path(summary.rejects).read_bytes()


def test_a_bad_place_ends_the_run_behind_all_rows_before_it(workspace, write):
    broken = newest_first(9) + '"c1,replied,2026-03-01T09:00:00Z,,,\n' + "c1,replied,x,,,\n" * 3
    with pytest.raises(FileError) as caught:
        workspace.apply(write(broken), options(chunk=4))
    assert (caught.value.line, caught.value.column) == (11, 1)
    assert caught.value.summary.counts.rows == 9
    assert in_order_of_arrival(workspace) == [tuple(row.split(",")[:2]) for row in rows(9)]
    with pytest.raises(FileError) as caught:
        workspace.apply(write(broken), options(chunk=4))
    assert (caught.value.line, caught.value.summary.counts.rows) == (11, 9)
    repaired = write(broken.replace('"c1', "c1"))
    summary = workspace.apply(repaired, options(changed="continue"))
    assert (summary.resumed, summary.counts.rows, summary.counts.rejected) == (9, 13, 3)


@pytest.mark.parametrize("packed", [False, True])
def test_a_run_that_was_broken_off_goes_on(workspace, other, write, packed):
    text = newest_first(30).encode()
    path = write(gzip.compress(text) if packed else text)
    break_off(workspace, path, 1, chunk=4)
    with pytest.raises(FileError, match="this file was begun in another way"):
        workspace.apply(path, options(actor="somebody"))
    other.apply(write(events(30), "ordered.csv"), options())
    break_off(workspace, path, 2, chunk=4)
    summary = workspace.apply(path, options(chunk=5))
    assert (summary.resumed, summary.counts.rows, summary.counts.late) == (12, 30, 0)
    assert stored(workspace) == stored(other)
    assert workspace.apply(path, options()).applied_before


def test_what_a_file_has_grown_by_is_sorted_and_goes_on(workspace, other, write):
    workspace.apply(write(newest_first(20)), options(chunk=4))
    grown = write(newest_first(20) + newest_first(20, start=20)[len(HEADER) :])
    break_off(workspace, grown, 2, chunk=4, changed="continue")
    summary = workspace.apply(grown, options(chunk=3))
    assert (summary.resumed, summary.counts.rows, summary.counts.late) == (28, 40, 0)
    other.apply(write(events(40), "ordered.csv"), options())
    assert stored(workspace) == stored(other)


def test_a_run_goes_on_only_if_the_order_is_the_same(directory, write):
    said = ("2026-03-01 09:00:00", "2026-03-01T08:30:00Z")
    path = write(HEADER + "".join(f"ada,replied,{at},,,\n" for at in said))
    Workspace.create(directory, "pipeline").close()
    with in_zone(directory, "UTC") as opened:
        break_off(opened, path, 1, chunk=1)
    with in_zone(directory, "Asia/Tokyo") as opened, pytest.raises(FileError) as caught:
        opened.apply(path, options(chunk=1))
    assert "another order of time" in caught.value.message
    assert "timezone" in caught.value.hint
    with in_zone(directory, "UTC") as opened:
        assert opened.apply(path, options(chunk=1)).resumed == 1


def in_zone(directory, zone):
    """Open a workspace whose times without an offset are meant in a zone."""
    file = directory / "funnelflow.toml"
    file.write_text(re.sub('timezone = ".*"', f'timezone = "{zone}"', file.read_text()))
    return Workspace.open(directory)


@pytest.mark.parametrize("changed", ["refuse", "continue"])
def test_a_file_that_changed_while_part_of_it_was_applied_is_given_as_it_was(
    workspace, other, write, changed
):
    path = write(newest_first(30))
    break_off(workspace, path, 2, chunk=4)
    write(newest_first(30) + "ada,replied,2026-03-09T09:00:00Z,,,\n")
    with pytest.raises(FileError) as caught:
        workspace.apply(path, options(changed=changed))
    assert "8 of its rows were applied: those that happened first" in caught.value.message
    assert "as it was" in caught.value.hint
    assert workspace.apply(write(newest_first(30), "before.csv"), options()).resumed == 8
    other.apply(write(events(30), "ordered.csv"), options())
    assert stored(workspace) == stored(other)


@pytest.mark.parametrize("then", [newest_first(301), newest_first(300)[: -len(rows(1)[0])]])
def test_nothing_is_applied_of_a_file_that_changes_while_it_is_sorted(
    workspace, write, monkeypatch, then
):
    path = Path(write(newest_first(300)))
    with monkeypatch.context() as patch:
        find = apply_module.find_start

        def meanwhile(*arguments, **named):
            start = find(*arguments, **named)
            path.write_text(then)
            return start

        patch.setattr(apply_module, "find_start", meanwhile)
        patch.setattr("funnelflow.ingest.source.BLOCK", 64)
        with pytest.raises(FileError) as caught:
            workspace.apply(str(path), options(chunk=4))
    assert "changed while it was read" in caught.value.message
    assert list(workspace.list()) == []
    path.write_text(newest_first(300))
    assert workspace.apply(str(path), options(chunk=40)).counts.rows == 300


def test_of_two_runs_over_one_file_only_one_goes_on(workspace, directory, write, monkeypatch):
    path = write(newest_first(12))
    break_off(workspace, path, 1, chunk=4)
    find = apply_module.find_start

    def interfere(*arguments, **named):
        start = find(*arguments, **named)
        monkeypatch.setattr(apply_module, "find_start", find)
        with Workspace.open(directory, database=workspace.config.database) as meanwhile:
            break_off(meanwhile, path, 1, chunk=4)
        return start

    monkeypatch.setattr(apply_module, "find_start", interfere)
    with pytest.raises(ConflictError):
        workspace.apply(path, options(chunk=4))
    workspace.apply(path, options(chunk=4))
    assert len(workspace.history().rows) == 12 + 7


def test_a_dry_run_predicts_the_run_and_stores_nothing(workspace, write):
    path = write(newest_first(20) + "ada,nope,x,,,\n")
    predicted = workspace.apply(path, options(dry_run=True))
    assert list(workspace.list()) == []
    assert counts(predicted) == counts(workspace.apply(path, options()))


def test_a_stream_is_applied_as_it_comes(workspace, write):
    stream = io.BytesIO(newest_first(30).encode())
    assert workspace.apply("-", options(chunk=10), stdin=stream).counts.late > 0
    assert workspace.verify().is_sound


def test_what_is_imported_is_not_sorted(workspace, write, monkeypatch):
    monkeypatch.setattr(time_order, "_copy", None)
    said = "ada,2026-03-02T09:00:00Z,a@example.com\nada,2026-03-01T09:00:00Z,b@example.com\n"
    summary = workspace.import_contacts(write("contact,at,email\n" + said), options())
    assert summary.counts.late == 1


def test_where_no_temporary_file_can_be_written_apply_says_so(workspace, write, monkeypatch):
    class Full(sqlite3.Connection):
        def executemany(self, *_):
            raise sqlite3.OperationalError("database or disk is full")

    connect = sqlite3.connect
    monkeypatch.setattr(
        time_order.sqlite3, "connect", lambda *said, **named: connect(*said, factory=Full, **named)
    )
    path = write(newest_first(30))
    with pytest.raises(StoreError, match="disk is full") as caught:
        workspace.apply(path, options())
    assert "TMPDIR" in caught.value.hint
    assert list(workspace.list()) == []


def test_how_far_sorting_is_is_reported(workspace, write):
    text = newest_first(30)
    reports = []
    workspace.apply(write(text), options(chunk=11), progress=reports.append)
    read = [progress.bytes_read for progress in reports]
    assert read == sorted(read)
    assert [progress.rows for progress in reports] == [0, 0, 0, 0, 11, 22, 30]
    assert read[-1] == len(text)
