"""Applying files of events: what becomes of rows, keys, times and dry runs."""

import json
from itertools import permutations

import pytest
from attrs import evolve

from funnelflow.errors import UsageError
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.input import Form
from funnelflow.ingest.mapping import FileMapping
from funnelflow.workspace.workspace import Workspace

from ..funnels import content
from .applying import HEADER, STORY, counts, events, options, story


def test_a_file_of_events_is_recorded_in_its_order(workspace, write):
    summary = workspace.apply(write(STORY), options())
    assert story(workspace) == ["add", "subscribed", "replied", "replied", "called"]
    assert workspace.contact("ada").contact.stage == "prospect"
    assert workspace.contact("grace").contact.stage == "target"
    assert counts(summary) == {
        "rows": 5, "created": 2, "moved": 3, "stayed": 2, "refused": 0, "repeated": 0,
        "unchanged": 0, "rejected": 0, "ahead": 0, "late": 0, "restated": 0, "doubled": 0,
        "untold": 0, "erased": 0, "left_out": 0, "reasons": {},
        "stages": {"lead.fresh": 1, "lead.warm": 1, "prospect": 1},
    }  # fmt: skip


def test_json_lines_say_the_same_as_csv(workspace, write):
    lines = [
        {"contact": "ada", "event": "subscribed", "at": "2026-03-01T09:00:00Z", "email": "a@b.c"},
        {"contact": "ada", "event": "called", "at": "2026-03-02T09:00:00Z",
         "facts": {"minutes": 3, "budget": 6000}, "authority": True},
    ]  # fmt: skip
    summary = workspace.apply(write("".join(json.dumps(x) + "\n" for x in lines), "e.jsonl"))
    assert counts(summary)["moved"] == 2
    assert workspace.contact("ada").contact.fields["budget"] == 6000


def test_the_answer_is_that_of_recording_each_event_by_itself(workspace, directory, clock, write):
    workspace.apply(write(events(60)), options(chunk=7))
    with Workspace.create(directory / "other", "pipeline", library=workspace.library) as other:
        for line in events(60).splitlines()[1:]:
            contact, event, at, *_ = line.split(",")
            facts = {"email": "a@example.com"}
            if not any(stored.id == contact for stored in other.list()):
                other.add(contact, at=at)
            other.record(contact, event, facts, at=at)
        mine = {c.id: (c.contact.stage, c.sequence, c.contact.fields) for c in workspace.list()}
        assert mine == {c.id: (c.contact.stage, c.sequence, c.contact.fields) for c in other.list()}
        for contact in mine:
            rows = workspace.history(contact).rows
            assert content(rows) == content(other.history(contact).rows)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_rows_that_add_and_set_count_in_any_order_when_they_happened(workspace, write, order):
    rows = [
        "ada,add,2026-03-01T09:00:00Z,\n",
        "ada,set,2026-03-10T09:00:00Z,9000\n",
        "ada,set,2026-03-05T09:00:00Z,100\n",
    ]
    summary = workspace.apply(write("contact,event,at,budget\n" + "".join(rows[n] for n in order)))
    assert summary.counts.rejected == 0
    ada = workspace.contact("ada")
    assert ada.contact.fields["budget"] == 9000
    assert ada.created_at.day == 1
    assert workspace.verify().is_sound


def test_the_size_of_chunks_changes_nothing(workspace, directory, write):
    workspace.apply(write(events(40)), options(chunk=3))
    with Workspace.create(directory / "other", "pipeline", library=workspace.library) as other:
        other.apply(write(events(40), "again.csv"), options(chunk=1000))
        for contact in ("c0", "c1"):
            rows = workspace.history(contact).rows
            assert content(rows) == content(other.history(contact).rows)


def test_a_refused_move_that_time_came_before_counts_as_both(workspace, write):
    rows = (
        "contact,event,at,to,email\n"
        "ada,subscribed,2026-01-01T09:00:00Z,,a@example.com\n"
        "ada,replied,2026-01-02T09:00:00Z,,\n"
        "ada,replied,2026-01-03T09:00:00Z,,\n"
        "ada,move,2026-02-20T09:00:00Z,prospect,\n"
    )
    counted = workspace.apply(write(rows), options()).counts
    assert (counted.moved, counted.stayed, counted.refused) == (3, 1, 1)
    assert counted.stages.total() == 3


def test_a_dry_run_predicts_the_run_and_stores_nothing(workspace, directory, write):
    content = STORY + events(40)[len(HEADER) :] + "ada,nope,x,,,\n" + STORY[len(HEADER) :]
    path = write(content)
    predicted = workspace.apply(path, options(dry_run=True))
    assert predicted.dry_run
    assert not (directory / "rejects").exists()
    assert list(workspace.list()) == []
    done = workspace.apply(path, options())
    same = {"seconds": 0, "dry_run": False, "rejects": ""}
    assert evolve(predicted, **same) == evolve(done, **same)


