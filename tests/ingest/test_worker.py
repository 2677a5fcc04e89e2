"""With a worker a run does exactly what it does without one, whatever happens to either."""

import gc
import json
import logging
import marshal
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from itertools import count
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from funnelflow.definition import digest, load_definition
from funnelflow.errors import StoreError
from funnelflow.ingest import deciding
from funnelflow.ingest import run as streaming
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.row_handler import Decided
from funnelflow.ingest.row_parser import ParsedRow
from funnelflow.ingest.run import gc_seldom
from funnelflow.ingest.summary import FileOptions
from funnelflow.ingest.worker import Decider
from funnelflow.storage import changes as remembered
from funnelflow.storage.evidence_rows import Writes
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE

HEADER = "contact,event,at,to,facts,key\n"
EVENTS = ["subscribed", "replied", "replied", "called", "signed", "gave_up", "move", "nope", ""]
FACTS = ['{"email": "a@example.com"}', '{"budget": 6000, "authority": true}', "{", "", '{"x": 1}']


def line(n, contact, event, facts, key):
    """Write a row of a file of events."""
    to = "prospect" if event == "move" else ""
    quoted = facts.replace('"', '""')
    return f'{contact},{event},2026-03-01T09:{n // 60 % 60:02d}:{n % 60:02d}Z,{to},"{quoted}",{key}'


def story(rows=60, contacts=5, seed=1):
    """Write a file with something of everything: repeated keys, refusals, bad rows."""
    dice = random.Random(seed)
    lines = []
    for n in range(rows):
        contact, key = f"c{dice.randrange(contacts)}", f"k{dice.randrange(rows)}"
        lines.append(line(n, contact, dice.choice(EVENTS), dice.choice(FACTS), key))
        if n % 4 == 0:
            lines.append(dice.choice(lines[-20:]))
    return HEADER + "\n".join(lines) + "\n"


@pytest.fixture
def make(tmp_path, database, new_schema):
    """Give what makes a workspace on a kind of database, where every transition is told."""
    numbers = count()
    kind = database if database == "funnelflow.db" else ""

    def made(database=kind, **said):
        database = database or new_schema()
        place = tmp_path / f"w{next(numbers)}"
        place.mkdir()
        (place / "pipeline.yaml").write_text(PIPELINE)
        Workspace.create(place, "pipeline", database=database, **said).close()
        with (place / "funnelflow.toml").open("a") as settings_:
            settings_.write('[[notify]]\nchannel = "log"\nfields = ["email"]\n')
        return Workspace.open(place, **said)

    return made


@pytest.fixture
def workspace(make):
    """Give a workspace that has the clock of the world, without which there is no worker."""
    with make() as made:
        yield made


@pytest.fixture
def helped(monkeypatch):
    """Count the chunks that were stored as a worker had decided them."""
    stored = []
    store = streaming._Run._store_decided

    def counted(self, told, decided):
        done = store(self, told, decided)
        stored.append(done)
        return done

    monkeypatch.setattr(streaming._Run, "_store_decided", counted)
    return stored


class Beside:
    """Decides as a worker does, as far ahead as one can be, but in this process."""

    def __init__(self, order):
        self.is_ready = True
        self._decider = Decider(pickle.loads(pickle.dumps(order)))
        self._answers = deque()
        self._forgets = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._decider._engine.dispose()

    def wait(self):
        """Be there at once."""

    def forget(self):
        self._forgets = True

    def give_up(self):
        self.is_ready = False

    def send(self, rows):
        if self._forgets:
            self._decider.forget()
            self._forgets = False
        told = marshal.loads(marshal.dumps([tuple(row) for row in rows]))
        writes, *others = self._decider.decide([ParsedRow._make(row) for row in told])
        plain = marshal.loads(marshal.dumps(tuple(writes)))
        others = pickle.loads(pickle.dumps(others))
        self._answers.append(Decided(Writes(*plain), *others))

    def receive(self):
        return self._answers.popleft()


def options(**said):
    """Give options with small chunks, and a worker."""
    return FileOptions(**{"chunk": 7, "worker": True, **said})


def outcome(workspace, summary):
    """Give all that a run has left behind, but for when it ran."""
    history = [
        (row.contact_id, row.sequence, row.key, row.facts, row.outcome, row.unmet, row.digest)
        for row in workspace.history(limit=100_000).rows
    ]
    contacts = [(c.id, c.contact, c.sequence, c.due_at, c.created_at) for c in workspace.list()]
    letters = [(x.contact_id, x.sequence, x.data) for x in Outbox(workspace.engine).letters()]
    rejects = Path(summary.rejects).read_bytes() if summary.rejects else b""
    said = summary.to_json() | {"seconds": 0, "rejects": "", "path": ""}
    assert workspace.verify().is_sound
    return history, contacts, letters, rejects, said


