"""Real plugin files in a workspace directory, and a host that has found them."""

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from funnelflow.plugins import PluginHost, load_plugins

Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing of the tester's environment turn a plugin off or set it."""
    monkeypatch.delenv("FUNNELFLOW_NO_PLUGINS", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty workspace: settings and a folder for plugins."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "funnelflow.toml").write_text("[workspace]\n")
    return tmp_path


@pytest.fixture
def write(root: Path) -> Write:
    """Return what writes a plugin file into the workspace."""

    def write_plugin(name: str, source: str) -> Path:
        path = root / "plugins" / f"{name}.py"
        path.write_text(
            "from funnelflow.plugins import *\n"
            "from funnelflow.criteria import NUMBER\n" + textwrap.dedent(source)
        )
        return path

    return write_plugin


class Reported:
    """Collects the problems that a host reports."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def __call__(self, message: str, plugin: str, hint: str) -> None:
        self.said.append((message, plugin, hint))

    @property
    def messages(self) -> list[str]:
        return [message for message, _, _ in self.said]


@pytest.fixture
def reported() -> Reported:
    """The problems that hosts of the test report."""
    return Reported()


@pytest.fixture
def host(root: Path, reported: Reported) -> Callable[..., PluginHost]:
    """Return what loads the plugins of the workspace, and no installed ones."""

    def load_here(**how: object) -> PluginHost:
        return load_plugins(root, on_problem=reported, **{"environment": {}, **how})

    return load_here


@pytest.fixture(autouse=True)
def no_installed_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find no plugin that happens to be installed beside the tests."""
    monkeypatch.setattr("funnelflow.plugins.loading.entry_points", lambda **_: ())
