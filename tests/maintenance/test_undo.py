"""A run that is taken back never happened, but for the record of it."""

import os
import random
import signal
import warnings
from multiprocessing import get_context
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelflow.errors import ConflictError, UnknownContactError, UnknownNameError, UsageError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.maintenance import undo as undo_module
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, T0
from ..ingest.test_apply_kill import at_call
from ..storage.test_order import (
    PROPERTY,
    STORIES,
    apply_rows,
    as_row,
    change,
    stands,
    stored_of,
)
from .test_adopt import WITHOUT_WARM

WHY = "the wrong file"
HEADER = "contact,event,at,key,seats\n"


def everybody(workspace):
    """Return where everybody stands, by id."""
    return {one.id: (one.contact, one.created_at, one.due_at) for one in workspace.list()}


def newest(workspace):
    """Return the run that came last."""
    return workspace.runs(limit=1)[0].number


@PROPERTY
@given(STORIES, STORIES, st.randoms(use_true_random=False), st.integers(1, 4))
def test_without_a_run_everything_is_as_if_it_had_never_been(
    deals,
    write,
    before,
    brought,
    chance,
    chunk,
):
    name = f"w{uuid4().hex}"
    taken = {day for _, day, _ in before}
    brought = [row for row in brought if row[1] not in taken]
    for row in chance.sample(before, len(before)):
        deals.context.record(change(name, row))
    was = stands(deals, name)
    rows = [as_row(name, row) for row in chance.sample(brought, len(brought))]
    if not rows:
        return
    path = f"{name}.csv"
    apply_rows(deals, write, rows, chunk=chunk, name=path)
    with_it, run = stands(deals, name), newest(deals)
    undone = deals.undo(run, WHY)
    assert stands(deals, name) == was
    restored = deals.undo(undone.by, "it was right")
    assert stands(deals, name) == with_it
    deals.undo(restored.by, WHY)
    assert stands(deals, name) == was
    apply_rows(deals, write, rows, chunk=chunk, name=path)
    assert stands(deals, name) == with_it


FILE = HEADER + "".join(
    f"c{n % 7},{('add', 'set', 'opened')[n % 3]},2026-03-{1 + n:02d}T09:00:00Z,k{n},{n}\n"
    for n in range(20)
)


@pytest.fixture
def applied(deals, write):
    """Give a workspace with somebody of its own and a file, with the path of that."""
    deals.add("c0", {"budget": 5}, at=T0 + DAY / 2, key="own")
    deals.add("zoe", at=T0)
    path = write(FILE)
    deals.apply(path, FileOptions(chunk=3, actor="eve"))
    return deals, path


def test_a_run_is_taken_back_whole_and_its_file_can_come_again(applied):
    workspace, path = applied
    before, run = everybody(workspace), newest(workspace)
    assert workspace.apply(path, FileOptions(actor="eve")).applied_before
    undone = workspace.undo(run, WHY, actor="eve")
    assert (undone.run, undone.contacts) == (run, 7)
    assert sorted(everybody(workspace)) == ["c0", "zoe"]
    with pytest.raises(UnknownContactError):
        workspace.contact("c1")
    first, second = workspace.runs(limit=2)
    assert (first.kind, first.undoes, first.actor, first.reason) == ("undo", run, "eve", WHY)
    assert (second.undone_by, second.to_json()["undone"]) == (first.number, True)
    assert first.counts == {"contacts": 7, "rows": undone.rows}
    again = workspace.apply(path, FileOptions(actor="eve"))
    assert (again.applied_before, again.counts.repeated, again.counts.rows) == (False, 0, 20)
    assert everybody(workspace) == before
    assert workspace.verify().is_sound


def test_a_dry_run_says_who_would_stand_where_and_stores_nothing(applied):
    workspace, _ = applied
    before, runs = everybody(workspace), workspace.runs()
    tried = workspace.undo(newest(workspace), WHY, dry_run=True)
    assert (tried.by, tried.dry_run, tried.contacts) == (None, True, 7)
    assert (everybody(workspace), workspace.runs()) == (before, runs)
    done = workspace.undo(newest(workspace), WHY)
    assert tried.elsewhere == done.elsewhere
    ways = {(way.before, way.after): way.count for way in done.elsewhere}
    stages = {one: contact.stage for one, (contact, _, _) in before.items()}
    for (stage, after), count in ways.items():
        gone = [one for one in stages if one not in everybody(workspace)]
        if after == "":
            assert count == sum(stages[one] == stage for one in gone)
    assert sum(count for (_, after), count in ways.items() if after == "") == 6


