"""A workspace to work in, and a way to run commands in it without a new process."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from funnelflow.cli.app import app
from funnelflow.store import Workspace

from .support import CLEAN

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the tester's environment decide what a test sees."""
    for name in CLEAN:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that is only ever copied: making one costs migrations."""
    directory = tmp_path_factory.mktemp("pristine")
    shutil.copytree(Path(__file__).parent / "definitions", directory / "definitions")
    Workspace.create(directory).close()
    return directory


@pytest.fixture
def workspace(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, which is the current directory."""
    shutil.copytree(pristine, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "funnelflow.toml").open("a") as settings:
        settings.write('sales_manager = ["grace"]\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call() -> Call:
    """Run one command line in this process."""

    def run(*arguments: str, given: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=given, prog_name="funnelflow")

    return run


@pytest.fixture
def ada(workspace: Path, call: Call) -> str:
    """A contact who is a lead with a budget that does not suffice."""
    call("add", "ada", "email=ada@example.com", "budget=3000", "--at", "2026-03-01T09:00:00Z")
    call("record", "ada", "form_submitted", "--at", "2026-03-01T09:30:00Z")
    call("set", "ada", "horizon_days=60", "--at", "2026-03-02T10:00:00Z")
    return "ada"
