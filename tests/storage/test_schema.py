"""Which version a database is, and that nothing but a right one is touched."""

import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from funnelflow.errors import StoreError
from funnelflow.storage import schema as store_schema
from funnelflow.storage.connect import connect, locate, writing
from funnelflow.storage.schema import HEAD, REVISIONS, VERSION_TABLE, create_tables, status, upgrade
from funnelflow.storage.tables import complete_metadata
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE


@pytest.fixture
def place(database: str, tmp_path: Path):
    """Give a database that is not there, or empty."""
    return locate(database, tmp_path)


def run(place, *statements: str) -> None:
    """Run SQL in a database."""
    engine = connect(place, create=True)
    with writing(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def opened(directory: Path, database: str) -> Workspace:
    """Open a workspace on a database that it was not made with."""
    (directory / "funnelflow.toml").write_text("[workspace]\nfunnel = 'pipeline'\n")
    (directory / "pipeline.yaml").write_text(PIPELINE)
    return Workspace.open(directory, database=database)


def test_the_versions_are_those_of_the_migrations():
    config = Config()
    config.set_main_option("script_location", str(store_schema.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(s.revision for s in reversed(list(scripts.walk_revisions()))) == REVISIONS


def test_the_migrations_make_the_tables_that_the_code_speaks_of(place):
    create_tables(place)
    engine = connect(place)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, complete_metadata()) == []
    engine.dispose()


def test_a_new_database_is_current(place):
    create_tables(place)
    assert (status(place).state, status(place).revision) == ("current", HEAD)
    assert upgrade(place) == (HEAD, HEAD)


SECOND_MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
"""


def test_an_older_database_says_what_to_run_and_is_brought_forward(
    place, database, tmp_path, monkeypatch
):
    create_tables(place)
    shutil.copytree(store_schema.MIGRATIONS, tmp_path / "migrations")
    (tmp_path / "migrations" / "versions" / "v0002_later.py").write_text(SECOND_MIGRATION)
    monkeypatch.setattr(store_schema, "MIGRATIONS", tmp_path / "migrations")
    monkeypatch.setattr(store_schema, "REVISIONS", ("0001", "0002"))
    monkeypatch.setattr(store_schema, "HEAD", "0002")
    assert status(place).state == "older"
    with pytest.raises(StoreError, match="older version") as caught:
        opened(tmp_path, database)
    assert "funnelflow db upgrade" in caught.value.hint
    assert upgrade(place) == ("0001", "0002")
    run(place, "INSERT INTO later (id) VALUES (1)")
    opened(tmp_path, database).close()


def test_a_newer_database_is_left_alone(place, database, tmp_path):
    create_tables(place)
    run(place, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    assert status(place).state == "newer"
    for attempt in (lambda: opened(tmp_path, database), lambda: upgrade(place)):
        with pytest.raises(StoreError, match="newer version"):
            attempt()
    assert status(place).revision == "9999"


def test_another_applications_database_is_left_alone(place, database, tmp_path):
    run(place, "CREATE TABLE customers (id integer)")
    before = place.path.read_bytes() if place.path else None
    assert status(place).state == "foreign"
    for attempt in (
        lambda: opened(tmp_path, database),
        lambda: upgrade(place),
        lambda: create_tables(place),
    ):
        with pytest.raises(StoreError, match="another application"):
            attempt()
        assert before == (place.path.read_bytes() if place.path else None)


def test_an_empty_database_says_what_to_run_and_gets_its_tables(place, database, tmp_path):
    run(place)
    assert status(place).state == "empty"
    with pytest.raises(StoreError, match="empty") as caught:
        opened(tmp_path, database)
    assert "funnelflow db upgrade" in caught.value.hint
    assert upgrade(place) == ("", HEAD)
    with opened(tmp_path, database) as workspace:
        workspace.add("ada")


def test_several_upgrades_at_once_are_no_harm(place):
    run(place)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: upgrade(place), range(4)))
    assert sorted(results) == [("", HEAD)] + [(HEAD, HEAD)] * 3
    assert status(place).state == "current"


def test_a_workspace_that_could_not_get_its_database_is_not_left_behind(tmp_path, database):
    run(locate(database, tmp_path), "CREATE TABLE customers (id integer)")
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    with pytest.raises(StoreError, match="another application"):
        Workspace.create(tmp_path, "pipeline", database=database)
    assert not (tmp_path / "funnelflow.toml").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"name,stage\nada,lead\n" * 100,
        b"\x89PNG\r\n\x1a\n" + os.urandom(5000),
        b"SQLite format 3\0" + os.urandom(5000),
        b"SQLite format 3\0",
    ],
)
def test_a_file_that_is_no_database_is_refused_clearly(tmp_path, content):
    (tmp_path / "x.db").write_bytes(content)
    place = locate("x.db", tmp_path)
    for attempt in (
        lambda: opened(tmp_path, "x.db"),
        lambda: status(place),
        lambda: upgrade(place),
        lambda: create_tables(place),
    ):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert caught.value.hint
        assert (tmp_path / "x.db").read_bytes() == content


def test_a_missing_file_is_not_made_by_looking_at_it(tmp_path):
    place = locate("x.db", tmp_path)
    for attempt in (
        lambda: opened(tmp_path, "x.db"),
        lambda: status(place),
        lambda: upgrade(place),
    ):
        with pytest.raises(StoreError, match="there is no database"):
            attempt()
    assert not (tmp_path / "x.db").exists()


def test_a_directory_is_no_database(tmp_path):
    (tmp_path / "x.db").mkdir()
    with pytest.raises(StoreError):
        status(locate("x.db", tmp_path))
    with pytest.raises(StoreError):
        create_tables(locate("x.db", tmp_path))


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(StoreError, match="there is no directory") as caught:
        create_tables(locate("nowhere/x.db", tmp_path))
    assert "nowhere" in caught.value.message


def test_a_commit_survives_a_power_cut_by_the_settings_of_the_file(tmp_path):
    place = locate("x.db", tmp_path)
    create_tables(place)
    engine = connect(place)
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 60_000,
    }


def test_a_writer_takes_the_lock_before_it_reads(tmp_path):
    place = locate("x.db", tmp_path)
    create_tables(place)
    engine = connect(place)
    with writing(engine), sqlite3.connect(tmp_path / "x.db", timeout=0) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM contacts").fetchone() == (0,)
    other.close()
    engine.dispose()


def test_a_connection_that_is_lost_at_the_first_look_is_no_error(place, tmp_path, monkeypatch):
    create_tables(place)
    read, lost = store_schema._revision, []

    def lose_once(connection):
        if not lost:
            lost.append(connection)
            raise ConnectionError("gone")
        return read(connection)

    monkeypatch.setattr(store_schema, "_revision", lose_once)
    setting = place.url.render_as_string(hide_password=False)
    with opened(tmp_path, setting) as workspace:
        assert workspace.history().rows == ()
    assert lost
