"""Workspaces that notify somebody, on both databases."""

import pytest
from click.testing import CliRunner

from funnelflow.cli.app import app
from funnelflow.workspace.workspace import Workspace

from .support import PIPELINE, Recorder, make


@pytest.fixture
def recorder():
    """What the test's own notifier was given."""
    return Recorder()


@pytest.fixture
def workspace(tmp_path, database, recorder):
    """A workspace with one endpoint, the test's own notifier, on each kind of database."""
    with make(tmp_path, PIPELINE, '[[notify]]\nchannel = "recorder"\n', recorder, database) as made:
        yield made


@pytest.fixture
def small(tmp_path, recorder):
    """Make a workspace on SQLite with these endpoints."""
    made = []

    def start(toml, funnel=PIPELINE):
        made.append(make(tmp_path / f"w{len(made)}", funnel, toml, recorder))
        return made[-1]

    yield start
    for workspace in made:
        workspace.close()


@pytest.fixture
def command_line(tmp_path, monkeypatch):
    """Return what runs a command line in a workspace with endpoints, where somebody has moved."""
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    Workspace.create(tmp_path, "pipeline").close()
    monkeypatch.chdir(tmp_path)
    settings = (tmp_path / "funnelflow.toml").read_text()

    def begin(endpoints):
        def run(*arguments, toml=endpoints):
            (tmp_path / "funnelflow.toml").write_text(f"{settings}\n{toml}")
            return CliRunner().invoke(app, arguments, prog_name="funnelflow")

        run("add", "ada")
        run("record", "ada", "asked")
        return run

    return begin
