"""Real processes on the same contacts: everything acknowledged is there exactly once.

`FUNNELFLOW_STRESS=20 pytest tests/storage/test_concurrency.py` runs twenty times as much.
"""

import os
import warnings
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from funnelflow.errors import Error
from funnelflow.ingest.file_options import FileOptions
from funnelflow.maintenance import adopt as adopting
from funnelflow.storage.changes import Change
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE

STRESS = int(os.environ.get("FUNNELFLOW_STRESS", "1"))
CONTACTS = 5
EVENTS = 12 * STRESS

PROCESSES = pytest.mark.parametrize("processes", [2, 8])


def together(directory: Path, processes: int, work: Callable[[Workspace, int], list]) -> list[list]:
    """Run work in processes that begin at the same moment, and give what each gave.

    An error that is not one of ours ends the test.
    """
    context = get_context("fork")
    barrier = context.Barrier(processes)
    pipes = [context.Pipe() for _ in range(processes)]

    def child(number: int) -> None:
        with Workspace.open(directory) as workspace:
            barrier.wait(60)
            try:
                pipes[number][1].send(work(workspace, number))
            except BaseException as error:  # noqa: BLE001
                pipes[number][1].send(f"{type(error).__name__}: {error}")

    running = [context.Process(target=child, args=(number,)) for number in range(processes)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        for process in running:
            process.start()
    answers = [here.recv() if here.poll(300) else "silent" for here, _ in pipes]
    for process in running:
        process.join(30)
    broken = [answer for answer in answers if isinstance(answer, str)]
    assert not broken
    return answers


def tried(change: Callable[[], object]) -> str:
    """Give what came of one change: ``ok``, or the name of our error with its message."""
    try:
        change()
    except Error as error:
        return f"{type(error).__name__}: {error.message}"
    return "ok"


@PROCESSES
def test_every_acknowledged_event_is_in_the_history_exactly_once(workspace, directory, processes):
    for number in range(CONTACTS):
        workspace.add(f"c{number}", {"email": "x@example.com"})

    def work(mine: Workspace, process: int) -> list[str]:
        done = []
        for number in range(EVENTS):
            key = f"{process}-{number}"
            mine.record(f"c{(number + process) % CONTACTS}", "replied", key=key)
            done.append(key)
        return done

    answers = together(directory, processes, work)
    acknowledged = [key for answer in answers for key in answer]
    stored = Counter(row.key for row in all_rows(workspace) if row.key)
    assert stored == Counter(acknowledged)
    assert len(acknowledged) == processes * EVENTS
    replies = sum(s.contact.fields["replies"] for s in workspace.list())
    assert replies == len(acknowledged)
    assert workspace.verify().is_sound


@PROCESSES
def test_one_of_many_adds_a_contact(workspace, directory, processes):
    answers = together(
        directory,
        processes,
        lambda mine, _: [tried(lambda n=n: mine.add(f"c{n}")) for n in range(5 * STRESS)],
    )
    for outcomes in zip(*answers, strict=True):
        assert Counter(outcomes)["ok"] == 1
        assert all("already" in said for said in outcomes if said != "ok")
    assert workspace.verify().is_sound


@PROCESSES
def test_one_of_many_changes_what_they_all_looked_at(workspace, directory, processes):
    workspace.add("ada", {"email": "ada@example.com"})

    def work(mine: Workspace, process: int) -> list[str]:
        return [tried(lambda: mine.record("ada", "subscribed", actor=f"p{process}", expect=1))]

    outcomes = [said for (said,) in together(directory, processes, work)]
    assert Counter(outcomes)["ok"] == 1
    losers = [said for said in outcomes if said != "ok"]
    assert all(
        said.startswith("ChangedMeanwhileError: ada has changed meanwhile") for said in losers
    )
    assert all("subscribed by p" in said and "lead.fresh" in said for said in losers)
    assert workspace.contact("ada").sequence == 2


@PROCESSES
def test_a_key_that_many_use_at_once_is_recorded_once(workspace, directory, processes):
    workspace.add("ada")

    def work(mine: Workspace, _: int) -> list[tuple[int, bool]]:
        answers = [mine.record("ada", "replied", key=f"k{n}") for n in range(5 * STRESS)]
        return [(answer.sequence, answer.duplicate) for answer in answers]

    answers = together(directory, processes, work)
    for said in zip(*answers, strict=True):
        assert len({sequence for sequence, _ in said}) == 1
        assert [duplicate for _, duplicate in said].count(False) == 1
    assert workspace.contact("ada").sequence == 1 + 5 * STRESS


@PROCESSES
def test_a_key_is_for_one_contact_however_many_claim_it(workspace, directory, processes):
    for number in range(processes):
        workspace.add(f"c{number}")

    def work(mine: Workspace, process: int) -> list[str]:
        return [
            tried(lambda n=n: mine.record(f"c{process}", "replied", key=f"k{n}"))
            for n in range(5 * STRESS)
        ]

    for outcomes in zip(*together(directory, processes, work), strict=True):
        assert Counter(outcomes)["ok"] == 1
        assert all("was used before, for " in said for said in outcomes if said != "ok")
    assert workspace.verify().is_sound


@PROCESSES
def test_chunks_that_meet_on_the_same_contacts_wait_for_each_other(workspace, directory, processes):
    """Some of the contacts are new, and every process has another order."""
    for number in range(20):
        workspace.add(f"c{number}")

    def work(mine: Workspace, process: int) -> list[int]:
        ids = [f"c{number}" for number in range(80)]
        ids = ids[process * 7 :] + ids[: process * 7]

        def change(chunk: UnitOfWork) -> int:
            chunk.load(ids)
            for name in ids:
                chunk.take(Change(name, "replied", create=True))
            chunk.write()
            return len(ids)

        return [mine.context.transact(change) for _ in range(2 * STRESS)]

    done = sum(sum(answer) for answer in together(directory, processes, work))
    rows = Counter(row.event for row in all_rows(workspace))
    assert rows["replied"] == done == 160 * STRESS * processes
    assert rows["add"] == 80
    assert workspace.verify().is_sound


@PROCESSES
def test_writers_go_on_while_a_new_version_is_adopted(workspace, directory, processes, monkeypatch):
    for number in range(12):
        workspace.add(f"c{number:02}", {"email": "x@example.com"})
        workspace.record(f"c{number:02}", "subscribed")
    path = directory / "pipeline.yaml"
    path.write_text(PIPELINE.replace("version: 1", "version: 2").replace("5000", "1000"))
    monkeypatch.setattr(adopting, "CHUNK", 2)
    facts = {"budget": 2000, "authority": True}

    def work(mine: Workspace, process: int) -> list[str]:
        if process == 0:
            mine.adopt(path)
            return []
        for number in range(EVENTS):
            mine.record(f"c{(number * 5 + process) % 12:02}", "called", facts)
            mine.add(f"new-{process}-{number}", {"email": "x@example.com"})
        return []

    together(directory, processes, work)
    assert workspace.adopt(path).contacts == 0
    assert workspace.verify().is_sound
    assert len({stored.definition for stored in workspace.list()}) == 1
    left = workspace.list("contact.budget == 2000 && contact.stage == 'lead.fresh'")
    assert list(left) == []


def all_rows(workspace: Workspace):
    """Yield the whole history."""
    after = None
    while True:
        page = workspace.history(limit=1000, after=after)
        yield from page.rows
        if page.after is None:
            return
        after = page.after


@pytest.mark.parametrize("processes", [2, 4])
def test_files_that_are_applied_at_once_are_all_there(workspace, directory, tmp_path, processes):
    def rows(process: int) -> str:
        lines = [
            f"c{n % CONTACTS},replied,2026-03-01T09:{n // 60 % 60:02d}:{n % 60:02d}Z,{process}-{n}"
            for n in range(4 * EVENTS)
        ]
        return "contact,event,at,key\n" + "\n".join(lines) + "\n"

    for process in range(processes):
        (tmp_path / f"{process}.csv").write_text(rows(process))

    def work(mine: Workspace, process: int) -> list[int]:
        options = FileOptions(chunk=5)
        return [mine.apply(str(tmp_path / f"{process}.csv"), options).counts.rejected]

    assert together(directory, processes, work) == [[0]] * processes
    stored = Counter(row.key for row in all_rows(workspace) if row.key)
    assert stored == Counter(f"{p}-{n}" for p in range(processes) for n in range(4 * EVENTS))
    assert workspace.verify().is_sound
