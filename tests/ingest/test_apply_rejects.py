"""The rows of a file that cannot be used: set aside, named, corrected and applied."""

import json
from pathlib import Path

import pytest

from funnelflow.errors import Error, UsageError
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.rejects import RejectsFile

from .applying import HEADER, STORY, break_after, events, options, story


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
        "ada,replied,2026-03-01T10:00:00Z,,,\n"
    )
    summary = workspace.apply(write(bad), options(chunk=3))
    assert (summary.counts.rows, summary.counts.rejected) == (12, 10)
    assert [(r.line, r.column) for r in summary.examples] == [
        (3, "event"), (4, "at"), (5, "at"), (6, "contact"), (7, "event"), (8, "at"),
        (9, "facts"), (10, "facts"), (11, "facts"), (12, ""),
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
    assert (again.counts.rejected, again.counts.rows, again.ignored) == (0, 3, ())
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
    assert workspace.apply(corrected, options()).counts.rejected == 0
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
    with pytest.raises(Error) as caught:
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
    assert caught.value.summary.counts.rows == 5
    repaired = broken.replace('"c1', "c1")
    with pytest.raises(FileError):
        workspace.apply(write(repaired), options())
    summary = workspace.apply(write(repaired), options(changed="continue"))
    assert (summary.resumed, summary.counts.rows, summary.counts.rejected) == (5, 16, 10)


def test_an_add_of_somebody_known_is_rejected_where_nobody_is_to_be_added(workspace, write):
    late = HEADER + 'ada,add,2026-03-02T09:00:00Z,,"{""budget"": 3}",\n'
    workspace.apply(write(STORY), options())
    summary = workspace.apply(write(late, "late.csv"), options(), create=False)
    assert summary.examples[0].reason == (
        "there is a contact 'ada' already "
        "(give its facts with the event `set`, or choose another id)"
    )
    workspace.apply(write(late.replace(",add,", ",set,"), "set.csv"), options())
    assert workspace.contact("ada").contact.fields["budget"] == 6000  # told later
