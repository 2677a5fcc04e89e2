"""Damaged files of SQLite: a cut log is a clean prefix, altered bytes are named.

`FUNNELFLOW_DAMAGE=500 pytest tests/maintenance/test_damage.py --log-cli-level=INFO` tries five
hundred of each, and says how often altered bytes were named.
"""

import logging
import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from funnelflow.errors import Error, StoreError
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0

TRIES = int(os.environ.get("FUNNELFLOW_DAMAGE", "25"))


@pytest.fixture(scope="module")
def busy(tmp_path_factory) -> tuple[Path, list[tuple[int, int]]]:
    """Give a workspace as it lies on the disk while it is open, with a long log.

    With it, for each change that was acknowledged: the length of the log, and how many rows
    of the history there were.
    """
    directory = tmp_path_factory.mktemp("busy")
    (directory / "pipeline.yaml").write_text(PIPELINE)
    acknowledged = []
    with Workspace.create(directory, "pipeline") as workspace:
        log = directory / "funnelflow.db-wal"
        for number in range(30):
            workspace.add(f"c{number}", {"email": f"c{number}@example.com"})
            acknowledged.append((log.stat().st_size, 2 * number + 1))
            workspace.record(f"c{number}", "subscribed")
            acknowledged.append((log.stat().st_size, 2 * number + 2))
        frozen = tmp_path_factory.mktemp("frozen")
        for name in ("pipeline.yaml", "funnelflow.toml", "funnelflow.db", "funnelflow.db-wal"):
            shutil.copy(directory / name, frozen / name)
    return frozen, acknowledged


def test_a_log_that_is_cut_anywhere_leaves_what_was_acknowledged_before(busy, tmp_path):
    frozen, acknowledged = busy
    pick = random.Random(1)
    length = (frozen / "funnelflow.db-wal").stat().st_size
    for number in range(TRIES):
        directory = tmp_path / str(number)
        shutil.copytree(frozen, directory)
        cut = pick.randrange(length + 1)
        os.truncate(directory / "funnelflow.db-wal", cut)
        expected = max((rows for size, rows in acknowledged if size <= cut), default=0)
        with Workspace.open(directory) as workspace:
            result = workspace.verify()
            assert result.is_sound
            assert result.rows == expected
            workspace.add("after")
        shutil.rmtree(directory)


def test_a_log_with_altered_bytes_ends_where_they_are(busy, tmp_path):
    frozen, acknowledged = busy
    pick = random.Random(2)
    log = (frozen / "funnelflow.db-wal").read_bytes()
    for number in range(TRIES):
        directory = tmp_path / str(number)
        shutil.copytree(frozen, directory)
        place = pick.randrange(32, len(log))
        altered = bytearray(log)
        altered[place] ^= 1 << pick.randrange(8)
        (directory / "funnelflow.db-wal").write_bytes(altered)
        expected = max((rows for size, rows in acknowledged if size <= place), default=0)
        with Workspace.open(directory) as workspace:
            result = workspace.verify()
            assert result.is_sound
            assert result.rows >= expected
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
def closed(tmp_path_factory) -> Path:
    """Give a workspace that was closed, with all kinds of rows."""
    directory = tmp_path_factory.mktemp("closed")
    (directory / "pipeline.yaml").write_text(PIPELINE)
    (directory / "events.csv").write_text(
        "contact,event,at,email\n"
        + "".join(f"f{n},subscribed,2026-03-01T09:00:00Z,f{n}@example.com\n" for n in range(20))
    )
    with Workspace.create(directory, "pipeline") as workspace:
        for number in range(40):
            name = f"c{number}"
            workspace.add(name, {"email": f"{name}@example.com"}, at=T0, key=f"k{number}")
            workspace.record(name, "subscribed", at=T0 + DAY, actor="grace")
            workspace.record(name, "replied", {"tags": ["x"]}, at=T0 + 2 * DAY)
            workspace.move(name, "prospect", at=T0 + 3 * DAY)
        workspace.apply(str(directory / "events.csv"))
    assert not (directory / "funnelflow.db-wal").exists()
    return directory


