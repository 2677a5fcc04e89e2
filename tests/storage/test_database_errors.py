"""What goes wrong underneath: said in words, with what to do, and without anybody's data."""

import logging
import os
import resource
import sqlite3
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from funnelflow.errors import ConfigurationError, ConflictError, Error, StoreError, UsageError
from funnelflow.storage import connect as connecting
from funnelflow.storage.changes import Change
from funnelflow.storage.connect import locate, writing
from funnelflow.storage.context import Context
from funnelflow.storage.database_errors import RetryError, as_store_error, translated
from funnelflow.storage.outbox import Outbox
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE

CANARY = "canary-4711"


def in_child(function: Callable[[], object], *, limits: Callable[[], object] = lambda: None):
    """Run a function in a process of its own, and give what it returned or raised."""
    context = get_context("fork")
    here, there = context.Pipe()

    def child() -> None:
        limits()
        try:
            there.send(("returned", function()))
        except Error as error:
            there.send(("raised", (type(error).__name__, error.message, error.hint)))

    process = context.Process(target=child)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    there.close()
    answer = here.recv() if here.poll(30) else ("silent", None)
    process.join(30)
    return answer


def nobody() -> None:
    """Give up the rights of root, for whom no file is read-only."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


def give(directory: Path, user: int) -> None:
    """Let a directory belong to a user, as it does to whoever uses it; only root has to."""
    if os.geteuid() == 0:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, user, user)


@pytest.fixture
def open_directory():
    """Give a directory that every user can enter, with a workspace on SQLite in it."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "pipeline.yaml").write_text(PIPELINE)
        with Workspace.create(directory, "pipeline") as workspace:
            workspace.add("ada")
        yield directory


def try_to_add(directory: Path) -> str:
    with Workspace.open(directory) as workspace:
        return workspace.add("bob").decision.outcome


@pytest.mark.parametrize("path", ["funnelflow.db", "."])
def test_a_read_only_file_or_directory_is_named_as_such(open_directory, path):
    give(open_directory, 65534)
    (open_directory / path).chmod(0o555 if path == "." else 0o444)
    kind, said = in_child(lambda: try_to_add(open_directory), limits=nobody)
    (open_directory / path).chmod(0o755)
    give(open_directory, os.geteuid())
    assert kind == "raised"
    assert said[0] == "StoreError"
    assert "writ" in said[1] + said[2]
    with Workspace.open(open_directory) as workspace:
        assert [stored.id for stored in workspace.list()] == ["ada"]


def test_a_full_disk_loses_nothing_that_was_acknowledged(open_directory):
    size = (open_directory / "funnelflow.db").stat().st_size

    def fill() -> tuple[int, str]:
        done = 0
        with Workspace.open(open_directory) as workspace:
            try:
                for number in range(10_000):
                    workspace.add(f"c{number:05}", {"email": "x" * 1000})
                    done += 1
            except StoreError as error:
                return done, error.message + error.hint
        return done, "no limit was met"

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 400_000, size + 400_000))

    kind, (done, said) = in_child(fill, limits=limited)
    assert kind == "returned"
    assert "disk" in said
    assert 5 < done < 10_000
    with Workspace.open(open_directory) as workspace:
        ids = [stored.id for stored in workspace.list(where="contact.id != 'ada'")]
        assert ids == [f"c{number:05}" for number in range(done)]
        assert workspace.verify().is_sound
        workspace.add("after")


def test_a_database_that_may_not_grow_says_so_and_stays_as_it_was(directory):
    with Workspace.create(directory, "pipeline") as workspace:
        with workspace.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        workspace.add("ada")
        with pytest.raises(StoreError, match="no room left") as caught:
            workspace.set("ada", {"email": "x" * 9000, "tags": ["y" * 9000] * 10})
        assert "make room" in caught.value.hint
        assert len(workspace.history().rows) == 1
        assert workspace.verify().is_sound