@pytest.mark.usefixtures("more_funnels")
def test_a_dry_run_takes_no_funnel_into_use(workspace, write):
    workspace.apply(write(events(5)), options(funnel="upsell", dry_run=True))
    assert workspace.funnels() == ("pipeline",)
    workspace.add("grace", funnel="renewal")
    workspace.add("joan", funnel="upsell")
    assert workspace.verify().is_sound


def test_a_dry_run_of_a_broken_file_predicts_the_error(workspace, write):
    path = write(events(5) + '"unclosed\n')
    errors = []
    for dry_run in (True, False):
        with pytest.raises(FileError) as caught:
            workspace.apply(path, options(dry_run=dry_run))
        errors.append((caught.value.message, caught.value.summary.counts))
    assert errors[0] == errors[1]


def test_rows_with_a_key_that_was_applied_are_skipped(workspace, write):
    first, second = events(20, key=True), events(20, key=True, start=10)
    workspace.apply(write(first), options())
    summary = workspace.apply(write(second, "more.csv"), options(chunk=3))
    assert (summary.counts.repeated, summary.counts.rows) == (10, 20)
    assert len(workspace.history().rows) == 30 + 7


def test_a_key_twice_in_one_chunk_counts_once(workspace, write):
    row = "ada,replied,2026-03-01T09:00:00Z,,,k1\n"
    summary = workspace.apply(write(HEADER + row + row), options())
    assert (summary.counts.repeated, summary.counts.stayed) == (1, 1)


def test_a_repeated_key_is_rejected_where_that_is_asked_for(workspace, write):
    row = "ada,replied,2026-03-01T09:00:00Z,,,k1\n"
    summary = workspace.apply(write(HEADER + row + row), options(on_duplicate="error"))
    assert [(r.line, r.column) for r in summary.examples] == [(3, "key")]
    assert story(workspace) == ["add", "replied"]


def test_a_key_with_other_content_is_rejected(workspace, write):
    rows = "ada,replied,2026-03-01T09:00:00Z,,,k1\nada,gave_up,2026-03-01T09:00:00Z,,,k1\n"
    summary = workspace.apply(write(HEADER + rows), options())
    assert [r.line for r in summary.examples] == [3]
    assert story(workspace) == ["add", "replied"]


def test_moves_are_asked_for_and_refusals_counted_with_their_reasons(workspace, write):
    rows = (
        "contact,event,at,to\n"
        "ada,subscribed,2026-03-01T09:00:00Z,\n"
        "ada,move,2026-03-02T09:00:00Z,lead\n"
        "ada,,2026-03-02T10:00:00Z,sales lead\n"
        "ada,move,2026-03-02T10:00:00Z,nowhere\n"
        "ada,gave_up,2026-03-02T11:00:00Z,\n"
    )
    summary = workspace.apply(write(rows), options())
    assert (summary.counts.refused, summary.counts.moved) == (2, 1)
    assert summary.counts.reasons == {"We can reach them": 2}
    assert [(r.line, r.column) for r in summary.examples] == [(5, "to")]


def test_unknown_contacts_are_rejected_where_none_is_to_be_added(workspace, write):
    workspace.add("ada")
    summary = workspace.apply(write(STORY), options(), create=False)
    assert (summary.counts.created, summary.counts.rejected) == (0, 1)
    assert summary.examples[0].column == "contact"


def test_cells_are_read_by_the_type_of_their_field(workspace, write):
    rows = (
        "contact,event,at,email,budget,minutes,tags,met_on\n"
        'ada,subscribed,2026-03-01T09:00:00Z,a@example.com,,,"x, y",2026-03-01T00:00:00Z\n'
        "ada,called,2026-03-01T09:00:00Z,,5000.5,3,,\n"
        "ada,called,2026-03-01T09:00:00Z,,much,3,,\n"
        "ada,replied,2026-03-01T09:00:00Z,,,3,,\n"
    )
    summary = workspace.apply(write(rows), options())
    assert [(r.line, r.column) for r in summary.examples] == [(4, "budget")]
    fields = workspace.contact("ada").contact.fields
    assert (fields["budget"], fields["tags"]) == (5000.5, ("x", "y"))


def test_times_without_an_offset_are_read_in_the_zone_that_was_named(workspace, write):
    rows = "contact,event,at\nada,replied,2026-07-01\ngrace,replied,2026-07-01 09:30:00\n"
    assert workspace.apply(write(rows), options()).counts.rejected == 2
    summary = workspace.apply(write(rows), options(timezone="Europe/Berlin", changed="restart"))
    assert summary.counts.rejected == 0
    assert workspace.history("ada").rows[-1].at.isoformat() == "2026-06-30T22:00:00+00:00"
    assert workspace.history("grace").rows[-1].at.isoformat() == "2026-07-01T07:30:00+00:00"


