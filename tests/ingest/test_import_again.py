"""Importing snapshots that come again: the same, changed, as before, or broken off."""

import io
import os
import random
import signal
import warnings
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest

from funnelflow.errors import UsageError
from funnelflow.ingest import apply as apply_module
from funnelflow.ingest.file_errors import FileError
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, T0
from .applying import break_after, options

MONDAY = (
    "id,email,budget\n"
    "cem,cem@example.com,400\n"
    "dora,dora@example.com,800\n"
    "emil,emil@example.com,\n"
    "fay,fay@example.com,50\n"
)
TUESDAY = MONDAY.replace(",800", ",950").replace(",50\n", ",60\n")
NAMES = ("cem", "dora", "emil", "fay")


def counts(summary):
    """Give how many rows were read, said nothing new, and were kept about somebody known."""
    return summary.counts.rows, summary.counts.unchanged, summary.counts.stayed


def budgets(workspace):
    """Give the budget of everybody."""
    return {stored.id: stored.contact.fields.get("budget") for stored in workspace.list()}


def test_what_comes_again_after_something_else_is_read_again(workspace, write):
    assert workspace.import_contacts(write(MONDAY), options()).counts.created == 4
    assert counts(workspace.import_contacts(write(TUESDAY), options())) == (4, 2, 2)
    assert budgets(workspace) == {"cem": 400, "dora": 950, "emil": None, "fay": 60}
    wednesday = workspace.import_contacts(write(MONDAY), options())
    assert not wednesday.applied_before
    assert counts(wednesday) == (4, 2, 2)
    assert budgets(workspace) == {"cem": 400, "dora": 800, "emil": None, "fay": 50}
    assert [row.facts for row in workspace.history("dora", event="set").rows] == [
        {"budget": 950, "email": "dora@example.com"},
        {"budget": 800, "email": "dora@example.com"},
    ]
    assert workspace.verify().is_sound


@pytest.mark.parametrize("name", ["events.csv", "copy.csv"])
def test_what_comes_again_unchanged_leaves_nothing(workspace, write, name):
    workspace.import_contacts(write(MONDAY), options())
    rows = workspace.history().rows
    assert counts(workspace.import_contacts(write(MONDAY, name), options())) == (4, 4, 0)
    assert workspace.history().rows == rows


def test_what_became_known_otherwise_meanwhile_is_set_back_by_the_same_snapshot(workspace, write):
    workspace.import_contacts(write(MONDAY), options())
    workspace.set("dora", {"budget": 1})
    assert counts(workspace.import_contacts(write(MONDAY), options())) == (4, 3, 1)
    assert budgets(workspace)["dora"] == 800


def test_a_snapshot_that_has_grown_is_read_whole(workspace, write):
    workspace.import_contacts(write(MONDAY), options())
    workspace.set("cem", {"budget": 1})
    summary = workspace.import_contacts(write(MONDAY + "gus,,\n"), options())
    assert (summary.counts.created, *counts(summary), summary.resumed) == (1, 5, 3, 1, 0)


def test_a_snapshot_may_be_read_in_another_way(workspace, write):
    path = write(MONDAY)
    workspace.add("cem")
    assert workspace.import_contacts(path, options(), mode="update").counts.rejected == 3
    assert workspace.import_contacts(path, options(actor="eve"), mode="both").counts.created == 3


DATED = "id,at,email,budget\ncem,2026-03-02T09:00:00Z,cem@example.com,400\n"


def test_a_row_with_a_time_is_news_only_where_something_else_was_known_then(workspace, write):
    path = write(DATED)
    workspace.import_contacts(path, options())
    workspace.record("cem", "subscribed", {"budget": 500}, at=T0 + 5 * DAY)
    rows = workspace.history("cem").rows
    assert counts(workspace.import_contacts(path, options())) == (1, 1, 0)
    assert workspace.history("cem").rows == rows
    corrected = workspace.import_contacts(write(DATED.replace("400", "300")), options())
    assert (corrected.counts.late, counts(corrected)) == (1, (1, 0, 1))
    assert budgets(workspace) == {"cem": 500}  # told later
    later = write(DATED.replace("03-02", "03-09"))
    assert counts(workspace.import_contacts(later, options())) == (1, 0, 1)
    assert budgets(workspace) == {"cem": 400}
    assert workspace.verify().is_sound


