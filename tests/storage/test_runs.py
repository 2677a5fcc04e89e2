"""What brings more than one piece of evidence has a row from the first that it stores on."""

import pytest
from sqlalchemy import text

from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage.connect import writing

from ..funnels import DAY, T0

EVENTS = "contact,event,at,key\n"
ROWS = tuple(f"c{n % 3},subscribed,2026-03-0{1 + n}T09:00:00Z,k{n}\n" for n in range(5))


def brought(workspace):
    """Return who brought each row of the history."""
    return [(row.contact_id, row.run) for row in workspace.history().rows]


def test_a_file_is_a_run_that_all_its_rows_name(workspace, write):
    workspace.add("c0", at=T0 - DAY)
    path = write(EVENTS + "".join(ROWS))
    summary = workspace.apply(path, FileOptions(chunk=2, actor="eve"))
    (run,) = workspace.runs()
    said = run.to_json()
    assert {name: said[name] for name in ("run", "kind", "file", "who", "finished", "undone")} == {
        "run": run.number,
        "kind": "apply",
        "file": path,
        "who": "eve",
        "finished": True,
        "undone": False,
    }
    assert run.counts == summary.counts.to_json()
    assert brought(workspace)[0] == ("c0", None)
    assert {number for _, number in brought(workspace)[1:]} == {run.number}
    assert workspace.verify().is_sound


def test_what_stores_nothing_is_no_run(workspace, write):
    workspace.apply(write(EVENTS + ROWS[0], "a.csv"))
    workspace.apply(write(EVENTS + ROWS[0] + "c1,nope,2026-03-01T09:00:00Z,\n", "b.csv"))
    workspace.apply(write(EVENTS + "".join(ROWS), "c.csv"), FileOptions(dry_run=True))
    workspace.import_contacts(write("contact\nc0\n", "d.csv"))
    workspace.tick()
    assert len(workspace.runs()) == 1


def test_runs_come_newest_first_and_each_names_its_kind(workspace, write, clock):
    told = {"contact": "ada", "at": T0}
    workspace.apply(
        [
            {**told, "event": "subscribed", "email": "a@b.example"},
            {**told, "event": "replied"},
            {**told, "event": "replied"},
        ]
    )
    workspace.import_contacts(write("contact,budget\nada,2\n"))
    clock.now = T0 + 60 * DAY
    workspace.tick(actor="cron")
    tick, snapshot, rows = workspace.runs()
    assert [run.kind for run in (tick, snapshot, rows)] == ["tick", "import", "apply"]
    assert (tick.actor, tick.counts) == ("cron", {"due": 1, "moved": 1})
    assert (rows.file, rows.counts["moved"]) == ("rows", 2)
    assert workspace.runs(limit=1) == (tick,)


def test_a_file_that_is_gone_on_with_stays_one_run(workspace, write):
    path = write(EVENTS + "".join(ROWS[:3]))
    workspace.apply(path)
    write(EVENTS + "".join(ROWS))
    workspace.apply(path, FileOptions(changed="continue"))
    assert {run for _, run in brought(workspace)} == {workspace.runs()[0].number}
    assert workspace.runs()[0].counts["rows"] == 5


def test_a_file_that_is_applied_again_is_another_run(workspace, write):
    path = write("contact,event,at\nada,subscribed,2026-03-01T09:00:00Z\n")
    workspace.apply(path)
    workspace.apply(path, FileOptions(changed="restart"))
    first, second = sorted({run for _, run in brought(workspace)})
    assert [run.number for run in workspace.runs()] == [second, first]


def test_a_run_that_was_altered_is_found(workspace, write):
    workspace.apply(write(EVENTS + ROWS[0]))
    with writing(workspace.engine) as connection:
        connection.execute(text("UPDATE runs SET actor = 'eve'"))
    proof = workspace.verify()
    assert [(f.kind, f.what) for f in proof.findings] == [("run", "its row has been altered")]
    with pytest.raises(Exception, match="run 1 has been altered"):
        workspace.runs()
