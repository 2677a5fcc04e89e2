"""A new plugin is a complete package: it installs, is found by its name, and its tests pass."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packages import build_wheel, unpack

from funnelflow.cli.configuration import write_scaffold
from funnelflow.errors import UsageError


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


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A new plugin, installed: its directory, and where it was installed to."""
    directory = tmp_path_factory.mktemp("made")
    site = directory / "site"
    package = write_scaffold("our-rules", directory)[0].parent
    unpack(build_wheel(package, tmp_path_factory.mktemp("wheel")), site)
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
    reports = json.loads(run(*command, cwd=tmp_path, site=site).stdout)
    (report,) = (report for report in reports if report["name"] == "our-rules")
    assert (report["status"], report["hooks"]) == ("blocked", [])


def test_a_dry_run_names_the_files_and_writes_none(tmp_path):
    files = write_scaffold("our-rules", tmp_path, dry_run=True)
    assert list(tmp_path.iterdir()) == []
    assert write_scaffold("our-rules", tmp_path) == files
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(files)


@pytest.mark.parametrize("name", ["a", "our-rules", "a" * 40])
def test_its_files_keep_to_the_style_of_most_houses(name, tmp_path):
    package = write_scaffold(name, tmp_path)[0].parent
    for command in (("check", "--select", "E,F,I,B,UP,ANN"), ("format", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "."],
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