def test_a_lock_that_is_held_too_long_is_said_to_be(directory, database, monkeypatch):
    monkeypatch.setattr(connecting, "BUSY_SECONDS", 0.2)
    with (
        Workspace.create(directory, "pipeline", database=database) as workspace,
        Workspace.open(directory) as other,
    ):
        workspace.add("ada")
        with writing(other.engine) as connection:
            UnitOfWork(connection, other.context.store).load(["ada"])
            with pytest.raises(StoreError, match="locked for too long") as caught:
                workspace.record("ada", "subscribed")
            assert caught.value.hint
        assert workspace.record("ada", "subscribed").sequence == 2


def test_a_lost_connection_is_an_error_and_the_next_call_works(directory, new_schema, server):
    with Workspace.create(directory, "pipeline", database=new_schema()) as workspace:
        workspace.add("ada")
        rows = workspace.history().rows

        def lose(chunk: UnitOfWork) -> None:
            chunk.load(["ada"])
            chunk.take(Change("ada", "subscribed"))
            cut_off(server)
            chunk.write()

        with pytest.raises(StoreError, match="connection to the database was lost") as caught:
            workspace.context.transact(lose)
        assert "--key" in caught.value.hint
        assert workspace.history().rows == rows
        cut_off(server)
        assert workspace.record("ada", "subscribed").sequence == 2


