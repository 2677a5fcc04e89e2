"""What the shell offers behind the tab key."""

import os

import pytest
from click.shell_completion import ShellComplete

from funnelflow.cli.app import app

from .support import run


@pytest.fixture
def offered(capfd):
    """Return what is offered for the last word of a command line, and see that nothing is said."""

    def complete(*words, last=""):
        found = ShellComplete(app, {}, "funnelflow", "_FUNNELFLOW_COMPLETE")
        items = found.get_completions(list(words), last)
        assert capfd.readouterr() == ("", "")
        assert all(isinstance(item.value, str) for item in items)
        return [item.value for item in items]

    return complete


def test_commands_are_offered(workspace, offered):
    assert offered(last="mo") == ["move"]


def test_stages_are_offered(ada, workspace, offered):
    assert offered("move", "ada", last="lead") == [
        "lead",
        "lead.inquiry",
        "lead.recycled",
    ]


def test_events_are_offered(workspace, offered):
    assert offered("record", "ada", last="form") == ["form_submitted"]


def test_definitions_are_offered_and_files_too(workspace, offered):
    assert offered("show", last="dialogue")[0] == "dialogue"


def test_contacts_are_offered(ada, call, workspace, offered):
    call("add", "adam")
    call("add", "bob")
    assert offered("why", last="ad") == ["ada", "adam"]


def test_contacts_are_offered_a_few_at_a_time(workspace, call, offered):
    rows = "".join(f"c{n:03}\n" for n in range(80))
    call("import", "-", given=b"contact\n" + rows.encode())
    assert len(offered("why", last="c")) == 50


def test_facts_are_offered_by_name_and_then_by_value(workspace, offered):
    assert "authority=" in offered("set", "ada", last="auth")
    assert offered("set", "ada", last="authority=in") == ["authority=influences"]


def test_codes_are_offered(workspace, offered):
    assert "F405" in offered("check", "--explain", last="F4")


def test_mappings_are_offered(workspace, offered):
    (workspace / "mappings").mkdir()
    (workspace / "mappings" / "mine.toml").touch()
    assert offered("import", "x.csv", "--mapping", last="mi") == ["mine"]


def test_no_more_is_offered_than_a_screen_has_room_for(workspace, offered):
    (workspace / "mappings").mkdir()
    for number in range(80):
        (workspace / "mappings" / f"m{number}.toml").touch()
    assert len(offered("import", "x.csv", "--mapping", last="m")) == 50


def test_names_with_control_characters_are_not_offered(workspace, offered):
    (workspace / "mappings").mkdir()
    (workspace / "mappings" / "mi\x1b[31mne.toml").touch()
    assert offered("import", "x.csv", "--mapping", last="mi") == []


@pytest.mark.parametrize("command", [("why",), ("move", "ada"), ("record", "ada"), ("set", "ada")])
def test_nothing_is_offered_and_nothing_said_without_a_workspace(
    tmp_path, monkeypatch, command, offered
):
    monkeypatch.chdir(tmp_path)
    assert offered(*command) == []


def test_a_broken_workspace_offers_nothing_and_says_nothing(workspace, offered):
    (workspace / "funnelflow.db").write_bytes(os.urandom(5000))
    (workspace / "funnelflow.toml").write_text("nonsense")
    assert offered("why") == []


def test_the_directory_of_the_option_is_looked_at(ada, workspace, monkeypatch, offered):
    monkeypatch.chdir("/")
    assert offered("-C", str(workspace), "why", last="a") == ["ada"]


def test_bash_is_answered(workspace):
    environment = {
        "_FUNNELFLOW_COMPLETE": "bash_complete",
        "COMP_WORDS": "funnelflow move ada cust",
        "COMP_CWORD": "3",
    }
    done = run(cwd=workspace, env=environment)
    assert (done.code, done.out, done.err) == (0, "plain,customer\n", "")