def test_what_was_recorded_beside_a_run_still_counts(applied):
    workspace, _ = applied
    workspace.set("c1", {"budget": 9}, at=T0 + 40 * DAY)
    workspace.undo(newest(workspace), WHY)
    assert stored_of(workspace, "c1").contact.fields == {"budget": 9, "paid": 0}
    assert workspace.verify().is_sound


def test_a_row_that_was_taken_back_before_stays_so_when_the_undo_is_undone(applied):
    workspace, _ = applied
    run = newest(workspace)
    (row,) = [row for row in workspace.history("c1").rows if row.key == "k1"]
    workspace.void("c1", [row.sequence], "typed twice")
    before = everybody(workspace)
    undone = workspace.undo(run, WHY)
    workspace.undo(undone.by, "it was right")
    assert everybody(workspace) == before


def test_a_tick_and_an_import_are_taken_back(deals, write):
    deals.add("ada", at=T0)
    deals.tick(T0 + 40 * DAY)
    before = everybody(deals)
    deals.import_contacts(write("contact,seats\nada,3\nbob,4\n"))
    deals.undo(newest(deals), WHY)
    assert everybody(deals) == before
    (tick,) = [run.number for run in deals.runs() if run.kind == "tick"]
    deals.undo(tick, WHY)
    assert stored_of(deals, "ada").contact.stage == "nurture"
    assert deals.contact("ada").contact.stage == "lost"  # time has passed all the same
    assert deals.verify().is_sound


def test_only_what_counts_is_taken_back_and_only_what_has_not_come_again_restored(applied):
    workspace, path = applied
    run = newest(workspace)
    with pytest.raises(UnknownNameError, match="there is no run '99'"):
        workspace.undo(99, WHY)
    with pytest.raises(UsageError, match="needs a reason"):
        workspace.undo(run, "")
    by = workspace.undo(run, WHY).by
    with pytest.raises(ConflictError, match=f"run {run} is taken back already, by run {by}"):
        workspace.undo(run, WHY)
    workspace.apply(path, FileOptions(actor="eve"))
    again = newest(workspace)
    with pytest.raises(ConflictError, match="was applied again since") as raised:
        workspace.undo(by, "it was right")
    assert raised.value.hint == f"take that back first: funnelflow undo {again}"
    workspace.undo(again, WHY)
    workspace.record("c1", "opened", at=T0 + 9 * DAY, key="k1", create=True)
    with pytest.raises(ConflictError, match="the key 'k1' of run"):
        workspace.undo(by, "it was right")


def test_the_keys_of_a_run_are_taken_again_when_it_is_restored(applied):
    workspace, path = applied
    run = newest(workspace)
    by = workspace.undo(run, WHY).by
    workspace.undo(by, "it was right")
    assert workspace.apply(path, FileOptions(actor="eve")).applied_before
    assert workspace.record("c0", "add", {"seats": 0}, at=T0, key="k0", actor="eve").duplicate


def test_a_merge_is_undone_by_taking_the_two_apart_and_that_by_merging_them_again(deals):
    deals.add("ada", {"seats": 1}, at=T0)
    deals.add("bob", {"seats": 12}, at=T0 + DAY)
    deals.merge("bob", "ada")
    run, merged = newest(deals), stands(deals, "ada")
    planned = deals.undo(run, WHY, dry_run=True)
    assert {(way.before, way.after, way.examples) for way in planned.elsewhere} == {
        ("engaged", "nurture", ("ada",)),
        ("", "engaged", ("bob",)),
    }
    assert deals.contact("bob").id == "ada"
    undone = deals.undo(run, WHY)
    assert (undone.contacts, undone.rows, undone.elsewhere) == (2, 1, planned.elsewhere)
    last, first = deals.runs(2)
    assert (first.undone_by, last.number, last.kind) == (undone.by, undone.by, "unmerge")
    assert (last.undoes, last.reason) == (run, WHY)
    assert deals.contact("bob").id == "bob"
    with pytest.raises(ConflictError, match=f"run {run} is taken back already, by run {undone.by}"):
        deals.undo(run, WHY)
    deals.undo(undone.by, "it was right")
    assert stands(deals, "bob") == merged
    assert deals.verify().findings == ()


