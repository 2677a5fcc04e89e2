"""A database that cannot be used for a while: watching waits for it, anything else says so."""

import datetime as dt
import sqlite3
import threading
import time
from contextlib import contextmanager

import psycopg
import pytest

from funnelflow.errors import StoreError
from funnelflow.notify import Deliverer, Pace, open_endpoints
from funnelflow.notify.endpoint_worker import LONGEST_PAUSE, Outages, pause_after
from funnelflow.storage.outbox import Outbox

from .support import PIPELINE, box, make, states

RECORDER = '[[notify]]\nchannel = "recorder"\n'
FAST = Pace(poll=dt.timedelta(milliseconds=20), batch=dt.timedelta(milliseconds=20))


class Failing(Outbox):
    """An outbox whose database cannot be used for a number of calls of one kind."""

    def __init__(self, workspace, kind, times):
        super().__init__(workspace.engine, workspace.clock)
        self.left = times
        self._kind = kind

    def _fail(self, kind):
        if kind == self._kind and self.left:
            self.left -= 1
            raise StoreError("no database")

    def claim(self, *args, **kwargs):
        self._fail("claim")
        return super().claim(*args, **kwargs)

    def settle(self, *args, **kwargs):
        self._fail("settle")
        super().settle(*args, **kwargs)

    def renew(self, *args, **kwargs):
        self._fail("renew")
        super().renew(*args, **kwargs)


class Waits:
    """Waits that take no time, and are remembered."""

    def __init__(self):
        self.seconds = []

    def __call__(self, event, seconds):
        if seconds != FAST.poll.total_seconds():
            self.seconds.append(seconds)
        event.wait(0.001)


def watching(workspace, outbox, until, **more):
    """Watch until something is so; return the outages that were reported."""
    config = workspace.config
    endpoints = open_endpoints(config.subscriptions, workspace.plugins, config.directory)
    outages = []
    more = {"pace": FAST, "clock": workspace.clock, **more}
    worker = Deliverer(endpoints, outbox, on_outage=outages.append, **more)
    thread = threading.Thread(target=worker.run, kwargs={"watch": True}, daemon=True)
    thread.start()
    wait_for(until)
    worker.stop()
    thread.join(20)
    assert not thread.is_alive()
    return outages


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["claim", "settle"])
def test_watching_outlives_a_database_that_cannot_be_used(small, recorder, kind):
    workspace = small(RECORDER)
    workspace.add("ada")
    workspace.record("ada", "asked")
    outbox, waits = Failing(workspace, kind, 9), Waits()
    said = watching(workspace, outbox, lambda: states(workspace)[0][2] == "delivered", wait=waits)
    assert recorder.messages == [("ada", "talking")]
    assert [str(error) for error in said] == ["no database", "None"]
    assert len(waits.seconds) == 9
    for number, waited in enumerate(waits.seconds):
        assert min(2**number, 60) <= waited <= min(2**number * 1.2, 60)


def test_after_a_recovery_the_pauses_begin_anew(small):
    workspace = small(RECORDER)
    outbox, waits = Failing(workspace, "claim", 3), Waits()

    def twice():
        if not outbox.left and len(waits.seconds) == 3:
            time.sleep(0.1)
            outbox.left = 2
        return len(waits.seconds) == 5

    said = watching(workspace, outbox, twice, wait=waits)
    assert [error is None for error in said][:3] == [False, True, False]
    assert waits.seconds[3] < 2


def test_a_lease_that_could_not_be_renewed_is_renewed_at_once_afterwards(small, recorder):
    workspace = small(RECORDER)
    workspace.add("ada")
    workspace.record("ada", "asked")
    gate, waits = threading.Event(), Waits()
    outbox = Failing(workspace, "renew", 2)
    send, recorder.send = recorder.send, lambda message, s: (gate.wait(20), send(message, s))
    workspace.plugins.unregister("recorder")
    workspace.plugins.register(recorder, "recorder")

    def renewed():
        if not outbox.left:
            gate.set()
        return states(workspace)[0][2] == "delivered"

    pace = Pace(lease=dt.timedelta(milliseconds=300), batch=FAST.batch, poll=FAST.poll)
    said = watching(workspace, outbox, renewed, pace=pace, wait=waits)
    assert len(waits.seconds) == 2
    assert len(said) == 2
    assert len(recorder.messages) == 1


