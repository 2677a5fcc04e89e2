"""A new plugin is a complete package: it installs, is found by its name, and its tests pass."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from funnelflow.errors import UsageError
from funnelflow.plugins.scaffold import write_scaffold

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with a directory of installed packages."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "FUNNEL"))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def install(package: Path, site: Path) -> None:
    """Install a package into a directory, from no index."""
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--no-input")
    done = run(
        *("-m", "pip", "install", *options, "--target", str(site), str(package)),
        cwd=package,
        site=site,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A new plugin, installed: its directory, and where it was installed to."""
    directory = tmp_path_factory.mktemp("made")
    site = directory / "site"
    package = write_scaffold("our-rules", directory)[0].parent
    install(package, site)
    return package, site


def test_its_own_tests_pass(made):
    package, site = made
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=package, site=site)
    assert done.returncode == 0, done.stdout
    assert "2 of 2 transitions are taken, 2 of 2 criteria are looked at" in done.stdout


def test_it_is_found_by_its_name_and_offers_all_that_it_says(made, tmp_path):
    _, site = made
    done = run(
        "-m", "funnelflow", "plugins", "show", "our-rules", "--json", cwd=tmp_path, site=site
    )
    (report,) = json.loads(done.stdout)
    assert report["status"] == "active"
    assert (report["source"], report["version"]) == ("funnelflow-our-rules", "0.1.0")
    assert report["offers"] == {
        "definitions": ["our-rules"],
        "criteria": ["our_rules_answers"],
        "notifiers": ["our-rules-file"],
    }
    assert report["settings"] == [{"name": "percent", "shown": "50", "origin": "default"}]


def test_its_definition_can_be_used_by_name(made, tmp_path):
    _, site = made
    done = run("-m", "funnelflow", "test", "our-rules", "--json", cwd=tmp_path, site=site)
    assert done.returncode == 0, done.stderr
    assert all(scenario["passed"] for scenario in json.loads(done.stdout)[0]["scenarios"])


def test_it_is_turned_off_before_it_is_imported(made, tmp_path):
    _, site = made
    command = ("-m", "funnelflow", "plugins", "list", "--json", "--no-plugins=our-rules")
    (report,) = json.loads(run(*command, cwd=tmp_path, site=site).stdout)
    assert (report["status"], report["hooks"]) == ("blocked", [])


def test_its_files_keep_to_the_style_of_the_house(made):
    package, _ = made
    checked = [str(path) for path in package.rglob("*.py") if "build" not in path.parts]
    for command in (("check", "--select", "E,F,I,B,UP"), ("format", "--check")):
        options = ("--isolated", "--line-length", "100")
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options, *checked],
            cwd=package,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name", ["", "Our", "our_rules", "1st", "a--b", "-a", "a" * 41, "a/b", "disabled"]
)
def test_a_name_that_cannot_be_one_is_refused(tmp_path, name):
    with pytest.raises(UsageError):
        write_scaffold(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path):
    write_scaffold("rules", tmp_path)
    with pytest.raises(UsageError, match="is there already"):
        write_scaffold("funnelflow-rules", tmp_path)


def test_prospect_first_installs_and_is_found_by_its_name(tmp_path):
    site = tmp_path / "site"
    install(ROOT / "plugins" / "funnelflow-prospect-first", site)
    done = run(
        "-m", "funnelflow", "test", "prospect-first", "makers-funnel", cwd=tmp_path, site=site
    )
    assert done.returncode == 0, done.stderr
