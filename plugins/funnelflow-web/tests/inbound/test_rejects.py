"""``funnelflow web rejects`` and ``retry``: what was kept, in words, and again."""

import json
import os
import subprocess
import sys

import pytest

import funnelflow
from funnelflow.ingest import IncomingRecord

SETTINGS = """
[plugins.web.sources.crm]
kind = "json"
proof = "bearer"
secret = "a-token-that-nobody-guesses"
mapping = "events"
create = true
"""
MAPPING = """\
guess = false
[columns]
contact = "who"
event = "what"
at = "when"
"""
SAID = {"who": "ada\x1b[2J", "what": "seen", "when": "2026-01-01T00:00:00Z"}


@pytest.fixture
def database():
    """Give the setting of a database; what is tested here ends before it."""
    return "funnelflow.db"


@pytest.fixture
def kept(directory):
    """Give a workspace in which something is kept."""
    (directory / "mappings").mkdir()
    (directory / "mappings" / "events.toml").write_text(MAPPING)
    with (directory / "funnelflow.toml").open("a") as file:
        file.write(SETTINGS)
    with funnelflow.open(directory) as workspace:
        records = [IncomingRecord({**SAID, "what": what}) for what in ("seen", "\x1b[31mheard")]
        options = funnelflow.FileOptions(mapping=workspace.mapping("events"))
        workspace.receive(records, options, source="crm", create=True)
    return directory


@pytest.fixture
def web(kept, python_path):
    """Give what runs a command below ``funnelflow web``."""

    def run(*arguments):
        path = os.pathsep.join(filter(None, (python_path, os.environ.get("PYTHONPATH", ""))))
        return subprocess.run(
            [sys.executable, "-m", "funnelflow", "web", *arguments],
            cwd=kept,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_what_is_kept_is_listed_with_why(web):
    done = web("rejects")
    assert done.returncode == 0
    assert "crm  " in done.stdout
    assert "there is no event 'seen'" in done.stdout
    assert "2 kept" in done.stderr
    assert "\x1b" not in done.stdout
    data = json.loads(web("rejects", "crm", "--json").stdout)
    assert [one["data"]["what"] for one in data] == ["seen", "\x1b[31mheard"]
    assert web("rejects", "shop").stderr == "nothing is kept\n"


def test_what_is_kept_is_tried_again_when_the_mapping_is_corrected(web, kept):
    assert web("retry").returncode == 1
    path = kept / "mappings" / "events.toml"
    path.write_text(path.read_text() + '[events]\nseen = "content_viewed"\n[values.contact]\n')
    done = web("retry", "--dry-run", "--json")
    assert json.loads(done.stdout)["dry_run"] is True
    assert len(json.loads(web("rejects", "--json").stdout)) == 2
    done = web("retry")
    assert (done.returncode, done.stdout) == (1, "crm: 0 recorded, 2 kept\n")
    path.write_text(MAPPING.replace('contact = "who"\n', "") + (
        '[constants]\ncontact = "ada"\n[events]\nseen = "content_viewed"\n'
    ))  # fmt: skip
    done = web("retry", "crm")
    assert (done.returncode, done.stdout) == (1, "crm: 1 recorded, 1 kept\n")
    assert "funnelflow web rejects" in done.stderr
    with funnelflow.open(kept) as workspace:
        assert [row.event for row in workspace.history("ada").rows] == ["add", "content_viewed"]


def test_a_mapping_that_cannot_be_used_and_no_source_are_said(web, kept):
    (kept / "mappings" / "events.toml").write_text("colour = 1\n")
    done = web("retry")
    assert done.returncode == 2
    assert "the mapping of source 'crm' cannot be used" in done.stderr
    done = web("retry", "crmm")
    assert "there is no source 'crmm'" in done.stderr
    assert "did you mean 'crm'?" in done.stderr
