"""What the documents show is what happens: every session in them is run."""

from pathlib import Path

import console
import pytest

ROOT = Path(__file__).parents[1]
OF_PLUGINS = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("plugins/**/README.md"))]


def differences(name: str, directory: Path, site: Path | None = None) -> list[str]:
    """List what a document shows that does not happen, each with its place."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [
        f"{name}:{command.line}: $ {command.source}\n{real}"
        for command, real in console.differences(text, directory.resolve(), site)
    ]


@pytest.mark.parametrize("name", ["README.md", "definitions/README.md"])
def test_the_sessions_show_what_really_happens(name: str, tmp_path: Path):
    assert differences(name, tmp_path) == []


@pytest.mark.parametrize("name", OF_PLUGINS)
def test_so_do_those_of_plugins_when_they_are_installed(
    name: str, tmp_path: Path, plugin_site: Path
):
    assert differences(name, tmp_path, plugin_site) == []


def test_the_two_commands_of_the_readme_are_those_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install -e . && funnelflow demo" in readme
    assert "pip install -e '.[dev]' && pytest" in readme
    assert "\npip install -e '.[dev]' && pytest\n" in script