def cut_off(server: str) -> None:
    """End every connection of funnelflow, as a server that restarts does."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'funnelflow'"
        )


def test_a_server_that_is_not_there_is_said_to_be(directory):
    with pytest.raises(StoreError, match="cannot be reached") as caught:
        Workspace.create(
            directory, "pipeline", database=f"postgresql://ada:{CANARY}@127.0.0.1:1/db"
        )
    assert "setting `database`" in caught.value.hint
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "said",
    ["the database system is starting up", "the database system is not yet accepting connections"],
)
def test_a_server_that_is_starting_is_told_from_one_that_is_not_there(said):
    error = as_store_error(psycopg.OperationalError(f"connection failed: FATAL:  {said}"))
    assert "is starting" in error.message
    assert "in a moment" in error.hint


def test_a_missing_driver_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(connecting, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError) as caught:
        locate("postgresql://host/db", tmp_path)
    assert "pip install 'funnelflow[postgres]'" in caught.value.hint


@pytest.mark.parametrize("setting", ["mysql://host/db", "postgresql://host:port/db", "http://x"])
def test_a_setting_that_names_no_database_is_refused(setting, tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        locate(setting, tmp_path)
    assert caught.value.hint


def test_tables_that_are_gone_are_an_error_with_a_next_step(workspace):
    with workspace.engine.begin() as connection:
        connection.execute(text("ALTER TABLE contacts RENAME TO others"))
    with pytest.raises(StoreError, match="does not have the tables") as caught:
        workspace.add("ada")
    assert "funnelflow db status" in caught.value.hint


def fault(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(f"about {CANARY}")
    error.sqlite_errorname = name
    return error


SQLITE_CODES = [
    "BUSY", "BUSY_SNAPSHOT", "LOCKED", "FULL", "READONLY_DBMOVED", "CANTOPEN_ISDIR", "CORRUPT_VTAB",
    "NOTADB", "IOERR_FSYNC", "NOMEM", "TOOBIG", "ERROR", "CONSTRAINT_CHECK", "MISUSE", "",
]  # fmt: skip


@pytest.mark.parametrize("code", SQLITE_CODES)
def test_every_code_of_sqlite_becomes_words(code):
    error = fault(f"SQLITE_{code}" if code else "")
    for raised in (error, OperationalError("INSERT", {"id": CANARY}, error)):
        said = as_store_error(raised)
        assert isinstance(said, StoreError)
        assert said.hint
        assert CANARY not in said.message + said.hint


@pytest.mark.parametrize(
    "state",
    ["08006", "28P01", "3D000", "25006", "42501", "42P01", "53100", "53200", "53300", "55P03",
     "57014", "57P01", "57P03", "58030", "XX001", "22021", "0A000"],
)  # fmt: skip
def test_every_state_of_postgresql_becomes_words(state):
    said = as_store_error(psycopg.errors.lookup(state)(f"about {CANARY}"))
    assert isinstance(said, StoreError)
    assert not isinstance(said, RetryError)
    assert state in said.message
    assert said.hint
    assert CANARY not in said.message + said.hint


@pytest.mark.parametrize("state", ["23505", "40001", "40P01"])
def test_losing_a_race_is_a_conflict_that_can_be_tried_again(state):
    assert isinstance(as_store_error(psycopg.errors.lookup(state)(CANARY)), RetryError)
    assert isinstance(as_store_error(fault("SQLITE_CONSTRAINT_UNIQUE")), ConflictError)


def test_nobodys_data_is_in_an_error_or_a_log(workspace, caplog, monkeypatch):
    """Every statement that holds a person's data is made to fail, with all loggers turned up."""
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "psycopg", "alembic"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    facts = {"email": f"{CANARY}@example.com"}
    workspace.add(CANARY, facts, actor=CANARY, key=CANARY)
    workspace.record(CANARY, "subscribed")
    list(workspace.list())
    said: list[str] = []

    def fail(change: Callable[[UnitOfWork], object]) -> None:
        with pytest.raises(Error) as caught:
            workspace.context.transact(change)
        said.extend(traceback.format_exception(caught.value))

    monkeypatch.setattr(Context, "retrying", lambda _, change: change())
    other = {"email": CANARY}

    def same_contact(chunk: UnitOfWork) -> None:
        chunk.take(Change(CANARY, "add", facts=other))
        chunk.write()

    def same_key(chunk: UnitOfWork) -> None:
        chunk.take(Change("x", "add", facts=other, key=CANARY))
        chunk.write()

    def same_sequence(chunk: UnitOfWork) -> None:
        chunk.load([CANARY])
        chunk.contact(CANARY).sequence = 0
        chunk.take(Change(CANARY, "subscribed", facts=other))
        chunk.write()

    def nobodys_row(chunk: UnitOfWork) -> None:
        chunk.load([CANARY])
        held = chunk.contact(CANARY)
        held.number = 999
        chunk.take(Change(CANARY, "subscribed", facts=other))
        held.changed = False
        chunk.write()
        chunk.connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")

    def missing_column(chunk: UnitOfWork) -> None:
        rename = "ALTER TABLE decisions RENAME COLUMN unmet TO other"
        chunk.connection.exec_driver_sql(rename)
        chunk.load([CANARY])
        chunk.take(Change(CANARY, "subscribed", facts=other))
        chunk.write()

    for change in (same_contact, same_key, same_sequence, nobodys_row, missing_column):
        fail(change)
    assert CANARY not in "".join(said)
    assert CANARY not in caplog.text
    assert len(said) > 5


def test_an_open_workspace_is_safe_to_use_from_threads(workspace):
    workspace.add("ada")
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                workspace.record("ada", "replied")
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert workspace.contact("ada").sequence == 21
    assert workspace.verify().is_sound


LARGE = 10**30


@pytest.mark.parametrize(
    "ask",
    [
        lambda one: one.contact_id(LARGE),
        lambda one: one.history("ada", after=LARGE).rows,
        lambda one: one.history("ada", known_at=LARGE).rows,
        lambda one: one.why("ada", known_at=LARGE).contact.id,
        lambda one: one.report(known_at=LARGE),
        lambda one: one.undo(LARGE, "wrong"),
        lambda one: Outbox(one.engine, one.clock).message(LARGE),
        lambda one: Outbox(one.engine, one.clock).retry([LARGE]),
    ],
)
def test_a_number_that_no_database_holds_is_a_mistake_of_whoever_asks(workspace, ask):
    workspace.add("ada")
    with pytest.raises(UsageError, match="too large"):
        ask(workspace)
    assert workspace.history("ada").rows


def test_our_own_overflow_is_no_mistake_of_whoever_asks(workspace):
    with pytest.raises(OverflowError), workspace.engine.connect(), translated():
        raise OverflowError("ours")
