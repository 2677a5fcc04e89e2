"""Tables out of a workspace agree with what it says, and with the fold over what it exports."""

import csv
import json
import stat

import pyarrow.parquet
import pytest

import funnelflow.arrow
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0


@pytest.fixture
def shop(workspace, clock) -> Workspace:
    """Give a workspace with late, voided, refused, merged and erased evidence."""
    clock.now = T0 + 5 * DAY
    for name in ("ada", "bob", "cy", "eve"):
        workspace.add(name, {"email": f"{name}@example.com"}, at=T0)
        workspace.record(name, "subscribed", at=T0 + DAY, actor="grace")
    workspace.record("ada", "replied", at=T0 + 3 * DAY)
    workspace.record("ada", "replied", {"tags": ["x", "é"]}, at=T0 + 2 * DAY)
    workspace.record("bob", "gave_up", at=T0 + 2 * DAY)
    workspace.void("bob", [3], reason="mistaken")
    workspace.move("bob", "prospect", at=T0 + 3 * DAY)
    workspace.move("cy", "prospect", at=T0 + 3 * DAY, force=True, reason="asked", roles=["boss"])
    workspace.record("cy", "called", {"minutes": 3.5, "budget": 9000}, at=T0 + 4 * DAY)
    workspace.merge("eve", into="ada", reason="one person")
    workspace.add("gone", {"email": "gone@example.com"}, at=T0)
    workspace.erase("gone")
    return workspace


def parquet(shop: Workspace, path, table: str, **asked):
    shop.export(table, path / f"{table}.parquet", **asked)
    return pyarrow.parquet.read_table(path / f"{table}.parquet")


@pytest.mark.parametrize("table", ["stays", "decisions", "positions"])
@pytest.mark.parametrize("at", [None, T0 + 40 * DAY, T0 + 2 * DAY])
def test_what_is_exported_is_the_fold_over_the_exported_evidence(
    shop, directory, tmp_path, table, at
):
    moment = at or T0 + 60 * DAY
    evidence = parquet(shop, tmp_path, "evidence")
    found = parquet(shop, tmp_path, table, at=moment)
    assert found.schema.metadata[b"funnelflow.at"].decode().startswith(f"{moment:%Y-%m-%dT%H:%M}")
    fold = getattr(funnelflow.arrow, table)
    again = fold(directory / "pipeline.yaml", evidence, at=moment).read_all()
    assert found.num_rows > 2
    assert sorted(map(str, found.to_pylist())) == sorted(map(str, again.to_pylist()))
    assert set(found["contact"].to_pylist()) == {"ada", "bob", "cy"}


def test_exported_evidence_applied_elsewhere_stands_where_it_stood(shop, tmp_path, clock):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pipeline.yaml").write_text(PIPELINE)
    shop.export("evidence", tmp_path / "evidence.csv")
    with Workspace.create(tmp_path / "other", "pipeline", clock=clock) as other:
        other.apply(tmp_path / "evidence.csv")
        found, expected = (
            [(c.id, c.contact.stage, c.contact.since) for c in one.list() if c.id != "cy"]
            for one in (other, shop)
        )
    assert found == expected  # whom a role forced, only that role may force again


def test_every_format_has_the_same_rows(shop, tmp_path):
    for table in ("evidence", "stays", "decisions", "positions"):
        rows = parquet(shop, tmp_path, table, at=T0 + 60 * DAY).to_pylist()
        for suffix in ("csv", "jsonl"):
            path = tmp_path / f"{table}.{suffix}"
            assert shop.export(table, path, at=T0 + 60 * DAY) == len(rows)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with (tmp_path / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            written = list(csv.DictReader(file))
        lines = (tmp_path / f"{table}.jsonl").read_text(encoding="utf-8").splitlines()
        objects = [json.loads(line) for line in lines]
        assert [r["contact"] for r in rows] == [r["contact"] for r in written]
        assert [r["contact"] for r in rows] == [r["contact"] for r in objects]
        assert list(rows[0]) == list(written[0]) == list(objects[0])


def test_since_gives_what_was_recorded_since_with_what_was_taken_back(shop, tmp_path, clock):
    clock.now = T0 + 8 * DAY
    since = clock.now
    shop.record("ada", "called", at=T0 + 4 * DAY)
    shop.void("ada", [3], reason="mistaken")
    rows = parquet(shop, tmp_path, "evidence", since=since).to_pylist()
    everything = parquet_rows_by_sequence(shop, "ada")
    assert [(r["event"], r["voids"]) for r in rows] == [
        ("called", []),
        ("void", [everything[3]]),
    ]
    with pytest.raises(UsageError, match="no since"):
        shop.export("stays", tmp_path / "new.csv", since=since)


def parquet_rows_by_sequence(shop, contact):
    return {row.sequence: row.id for row in shop.history(contact).rows}


def test_a_file_that_is_there_is_kept_and_a_name_must_say_a_format(shop, tmp_path):
    path = tmp_path / "stays.csv"
    path.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        shop.export("stays", path)
    assert path.read_text() == "mine"
    assert shop.export("stays", path, force=True) > 2
    with pytest.raises(UsageError, match="says no format"):
        shop.export("stays", tmp_path / "stays.xls")
    with pytest.raises(UnknownNameError, match="'stay'"):
        shop.export("stay", tmp_path / "more.csv")
    with pytest.raises(UnknownNameError, match="'sales'"):
        shop.export("stays", tmp_path / "more.csv", funnel="sales")
    assert {path.name for path in tmp_path.glob("*.csv")} == {"stays.csv"}