def test_a_worker_changes_nothing(make, write, helped):
    path = write(story(200))
    with make("funnelflow.db") as alone, make() as made:
        expected = outcome(alone, alone.apply(path, options(worker=False)))
        assert helped == []
        assert outcome(made, made.apply(path, options())) == expected
    assert helped == [True] * 36
    assert expected[4]["rejected"] > 20
    assert expected[4]["refused"] > 3
    assert expected[4]["repeated"] > 10


ROW = st.tuples(
    st.sampled_from(["ada", "Bob", "åsa", ""]),
    st.sampled_from(EVENTS),
    st.sampled_from(FACTS),
    st.sampled_from(["", "k1", "k2", "k3", "k4"]),
)
ROWS = st.lists(ROW, min_size=1, max_size=12).flatmap(
    lambda rows: st.lists(st.sampled_from([line(n, *row) for n, row in enumerate(rows)]))
)
"""Rows some of which come again, so that a key stands for the same or for something else."""


def test_deciding_ahead_gives_the_same_for_any_file(make, new_schema, write, monkeypatch):
    @settings(
        max_examples=15,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(rows=ROWS, chunk=st.integers(1, 9))
    def check(rows, chunk):
        path = write(HEADER + "".join(f"{row}\n" for row in rows))
        came = []
        for worker, database in ((False, "funnelflow.db"), (True, "funnelflow.db"), (True, "")):
            with make(database or new_schema()) as made:
                asked = options(worker=worker, chunk=chunk)
                came.append(outcome(made, made.apply(path, asked)))
        assert came[1:] == came[:1] * 2

    monkeypatch.setattr(streaming, "Worker", Beside)
    monkeypatch.setattr(remembered, "KEPT", 2)
    check()


def test_an_import_with_a_worker_is_the_same(make, write, helped):
    dice = random.Random(1)
    rows = [
        f"c{dice.randrange(20)},{dice.choice(['', 'a@example.com'])},{dice.choice(['', '5', 'x'])}"
        for _ in range(60)
    ]
    path = write("contact,email,budget\n" + "\n".join(rows) + "\n")
    came = []
    for worker in (False, True):
        with make() as made:
            came.append(made.import_contacts(path, options(worker=worker)).tally)
            assert made.verify().is_sound
    assert came[0] == came[1]
    assert came[0].doubled > 20
    assert came[0].rejected > 5
    assert helped == [True] * 9


@pytest.mark.parametrize("has_worker", ["late", "early"])
def test_ids_that_come_twice_are_counted_whoever_decides(
    workspace, write, helped, monkeypatch, has_worker
):
    class Part(Beside):
        """Is there for the second half of a file, or for the first."""

        @property
        def is_ready(self):
            return (stored[-1] >= 20) == (has_worker == "late")

        @is_ready.setter
        def is_ready(self, _):
            pass

    stored = [0]
    monkeypatch.setattr(streaming, "Worker", Part)
    path = write("contact\n" + "".join(f"c{n % 20}\n" for n in range(40)))
    summary = workspace.import_contacts(
        path, options(chunk=5), progress=lambda progress: stored.append(progress.rows)
    )
    assert summary.tally.doubled == 20
    assert 2 < len(helped) < 6


def test_what_json_lines_hold_beside_is_told_with_a_worker_too(workspace, write, helped):
    row = {"contact": "ada", "event": "replied", "at": "2026-03-01T09:00:00Z", "shoe": 43}
    path = write("".join(json.dumps(row | {"key": f"k{n}"}) + "\n" for n in range(9)), "e.jsonl")
    assert workspace.apply(path, options(chunk=2)).ignored == ("shoe",)
    assert helped == [True] * 5


def test_a_file_that_breaks_off_is_applied_up_to_there(make, write, helped):
    path = write(story(30) + '"unclosed\n')
    errors = []
    for worker in (False, True):
        with make() as made, pytest.raises(FileError) as caught:
            made.apply(path, options(worker=worker))
        errors.append((str(caught.value), caught.value.summary.tally))
    assert errors[0] == errors[1]
    assert errors[0][1].rows == 38
    assert helped == [True] * 6


def test_a_file_that_grows_while_it_is_read_is_refused_at_the_same_place(make, write, helped):
    errors = []
    for worker in (False, True):
        path = write(story(30))

        def grow(path=path):
            with Path(path).open("a") as file:
                file.write("ada,replied,2026-03-01T09:59:00Z,,,\n" * 5)

        with make() as made, pytest.raises(FileError) as caught:
            made.apply(path, options(worker=worker), progress=between(0, grow))
        errors.append((str(caught.value), caught.value.summary.tally))
    assert errors[0] == errors[1]
    assert "the file has changed while it was read" in errors[0][0]
    assert len(helped) > 3


def between(rows, act):
    """Give a progress handler that acts once, when so many rows are done."""
    waiting = [act]

    def told(progress):
        if progress.rows >= rows and waiting:
            waiting.pop()()

    return told


def keep_replying(rows=40):
    """Write a file in which the same three contacts come round all the time."""
    events = ["subscribed"] * 3 + ["replied"] * (rows - 3)
    lines = [line(n, f"c{n % 3}", event, "", f"k{n}") for n, event in enumerate(events)]
    return HEADER + "\n".join(lines) + "\n"


def test_what_somebody_else_records_meanwhile_is_seen(workspace, write, helped):
    def record():
        with Workspace.open(workspace.config.directory) as other:
            other.record("c1", "gave_up")

    workspace.apply(write(keep_replying()), options(), progress=between(14, record))
    events = [row.event for row in workspace.history("c1").rows]
    assert helped == [True, True, False, True, True]
    assert (events.count("replied"), events.count("gave_up")) == (12, 1)
    assert events[-1] == "replied"
    assert workspace.verify().is_sound


def test_a_key_that_somebody_else_has_used_meanwhile_is_known(workspace, write, helped):
    def record():
        with Workspace.open(workspace.config.directory) as other:
            at = "2026-03-01T09:00:30Z"
            other.record("c0", "replied", at=at, key="k30")

    summary = workspace.apply(write(keep_replying()), options(), progress=between(14, record))
    assert summary.tally.repeated == 1
    assert helped.count(False) == 1
    assert len(workspace.history("c0").rows) == 1 + 14
    assert workspace.verify().is_sound


def test_a_contact_that_somebody_else_has_added_meanwhile_goes_on(
    workspace, write, helped, monkeypatch
):
    monkeypatch.setattr(streaming, "Worker", Beside)
    lines = [line(n, f"c{n}", "subscribed", "", f"k{n}") for n in range(40)]

    def add():
        with Workspace.open(workspace.config.directory) as other:
            other.add("c15", {"email": "a@example.com"})

    path = write(HEADER + "\n".join(lines) + "\n")
    summary = workspace.apply(path, options(), progress=between(14, add))
    assert summary.tally.created == 39
    assert helped.count(False) == 1
    assert [row.event for row in workspace.history("c15").rows] == ["add", "subscribed"]
    assert workspace.contact("c15").contact.stage == "lead.fresh"


def test_a_row_that_said_nothing_new_is_decided_again_when_it_does(
    workspace, write, helped, monkeypatch
):
    monkeypatch.setattr(streaming, "Worker", Beside)
    rows = ["x,a@example.com", *(f"c{n},a@example.com" for n in range(40)), "x,a@example.com"]

    def correct():
        with Workspace.open(workspace.config.directory) as other:
            other.set("x", {"email": "b@example.com"})

    path = write("contact,email\n" + "\n".join(rows) + "\n")
    summary = workspace.import_contacts(path, options(), progress=between(14, correct))
    assert workspace.contact("x").contact.fields["email"] == "a@example.com"
    assert summary.tally.unchanged == 0
    assert helped.count(False) == 1


def test_a_row_about_nobody_is_decided_again_when_somebody_adds_them(
    workspace, write, helped, monkeypatch
):
    monkeypatch.setattr(streaming, "Worker", Beside)
    for n in range(40):
        workspace.add(f"c{n}") if n != 15 else None

    def add():
        with Workspace.open(workspace.config.directory) as other:
            other.add("c15")

    rows = "".join(f"c{n},a@example.com\n" for n in range(40))
    path = write("contact,email\n" + rows)
    summary = workspace.import_contacts(path, options(), mode="update", progress=between(14, add))
    assert summary.tally.rejected == 0
    assert helped.count(False) == 1


def test_a_row_that_another_funnel_refused_is_decided_again_when_it_takes_it(
    workspace, write, helped, monkeypatch
):
    monkeypatch.setattr(streaming, "Worker", Beside)
    second = workspace.config.directory / "second.yaml"
    second.write_text(PIPELINE.replace("funnel: pipeline", "funnel: second"))
    workspace.add("x", funnel="second")

    def adopt():
        newer = second.read_text().replace("signed: {}", "signed: {}\n  rang: {}")
        second.write_text(newer.replace("version: 1", "version: 2"))
        with Workspace.open(workspace.config.directory) as other:
            other.adopt(second)

    rows = [line(0, "x", "rang", "", "")]
    rows += [line(n, f"c{n}", "subscribed", "", "") for n in range(1, 40)]
    rows += [line(40, "x", "rang", "", "")]
    path = write(HEADER + "\n".join(rows) + "\n")
    summary = workspace.apply(path, options(), progress=between(14, adopt))
    assert [row.event for row in workspace.history("x").rows][-1] == "rang"
    assert summary.tally.rejected == 1
    assert helped.count(False) == 1


def test_a_worker_whose_chunks_others_always_change_is_given_up(
    workspace, write, helped, monkeypatch
):
    monkeypatch.setattr(streaming, "Worker", Beside)

    def interfere(_):
        with Workspace.open(workspace.config.directory) as other:
            for contact in other.list():
                other.record(contact.id, "replied")

    workspace.apply(write(keep_replying(200)), options(), progress=interfere)
    assert helped.count(False) == streaming._CONFLICTS
    assert workspace.verify().is_sound
    assert [r.event for r in workspace.history("c0").rows if r.key][-1] == "replied"
    assert sum(bool(r.key) for r in workspace.history(limit=10_000).rows) == 200


def test_what_stops_a_worker_is_logged_without_anybodys_data(workspace, write, caplog):
    caplog.set_level(logging.DEBUG, "funnelflow.store")
    workspace.add("ada", {"email": "ada@example.com"})
    with workspace.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE contacts SET stage = 'nowhere'")
    with pytest.raises(StoreError):
        workspace.apply(write(HEADER + line(1, "ada", "replied", "", "") + "\n"), options())
    assert [record.getMessage() for record in caplog.records] == [
        "the worker has stopped: StoreError"
    ]


def test_overlapping_runs_leave_the_collector_as_they_found_it():
    before = gc.get_threshold()
    first, second = gc_seldom(), gc_seldom()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] > before[0]
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def adopt_beside(workspace):
    """Bring everybody under a new version, which leaves them where they are."""
    newer = workspace.config.directory / "newer.yaml"
    newer.write_text(PIPELINE.replace("version: 1", "version: 2"))
    with Workspace.open(workspace.config.directory) as other:
        other.adopt(newer)
    return digest(load_definition(newer).definition)


