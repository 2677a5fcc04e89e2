"""Vetoes with what they say, on both databases: every path keeps them, and verify agrees."""

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from funnelflow.cli.app import app
from funnelflow.definition import load_definition
from funnelflow.engine import Funnel
from funnelflow.plugins import PluginHost, hookimpl
from funnelflow.storage.changes import Change
from funnelflow.workspace.workspace import Workspace

FUNNEL = """\
funnel: small
version: 1
fields: {budget: number}
events: {asked: {}, bought: {}}
initial: new
stages: {new: {}, talking: {}, thinking: {}, customer: {type: won}}
transitions:
  - {from: new, to: talking, on: asked}
  - {from: new, to: thinking, on: asked}
  - {from: talking, to: customer, on: bought}
  - {from: thinking, to: talking, after: 30d}
"""
AT = "2026-03-02T09:30:00Z"

REASONS = {
    "not today": "not today",
    "quotes \" ' \\ and {braces} %s %(x)s :name ?": "quotes \" ' \\ and {braces} %s %(x)s :name ?",
    "é 漢字 😀": "é 漢字 😀",
    "two\nlines\tand\x00\x1b[2J\ud800": "two lines and�\ufffd[2J�",
    "x" * 900: "x" * 500,
    "[]": "[]",
}
"""Reasons as they are given, with how they are kept."""


class Guardian:
    """Vetoes what leads to a stage, and says why."""

    def __init__(self, to, reason):
        self.to = to
        self.reason = reason

    @hookimpl
    def funnelflow_before_transition(self, context):
        return self.reason if context.to == self.to else None


@pytest.fixture
def make(tmp_path, database):
    """Return what opens one workspace, with some plugins."""
    opened = []
    (tmp_path / "small.yaml").write_text(FUNNEL)
    with Workspace.create(tmp_path, "small", database=database, plugins=PluginHost()):
        pass

    def open_with(**plugins):
        host = PluginHost()
        for name, plugin in plugins.items():
            host.register(plugin, name)
        opened.append(Workspace.open(tmp_path, plugins=host))
        return opened[-1]

    yield open_with
    for workspace in opened:
        workspace.close()


def recorded(workspace, _directory):
    workspace.record("ada", "asked", at=AT)


def moved(workspace, _directory):
    workspace.move("ada", "talking", at=AT)


def applied(workspace, directory):
    (directory / "events.csv").write_text(f"contact,event,at\nada,asked,{AT}\n")
    workspace.apply(str(directory / "events.csv"))


def applied_as_move(workspace, directory):
    (directory / "events.csv").write_text(f"contact,event,to,at\nada,move,talking,{AT}\n")
    workspace.apply(str(directory / "events.csv"))


def in_one_chunk(workspace, _directory):
    def work(chunk):
        chunk.load(["ada"])
        chunk.take(Change("ada", "asked", AT))
        chunk.write()

    workspace.context.transact(work)


PATHS = {
    "record": (recorded, "moved", "thinking"),
    "move": (moved, "refused", "new"),
    "apply": (applied, "moved", "thinking"),
    "apply a move": (applied_as_move, "refused", "new"),
    "a chunk": (in_one_chunk, "moved", "thinking"),
}
"""Every path of evidence: how it goes, and what comes of it when `talking` is closed."""


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_veto_holds_on_every_path_and_verify_agrees(make, tmp_path, path):
    go, outcome, stage = path
    workspace = make(guardian=Guardian("talking", "not today"))
    workspace.add("ada", at=AT)
    go(workspace, tmp_path)
    last = workspace.history("ada").rows[-1]
    assert (last.outcome, last.after) == (outcome, stage)
    assert [(v.plugin, v.reason) for v in last.vetoes] == [("guardian", "not today")]
    assert make().verify().findings == ()


@pytest.mark.parametrize(("given", "kept"), REASONS.items())
def test_a_reason_is_kept_to_the_letter_and_shown(make, given, kept):
    workspace = make(guardian=Guardian("talking", given))
    workspace.add("ada", at=AT)
    decision = workspace.move("ada", "talking", at=AT).decision
    (leaf,) = decision.considered[0].leaves()
    assert (leaf.kind, leaf.label, leaf.words) == ("veto", "Plugin guardian", kept)
    (veto,) = make().history("ada").rows[-1].vetoes
    assert (veto.plugin, veto.reason) == ("guardian", kept)
    assert make().verify().findings == ()


def test_several_plugins_may_veto_one_transition_and_all_of_them_are_kept(make):
    workspace = make(
        a=Guardian("talking", "because"), b=Guardian("talking", "so"), c=Guardian("customer", "no")
    )
    workspace.add("ada", at=AT)
    workspace.move("ada", "talking", at=AT)
    found = [(v.plugin, v.reason) for v in make().history("ada").rows[-1].vetoes]
    assert found == [("a", "because"), ("b", "so")]
    assert make().verify().findings == ()


def test_a_veto_on_what_time_takes_holds_in_a_tick(make):
    workspace = make(guardian=Guardian("talking", "not yet"))
    workspace.add("ada", at=AT)
    workspace.record("ada", "asked", at=AT)
    workspace.tick()
    assert workspace.contact("ada").contact.stage == "thinking"
    assert make().verify().findings == ()
    assert make().tick().moved == 1
    assert make().verify().findings == ()


def test_a_veto_of_one_funnel_closes_nothing_in_another(make, tmp_path):
    """Translated or brought over, what happened has happened, and opens what the veto closed."""
    other = tmp_path / "other.yaml"
    wait = "  - {from: thinking, to: talking, after: 30d}\n"
    other.write_text(FUNNEL.replace("funnel: small", "funnel: other").replace(wait, ""))
    workspace = make(guardian=Guardian("talking", "not today"))
    workspace.add("ada", at=AT)
    assert workspace.record("ada", "asked", at=AT).decision.after == "thinking"
    read = Funnel(load_definition(other))
    assert make().translate("ada", read).translation.stage == "talking"
    make().adopt(other, instead_of="small")
    assert make().contact("ada").contact.stage == "talking"
    assert make().verify().findings == ()


@pytest.mark.parametrize("stored", ["'[]'", "replace(vetoes, 'today', 'todai')"])
def test_a_stored_veto_that_is_altered_is_named(make, stored):
    workspace = make(guardian=Guardian("talking", "not today"))
    workspace.add("ada", at=AT)
    workspace.move("ada", "talking", at=AT)
    with workspace.engine.begin() as connection:
        connection.execute(text(f"UPDATE evidence SET vetoes = {stored} WHERE sequence = 2"))
    findings = make().verify().findings
    assert any("ada" in str(finding) for finding in findings)


def test_the_command_line_shows_who_vetoed_and_why(make, tmp_path, monkeypatch):
    make().add("ada", at=AT)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "guardian.py").write_text(
        "from funnelflow.plugins import hookimpl\n"
        "@hookimpl\n"
        "def funnelflow_before_transition(context):\n"
        "    return 'the contract is not signed'\n"
    )
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["move", "ada", "talking"], prog_name="funnelflow")
    assert done.exit_code == 1
    assert "✗ Plugin guardian    the contract is not signed" in done.stdout
    shown = CliRunner().invoke(app, ["history", "ada"], prog_name="funnelflow").stdout
    assert "refused: plugin guardian was against it: the contract is not signed" in shown
