"""Applying files of events: what becomes of rows, going on, changed files, dry runs."""

import gzip
import io
import json
from pathlib import Path

import pytest
from attrs import evolve

from funnelflow.errors import ConflictError, FunnelflowError, UsageError
from funnelflow.store import FileError, FileMapping, FileOptions, Form, Workspace
from funnelflow.store import streaming as streaming_module
from funnelflow.store.files import RejectsFile

HEADER = "contact,event,at,actor,facts,key\n"
STORY = HEADER + (
    'ada,subscribed,2026-03-01T09:00:00Z,web,"{""email"": ""ada@example.com""}",\n'
    "ada,replied,2026-03-02T09:00:00+01:00,,,\n"
    "ada,replied,2026-03-03T09:00:00Z,,,\n"
    "grace,subscribed,2026-03-01T09:00:00Z,web,,\n"
    'ada,called,2026-03-04T09:00:00Z,bob,"{""budget"": 6000, ""authority"": true}",\n'
)


@pytest.fixture
def write(tmp_path):
    """Write a file to apply and give its path."""

    def _write(content, name="events.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return _write


def options(**said):
    """Give options with small chunks."""
    return FileOptions(**{"chunk": 2, **said})


def story(workspace, contact="ada"):
    """Give the events in the history of a contact."""
    return [row.event for row in workspace.history(contact).rows]


def counts(summary):
    """Give what a summary counts, without what differs between runs."""
    return summary.tally.to_json()


def events(number, *, contacts=7, key=False, start=0):
    """Write a CSV file of many events."""
    rows = [
        f"c{n % contacts},{('subscribed', 'replied', 'called', 'gave_up')[n % 4]},"
        f'2026-03-01T09:{n // 60 % 60:02d}:{n % 60:02d}Z,,"{{""email"": ""a@example.com""}}",'
        + (f"k{n}\n" if key else "\n")
        for n in range(start, start + number)
    ]
    return HEADER + "".join(rows)


def test_a_file_of_events_is_recorded_in_its_order(workspace, write):
    summary = workspace.apply(write(STORY), options())
    assert story(workspace) == ["add", "subscribed", "replied", "replied", "called"]
    assert workspace.contact("ada").contact.stage == "prospect"
    assert workspace.contact("grace").contact.stage == "target"
    assert counts(summary) == {
        "rows": 5, "created": 2, "moved": 3, "stayed": 2, "refused": 0, "repeated": 0,
        "unchanged": 0, "rejected": 0, "reasons": {},
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
            digests = [row.digest for row in workspace.history(contact).rows]
            assert digests == [row.digest for row in other.history(contact).rows]


def test_the_size_of_chunks_changes_nothing(workspace, directory, write):
    workspace.apply(write(events(40)), options(chunk=3))
    with Workspace.create(directory / "other", "pipeline", library=workspace.library) as other:
        other.apply(write(events(40), "again.csv"), options(chunk=1000))
        for contact in ("c0", "c1"):
            assert [r.digest for r in workspace.history(contact).rows] == [
                r.digest for r in other.history(contact).rows
            ]


def test_a_file_that_is_done_is_left_alone(workspace, write):
    path = write(STORY)
    first = workspace.apply(path, options())
    again = workspace.apply(path, options())
    assert again.already
    assert counts(again) == counts(first)
    assert len(story(workspace)) == 5


def test_the_same_content_under_another_name_is_done_too(workspace, write):
    workspace.apply(write(STORY), options())
    assert workspace.apply(write(STORY, "copy.csv"), options()).already


def test_a_finished_file_that_changed_is_refused_until_somebody_says_what_to_do(workspace, write):
    workspace.apply(write(STORY), options())
    more = STORY + "grace,gave_up,2026-03-09T09:00:00Z,,,\n"
    with pytest.raises(FileError) as caught:
        workspace.apply(write(more), options())
    assert "--continue" in caught.value.hint
    assert story(workspace, "grace") == ["add", "subscribed"]
    summary = workspace.apply(write(more), options(changed="continue"))
    assert (summary.resumed, summary.tally.rows) == (5, 6)
    assert story(workspace, "grace") == ["add", "subscribed", "gave_up"]
    assert workspace.apply(write(more), options()).already


def test_a_file_whose_beginning_changed_cannot_be_continued(workspace, write):
    workspace.apply(write(STORY), options())
    other = STORY.replace("grace", "grete")
    for changed in ("refuse", "continue"):
        with pytest.raises(FileError) as caught:
            workspace.apply(write(other), options(changed=changed))
        assert "--restart" in caught.value.hint
    assert workspace.apply(write(other), options(changed="restart")).tally.rows == 5
    assert story(workspace, "grete") == ["add", "subscribed"]


def test_restarting_applies_all_of_it_again(workspace, write):
    path = write(STORY)
    workspace.apply(path, options())
    workspace.apply(path, options(changed="restart"))
    assert len(story(workspace)) == 9
    assert workspace.apply(path, options()).already


def break_after(monkeypatch, chunks):
    """Let a run fail when it has committed that many chunks."""
    save, done = streaming_module.save_checkpoint, []

    def fail(*arguments):
        if len(done) == chunks:
            raise KeyboardInterrupt
        done.append(save(*arguments))
        return done[-1]

    monkeypatch.setattr(streaming_module, "save_checkpoint", fail)


@pytest.mark.parametrize("packed", [False, True])
def test_a_run_that_was_broken_off_goes_on(workspace, write, monkeypatch, packed):
    content = events(30).encode()
    path = write(gzip.compress(content) if packed else content)
    with monkeypatch.context() as patch:
        break_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply(path, options(chunk=4))
    assert len(workspace.history().rows) == 8 + 7
    summary = workspace.apply(path, options(chunk=4))
    assert (summary.resumed, summary.tally.rows) == (8, 30)
    assert len(workspace.history().rows) == 30 + 7


def test_a_stream_that_was_broken_off_goes_on_behind_what_is_done(workspace, monkeypatch):
    content = events(3000).encode()
    with monkeypatch.context() as patch:
        break_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply("-", options(chunk=1000), stdin=io.BytesIO(content))
    summary = workspace.apply("-", options(chunk=1000), stdin=io.BytesIO(content))
    assert (summary.resumed, summary.tally.rows) == (2000, 3000)
    assert workspace.apply("-", options(chunk=1000), stdin=io.BytesIO(content)).already
    with pytest.raises(FileError):
        workspace.apply("-", options(), stdin=io.BytesIO(content + b"x,replied,2026-03-01,,,\n"))
    late = content[:-200] + content[-200:].replace(b"gave_up", b"replied")
    with pytest.raises(FileError):
        workspace.apply("-", options(), stdin=io.BytesIO(late))


def test_a_broken_run_goes_on_only_in_the_way_it_was_begun(workspace, write, monkeypatch):
    path = write(events(9))
    with monkeypatch.context() as patch:
        break_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply(path, options())
    with pytest.raises(FileError) as caught:
        workspace.apply(path, options(actor="somebody"))
    assert "same command" in caught.value.hint
    assert workspace.apply(path, options(chunk=5)).tally.rows == 9


def test_bad_rows_are_set_aside_and_the_others_applied(workspace, write):
    bad = HEADER + (
        "ada,subscribed,2026-03-01T09:00:00Z,,,\n"
        "ada,subscribd,2026-03-01T09:00:00Z,,,\n"
        "ada,replied,yesterday,,,\n"
        "ada,replied,2026-03-01T09:00:00,,,\n"
        ",replied,2026-03-01T09:00:00Z,,,\n"
        "ada,,2026-03-01T09:00:00Z,,,\n"
        "ada,replied,,,,\n"
        'ada,called,2026-03-01T09:00:00Z,,"{""budget"": ""lots""}",\n'
        'ada,called,2026-03-01T09:00:00Z,,"{""bugdet"": 3}",\n'
        "ada,replied,2026-03-01T09:00:00Z,,{,\n"
        "ada,replied\n"
        "ada,add,2026-03-01T09:00:00Z,,,\n"
        "ada,replied,2026-03-01T10:00:00Z,,,\n"
    )
    summary = workspace.apply(write(bad), options(chunk=3))
    assert (summary.tally.rows, summary.tally.rejected) == (13, 11)
    assert [(r.line, r.column) for r in summary.examples] == [
        (3, "event"), (4, "at"), (5, "at"), (6, "contact"), (7, "event"), (8, "at"),
        (9, "facts"), (10, "facts"), (11, "facts"), (12, ""), (13, ""),
    ]  # fmt: skip
    assert "subscribed" in summary.examples[0].reason
    assert story(workspace) == ["add", "subscribed", "replied"]


def test_rejects_can_be_corrected_and_applied(workspace, write):
    content = HEADER + (
        "ada,subscribed,2026-03-01T09:00:00Z,,,\n"
        "ada,replyed,2026-03-01T09:00:00Z,,,\n"
        'ada,replied,2026-03-01T09:00:00Z,"b"ob,,\n'
        "ada,replied,2026-03-01T09:00:00Z\n"
    )
    summary = workspace.apply(write(content), options())
    rejects = Path(summary.rejects).read_bytes().decode()
    header, first, second, third = rejects.splitlines()
    assert header == HEADER.strip() + ",rejected_line,rejected_column,rejected_reason"
    assert first.startswith("ada,replyed,2026-03-01T09:00:00Z,,,,3,event,")
    assert second.startswith('ada,replied,2026-03-01T09:00:00Z,"bob",,,4,') or "bob" in second
    assert third.startswith("ada,replied,2026-03-01T09:00:00Z,,,,5,,")
    corrected = write(rejects.replace("replyed", "replied"), "corrected.csv")
    again = workspace.apply(corrected, options())
    assert (again.tally.rejected, again.tally.rows, again.ignored) == (0, 3, ())
    assert story(workspace) == ["add", "subscribed", "replied", "replied", "replied"]


def test_rejects_of_json_lines_are_json_lines_and_can_be_applied_again(workspace, write):
    content = (
        '{"contact": "ada", "event": "nope", "at": "2026-03-01T09:00:00Z"}\n'
        '{"contact": "ada", "event": "subscribed", "at": "2026-03-01T09:00:00Z"}\n'
        "{nonsense\n"
    )
    summary = workspace.apply(write(content, "e.jsonl"), options())
    first, second = map(json.loads, Path(summary.rejects).read_text().splitlines())
    assert first["_rejected"]["line"] == 1
    assert first["contact"] == "ada"
    assert second["_rejected"]["text"] == "{nonsense"
    corrected = write(json.dumps({**first, "event": "replied"}) + "\n", "corrected.jsonl")
    assert workspace.apply(corrected, options()).tally.rejected == 0
    assert story(workspace) == ["add", "subscribed", "replied"]


def test_no_rejects_file_is_made_when_nothing_is_rejected(workspace, directory, write):
    assert workspace.apply(write(STORY), options()).rejects == ""
    assert not (directory / "rejects").exists()


def test_rejects_are_neither_lost_nor_doubled_when_a_run_is_broken_off(
    workspace, write, monkeypatch
):
    rows = "".join(f"c{n},nope,2026-03-01T09:00:00Z,,,\n" for n in range(9))
    path = write(HEADER + rows)
    with monkeypatch.context() as patch:
        break_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply(path, options())
    summary = workspace.apply(path, options())
    lines = Path(summary.rejects).read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == [f"c{n}" for n in range(9)]


def test_what_no_commit_knows_of_is_cut_off_the_rejects_at_once(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("contact,rejected_line\nada,1\nbob,2\n")
    RejectsFile(path, ["contact"], format="csv", size=28).close()
    assert path.read_text() == "contact,rejected_line\nada,1\n"


def test_a_rejects_file_that_was_shortened_meanwhile_is_noticed(
    workspace, write, monkeypatch, tmp_path
):
    path = write(HEADER + "c,nope,2026-03-01T09:00:00Z,,,\n" * 9)
    with monkeypatch.context() as patch:
        break_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply(path, options(rejects=tmp_path / "bad.csv"))
    (tmp_path / "bad.csv").write_text("")
    with pytest.raises(FunnelflowError) as caught:
        workspace.apply(path, options())
    assert "shorter" in caught.value.message


def test_a_file_that_is_in_the_way_of_the_rejects_is_not_replaced(workspace, write):
    path = write(HEADER + "c,nope,2026-03-01T09:00:00Z,,,\n")
    with pytest.raises(UsageError):
        workspace.apply(path, options(rejects=Path(path)))


def test_a_bad_place_in_the_file_ends_the_run_behind_all_rows_before_it(workspace, write):
    broken = events(5) + '"c1,replied,2026-03-01T09:00:00Z,,,\n' + "c1,replied,x,,,\n" * 10
    with pytest.raises(FileError) as caught:
        workspace.apply(write(broken), options(chunk=3))
    assert (caught.value.line, caught.value.column) == (7, 1)
    assert caught.value.summary.tally.rows == 5
    repaired = broken.replace('"c1', "c1")
    with pytest.raises(FileError):
        workspace.apply(write(repaired), options())
    summary = workspace.apply(write(repaired), options(changed="continue"))
    assert (summary.resumed, summary.tally.rows, summary.tally.rejected) == (5, 16, 10)


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


def test_a_dry_run_of_a_broken_file_predicts_the_error(workspace, write):
    path = write(events(5) + '"unclosed\n')
    errors = []
    for dry_run in (True, False):
        with pytest.raises(FileError) as caught:
            workspace.apply(path, options(dry_run=dry_run))
        errors.append((caught.value.message, caught.value.summary.tally))
    assert errors[0] == errors[1]


def test_rows_with_a_key_that_was_applied_are_skipped(workspace, write):
    first, second = events(20, key=True), events(20, key=True, start=10)
    workspace.apply(write(first), options())
    summary = workspace.apply(write(second, "more.csv"), options(chunk=3))
    assert (summary.tally.repeated, summary.tally.rows) == (10, 20)
    assert len(workspace.history().rows) == 30 + 7


def test_a_key_twice_in_one_chunk_counts_once(workspace, write):
    row = "ada,replied,2026-03-01T09:00:00Z,,,k1\n"
    summary = workspace.apply(write(HEADER + row + row), options())
    assert (summary.tally.repeated, summary.tally.stayed) == (1, 1)


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
    assert (summary.tally.refused, summary.tally.moved) == (2, 1)
    assert summary.tally.reasons == {"We can reach them": 2}
    assert [(r.line, r.column) for r in summary.examples] == [(5, "to")]


def test_unknown_contacts_are_rejected_where_none_is_to_be_added(workspace, write):
    workspace.add("ada")
    summary = workspace.apply(write(STORY), options(), create=False)
    assert (summary.tally.created, summary.tally.rejected) == (0, 1)
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
    assert [(r.line, r.column) for r in summary.examples] == [(4, "budget"), (5, "minutes")]
    fields = workspace.contact("ada").contact.fields
    assert (fields["budget"], fields["tags"]) == (5000.5, ("x", "y"))


def test_times_without_an_offset_are_read_in_the_zone_that_was_named(workspace, write):
    rows = "contact,event,at\nada,replied,2026-07-01\ngrace,replied,2026-07-01 09:30:00\n"
    assert workspace.apply(write(rows), options()).tally.rejected == 2
    summary = workspace.apply(write(rows), options(timezone="Europe/Berlin", changed="restart"))
    assert summary.tally.rejected == 0
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
    assert summary.tally.stayed == 1
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


@pytest.mark.parametrize("grown", [False, True])
def test_a_file_that_changes_while_it_is_read_is_noticed(workspace, write, monkeypatch, grown):
    whole = events(300)
    path = Path(write(whole))
    find = streaming_module.find_start

    def meanwhile(*arguments):
        path.write_text(events(301) if grown else events(150))
        return find(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(streaming_module, "find_start", meanwhile)
        patch.setattr("funnelflow.store.files.source.BLOCK", 64)
        with pytest.raises(FileError) as caught:
            workspace.apply(str(path), options(chunk=50))
    assert "changed while it was read" in caught.value.message
    path.write_text(events(301))
    summary = workspace.apply(str(path), options(changed="continue"))
    assert (summary.tally.rows, summary.tally.rejected) == (301, 0)
    assert len(workspace.history(limit=1000).rows) == 301 + 7


def test_progress_is_told_before_the_first_row_and_after_every_chunk(workspace, write):
    told = []
    path = write(STORY)
    workspace.apply(path, options(), progress=told.append)
    assert [progress.rows for progress in told] == [0, 2, 4, 5]


def test_what_the_columns_are_taken_for_is_told_once_before_the_first_row(workspace, write):
    told = []
    workspace.apply(write(STORY), options(), progress=told.append)
    first, *others = [progress.begun for progress in told]
    assert first.matched.matches
    assert first.tally.rows == 0
    assert others == [None, None, None]
    assert told[-1].bytes_read == told[-1].size == len(STORY)


def test_of_two_runs_over_one_file_only_one_goes_on(workspace, directory, write, monkeypatch):
    path = write(events(12))
    find = streaming_module.find_start

    def interfere(*arguments):
        start = find(*arguments)
        monkeypatch.setattr(streaming_module, "find_start", find)
        with Workspace.open(directory, database=workspace.config.database) as other:
            other.apply(path, options(chunk=4))
        return start

    monkeypatch.setattr(streaming_module, "find_start", interfere)
    with pytest.raises(ConflictError) as caught:
        workspace.apply(path, options(chunk=4))
    assert "another process" in caught.value.message
    assert len(workspace.history().rows) == 12 + 7


def test_an_empty_file_and_one_without_rows_are_told_apart(workspace, write):
    with pytest.raises(FileError):
        workspace.apply(write(""), options())
    assert workspace.apply(write(HEADER, "header.csv"), options()).tally.rows == 0
    assert workspace.apply(write(HEADER, "header.csv"), options()).already


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
