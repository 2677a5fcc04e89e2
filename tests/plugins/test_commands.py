"""Plugins and the command line: nothing that one of them does takes a command down."""

import json
import shutil

import pytest
from click.testing import CliRunner

from funnelflow.cli.app import COMMANDS, app
from funnelflow.plugins.registry import RESERVED
from funnelflow.workspace.workspace import Workspace

BROKEN = {
    "import": "raise ValueError('x')",
    "exit": "import sys; sys.exit(0)",
    "hook": "@hookimpl\ndef funnelflow_criterias(): ...",
    "arguments": "@hookimpl\ndef funnelflow_after_commit(who): ...",
    "registration": "@hookimpl\ndef funnelflow_criteria(): 1 / 0",
    "observer": "print('loud')\n@hookimpl\ndef funnelflow_after_commit(): raise SystemExit(5)",
    "created": "@hookimpl\ndef funnelflow_contact_created(context): context.fields['x'] = 1",
}
HELLO = """
import click
@click.command()
@click.argument("name")
def hello(name):
    '''Say hello.'''
    click.echo(f"hello {name}")
@click.command()
def crash():
    raise KeyError("x")
@click.command()
def depart():
    raise SystemExit(3)
@hookimpl
def funnelflow_commands():
    return [CommandProvider("hello", hello), CommandProvider("crash", crash),
            CommandProvider("depart", depart), CommandProvider("list", crash)]
"""


@pytest.fixture
def here(root, monkeypatch):
    """A workspace, which is the current directory."""
    (root / "funnelflow.toml").unlink()
    Workspace.create(root).close()
    monkeypatch.chdir(root)
    monkeypatch.delenv("FUNNELFLOW_ACTOR", raising=False)
    return root


def call(*arguments: str):
    return CliRunner().invoke(app, arguments, prog_name="funnelflow")


@pytest.mark.parametrize("broken", BROKEN)
def test_every_command_works_beside_a_broken_plugin_and_its_json_is_json(here, write, broken):
    write("broken", BROKEN[broken])
    added = call("add", "ada", "email=ada@example.com", "--json")
    assert added.exit_code == 0
    assert json.loads(added.stdout)["contact"]
    assert added.stderr.count("warning: plugin broken") == 1
    assert "--no-plugins=broken turns " in added.stderr
    assert "funnelflow --no-plugins=broken" not in added.stderr
    assert "Traceback" not in added.stderr
    for command in (
        ("list",),
        ("history",),
        ("why", "ada"),
        ("show", "standard"),
        ("check", "standard"),
    ):
        answer = call(*command, "--json")
        assert answer.exit_code == 0, answer.stderr
        json.loads(answer.stdout.splitlines()[0])


@pytest.mark.parametrize("broken", ["import", "exit", "hook"])
def test_a_plugin_that_is_turned_off_says_nothing(here, write, broken):
    write("broken", BROKEN[broken])
    assert call("list", "--no-plugins=broken").stderr.count("broken") == 0
    assert call("--no-plugins", "list").stderr.count("broken") == 0
    assert call("list", "--no-plugins").stderr.count("broken") == 0


def test_the_option_that_turns_off_may_stand_on_both_sides_of_the_command(here, write):
    write("a", "raise ValueError")
    write("b", "raise ValueError")
    done = call("--no-plugins=a", "list", "--no-plugins=b")
    assert "warning" not in done.stderr


@pytest.mark.parametrize(
    "command", [("--help",), ("--version",), ("list", "--help"), ("db", "status")]
)
def test_help_imports_no_plugin(here, write, command):
    write("broken", "raise SystemError('it was imported')")
    done = call(*command)
    assert done.exit_code == 0
    assert "broken" not in done.stdout + done.stderr