def test_times_that_the_clocks_skip_or_repeat_are_those_before_the_change(workspace, write):
    rows = "contact,event,at\nada,replied,2026-03-29 02:30:00\nbob,replied,2026-10-25 02:30:00\n"
    workspace.apply(write(rows), options(timezone="Europe/Berlin"))
    assert workspace.history("ada").rows[-1].at.isoformat() == "2026-03-29T01:30:00+00:00"
    assert workspace.history("bob").rows[-1].at.isoformat() == "2026-10-25T00:30:00+00:00"


def test_a_zone_that_there_is_not_is_refused_with_the_nearest(workspace, write):
    with pytest.raises(UsageError) as caught:
        workspace.apply(write(STORY), options(timezone="Europe/Berln"))
    assert "Europe/Berlin" in caught.value.hint


def test_the_actor_of_rows_that_name_none_is_the_one_given(workspace, write):
    workspace.apply(write(STORY), options(actor="importer"))
    assert [row.actor for row in workspace.history("ada").rows][:3] == ["web", "web", "importer"]


def test_a_mapping_says_what_columns_and_events_mean(workspace, write):
    mapping = FileMapping(
        columns={"contact": "who", "event": "what", "at": "when", "field.email": "mail"},
        events={"SUB": "subscribed"},
        missing=("n/a",),
    )
    rows = "who,what,when,mail\nada,SUB,2026-03-01T09:00:00Z,n/a\n"
    summary = workspace.apply(write(rows), options(mapping=mapping))
    assert summary.counts.stayed == 1
    assert "email" not in workspace.contact("ada").contact.fields


@pytest.mark.parametrize("missing", ["contact", "event", "at"])
def test_a_file_that_lacks_a_needed_column_is_refused_with_the_option_to_give(
    workspace, write, missing
):
    content = STORY.replace(missing, "blurb", 1)
    with pytest.raises(UsageError) as caught:
        workspace.apply(write(content), options())
    assert f"--map {missing}=COLUMN" in caught.value.hint
    assert "blurb" in caught.value.hint


def test_progress_is_reported_before_the_first_row_and_after_every_chunk(workspace, write):
    reports = []
    path = write(STORY)
    workspace.apply(path, options(), progress=reports.append)
    assert [progress.rows for progress in reports] == [0, 2, 4, 5]


def test_what_the_columns_are_taken_for_is_reported_once_before_the_first_row(workspace, write):
    reports = []
    workspace.apply(write(STORY), options(), progress=reports.append)
    first, *others = [progress.begun for progress in reports]
    assert first.matched.matches
    assert first.counts.rows == 0
    assert others == [None, None, None]
    assert reports[-1].bytes_read == reports[-1].size == len(STORY)


def test_an_empty_file_and_one_without_rows_are_told_apart(workspace, write):
    with pytest.raises(FileError):
        workspace.apply(write(""), options())
    assert workspace.apply(write(HEADER, "header.csv"), options()).counts.rows == 0
    assert workspace.apply(write(HEADER, "header.csv"), options()).applied_before


def test_the_form_of_the_file_is_part_of_the_summary(workspace, write):
    semicolons = "contact;event;at\nada;subscribed;2026-03-01T09:00:00Z\n"
    summary = workspace.apply(write(semicolons.encode("utf-16")), options())
    assert (summary.format, summary.delimiter, summary.encoding) == ("csv", ";", "utf-16")
    shown = json.loads(json.dumps(summary.to_json()))
    assert {"target": "contact", "column": "contact", "how": "guessed"} in shown["columns"]


def test_an_encoding_may_be_named_after_the_first_try_failed(workspace, write):
    rows = "contact,event,at,email\nada,subscribed,2026-03-01T09:00:00Z,müller@example.com\n"
    path = write(rows.encode("cp1252"))
    with pytest.raises(FileError):
        workspace.apply(path, options())
    workspace.apply(path, options(form=Form(encoding="cp1252")))
    assert workspace.contact("ada").contact.fields["email"] == "müller@example.com"


def test_rows_with_a_time_in_the_future_are_applied_and_counted(workspace, write):
    rows = HEADER + (
        "ada,subscribed,2026-03-01T09:00:00Z,,,\n"
        "eva,subscribed,2126-03-01T09:00:00Z,,,\n"
        "ada,replied,2126-03-01T09:00:00Z,,,\n"
    )
    path = write(rows)
    summary = workspace.apply(path, options(future=True))
    assert (summary.counts.in_future, summary.counts.rejected) == (2, 0)
    assert summary.to_json()["ahead"] == 2
    assert workspace.apply(path, options(future=True)).counts.in_future == 2