def test_a_merge_is_not_undone_where_somebody_else_was_merged_with_since(deals):
    for name in ("ada", "bob", "eve"):
        deals.add(name, at=T0)
    deals.merge("bob", "ada")
    run = newest(deals)
    deals.unmerge("bob")
    deals.merge("bob", "eve")
    with pytest.raises(ConflictError, match="bob is not merged into ada"):
        deals.undo(run, WHY)


def test_what_a_run_has_brought_of_somebody_who_was_merged_is_taken_back(applied):
    workspace, path = applied
    run = newest(workspace)
    workspace.merge("c1", "zoe")
    workspace.undo(run, WHY)
    assert stored_of(workspace, "zoe").contact.fields == {"paid": 0}
    workspace.apply(path, FileOptions(actor="eve"))
    assert workspace.verify().is_sound


@pytest.fixture
def adopted(workspace, directory):
    """Give a workspace in which another version was adopted, with what stood before."""
    for number in range(5):
        workspace.add(f"c{number}", {"email": "a@example.com"}, at=T0 - 9 * DAY)
        workspace.record(f"c{number}", "subscribed", at=T0 - 8 * DAY)
        for day in range(number):
            workspace.record(f"c{number}", "replied", at=T0 - (7 - day) * DAY)
    before = everybody(workspace)
    path = directory / "next.yaml"
    path.write_text(WITHOUT_WARM)
    workspace.adopt(path, {"lead.warm": "prospect"}, actor="eve")
    return workspace, before


def test_an_adoption_is_a_run_that_is_taken_back_and_restored(adopted):
    workspace, before = adopted
    run, after = workspace.runs()[0], everybody(workspace)
    assert (run.kind, run.actor, run.counts) == ("adopt", "eve", {"contacts": 5, "moved": 3})
    tried = workspace.undo(run.number, WHY, dry_run=True)
    assert [(way.before, way.after, way.count) for way in tried.elsewhere] == [
        ("prospect", "lead.warm", 3)
    ]
    assert everybody(workspace) == after
    undone = workspace.undo(run.number, WHY)
    assert undone.elsewhere == tried.elsewhere
    assert {one: found[0].stage for one, found in everybody(workspace).items()} == {
        one: found[0].stage for one, found in before.items()
    }
    assert "lead.warm" in workspace.funnel().linked.leaves
    assert workspace.verify().is_sound
    workspace.undo(undone.by, "it was right")
    assert {one: found[0].stage for one, found in everybody(workspace).items()} == {
        one: found[0].stage for one, found in after.items()
    }
    assert "lead.warm" not in workspace.funnel().linked.leaves
    assert workspace.verify().is_sound


def test_only_the_last_adoption_is_taken_back(adopted, directory):
    workspace, _ = adopted
    run = newest(workspace)
    path = directory / "next.yaml"
    path.write_text(WITHOUT_WARM.replace("version: 2", "version: 3"))
    workspace.adopt(path)
    with pytest.raises(ConflictError, match="another version of pipeline was adopted since"):
        workspace.undo(run, WHY)


def test_an_adoption_that_changes_nothing_is_no_run(adopted, directory):
    workspace, _ = adopted
    runs = workspace.runs()
    workspace.adopt(directory / "next.yaml")
    assert workspace.runs() == runs


def test_an_adoption_that_is_broken_off_and_gone_on_with_is_one_run(workspace, directory):
    for number in range(3):
        workspace.add(f"c{number}", at=T0)
    path = directory / "next.yaml"
    path.write_text(WITHOUT_WARM)

    class BrokenOffError(Exception):
        """What ends the first attempt."""

    def break_off(_):
        raise BrokenOffError

    with pytest.raises(BrokenOffError):
        workspace.adopt(path, progress=break_off)
    assert not workspace.runs()[0].is_finished
    workspace.adopt(path)
    (run,) = workspace.runs()
    assert run.is_finished


