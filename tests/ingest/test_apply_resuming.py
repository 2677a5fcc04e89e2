"""Applying a file again: done, grown, changed, broken off, or by two at once."""

import gzip
import io
from pathlib import Path

import pytest

from funnelflow.errors import ConflictError
from funnelflow.ingest import apply as apply_module
from funnelflow.ingest.file_errors import FileError
from funnelflow.workspace.workspace import Workspace

from .applying import HEADER, STORY, break_after, counts, events, options, story


def test_a_file_that_is_done_is_left_alone(workspace, write):
    path = write(STORY)
    first = workspace.apply(path, options())
    again = workspace.apply(path, options())
    assert again.applied_before
    assert counts(again) == counts(first)
    assert len(story(workspace)) == 5


def test_the_same_content_under_another_name_is_done_too(workspace, write):
    workspace.apply(write(STORY), options())
    assert workspace.apply(write(STORY, "copy.csv"), options()).applied_before


def test_a_finished_file_that_changed_is_refused_until_somebody_says_what_to_do(workspace, write):
    workspace.apply(write(STORY), options())
    more = STORY + "grace,gave_up,2026-03-09T09:00:00Z,,,\n"
    with pytest.raises(FileError) as caught:
        workspace.apply(write(more), options())
    assert "--continue" in caught.value.hint
    assert story(workspace, "grace") == ["add", "subscribed"]
    summary = workspace.apply(write(more), options(changed="continue"))
    assert (summary.resumed, summary.counts.rows) == (5, 6)
    assert story(workspace, "grace") == ["add", "subscribed", "gave_up"]
    assert workspace.apply(write(more), options()).applied_before


def test_a_file_whose_beginning_changed_cannot_be_continued(workspace, write):
    workspace.apply(write(STORY), options())
    other = STORY.replace("grace", "grete")
    for changed in ("refuse", "continue"):
        with pytest.raises(FileError) as caught:
            workspace.apply(write(other), options(changed=changed))
        assert "--restart" in caught.value.hint
    assert workspace.apply(write(other), options(changed="restart")).counts.rows == 5
    assert story(workspace, "grete") == ["add", "subscribed"]


@pytest.mark.parametrize("changed", ["beginning", "end"])
def test_who_may_restart_is_warned_where_rows_have_no_key(workspace, write, changed):
    rows = HEADER.replace(",key", "")
    row, other = "ada,subscribed,2026-03-01T09:00:00Z,,\n", "ada,replied,2026-03-02T09:00:00Z,,\n"
    workspace.apply(write(rows + row), options())
    with pytest.raises(FileError) as caught:
        workspace.apply(write(rows + (other if changed == "beginning" else row + other)), options())
    assert "records every event that was applied a second time" in caught.value.hint


def test_who_may_restart_is_told_that_rows_with_a_key_are_skipped(workspace, write):
    workspace.apply(write(events(4, key=True)), options())
    with pytest.raises(FileError) as caught:
        workspace.apply(write(events(4, key=True, start=1)), options())
    assert "rows with a key that was applied are skipped" in caught.value.hint
    assert "a second time" not in caught.value.hint


def test_restarting_applies_all_of_it_again(workspace, write):
    path = write(STORY)
    workspace.apply(path, options())
    workspace.apply(path, options(changed="restart"))
    assert len(story(workspace)) == 9
    assert workspace.apply(path, options()).applied_before


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
    assert (summary.resumed, summary.counts.rows) == (8, 30)
    assert len(workspace.history().rows) == 30 + 7


def test_a_stream_that_was_broken_off_goes_on_behind_what_is_done(workspace, monkeypatch):
    content = events(3000).encode()
    with monkeypatch.context() as patch:
        break_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            workspace.apply("-", options(chunk=1000), stdin=io.BytesIO(content))
    summary = workspace.apply("-", options(chunk=1000), stdin=io.BytesIO(content))
    assert (summary.resumed, summary.counts.rows) == (2000, 3000)
    assert workspace.apply("-", options(chunk=1000), stdin=io.BytesIO(content)).applied_before
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
    assert workspace.apply(path, options(chunk=5)).counts.rows == 9


@pytest.mark.parametrize("grown", [False, True])
def test_a_file_that_changes_while_it_is_read_is_noticed(workspace, write, monkeypatch, grown):
    whole = events(300)
    path = Path(write(whole))
    find = apply_module.find_start

    def meanwhile(*arguments, **named):
        path.write_text(events(301) if grown else events(150))
        return find(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(apply_module, "find_start", meanwhile)
        patch.setattr("funnelflow.ingest.source.BLOCK", 64)
        with pytest.raises(FileError) as caught:
            workspace.apply(str(path), options(chunk=50))
    assert "changed while it was read" in caught.value.message
    path.write_text(events(301))
    summary = workspace.apply(str(path), options(changed="continue"))
    assert (summary.counts.rows, summary.counts.rejected) == (301, 0)
    assert len(workspace.history(limit=1000).rows) == 301 + 7


def test_of_two_runs_over_one_file_only_one_goes_on(workspace, directory, write, monkeypatch):
    path = write(events(12))
    find = apply_module.find_start

    def interfere(*arguments, **named):
        start = find(*arguments, **named)
        monkeypatch.setattr(apply_module, "find_start", find)
        with Workspace.open(directory, database=workspace.config.database) as other:
            other.apply(path, options(chunk=4))
        return start

    monkeypatch.setattr(apply_module, "find_start", interfere)
    with pytest.raises(ConflictError) as caught:
        workspace.apply(path, options(chunk=4))
    assert "another process" in caught.value.message
    assert len(workspace.history().rows) == 12 + 7
