"""A disk that is really full, under each kind of database: `apply` says so, and goes on later.

The disk is a small one, mounted for one process and what it starts; see `small_disk.py`. Two
kinds are part of every test run; all four are done by::

    FUNNELFLOW_DISKS="sqlite tables log all" pytest tests/ingest/test_full_disk.py
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ..funnels import PIPELINE

KINDS = os.environ.get("FUNNELFLOW_DISKS", "tables log").split()
EVENTS = 40_000
CONTACTS = 9_000
FULL = "there is no room left to write|the server's disk is full"
FULL_OR_LOST = f"{FULL}|the connection to the database was lost"
"""PostgreSQL stops at once when its log finds no room, and may not come to say why."""
MESSAGES = {"sqlite": FULL, "tables": FULL, "log": FULL_OR_LOST, "all": FULL_OR_LOST}


def why_no_mount() -> str:
    """Tell why no disk can be mounted here; empty where one can."""
    if shutil.which("unshare") is None:
        return "there is no unshare"
    with tempfile.TemporaryDirectory() as place:
        command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", place]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else ""


@pytest.fixture(scope="module")
def place():
    """Give a directory that every user can enter, with a file of events in it."""
    if reason := why_no_mount():
        pytest.skip(f"no disk can be mounted here: {reason}")
    with tempfile.TemporaryDirectory(prefix="funnelflow-disk-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # the server has a user of its own
        with (directory / "events.csv").open("w") as file:
            file.write("contact,event,at\n")
            for n in range(EVENTS):
                day, second = divmod(n * 60, 86_400)
                at = f"2026-03-{1 + day:02}T{second // 3600:02}:{second // 60 % 60:02}:00Z"
                file.write(f"c{n % CONTACTS:05},{('replied', 'subscribed')[n % 2]},{at}\n")
        yield directory


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_full_disk_broke_off_goes_on_when_there_is_room(place, kind):
    said = on_a_small_disk(place, kind)
    assert said["init"]["code"] == 0

    assert said["full"]["code"] == 2
    assert re.search(f"^error: ({MESSAGES[kind]})", said["full"]["err"], re.MULTILINE)
    assert "the same command again" in said["full"]["err"]
    assert "Traceback" not in said["full"]["err"]

    assert said["kept"]["code"] == 0
    done = int(found(r"an earlier run had done the first ([\d,]+) rows", said["again"]["out"]))
    assert 0 < done < EVENTS
    assert f"{CONTACTS + done:,} rows of history" in said["kept"]["out"]

    assert said["again"]["code"] == 0
    assert said["verify"]["code"] == 0
    assert f"{CONTACTS + EVENTS:,} rows of history" in said["verify"]["out"]


def on_a_small_disk(place: Path, kind: str) -> dict[str, dict[str, str | int]]:
    """Run the commands, and give what each of them said."""
    here = place / kind
    here.mkdir()
    (here / "pipeline.yaml").write_text(PIPELINE)
    script = Path(__file__).with_name("small_disk.py")
    command = [
        *("unshare", "--mount", sys.executable, str(script)),
        *(str(here), kind, str(place / "events.csv")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    measured: dict[str, dict[str, str | int]] = json.loads(done.stdout)
    return measured


def found(pattern: str, text: str) -> str:
    """Give a number that a text tells."""
    match = re.search(pattern, text)
    assert match, text
    return match[1].replace(",", "")