def test_doctor_names_what_is_broken_and_says_the_rest(here, write):
    write("broken", "import os; os._exit(1)")
    write("sound", "")
    done = call("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert not findings["plugin broken"]["well"]
    assert findings["plugin broken"]["hint"] == "to go on without it: --no-plugins=broken"
    assert findings["plugin sound"]["well"]
    assert findings["definitions in use"]["well"]


def test_doctor_says_when_the_configuration_of_plugins_is_wrong(here):
    with (here / "funnelflow.toml").open("a") as settings:
        settings.write("\n[plugins]\ndisabled = 5\n")
    done = call("doctor")
    assert done.exit_code == 1
    assert "`disabled` must be a list of plugins" in done.stdout


def test_list_shows_every_plugin_and_what_is_wrong(here, write):
    write("broken", "raise ValueError('x')")
    write("hello", HELLO)
    done = call("plugins", "list")
    assert done.exit_code == 0
    rows = [line.split()[:3] for line in done.stdout.splitlines()]
    assert ["broken", "-", "broken"] in rows
    assert ["hello", "-", "active"] in rows
    assert "✗ broken: ValueError: x" in done.stdout
    assert "--no-plugins=broken" in done.stdout


def test_list_says_when_there_are_none(here, monkeypatch):
    monkeypatch.setattr("funnelflow.cli.configuration.probe_plugins", lambda *_, **__: ())
    done = call("plugins", "list")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "no plugins are installed" in done.stderr


def test_show_tells_everything_of_one(here, write):
    write("hello", HELLO)
    done = call("plugins", "show", "hello")
    assert "commands  hello, crash, depart\n" in done.stdout
    assert "offers the command 'list' which is the name of funnelflow's own" in " ".join(
        done.stdout.split()
    )
    assert call("plugins", "show", "hallo").exit_code == 2


def test_a_command_of_a_plugin_is_a_command(here, write):
    write("hello", HELLO)
    done = call("hello", "ada")
    assert (done.exit_code, done.stdout) == (0, "hello ada\n")
    assert "Say hello." in call("hello", "--help").stdout


def test_a_command_that_nobody_offers_is_an_error_with_the_nearest(here, write):
    write("hello", HELLO)
    done = call("hallo", "ada")
    assert done.exit_code == 2
    assert "hint: did you mean `funnelflow hello`?" in done.stderr


def test_a_command_of_a_plugin_that_fails_names_the_plugin(here, write):
    write("hello", HELLO)
    done = call("crash")
    assert done.exit_code == 2
    assert "plugin hello failed in its command crash: KeyError: 'x'" in done.stderr
    assert call("depart").exit_code == 3


def test_a_command_with_the_name_of_funnelflows_own_is_reported_and_not_used(here, write):
    write("hello", HELLO)
    assert call("list").exit_code == 0
    said = "offers the command 'list' which is the name of funnelflow's own"
    assert said in call("hello", "x").stderr


def test_every_name_of_a_command_is_reserved():
    assert RESERVED["commands"] == COMMANDS.keys()


@pytest.mark.parametrize(
    "offer",
    [
        'criteria(): return [CriterionProvider("badc", lambda c: True, "Bad", {"n": int})]',
        "commands(): return [CommandProvider('zz', None)]",
    ],
)
def test_a_wrong_record_of_a_plugin_takes_no_command_down(here, write, offer):
    write("bad", f"@hookimpl\ndef funnelflow_{offer}")
    assert call("add", "ada").exit_code == 0
    for command in (
        ["list"],
        ["verify"],
        ["test", "standard"],
        ["check", "standard"],
        ["zz"],
        ["doctor"],
    ):
        done = call(*command)
        assert done.exit_code == {"zz": 2, "doctor": 1}.get(command[0], 0), done.output
    assert "which is left out" in call("doctor").stdout.replace("\n    ", " ")
    assert "which is left out" in call("plugins", "show", "bad").stdout.replace("\n    ", " ")


def test_a_dry_run_of_a_new_plugin_names_its_files_only(here):
    before = set(here.rglob("*"))
    done = call("plugins", "new", "renewals", "--dry-run")
    assert done.exit_code == 0
    assert "funnelflow-renewals/pyproject.toml" in done.stdout.splitlines()
    assert "dry run: nothing was written" in done.stderr
    assert "pip install" not in done.stderr
    assert set(here.rglob("*")) == before


def test_new_makes_a_package_and_lists_its_files(here):
    done = call("plugins", "new", "renewals", "--json")
    said = json.loads(done.stdout)
    assert said["directory"] == "funnelflow-renewals"
    assert all((here / path).is_file() for path in said["files"])
    assert call("plugins", "new", "renewals").exit_code == 2


def test_definitions_of_plugins_are_known_by_name_as_files_and_as_records(here, write):
    (here / "elsewhere").mkdir()
    text = (
        "funnel: renewals\ninitial: new\nstages: {new: {}}\n"
        "scenarios: [{story: All are new, then: new}]\n"
    )
    (here / "elsewhere" / "renewals.yaml").write_text(text)
    write(
        "offers",
        f"""
        from pathlib import Path
        from funnelflow.definition import Definition, Stage, Vocabulary
        @hookimpl
        def funnelflow_definitions():
            yield Path({str(here)!r}) / "elsewhere"
            yield Definition("upsells", Vocabulary("none"), "new", (Stage("new"),), title="More")
        """,
    )
    for name in ("renewals", "upsells"):
        assert name in call("show", name).stdout
        assert call("check", name).exit_code == 0
        assert call("test", name).exit_code == 0
        assert call("init", f"made-{name}", "--funnel", name).exit_code == 0
    assert call("show", "upsell").exit_code == 2


def test_a_veto_is_drawn_like_a_criterion(here, write):
    write(
        "guard",
        "@hookimpl\ndef funnelflow_before_transition(context): return 'not on a Monday'",
    )
    call("add", "ada", "email=ada@example.com", "source=referral")
    done = call("move", "ada", "lead")
    assert done.exit_code == 1
    assert "✗ Plugin guard" in done.stdout
    assert "not on a Monday" in done.stdout
    assert "plugin guard was against it: not on a Monday" in call("history", "ada").stdout
    last = json.loads(call("history", "ada", "--json").stdout)["rows"][-1]
    assert last["vetoes"][0]["plugin"] == "guard"


def test_completing_a_word_imports_no_plugin(here, write, monkeypatch):
    write("broken", "raise SystemError('it was imported')")
    monkeypatch.setenv("_FUNNELFLOW_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "funnelflow show stan")
    monkeypatch.setenv("COMP_CWORD", "2")
    done = call()
    assert "plain,standard" in done.stdout
    assert "broken" not in done.stderr


@pytest.mark.parametrize("hook", ["after_commit", "contact_created"])
def test_what_fails_after_a_change_says_that_the_change_is_stored(here, write, hook):
    write("broken", f"@hookimpl\ndef funnelflow_{hook}(context):\n    1 / 0")
    done = call("add", "ada")
    assert done.exit_code == 0
    assert f"failed in funnelflow_{hook}: ZeroDivisionError: division by zero" in done.stderr
    assert "(broken.py, line 5)" in done.stderr
    assert "hint: the change is stored and need not be repeated; --no-plugins=" in done.stderr


def test_a_command_that_reads_can_be_given_again_without_the_plugin(here, write):
    write("broken", "raise ValueError('x')")
    assert "hint: to go on without it: funnelflow --no-plugins=broken" in call("list").stderr


@pytest.mark.parametrize("broken", ["import", "exit", "registration", "observer", "created"])
def test_debug_shows_where_a_plugin_failed(here, write, broken):
    write("broken", BROKEN[broken])
    assert "Traceback" in call("--debug", "add", "ada").stderr
    assert "Traceback" not in call("add", "bob").stderr


def test_every_hook_that_fails_is_reported_once_and_doctor_tells_a_failure_once(here, write):
    write(
        "broken",
        """
        @hookimpl
        def funnelflow_after_commit(): raise ValueError("after")
        @hookimpl
        def funnelflow_contact_created(): raise ValueError("created")
        @hookimpl
        def funnelflow_criteria(): raise ValueError("criteria")
        """,
    )
    said = call("add", "ada").stderr
    assert [said.count(f"ValueError: {what}") for what in ("after", "created", "criteria")] == [
        1, 1, 1,
    ]  # fmt: skip
    assert call("doctor").output.count("ValueError: criteria") == 1


CONFIGURED = """
from attrs import frozen
from funnelflow.cli import command, current
@frozen
class Settings:
    word: str = "nothing"
@hookimpl
def funnelflow_settings():
    return Settings
@command("say", "funnelflow say")
def say():
    with current().open() as workspace:
        print(workspace.plugins.settings_of("configured").word)
    return 0
@hookimpl
def funnelflow_commands():
    return [CommandProvider("say", say, "Say it.")]
"""


@pytest.mark.parametrize("order", [("-C", "there", "say"), ("say", "-C", "there")])
def test_a_command_has_the_settings_of_the_workspace_that_is_named(here, write, order):
    write("configured", CONFIGURED)
    there = here / "there"
    Workspace.create(there).close()
    shutil.copytree(here / "plugins", there / "plugins")
    for place, word in ((here, "here"), (there, "there")):
        with (place / "funnelflow.toml").open("a") as file:
            file.write(f'\n[plugins.configured]\nword = "{word}"\n')
    said = call(*order)
    assert (said.exit_code, said.stdout) == (0, "there\n")
