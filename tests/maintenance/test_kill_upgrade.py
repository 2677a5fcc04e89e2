"""``db upgrade`` killed at any statement and at any time: all of it is done, or nothing.

``FUNNELFLOW_KILLS=200 pytest tests/maintenance/test_kill_upgrade.py`` kills it as often as that.
"""

import os
import random
import shutil
import signal
import time
import warnings
from multiprocessing import get_context

import pytest
from sqlalchemy import Engine, event, inspect, select, text

from funnelflow.storage import schema
from funnelflow.storage.connect import connect, locate, reading, writing
from funnelflow.storage.schema import VERSION_TABLE, status, upgrade
from funnelflow.storage.tables import evidence
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

from ..funnels import PIPELINE, T0
from .test_kill_whatever import KILLS, at_statement

ROWS = 30
LATER = """\
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.add_column("evidence", sa.Column("later", sa.Text))
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))
    for number in op.get_bind().execute(sa.text("SELECT id FROM evidence")).scalars().all():
        op.execute(f"UPDATE evidence SET later = 'row {number}' WHERE id = {number}")
        op.execute(f"INSERT INTO later (id) VALUES ({number})")
"""


@pytest.fixture
def begin(tmp_path, request, monkeypatch):
    """Give what makes a database of a kind that an upgrade has something to do with."""
    migrations = tmp_path / "migrations"
    shutil.copytree(schema.MIGRATIONS, migrations)

    def make(kind, before):
        directory = tmp_path / f"w{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        database = "x.db" if kind == "sqlite" else request.getfixturevalue("new_schema")()
        place = locate(database, directory)
        if before == "empty":
            engine = connect(place, create=True)
            with writing(engine):
                pass
            engine.dispose()
            return place
        (directory / "pipeline.yaml").write_text(PIPELINE)
        with monkeypatch.context() as patch:
            for name, value in (("REVISIONS", ("0001",)), ("HEAD", "0001")):
                patch.setattr(schema, name, value)
            clock = FrozenClock(T0)
            with Workspace.create(directory, "pipeline", database=database, clock=clock) as shop:
                for number in range(ROWS):
                    shop.add(f"c{number}")
        return place

    yield make
    shutil.rmtree(migrations)


@pytest.fixture
def later(monkeypatch, tmp_path):
    """Let there be a later version, whose migration changes many rows."""

    def come():
        (tmp_path / "migrations" / "versions" / "v0002_later.py").write_text(LATER)
        monkeypatch.setattr(schema, "MIGRATIONS", tmp_path / "migrations")
        monkeypatch.setattr(schema, "REVISIONS", ("0001", "0002"))
        monkeypatch.setattr(schema, "HEAD", "0002")

    return come


def start(place, hook):
    """Upgrade in a process of its own."""

    def child():
        hook()
        upgrade(place)
        os._exit(0)

    process = get_context("fork").Process(target=child)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a process with threads forks
        process.start()
    return process


def held(place):
    """Return the tables with their columns, the version, and the rows of what was told."""
    engine = connect(place)
    try:
        with reading(engine) as connection:
            found = inspect(connection)
            tables = {
                name: sorted(column["name"] for column in found.get_columns(name))
                for name in found.get_table_names()
            }
            rows = []
            if "evidence" in tables:
                rows = [tuple(row) for row in connection.execute(select(evidence))]
            if "later" in tables:
                wanted = "SELECT e.later, l.id FROM evidence e JOIN later l ON l.id = e.id"
                rows += sorted(map(tuple, connection.execute(text(wanted))))
            version = f"SELECT version_num FROM {VERSION_TABLE}"
            said = connection.execute(text(version)).scalars().all() if tables else []
            return tables, said, rows
    finally:
        engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("before", ["empty", "older"])
def test_an_upgrade_that_is_killed_is_done_whole_or_not_at_all(before, kind, begin, later):
    dice = random.Random(f"upgrade {before} {kind}")
    places = [begin(kind, before) for _ in range(KILLS // 2 + 2)]
    if before == "older":
        later()
    states = {place: held(place) for place in places}
    undisturbed = places.pop()
    statements = _count(undisturbed)
    begun = time.monotonic()
    start(second := places.pop(), lambda: None).join()
    length, whole = time.monotonic() - begun, held(undisturbed)
    assert held(second)[:2] == whole[:2]
    killed = 0
    for place in places:
        for hook in (at_statement(dice.randint(1, statements)), lambda: None):
            process = start(place, hook)
            if hook.__name__ == "<lambda>":
                time.sleep(dice.uniform(0, length))
                process.kill()
            process.join()
            killed += process.exitcode == -signal.SIGKILL
            assert status(place).state in {before, "current"}
            found = held(place)
            assert found == states[place] or found[:2] == whole[:2]
        upgrade(place)
        assert held(place)[:2] == whole[:2]
        assert len(held(place)[2]) == len(whole[2])
        assert status(place).state == "current"
    assert killed


def _count(place):
    """Upgrade in this process, and return how many statements that makes."""
    made = []

    def count(*_):
        made.append(1)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        upgrade(place)
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    return len(made)
