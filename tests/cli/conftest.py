"""A workspace to work in, and a way to run commands in it without a new process."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from funnelflow.cli.app import app
from funnelflow.workspace.workspace import Workspace

from .support import CLEAN

Call = Callable[..., Result]


@pytest.fixture(autouse=True)
def quiet_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Let nothing of the tester's environment decide what a test sees, nor be changed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
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


@pytest.fixture(scope="session")
def database_with_ada(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one contact, which is only ever copied too."""
    directory = tmp_path_factory.mktemp("ada")
    shutil.copytree(pristine, directory, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        for name in CLEAN:
            patch.delenv(name, raising=False)
        type_in_ada()
    return directory / "funnelflow.db"


@pytest.fixture
def ada(workspace: Path, database_with_ada: Path) -> str:
    """A contact who is a lead with a budget that does not suffice."""
    shutil.copy(database_with_ada, workspace)
    return "ada"


@pytest.fixture
def ada_typed_in(workspace: Path) -> str:
    """The same contact, of whom the settings of the workspace can tell others."""
    type_in_ada()
    return "ada"


def type_in_ada() -> None:
    """Add the contact to the workspace in the current directory."""
    for line in (
        "add ada email=ada@example.com budget=3000 --at 2026-03-01T09:00:00Z",
        "record ada form_submitted --at 2026-03-01T09:30:00Z",
        "set ada horizon_days=60 --at 2026-03-02T10:00:00Z",
    ):
        done = CliRunner().invoke(app, line.split(), prog_name="funnelflow")
        assert done.exit_code == 0, done.stderr