def test_of_two_rows_of_before_in_one_chunk_the_second_is_held_against_the_first(workspace, write):
    workspace.add("cem", at=T0)
    workspace.record("cem", "replied", at=T0 + 20 * DAY)
    row = DATED.splitlines()[1]
    twice = write(DATED + row + "\n" + row.replace("02T09", "03T09") + "\n")
    assert counts(workspace.import_contacts(twice, options(chunk=10))) == (3, 2, 1)


def broken_off(workspace, monkeypatch, path, chunks=1, **more):
    """Break an import off when it has committed that many chunks of two rows."""
    with monkeypatch.context() as patch:
        break_after(patch, chunks)
        with pytest.raises(KeyboardInterrupt):
            workspace.import_contacts(path, options(), **more)


def test_an_import_that_was_broken_off_goes_on(workspace, write, monkeypatch):
    path = write(MONDAY)
    broken_off(workspace, monkeypatch, path)
    assert [stored.id for stored in workspace.list()] == ["cem", "dora"]
    workspace.set("cem", {"budget": 1})
    summary = workspace.import_contacts(path, options())
    assert (summary.resumed, summary.counts.rows, summary.counts.created) == (2, 4, 4)
    assert budgets(workspace)["cem"] == 1
    assert counts(workspace.import_contacts(path, options())) == (4, 3, 1)


def test_an_import_that_was_broken_off_begins_anew_on_request(workspace, write, monkeypatch):
    path = write(MONDAY)
    broken_off(workspace, monkeypatch, path)
    workspace.set("cem", {"budget": 1})
    summary = workspace.import_contacts(path, options(changed="restart"))
    assert (summary.resumed, *counts(summary), summary.counts.created) == (0, 4, 1, 1, 2)


@pytest.mark.parametrize("name", ["events.csv", "elsewhere.csv"])
def test_after_another_snapshot_one_that_was_broken_off_is_read_whole(
    workspace, write, monkeypatch, name
):
    broken_off(workspace, monkeypatch, write(MONDAY))
    workspace.import_contacts(write(TUESDAY, name), options())
    summary = workspace.import_contacts(write(MONDAY), options())
    assert (summary.resumed, *counts(summary)) == (0, 4, 2, 2)
    assert budgets(workspace) == {"cem": 400, "dora": 800, "emil": None, "fay": 50}


def test_whatever_was_read_and_broken_off_before_the_last_snapshot_counts(
    workspace, write, monkeypatch
):
    dice = random.Random(20260301)
    for _ in range(60):
        amounts = [dice.randint(1, 2) for _ in NAMES]
        rows = [f"{name},{amount}\n" for name, amount in zip(NAMES, amounts, strict=True)]
        path = write("id,budget\n" + "".join(rows), dice.choice(["events.csv", "copy.csv"]))
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            break_after(patch, dice.choice([0, 1, 2]))
            workspace.import_contacts(path, options())
            assert budgets(workspace) == dict(zip(NAMES, amounts, strict=True))
    assert workspace.verify().is_sound


def test_one_that_was_broken_off_is_read_whole_in_another_way(workspace, write, monkeypatch):
    path = write(MONDAY)
    workspace.add("fay")
    broken_off(workspace, monkeypatch, path, mode="update")
    summary = workspace.import_contacts(path, options(), mode="both")
    assert (summary.resumed, summary.counts.rows, summary.counts.created) == (0, 4, 3)


