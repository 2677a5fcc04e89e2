"""Runs of funnelflow in forks: what differs from a run in a new process is only the start."""

from pathlib import Path

import pytest
from forks import start

PLUGIN = """\
import click
from funnelflow.plugins import CommandProvider, hookimpl


@click.command()
def hello():
    click.echo("hello there")


@hookimpl
def funnelflow_commands():
    return [CommandProvider("hello", hello, "Say hello.")]
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("init", "shop", "--dry-run"),
        ("check", "no-such-file.yaml"),
        ("why", "ada"),
    ],
)
def test_a_fork_prints_what_a_new_process_prints(arguments, run_forked, tmp_path):
    environment = {"HOME": str(tmp_path), "COLUMNS": "100", "NO_COLOR": "1"}
    assert run_forked(arguments, tmp_path, environment) == start(arguments, tmp_path, environment)


def test_a_run_has_the_environment_that_it_is_given_and_no_other(run_forked, tmp_path: Path):
    run_forked(["init", "shop"], tmp_path, {})
    given = run_forked(["config", "show"], tmp_path / "shop", {"FUNNELFLOW_DATABASE": "given.db"})
    assert "given.db" in given
    assert "funnelflow.db" in run_forked(["config", "show"], tmp_path / "shop", {})


def test_a_run_has_the_packages_of_its_path(run_forked, tmp_path: Path):
    info = tmp_path / "greeting-3.dist-info"
    info.mkdir()
    (tmp_path / "greeting.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greeting\nVersion: 3\n")
    (info / "entry_points.txt").write_text("[funnelflow.v1]\ngreeting = greeting\n")
    assert run_forked(["hello"], tmp_path, {"PYTHONPATH": str(tmp_path)}) == "hello there\n"
    assert "no command 'hello'" in run_forked(["hello"], tmp_path, {})