def test_altered_bytes_are_named_or_end_in_a_clear_error(closed, tmp_path):
    """What is not noticed has changed nothing that anybody can read."""
    pick = random.Random(3)
    original = (closed / "funnelflow.db").read_bytes()
    content = everything(closed / "funnelflow.db")
    counts = {"named": 0, "clear error": 0, "nothing changed": 0}
    for number in range(TRIES):
        directory = tmp_path / str(number)
        shutil.copytree(closed, directory)
        altered = bytearray(original)
        for _ in range(pick.choice((1, 1, 4, 64))):
            altered[pick.randrange(len(altered))] = pick.randrange(256)
        (directory / "funnelflow.db").write_bytes(altered)
        outcome = verified(directory)
        counts[outcome] += 1
        if outcome == "nothing changed":
            assert everything(directory / "funnelflow.db") == content, number
        use(directory)
        shutil.rmtree(directory)
    logging.getLogger(__name__).info("%s", counts)
    assert counts["named"] > TRIES / 4


def verified(directory: Path) -> str:
    """Verify a workspace, and say how that ended; only our own errors may come out."""
    try:
        with Workspace.open(directory) as workspace:
            result = workspace.verify()
    except Error as error:
        said = (error.message, error.hint)
        return "clear error" if all(said) else f"unclear: {said}"
    for finding in result.findings:
        str(finding).encode()
        assert "@example.com" not in str(finding)
    return "nothing changed" if result.is_sound else "named"


def use(directory: Path) -> None:
    """Do ordinary things with a damaged workspace; only our own errors may come out."""
    said = ""
    for operation in (
        lambda w: list(w.list("contact.replies > 0")),
        lambda w: list(w.list(sort="-replies", limit=50)),
        lambda w: list(w.list(at=T0 + DAY)),
        lambda w: list(w.rows()),
        lambda w: w.count("contact.replies > 0"),
        lambda w: w.runs(),
        lambda w: [w.why(f"c{n}") for n in range(40)],
        lambda w: [w.why(f"c{n}", T0 + DAY) for n in range(40)],
        lambda w: [w.history(f"c{n}") for n in range(40)],
        lambda w: list(w.translate_all(w.funnel())),
        lambda w: w.contacts_ahead(),
        lambda w: w.broken_promises(),
        lambda w: w.report(),
        lambda w: w.todo(),
        lambda w: w.outdated(),
        lambda w: w.change_where("contact.replies > 0", "set", {"replies": 1}, dry_run=True),
        lambda w: w.history(limit=1000),
        lambda w: [w.contact(f"c{n}") for n in range(40)],
        lambda w: [w.record(f"c{n}", "replied") for n in range(40)],
        lambda w: w.apply(str(directory / "events.csv")),
        lambda w: w.tick(T0 + 90 * DAY),
        lambda w: w.counts(),
    ):
        try:
            with Workspace.open(directory) as workspace:
                operation(workspace)
        except Error as error:
            said += error.message + error.hint
    assert "@example.com" not in said


def everything(path: Path) -> list[list[tuple]]:
    """Read every row of every table, as SQLite gives it."""
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    tables = (
        "definitions",
        "funnels",
        "contacts",
        "positions",
        "evidence",
        "decisions",
        "keys",
        "checkpoints",
        "funnelflow_version",
    )
    rows = [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]
    connection.close()
    return rows


def test_a_checkpoint_that_was_altered_is_named_and_not_followed(closed, tmp_path):
    directory = tmp_path / "x"
    shutil.copytree(closed, directory)
    with sqlite3.connect(directory / "funnelflow.db") as connection:
        connection.execute("UPDATE checkpoints SET position = 1")
    connection.close()
    with Workspace.open(directory) as workspace:
        assert [f.kind for f in workspace.verify().findings] == ["checkpoint"]
        with pytest.raises(StoreError, match="has been altered"):
            workspace.apply(str(closed / "events.csv"))