@pytest.mark.parametrize("content", [keep_replying(), story(60, contacts=60)], ids=["old", "new"])
def test_a_definition_that_is_adopted_meanwhile_decides_from_there_on(
    workspace, write, helped, monkeypatch, content
):
    monkeypatch.setattr(streaming, "Worker", Beside)
    adopted = []
    progress = between(21, lambda: adopted.append(adopt_beside(workspace)))
    workspace.apply(write(content), options(), progress=progress)
    assert helped.count(False) == 1
    decided = [row.definition for row in workspace.history(limit=1_000).rows]
    first = decided.index(adopted[0])
    assert set(decided[:first]) & set(decided[first:]) == set()
    assert {contact.definition for contact in workspace.list()} == {adopted[0]}
    assert workspace.verify().is_sound


def worker_processes():
    """Give the workers that this process has."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "funnelflow.ingest.worker" in child.cmdline()
    ]


@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_is_killed_is_done_without(make, write, helped, with_signal):
    path = write(story(200))
    with make() as alone:
        expected = outcome(alone, alone.apply(path, options(worker=False)))

    def kill():
        (worker,) = worker_processes()
        worker.send_signal(with_signal)

    with make() as made:
        assert outcome(made, made.apply(path, options(), progress=between(50, kill))) == expected
    assert 8 <= len(helped) <= 10
    assert worker_processes() == []


def test_a_worker_that_is_gone_takes_nothing_with_it(workspace, write, helped):
    facts = json.dumps({"email": "a" * 9_000}).replace('"', '""')
    rows = [f'c{n},subscribed,2026-03-01T09:00:00Z,,"{facts}",k{n}' for n in range(40)]

    def kill():
        (worker,) = worker_processes()
        worker.kill()
        while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)

    path = write(HEADER + "\n".join(rows) + "\n")
    summary = workspace.apply(path, options(chunk=10), progress=between(10, kill))
    assert summary.tally.created == 40
    assert helped in ([True], [True, True])


def test_a_worker_hears_no_interrupt(workspace, write, helped):
    def interrupt():
        (worker,) = worker_processes()
        worker.send_signal(signal.SIGINT)

    workspace.apply(write(story(100)), options(), progress=between(30, interrupt))
    assert helped == [True] * 18


def test_a_run_that_is_broken_off_ends_its_worker_and_goes_on(workspace, write, helped):
    path = write(story(100))

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workspace.apply(path, options(), progress=between(30, stop))
    assert worker_processes() == []
    summary = workspace.apply(path, options())
    assert (summary.resumed, summary.tally.rows) == (35, 125)
    assert workspace.verify().is_sound


PYTHON = (sys.executable, "-c")


@pytest.mark.parametrize(
    "command",
    [
        ("/there/is/no/such/program",),
        (*PYTHON, "raise SystemExit(3)"),
        (*PYTHON, "import sys; sys.stdin.close()"),
        (*PYTHON, "print('cfg loaded')"),
        (*PYTHON, "print('funnelflow: ready'); print('cfg loaded')"),
        (*PYTHON, "print('funnelflow: ready')"),
    ],
)
def test_where_there_can_be_no_worker_the_run_decides_by_itself(
    workspace, write, helped, monkeypatch, command
):
    monkeypatch.setattr(deciding, "_COMMAND", command)
    assert workspace.apply(write(story(40)), options()).tally.rows == 50
    assert helped == []
    assert workspace.verify().is_sound


def test_where_there_can_be_no_thread_the_run_decides_by_itself(
    workspace, write, helped, monkeypatch
):
    def start(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert workspace.apply(write(story(40)), options()).tally.rows == 50
    assert helped == []
    assert worker_processes() == []


AFTER_THE_MAIN_THREAD = """
import sys, threading, time
from funnelflow.ingest.summary import FileOptions
from funnelflow.workspace.workspace import Workspace