POINTS = {
    "before contacts are read": lambda n: at_call(UnitOfWork, "load", n, after=False),
    "before rows are written": lambda n: at_call(UnitOfWork, "write", n, after=False),
    "after rows are written": lambda n: at_call(UnitOfWork, "write", n, after=True),
    "before keys are free": lambda n: at_call(undo_module, "_turn_keys", n, after=False),
    "after keys are free": lambda n: at_call(undo_module, "_turn_keys", n, after=True),
    "before the file is free": lambda n: at_call(undo_module, "_finish", min(n, 1), after=False),
    "after the file is free": lambda n: at_call(undo_module, "_finish", min(n, 1), after=True),
}


def undo_in_process(directory, run, clock, hook):
    """Take a run back in a process of its own, two contacts a transaction."""

    def child():
        hook()
        undo_module.CHUNK = 2
        with Workspace.open(directory, clock=clock) as workspace:
            workspace.undo(run, WHY)
        os._exit(0)

    process = get_context("fork").Process(target=child)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize("point", POINTS)
def test_an_undo_that_is_killed_goes_on(applied, directory, clock, point):
    workspace, path = applied
    whole, run = everybody(workspace), newest(workspace)
    dice, code, kills = random.Random(point), None, 0
    while code != 0:
        hook = POINTS[point](dice.randint(1, 3)) if kills < 3 else lambda: None
        code = undo_in_process(directory, run, clock, hook)
        assert code in {0, -signal.SIGKILL}
        kills += code != 0
        assert workspace.verify().is_sound
        if code != 0 and workspace.runs()[0].kind == "undo":
            with pytest.raises(ConflictError, match=r"is being taken back|is taken back already"):
                workspace.apply(path, FileOptions(actor="eve"))
    assert kills
    assert sorted(everybody(workspace)) == ["c0", "zoe"]
    history = workspace.history(limit=1000).rows
    assert len([row for row in history if row.event == "void"]) == 7
    assert not workspace.apply(path, FileOptions(actor="eve")).applied_before
    assert everybody(workspace) == whole
    assert workspace.verify().is_sound


def test_what_goes_on_bringing_stops_when_its_run_is_taken_back(deals, write):
    path = write(FILE)
    undone = []

    def take_back(progress):
        if progress.rows == 6:
            undone.append(deals.undo(newest(deals), WHY))

    with pytest.raises(ConflictError, match=r"is being taken back|applying the same file"):
        deals.apply(path, FileOptions(chunk=3), progress=take_back)
    assert undone
    assert everybody(deals) == {}
    assert deals.verify().is_sound


def test_what_goes_on_bringing_stops_while_its_run_is_being_taken_back(deals, write, monkeypatch):
    monkeypatch.setattr(undo_module, "CHUNK", 2)
    path = write(FILE)

    class BrokenOffError(Exception):
        """What ends the undo."""

    def break_off(_):
        raise BrokenOffError

    def begin_to_take_back(progress):
        if progress.rows == 9:
            with pytest.raises(BrokenOffError):
                deals.undo(newest(deals), WHY, progress=break_off)

    with pytest.raises(ConflictError, match="is being taken back, by run"):
        deals.apply(path, FileOptions(chunk=3), progress=begin_to_take_back)
    undo, brought = deals.runs(limit=2)
    assert (undo.is_finished, brought.counts["rows"]) == (False, 9)
    deals.undo(brought.number, "said again")
    assert deals.runs()[0].reason == WHY
    assert everybody(deals) == {}
    assert deals.verify().is_sound


def test_what_was_known_before_an_undo_still_counts_what_it_took_back(applied):
    workspace, _ = applied
    known = workspace.history(limit=1000).rows[-1].id
    before = {one.id: one.contact.stage for one in workspace.list(known_at=known)}
    workspace.undo(newest(workspace), WHY)
    assert {one.id: one.contact.stage for one in workspace.list(known_at=known)} == before
    assert workspace.why("c1", known_at=known).contact.contact.stage == before["c1"]
