"""A plugin that a workspace requires: while it is not in use nothing is written, on any path."""

import pytest
from click.testing import CliRunner

from funnelflow.cli.app import app
from funnelflow.errors import ConfigurationError
from funnelflow.plugins import PluginHost
from funnelflow.workspace.workspace import Workspace

VETO = """
@hookimpl
def funnelflow_before_transition(context): return "no"
"""


@pytest.fixture
def here(root, write, monkeypatch):
    """A workspace that requires a plugin, with a contact; it is the current directory."""
    (root / "funnelflow.toml").unlink()
    write("acme", VETO)
    with Workspace.create(root) as workspace:
        workspace.add("ada")
    with (root / "funnelflow.toml").open("a") as settings:
        settings.write('\n[plugins]\nrequired = ["acme"]\n')
    (root / "events.csv").write_text("contact,event,at\nada,form_submitted,2026-03-02T09:30:00Z\n")
    (root / "people.csv").write_text("id,budget\nbob,5\n")
    monkeypatch.chdir(root)
    monkeypatch.setenv("FUNNELFLOW_ACTOR", "you")
    return root


def call(*arguments: str):
    return CliRunner().invoke(app, arguments, prog_name="funnelflow")


WRITING = [
    ("add", "bob"),
    ("record", "ada", "form_submitted"),
    ("record", "ada", "form_submitted", "--dry-run"),
    ("set", "ada", "budget=5"),
    ("move", "ada", "lead"),
    ("apply", "events.csv"),
    ("apply", "events.csv", "--dry-run"),
    ("import", "people.csv"),
    ("tick",),
    ("adopt", "dialogue", "--yes"),
]
BREAKING = {
    "typo": lambda path: path.write_text("import nothing_of_that_name"),
    "gone": lambda path: path.unlink(),
}


def test_while_it_is_in_use_everything_works(here):
    assert call("record", "ada", "form_submitted").exit_code == 0


@pytest.mark.parametrize("breaking", BREAKING)
@pytest.mark.parametrize("command", WRITING)
def test_a_command_that_writes_refuses_while_it_is_not_in_use(here, command, breaking):
    BREAKING[breaking](here / "plugins" / "acme.py")
    done = call(*command)
    assert done.exit_code == 2, done.output
    assert "nothing is written: plugin acme is required here, and" in done.stderr
    assert "from `required` (funnelflow.toml:" in done.stderr
    with Workspace.open(here) as workspace:
        assert len(workspace.history().rows) == 1


@pytest.mark.parametrize(
    ("option", "environment"), [("--no-plugins", ""), ("--no-plugins=acme", ""), ("--json", "1")]
)
def test_turning_it_off_refuses_too(here, monkeypatch, option, environment):
    monkeypatch.setenv("FUNNELFLOW_NO_PLUGINS", environment)
    done = call("record", "ada", "form_submitted", option)
    by = "FUNNELFLOW_NO_PLUGINS" if environment else "--no-plugins"
    assert done.exit_code == 2
    assert f"required here, and is turned off ({by})" in done.stderr
    assert f"do without {by}" in done.stderr


@pytest.mark.parametrize(
    "command", [("list",), ("history",), ("why", "ada"), ("verify",), ("show", "standard")]
)
def test_a_command_that_reads_works_and_warns(here, command):
    BREAKING["typo"](here / "plugins" / "acme.py")
    done = call(*command)
    assert done.exit_code == 0
    assert "warning: plugin acme cannot be used" in done.stderr
    assert "hint: it is required here, so nothing is written until it can be used" in done.stderr
    off = call(*command, "--no-plugins")
    assert off.exit_code == 0
    assert "warning: plugin acme is required here, and is turned off" in off.stderr


@pytest.mark.parametrize("plugins", [None, PluginHost()])
def test_from_python_nothing_is_written_either(here, plugins):
    BREAKING["typo"](here / "plugins" / "acme.py")
    with Workspace.open(here, plugins=plugins) as workspace:
        assert workspace.contact("ada").id == "ada"
        with pytest.raises(ConfigurationError, match="nothing is written: plugin acme"):
            workspace.record("ada", "form_submitted")
        with pytest.raises(ConfigurationError, match="nothing is written: plugin acme"):
            workspace.funnel("dialogue")


def test_doctor_names_it_whatever_is_the_matter(here):
    off = call("doctor", "--no-plugins")
    assert off.exit_code == 1
    assert "plugin acme: it is required here, and is turned off (--no-plugins)" in off.stdout
    BREAKING["gone"](here / "plugins" / "acme.py")
    gone = call("doctor")
    assert gone.exit_code == 1
    assert "plugin acme: it is required here, and is not there" in gone.stdout


def test_the_list_of_plugins_warns(here):
    BREAKING["gone"](here / "plugins" / "acme.py")
    done = call("plugins", "list")
    assert done.exit_code == 0
    assert "warning: plugin acme is required here, and is not there" in done.stderr


def test_check_names_what_keeps_a_plugin_from_being_used(here):
    with (here / "funnelflow.toml").open("a") as settings:
        settings.write("\n[plugins.acme]\nx = 1\n")
    done = call("check", "--format", "concise")
    assert done.exit_code == 1
    assert "F708" in done.stdout
    assert "this plugin has no settings" in done.stdout


def test_it_may_be_named_with_its_kind(here):
    settings = here / "funnelflow.toml"
    settings.write_text(settings.read_text().replace('"acme"', '"workspace:acme"'))
    assert call("add", "bob").exit_code == 0
    BREAKING["typo"](here / "plugins" / "acme.py")
    done = call("add", "eve")
    assert done.exit_code == 2
    assert "nothing is written: plugin acme is required here" in done.stderr
    assert "hint: it is required here" in done.stderr


def test_a_list_that_is_none_is_refused(here):
    (here / "funnelflow.toml").write_text('[plugins]\nrequired = "acme"\n')
    done = call("list")
    assert done.exit_code == 2
    assert 'write required = ["name"]' in done.stderr
