"""What the documents show is what happens: every session in them is run."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import console
import pytest
from forks import Start

ROOT = Path(__file__).parents[1]
OF_PLUGINS = [
    "plugins/README.md",
    "docs/words.md",
    *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("plugins/*/README.md"))),
]


@pytest.fixture
def differences(tmp_path: Path, run_forked: Start) -> Callable[..., list[str]]:
    """Give what lists where a document shows what does not happen."""

    def look(name: str, site: Path | None = None) -> list[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        place = console.Place(tmp_path.resolve(), site, run_funnelflow=run_forked)
        return [
            f"{name}:{command.line}: $ {command.source}\n{real}"
            for command, real in console.differences(text, place)
        ]

    return look


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "definitions/README.md",
        "docs/verify.md",
        "docs/erase.md",
        "docs/import.md",
    ],
)
def test_the_sessions_show_what_really_happens(name, differences):
    assert differences(name) == []


@pytest.mark.parametrize("name", OF_PLUGINS)
def test_so_do_those_of_plugins_when_they_are_installed(name, differences, plugin_site):
    assert differences(name, plugin_site) == []


def test_the_day_of_an_admin_is_as_the_page_shows_it(differences, plugin_site, tmp_path):
    """The page makes a large Excel file by a script, which a session cannot run."""
    page = (ROOT / "docs/admin.md").read_text(encoding="utf-8")
    (script,) = (
        file.body for file in console.read(page)
        if isinstance(file, console.File) and file.name == "make_fair.py"
    )  # fmt: skip
    (tmp_path / "elsewhere").mkdir()
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path / "elsewhere", check=True)
    assert differences("docs/admin.md", plugin_site) == []


def test_the_two_commands_of_the_readme_are_those_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install -e . && funnelflow demo" in readme
    assert "pip install -e '.[dev]' && pytest" in readme
    assert "\npip install -e '.[dev]' && pytest\n" in script