@pytest.mark.parametrize("kind", ["claim", "settle"])
def test_once_says_clearly_that_the_database_cannot_be_used(small, kind):
    workspace = small(RECORDER)
    workspace.add("ada")
    workspace.record("ada", "asked")
    config = workspace.config
    endpoints = open_endpoints(config.subscriptions, workspace.plugins, config.directory)
    worker = Deliverer(endpoints, Failing(workspace, kind, 1), pace=FAST, wait=Waits())
    with pytest.raises(StoreError, match="no database"):
        worker.run()


def test_who_is_told_to_end_does_not_wait_for_the_database(small, recorder):
    workspace = small(RECORDER)
    workspace.add("ada")
    workspace.record("ada", "asked")
    config = workspace.config
    endpoints = open_endpoints(config.subscriptions, workspace.plugins, config.directory)
    worker = Deliverer(endpoints, Failing(workspace, "settle", 10**9), pace=FAST)
    raised = []

    def run():
        try:
            worker.run(watch=True)
        except StoreError as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    wait_for(lambda: recorder.messages)
    worker.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert len(raised) == 1


def test_an_outage_is_reported_once_for_all_workers():
    said = []
    outages = Outages(said.append)
    error = StoreError("no")
    outages.end("a")
    outages.begin("a", error)
    outages.begin("b", error)
    outages.begin("a", error)
    outages.end("a")
    outages.end("c")
    assert said == [error]
    outages.end("b")
    outages.begin("b", error)
    assert said == [error, None, error]


def test_pauses_grow_to_a_minute_and_no_further():
    assert [pause_after(n, chance=0) for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause_after(2, chance=1) == pytest.approx(2.4)
    assert pause_after(10**6, chance=1) == LONGEST_PAUSE
    assert len({pause_after(3) for _ in range(20)}) > 1


@contextmanager
def locked(path):
    """Keep the write lock of a SQLite database."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def test_sqlite_that_is_busy_for_longer_than_anybody_waits_is_outlived(
    tmp_path, recorder, monkeypatch
):
    monkeypatch.setattr("funnelflow.storage.connect.BUSY_SECONDS", 0.05)
    with make(tmp_path, PIPELINE, RECORDER, recorder) as workspace:
        workspace.add("ada")
        workspace.record("ada", "asked")
        waits = Waits()
        with locked(tmp_path / "funnelflow.db"):
            lock_is_gone = threading.Event()
            watcher = threading.Thread(
                target=lambda: said.extend(
                    watching(workspace, box(workspace), lock_is_gone.is_set, wait=waits)
                )
            )
            said = []
            watcher.start()
            wait_for(lambda: len(waits.seconds) > 2)
            assert recorder.messages == []
        wait_for(lambda: states(workspace) == [("ada", "talking", "delivered")])
        lock_is_gone.set()
        watcher.join(20)
    assert ["locked" in str(error) for error in said] == [True, False]
    assert recorder.messages == [("ada", "talking")]


def end_connections(url):
    """Cut every connection of others."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'funnelflow'"
        )


def test_postgresql_that_is_killed_and_comes_back_is_outlived(tmp_path, recorder, mortal):
    with make(tmp_path, PIPELINE, RECORDER, recorder, mortal.url()) as workspace:
        for name in ("ada", "bob"):
            workspace.add(name)
        workspace.record("ada", "asked")
        waits, done = Waits(), threading.Event()
        said = []
        watcher = threading.Thread(
            target=lambda: said.extend(watching(workspace, box(workspace), done.is_set, wait=waits))
        )
        watcher.start()
        wait_for(lambda: recorder.messages == [("ada", "talking")])
        end_connections(mortal.url())
        mortal.kill()
        wait_for(lambda: len(waits.seconds) > 2)
        mortal.revive()
        workspace.record("bob", "asked")
        wait_for(lambda: states(workspace)[-1] == ("bob", "talking", "delivered"))
        done.set()
        watcher.join(20)
    assert len(said) % 2 == 0
    assert said[-1] is None
    assert len(said) <= 4
    assert recorder.messages[-1] == ("bob", "talking")
