"""What the shell offers behind the tab key."""

import os

import pytest

from .support import run


def offered(cwd, *words, last=""):
    """Give the values that bash is offered for the last word of a command line."""
    line = ["funnelflow", *words, last]
    done = run(
        cwd=cwd,
        env={
            "_FUNNELFLOW_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(line),
            "COMP_CWORD": str(len(line) - 1),
        },
    )
    assert done.err == ""
    return [line.partition(",")[2] for line in done.out.splitlines() if line]


def test_commands_are_offered(workspace):
    assert offered(workspace, last="mo") == ["move"]


def test_stages_are_offered(ada, workspace):
    assert offered(workspace, "move", "ada", last="lead") == [
        "lead",
        "lead.inquiry",
        "lead.recycled",
    ]


def test_events_are_offered(workspace):
    assert offered(workspace, "record", "ada", last="form") == ["form_submitted"]


def test_definitions_are_offered_and_files_too(workspace):
    assert offered(workspace, "show", last="dialogue")[0] == "dialogue"


def test_contacts_are_offered(ada, call, workspace):
    call("add", "adam")
    call("add", "bob")
    assert offered(workspace, "why", last="ad") == ["ada", "adam"]


def test_contacts_are_offered_a_few_at_a_time(workspace, call):
    rows = "".join(f"c{n:03}\n" for n in range(80))
    call("import", "-", given=b"contact\n" + rows.encode())
    assert len(offered(workspace, "why", last="c")) == 50


def test_facts_are_offered_by_name_and_then_by_value(workspace):
    assert "authority=" in offered(workspace, "set", "ada", last="auth")
    assert offered(workspace, "set", "ada", last="authority=in") == ["authority=influences"]


def test_codes_are_offered(workspace):
    assert "F405" in offered(workspace, "check", "--explain", last="F4")


def test_mappings_are_offered(workspace):
    (workspace / "mappings").mkdir()
    (workspace / "mappings" / "mine.toml").touch()
    assert offered(workspace, "import", "x.csv", "--mapping", last="mi") == ["mine"]


@pytest.mark.parametrize("command", [("why",), ("move", "ada"), ("record", "ada"), ("set", "ada")])
def test_nothing_is_offered_and_nothing_said_without_a_workspace(tmp_path, command):
    assert offered(tmp_path, *command) == []


def test_a_broken_workspace_offers_nothing_and_says_nothing(workspace):
    (workspace / "funnelflow.db").write_bytes(os.urandom(5000))
    (workspace / "funnelflow.toml").write_text("nonsense")
    assert offered(workspace, "why") == []


def test_the_directory_of_the_option_is_looked_at(ada, workspace, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert offered(elsewhere, "-C", str(workspace), "why", last="a") == ["ada"]
