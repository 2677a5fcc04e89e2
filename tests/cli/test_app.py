"""The command line as a whole: help, errors, exit codes, outputs."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from funnelflow.cli.app import COMMANDS, SECTIONS, app

from .support import COMMAND, environment, run, run_in_terminal

HEAVY = {"attrs", "sqlalchemy", "alembic", "transitions", "wcwidth", "yaml", "pluggy", "psycopg"}


@pytest.fixture
def broken(monkeypatch):
    """Make `doctor` raise what the test wants."""

    def breaking(error):
        @click.command("doctor")
        def doctor():
            raise error

        monkeypatch.setattr("funnelflow.cli.doctor.doctor", doctor)

    return breaking


def invoke(*arguments):
    return CliRunner().invoke(app, arguments)


def modules_loaded_by(*arguments, cwd=None):
    """Name the modules that a run of funnelflow imports."""
    code = (
        f"import sys; sys.argv = {['funnelflow', *arguments]!r}\n"
        "from funnelflow.cli import main\n"
        "try: main()\n"
        "except SystemExit as done: print(done.code, *sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd)
    exit_code, *modules = done.stderr.splitlines()[-1].split()
    assert exit_code == "0"
    return set(modules)


def test_help_imports_no_command_and_no_library_but_click():
    modules = modules_loaded_by("--help")
    assert not HEAVY & modules
    own = {name for name in modules if name.startswith("funnelflow.")}
    parts = ("app", "failures", "options", "session")
    commands = {f"funnelflow.cli.{part}" for part in parts}
    assert own == {"funnelflow.cli", "funnelflow.gc_pause", *commands}


def test_version_imports_no_database_library():
    assert not HEAVY & modules_loaded_by("--version")


@pytest.mark.parametrize(
    "command",
    ["check", "check standard", "show", "test", "glossary", "config show", "plugins list"],
)
def test_what_needs_no_database_imports_no_database_library(workspace, command):
    databases = {"sqlalchemy", "alembic", "sqlite3", "psycopg"}
    modules = modules_loaded_by("--no-plugins", *command.split(), cwd=workspace)
    assert not (databases | {"asyncio"}) & modules


def test_a_listing_loads_nothing_that_compiles_criteria(workspace):
    modules = modules_loaded_by("--no-plugins", "list", cwd=workspace)
    unneeded = {"parser", "type_checker", "sql", "constant_conditions"}
    assert "funnelflow.criteria.expression" in modules
    assert not {f"funnelflow.criteria.{name}" for name in unneeded} & modules


@pytest.mark.parametrize("name", COMMANDS)
def test_the_overview_says_of_a_command_what_the_command_says(name):
    command = app.get_command(click.Context(app), name)
    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(limit=200).rstrip(".") == COMMANDS[name].help.rstrip(".")


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_of_the_overview_has_commands(section):
    assert any(entry.section == section for entry in COMMANDS.values())


def test_every_command_of_the_overview_is_in_a_section():
    assert {entry.section for entry in COMMANDS.values()} == set(SECTIONS)


def test_help_names_every_command_under_its_section():
    shown = invoke("--help").stdout
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert shown.index("Start (") < shown.index("  init ") < shown.index("Definitions (")


def test_help_fits_eighty_columns():
    done = run("--help", env={"COLUMNS": "80"})
    assert max(map(len, done.out.splitlines())) <= 80


def test_no_command_shows_the_overview_as_an_error():
    done = invoke()
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Usage: funnelflow" in done.stderr.replace("app [", "funnelflow [")


def test_an_unknown_command_names_the_nearest():
    done = invoke("mvoe")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: there is no command 'mvoe'\nhint: did you mean `funnelflow move`?\n"
    )


def test_an_unknown_command_like_no_other_points_at_help():
    assert "hint: funnelflow --help lists them" in invoke("xyzzy").stderr


def test_an_unknown_option_names_the_nearest():
    done = invoke("--dtabase", "x")
    assert done.exit_code == 2
    assert done.stderr == "error: no such option '--dtabase'\nhint: did you mean --database?\n"


def test_a_missing_argument_points_at_the_command_s_help():
    done = run("why")
    assert done.code == 2
    assert done.err == (
        "error: missing argument 'CONTACT'\nhint: funnelflow why --help shows how to use it\n"
    )


def test_control_characters_in_arguments_do_not_reach_the_terminal():
    done = invoke("\x1b[31mred")
    assert "\x1b" not in done.stderr
    assert "\\x1b[31mred" in done.stderr


def test_a_bug_is_one_line_without_a_traceback(broken):
    broken(KeyError("ada@example.com"))
    done = invoke("doctor")
    assert done.exit_code == 70
    assert done.stderr.startswith("error: this is a bug in funnelflow: KeyError at test_app.py:")
    assert done.stderr.count("\n") == 2
    assert "--debug" in done.stderr


def test_a_bug_does_not_show_data(broken):
    broken(KeyError("ada@example.com"))
    assert "ada" not in invoke("doctor").stderr


def test_debug_shows_the_traceback(broken):
    broken(KeyError("x"))
    assert "Traceback (most recent call last)" in invoke("--debug", "doctor").stderr


def test_a_system_error_says_which_file(broken):
    broken(PermissionError(13, "Permission denied", "leads.csv"))
    done = invoke("doctor")
    assert (done.exit_code, done.stderr) == (2, "error: leads.csv: Permission denied\n")


def test_an_interrupt_exits_130(broken):
    broken(KeyboardInterrupt())
    done = invoke("doctor")
    assert done.exit_code == 130
    assert done.stderr.strip() == "error: interrupted"


def test_a_reader_that_goes_away_is_no_error():
    with subprocess.Popen(
        [*COMMAND, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


def test_a_full_disk_behind_the_output_is_an_error_without_a_traceback():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"error: No space left on device\n"


def test_a_closed_output_does_no_harm():
    done = subprocess.run(
        ["/bin/sh", "-c", '"$0" -m funnelflow --version >&-', sys.executable],
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_interrupt_of_the_process_exits_130(tmp_path):
    run("init", cwd=tmp_path)
    with subprocess.Popen(
        [*COMMAND, "apply", "-"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        process.stdin.write(b"contact,event,at\n")
        process.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1.5)
        process.send_signal(signal.SIGINT)
        _, shown = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in shown


def test_errors_are_red_on_a_terminal_only():
    assert "\x1b[31merror: \x1b[0m" in run_in_terminal("mvoe")[1]
    assert "\x1b" not in run("mvoe").err


def test_no_color_is_respected():
    assert "\x1b" not in run_in_terminal("mvoe", env={"NO_COLOR": "1"})[1]


def test_an_empty_no_color_means_nothing():
    assert "\x1b[31m" in run_in_terminal("mvoe", env={"NO_COLOR": ""})[1]


def test_a_dumb_terminal_gets_no_colours():
    assert "\x1b" not in run_in_terminal("mvoe", env={"TERM": "dumb"})[1]


def test_errors_of_a_json_answer_are_json(tmp_path):
    done = run("why", "ada", "--json", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    error = json.loads(done.err)["error"]
    assert error["code"] == "configuration"
    assert "funnelflow init" in error["hint"]


def test_a_command_s_own_options_come_before_the_shared_ones():
    shown = invoke("move", "--help").stdout
    assert shown.index("--force") < shown.index("--actor") < shown.index("--workspace")