def test_a_file_that_changes_while_it_is_read_is_imported_by_the_same_command(
    workspace, write, monkeypatch
):
    path = Path(write(MONDAY))
    find = apply_module.find_snapshot_start

    def meanwhile(*arguments):
        path.write_text(TUESDAY + "gus,,\n")
        return find(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(apply_module, "find_snapshot_start", meanwhile)
        patch.setattr("funnelflow.ingest.source.BLOCK", 64)
        with pytest.raises(FileError) as caught:
            workspace.import_contacts(str(path), options())
    assert caught.value.hint == "let whoever writes it finish, then give the same command"
    assert workspace.import_contacts(str(path), options()).counts.rows == 5
    assert budgets(workspace)["dora"] == 950


def test_a_stream_is_read_whole_each_time(workspace, monkeypatch):
    with monkeypatch.context() as patch:
        break_after(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            workspace.import_contacts("-", options(), stdin=io.BytesIO(MONDAY.encode()))
    for content, news in ((MONDAY, 0), (MONDAY, 0), (TUESDAY, 2), (MONDAY, 2), (MONDAY, 0)):
        stdin = io.BytesIO(content.encode())
        summary = workspace.import_contacts("-", options(), stdin=stdin)
        assert (summary.counts.rows, summary.counts.stayed) == (4, news)


BAD = MONDAY + "gus,,much\n"


def stamp(workspace, path, *, later):
    """Make a file as old as the last row that is known, or newer."""
    (row, *_) = workspace.history("cem").rows
    moment = row.recorded_at + (DAY if later else -DAY)
    os.utime(path, (moment.timestamp(),) * 2)


def test_bad_rows_of_the_same_snapshot_go_where_they_went(workspace, write):
    first = workspace.import_contacts(write(BAD), options())
    stamp(workspace, first.rejects, later=False)
    again = workspace.import_contacts(write(BAD), options())
    assert again.rejects == first.rejects
    assert len(Path(first.rejects).read_text().splitlines()) == 2


def test_bad_rows_replace_none_that_somebody_works_at(workspace, write):
    first = workspace.import_contacts(write(BAD), options()).rejects
    for others in (1, 2):
        Path(first).write_text("id,budget\ngus,7\n")
        again = workspace.import_contacts(write(BAD), options()).rejects
        stamp(workspace, again, later=others > 1)
        assert Path(again).name.endswith(".2.rejects.csv")
        assert Path(first).read_text() == "id,budget\ngus,7\n"
    assert workspace.import_contacts(write(BAD), options()).rejects.endswith(".3.rejects.csv")


def test_a_rejects_file_may_be_named_every_night(workspace, write, tmp_path):
    named = options(rejects=tmp_path / "bad.csv")
    for content in (BAD, BAD, BAD.replace("fay,", "fax,"), BAD):
        assert workspace.import_contacts(write(content), named).rejects == str(named.rejects)
        stamp(workspace, named.rejects, later=False)
    named.rejects.write_text("id,budget\ngus,7\n")
    with pytest.raises(UsageError, match="exists already"):
        workspace.import_contacts(write(BAD), named)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("after", [False, True])
def test_an_import_that_is_killed_goes_on(directory, tmp_path, kind, after, request, write):
    database = "funnelflow.db" if kind == "sqlite" else request.getfixturevalue("new_schema")()
    Workspace.create(directory, "pipeline", database=database).close()
    times = [(T0 + number * DAY).isoformat() for number in range(len(NAMES))]
    rows = [f"{name},{at},5\n" for name, at in zip(NAMES, times, strict=True)]
    path = write("id,at,budget\n" + "".join(rows))

    def child() -> None:
        save, calls = apply_module.save_checkpoint, []

        def dying(*arguments):
            calls.append(None)
            if len(calls) == 2 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            saved = save(*arguments)
            if len(calls) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return saved

        apply_module.save_checkpoint = dying
        with Workspace.open(directory) as workspace:
            workspace.import_contacts(path, options(chunk=1))

    process = get_context("fork").Process(target=child)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with Workspace.open(directory) as workspace:
        assert [stored.id for stored in workspace.list()] == ["cem"]
        summary = workspace.import_contacts(path, options(chunk=1))
        assert (summary.resumed, summary.counts.created) == (1, 4)
        assert [(row.contact_id, row.event) for row in workspace.history().rows] == [
            (name, "add") for name in NAMES
        ]
        assert workspace.verify().is_sound