def work():
    threading.main_thread().join()
    with Workspace.open(sys.argv[1]) as workspace:
        summary = workspace.apply(sys.argv[2], FileOptions(chunk=7, worker=True))
    print(summary.tally.rows, flush=True)

threading.Thread(target=work).start()
"""


def test_a_run_in_a_thread_outlives_the_main_thread(workspace, write):
    command = [*PYTHON, AFTER_THE_MAIN_THREAD, workspace.config.directory, write(story(40))]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("50\n", "", 0)


def test_a_worker_takes_no_order_from_another_code(workspace, write, helped, monkeypatch):
    monkeypatch.setattr(deciding, "__file__", "/elsewhere/deciding.py")
    monkeypatch.setattr(
        streaming, "Order", lambda *said: deciding.Order(*said, code="/elsewhere/deciding.py")
    )
    assert workspace.apply(write(story(40)), options()).tally.rows == 50
    assert helped == []


@pytest.fixture
def no_worker(monkeypatch):
    """Fail where a worker is started."""

    def start(_):
        raise AssertionError("a worker was started")

    monkeypatch.setattr(streaming, "Worker", start)


def test_a_dry_run_and_a_stream_have_no_worker(workspace, write, no_worker):
    path = write(story(40))
    assert workspace.apply(path, options(dry_run=True)).tally.rows == 50
    with Path(path).open("rb") as stdin:
        assert workspace.apply("-", options(), stdin=stdin).tally.rows == 50


def test_a_small_file_has_no_worker_unless_somebody_wants_one(workspace, write, no_worker):
    workspace.apply(write(story(40)), options(worker=None))
    with pytest.raises(AssertionError, match="a worker was started"):
        workspace.apply(write(story(41), "other.csv"), options())


def test_a_large_file_has_one_unless_nobody_wants_it(workspace, write, no_worker, monkeypatch):
    monkeypatch.setattr(deciding, "WORTH_IT", 100)
    monkeypatch.setattr(deciding, "_processors", lambda: 2)
    workspace.apply(write(story(40)), options(worker=False))
    with pytest.raises(AssertionError, match="a worker was started"):
        workspace.apply(write(story(41), "other.csv"), options(worker=None))


def test_on_one_processor_there_is_none(workspace, write, no_worker, monkeypatch):
    monkeypatch.setattr(deciding, "WORTH_IT", 100)
    monkeypatch.setattr(deciding, "_processors", lambda: 1)
    assert workspace.apply(write(story(40)), options(worker=None)).tally.rows == 50
