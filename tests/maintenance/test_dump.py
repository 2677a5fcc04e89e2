"""A whole database as files, and back, on either kind: every row and every digest."""

import json
import shutil

import pytest
from sqlalchemy import select

from funnelflow.errors import UsageError
from funnelflow.storage.connect import reading
from funnelflow.storage.tables import metadata
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0


@pytest.fixture
def shop(workspace, clock) -> Workspace:
    """Give a workspace with a little of everything."""
    clock.now = T0 + 5 * DAY
    workspace.add("ada", {"email": "ada@example.com"}, at=T0)
    workspace.record("ada", "subscribed", at=T0 + DAY, actor="grace", key="k1")
    workspace.apply([{"contact": "bob", "event": "replied", "at": T0 + DAY}])
    workspace.add("gone", {"email": "gone@example.com"}, at=T0)
    workspace.erase("gone")
    return workspace


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path, clock):
    """Give an empty workspace on each kind of database, whatever the other one is on."""
    kind = request.param
    url = "funnelflow.db" if kind == "sqlite" else request.getfixturevalue("new_schema")()
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "pipeline.yaml").write_text(PIPELINE)
    with Workspace.create(tmp_path / "empty", "pipeline", database=url, clock=clock) as made:
        yield made


def content(shop: Workspace) -> dict[str, list[tuple[object, ...]]]:
    with reading(shop.engine) as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=str)
            for table in metadata.sorted_tables
        }


def test_what_is_loaded_is_what_was_there(shop, directory, empty, tmp_path):
    dumped = shop.dump(tmp_path / "copy")
    shutil.copy(directory / "erased.key", tmp_path / "empty")
    loaded = empty.load(tmp_path / "copy")
    assert loaded.rows == dumped.rows
    assert content(empty) == content(shop)
    assert empty.verify().is_sound
    assert empty.record("ada", "subscribed", at=T0 + DAY, actor="grace", key="k1").duplicate
    empty.add("new", at=T0)
    empty.record("ada", "replied", at=T0 + 2 * DAY)
    assert empty.verify().is_sound


def test_a_dry_run_loads_nothing(shop, empty, tmp_path):
    shop.dump(tmp_path / "copy")
    before = content(empty)
    assert empty.load(tmp_path / "copy", dry_run=True).rows["contacts"] == 3
    assert content(empty) == before


def test_nothing_is_loaded_over_what_is_there_or_from_what_was_altered(shop, empty, tmp_path):
    shop.dump(tmp_path / "copy")
    with pytest.raises(UsageError, match="not empty"):
        shop.load(tmp_path / "copy")
    with pytest.raises(UsageError, match="not empty"):
        shop.dump(tmp_path / "copy")
    with pytest.raises(UsageError, match="holds no dump"):
        empty.load(tmp_path)
    before = content(empty)
    path = tmp_path / "copy" / "evidence.jsonl"
    whole = path.read_bytes()
    for altered in (whole.replace(b"grace", b"grate"), whole[:-9], whole + whole):
        path.write_bytes(altered)
        with pytest.raises(UsageError, match="not as it was written"):
            empty.load(tmp_path / "copy")
    path.write_bytes(whole)
    listed = tmp_path / "copy" / "funnelflow-dump.json"
    listed.write_text(json.dumps({**json.loads(listed.read_text()), "version": "v9"}))
    with pytest.raises(UsageError, match="of version v9"):
        empty.load(tmp_path / "copy")
    assert content(empty) == before
