"""Plugins and a workspace: vetoes as evidence, being called after commits, closed criteria."""

import sqlite3

import pytest
from click.testing import CliRunner

from funnelflow.cli.app import app
from funnelflow.errors import UsageError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.plugins import PluginHost, hookimpl
from funnelflow.plugins.isolation import inside
from funnelflow.workspace.workspace import Workspace

FUNNEL = """\
funnel: small
version: 1
fields: {budget: number, email: text}
events: {asked: {}, bought: {}}
initial: new
stages: {new: {}, talking: {}, thinking: {}, customer: {type: won}}
transitions:
  - {from: new, to: talking, on: asked}
  - {from: new, to: thinking, on: asked}
  - {from: talking, to: customer, on: bought}
  - {from: talking, to: thinking, after: 30d}
"""
AT = "2026-03-02T09:30:00Z"


class Guardian:
    """Vetoes what leads to a stage."""

    def __init__(self, to: str, reason: str = "not today") -> None:
        self.to = to
        self.reason = reason
        self.asked: list = []

    @hookimpl
    def funnelflow_before_transition(self, context):
        self.asked.append(context)
        return self.reason if context.to == self.to else None


class Observer:
    """Remembers what it is called with."""

    def __init__(self) -> None:
        self.contexts: list = []

    @hookimpl
    def funnelflow_after_commit(self, context):
        self.contexts.append(context)

    @hookimpl
    def funnelflow_contact_created(self, context):
        self.contexts.append(context)


class Counting:
    """Offers something, and wants to know of nothing."""

    @hookimpl
    def funnelflow_criteria(self):
        return []


def vetoes_column(workspace: Workspace) -> str:
    """Return the column as it is stored."""
    with sqlite3.connect(workspace.database.path) as connection:
        return connection.execute("SELECT vetoes FROM history").fetchone()[0]


@pytest.fixture
def make(tmp_path):
    """Return what opens one workspace with some plugins."""
    opened = []

    def open_with(*plugins: object, host: PluginHost | None = None) -> Workspace:
        host = host or PluginHost()
        for plugin in plugins:
            host.register(plugin, type(plugin).__name__.lower())
        if not (tmp_path / "small.yaml").exists():
            (tmp_path / "small.yaml").write_text(FUNNEL)
            opened.append(Workspace.create(tmp_path, "small", plugins=host))
        else:
            opened.append(Workspace.open(tmp_path, plugins=host))
        return opened[-1]

    yield open_with
    for workspace in opened:
        workspace.close()


def rows(workspace):
    return workspace.history("ada").rows


def test_a_veto_keeps_a_contact_where_it_is_and_is_shown_like_a_criterion(make):
    workspace = make(Guardian("customer"))
    workspace.add("ada", at=AT)
    workspace.record("ada", "asked", at=AT)
    decision = workspace.record("ada", "bought", at=AT).decision
    assert (decision.outcome, decision.after) == ("stayed", "talking")
    (leaf,) = decision.considered[-1].leaves()
    assert (leaf.kind, leaf.label, leaf.words) == ("veto", "Plugin guardian", "not today")


def test_a_move_that_is_vetoed_is_refused_and_says_who_and_why(make):
    workspace = make(Guardian("talking"))
    workspace.add("ada", at=AT)
    recorded = workspace.move("ada", "talking", at=AT)
    assert recorded.decision.outcome == "refused"
    assert rows(workspace)[-1].unmet == (("Plugin guardian", "not met"),)


def test_a_veto_may_open_the_way_to_the_next_transition_which_is_asked_about_too(make):
    guardian = Guardian("talking")
    workspace = make(guardian)
    workspace.add("ada", at=AT)
    assert workspace.record("ada", "asked", at=AT).decision.after == "thinking"
    assert [context.to for context in guardian.asked] == ["talking", "thinking"]


def test_vetoes_are_evidence_so_a_replay_agrees_without_the_plugin(make):
    workspace = make(Guardian("talking"))
    workspace.add("ada", at=AT)
    workspace.record("ada", "asked", at=AT)
    (veto,) = rows(workspace)[-1].vetoes
    assert (veto.index, veto.plugin, veto.reason) == (0, "guardian", "not today")
    assert make().verify().findings == ()


def test_a_veto_that_is_altered_is_named(make):
    workspace = make(Guardian("talking"))
    workspace.add("ada", at=AT)
    workspace.record("ada", "asked", at=AT)
    with sqlite3.connect(workspace.database.path) as connection:
        connection.execute("UPDATE evidence SET vetoes = '[]'")
    assert make().verify().findings


def test_a_veto_holds_under_the_next_version_of_the_definition(make, tmp_path):
    workspace = make(Guardian("talking"))
    workspace.add("ada", at=AT)
    workspace.record("ada", "asked", at=AT)
    timeless = FUNNEL.replace("  - {from: talking, to: thinking, after: 30d}\n", "")
    other = timeless.replace("version: 1", "version: 2").replace(
        "transitions:\n", "transitions:\n  - {from: customer, to: new, on: asked}\n"
    )
    (tmp_path / "small.yaml").write_text(other)
    plain = make()
    plain.adopt(tmp_path / "small.yaml")
    assert plain.contact("ada").contact.stage == "thinking"
    assert plain.verify().findings == ()


def test_a_veto_says_in_which_funnel_it_holds_also_under_the_next_version(make, tmp_path):
    timeless = FUNNEL.replace("  - {from: talking, to: thinking, after: 30d}\n", "")
    second = timeless.replace("funnel: small", "funnel: second").replace("customer", "client")
    (tmp_path / "second.yaml").write_text(second)
    workspace = make(Guardian("client", "no client"))
    workspace.adopt(tmp_path / "second.yaml")
    workspace.add("ada", at=AT)
    workspace.enter("ada", "second", at=AT)
    workspace.record("ada", "asked", at=AT)
    answer = workspace.record("ada", "bought", at=AT)
    assert (answer.decision.after, answer.others[0].decision.after) == ("customer", "talking")
    (veto,) = rows(workspace)[-1].vetoes
    assert (veto.index, veto.reason, veto.funnel) == (2, "no client", "second")
    shifted = second.replace("version: 1", "version: 2").replace(
        "transitions:", "transitions:\n  - {from: client, to: new, on: asked}"
    )
    (tmp_path / "shifted.yaml").write_text(shifted)
    workspace.adopt(tmp_path / "shifted.yaml")
    stood = {one.funnel: one.contact.stage for one in workspace.contact("ada").positions}
    assert stood == {"small": "customer", "second": "talking"}
    assert workspace.verify().is_sound


def test_a_veto_holds_on_the_path_of_files_too(make, tmp_path):
    workspace = make(Guardian("talking"))
    (tmp_path / "events.csv").write_text(f"contact,event,at\nada,asked,{AT}\n")
    workspace.apply(str(tmp_path / "events.csv"), FileOptions())
    assert workspace.contact("ada").contact.stage == "thinking"


def test_a_forced_move_is_not_asked_about(make, tmp_path):
    (tmp_path / "small.yaml").write_text(FUNNEL.replace("initial", "force: [boss]\ninitial"))
    host = PluginHost()
    guardian = Guardian("customer")
    host.register(guardian, "guardian")
    with Workspace.create(tmp_path, "small", plugins=host) as workspace:
        workspace.add("ada", at=AT)
    with (tmp_path / "funnelflow.toml").open("a") as settings:
        settings.write('boss = ["grace"]\n')
    with Workspace.open(tmp_path, plugins=host) as workspace:
        forced = workspace.move("ada", "customer", force=True, reason="r", actor="grace", at=AT)
    assert forced.decision.outcome == "moved"
    assert guardian.asked == []


def test_a_tick_that_is_vetoed_leaves_no_row_each_time(make):
    workspace = make(Guardian("thinking"))
    workspace.add("ada", at=AT)
    workspace.record("ada", "asked", at=AT)
    for _ in range(2):
        assert workspace.tick().moved == 0
    assert len(rows(workspace)) == 2


def test_a_hook_is_asked_with_what_is_about_to_happen(make):
    guardian = Guardian("nowhere")
    workspace = make(guardian)
    workspace.add("ada", {"budget": 5}, at=AT)
    workspace.record("ada", "asked", {"email": "ada@example.com"}, actor="grace", at=AT)
    (context,) = guardian.asked
    assert (context.contact, context.funnel, context.version) == ("ada", "small", 1)
    assert (context.source, context.to, context.cause) == ("new", "talking", "event")
    assert (context.event, context.actor) == ("asked", "grace")
    assert dict(context.facts) == {"email": "ada@example.com"}
    assert dict(context.fields) == {"budget": 5.0, "email": "ada@example.com"}


def test_observers_are_called_after_the_commit_in_order(make):
    observer = Observer()
    workspace = make(observer)
    workspace.add("ada", {"budget": 5}, at=AT)
    workspace.record("ada", "asked", at=AT)
    seen = [(type(c).__name__, getattr(c, "event", "")) for c in observer.contexts]
    assert seen == [("ContactCreated", ""), ("Committed", "add"), ("Committed", "asked")]
    last = observer.contexts[-1]
    assert (last.sequence, last.outcome, last.before, last.after) == (2, "moved", "new", "talking")
    assert [t.to for t in last.path] == ["talking"]


def test_an_observer_sees_what_has_been_stored(make, tmp_path):
    seen = []

    class Looking:
        @hookimpl
        def funnelflow_after_commit(self, context):
            with Workspace.open(tmp_path, plugins=PluginHost()) as other:
                seen.append(other.contact(context.contact).sequence)

    workspace = make(Looking())
    workspace.add("ada", at=AT)
    assert seen == [1]


def test_nobody_hears_of_a_dry_run_or_of_what_failed(make):
    observer = Observer()
    workspace = make(observer)
    workspace.add("ada", at=AT, dry_run=True)
    with pytest.raises(UsageError):
        workspace.record("ada", "nothing_like_it", at=AT)
    assert observer.contexts == []


def test_a_change_from_within_a_hook_is_refused_and_the_first_one_is_stored(make, tmp_path, caplog):
    class Meddler:
        @hookimpl
        def funnelflow_after_commit(self, context):
            with Workspace.open(tmp_path, plugins=PluginHost()) as other:
                other.record(context.contact, "asked", at=AT)

    workspace = make(Meddler())
    workspace.add("ada", at=AT)
    assert len(rows(workspace)) == 1
    assert "plugin meddler tried to change the workspace from within" in caplog.text


def test_a_change_from_within_a_veto_does_not_wait_for_its_own_lock(make, tmp_path, caplog):
    class Meddler:
        @hookimpl
        def funnelflow_before_transition(self):
            with Workspace.open(tmp_path, plugins=PluginHost()) as other:
                other.add("bob", at=AT)

    workspace = make(Meddler())
    workspace.add("ada", at=AT)
    assert workspace.record("ada", "asked", at=AT).decision.outcome == "stayed"
    assert "tried to change the workspace" in caplog.text


def test_changes_are_refused_while_any_plugin_runs(make):
    workspace = make()
    with inside("some", "its import"), pytest.raises(UsageError, match="plugin some tried"):
        workspace.add("ada", at=AT)


def test_a_broken_observer_does_not_undo_or_hide_a_commit(make):
    class Broken:
        @hookimpl
        def funnelflow_after_commit(self):
            raise SystemExit(9)

    workspace = make(Broken())
    assert workspace.add("ada", at=AT).sequence == 1
    assert len(rows(workspace)) == 1


CRITERION = """
def rich(call):
    return call.fields.get("budget", 0) > call.arguments["than"]

@hookimpl
def funnelflow_criteria():
    return [CriterionProvider("rich", rich, "Is rich", {"than": NUMBER})]
"""
USING = FUNNEL.replace(
    "{from: new, to: talking, on: asked}",
    "{from: new, to: talking, on: asked, require: [{criterion: rich, than: 5}]}",
)


@pytest.fixture
def with_criterion(root, write):
    """A workspace whose funnel uses a plugin's criterion, with a contact in it."""
    write("rules", CRITERION)
    (root / "funnelflow.toml").unlink()
    (root / "small.yaml").write_text(USING)
    with Workspace.create(root, "small") as workspace:
        workspace.add("ada", {"budget": 9}, at=AT)
        workspace.record("ada", "asked", at=AT)
        assert workspace.history("ada").rows[-1].after == "talking"
    return root


def test_a_criterion_of_a_file_in_the_workspace_decides(with_criterion):
    with Workspace.open(with_criterion) as workspace:
        workspace.add("bob", {"budget": 1}, at=AT)
        decision = workspace.record("bob", "asked", at=AT).decision
    assert decision.after == "thinking"
    words = next(decision.considered[0].leaves()).words
    assert words == "rich of plugin rules says no (than: 5)"


def test_a_criterion_that_is_gone_is_closed_and_everything_can_be_read(with_criterion):
    (with_criterion / "plugins" / "rules.py").unlink()
    with Workspace.open(with_criterion) as workspace:
        assert workspace.history("ada").rows[-1].after == "talking"
        assert len(workspace.history("ada").rows) == 2
        assert [c.id for c in workspace.list()] == ["ada"]
        workspace.add("bob", {"budget": 9}, at=AT)
        decision = workspace.record("bob", "asked", at=AT).decision
    assert decision.after == "thinking"
    words = next(decision.considered[0].leaves()).words
    assert words.startswith("no plugin offers the criterion 'rich': install the one that does")


CHANGED = {
    "renamed": ('{"than": NUMBER}', '{"least": NUMBER}', "takes no argument 'than'"),
    "one more": ('{"than": NUMBER}', '{"than": NUMBER, "unit": TEXT}', "needs the argument 'unit'"),
    "another type": ('{"than": NUMBER}', '{"than": TEXT}', "does not take its argument (than: "),
}


@pytest.mark.parametrize("change", CHANGED)
def test_a_criterion_whose_arguments_changed_is_closed_and_can_be_adopted_away(
    with_criterion, change
):
    before, after, said = CHANGED[change]
    rules = with_criterion / "plugins" / "rules.py"
    source = rules.read_text().replace(before, after).replace("import NUMBER", "import *")
    rules.write_text(source)
    with Workspace.open(with_criterion) as workspace:
        assert [c.id for c in workspace.list()] == ["ada"]
        assert len(workspace.history("ada").rows) == 2
        workspace.add("bob", {"budget": 9}, at=AT)
        decision = workspace.record("bob", "asked", at=AT).decision
        words = next(decision.considered[0].leaves()).words
        (finding,) = workspace.verify().findings
        assert (finding.kind, finding.name) == ("plugin", "rules")
        (with_criterion / "small.yaml").write_text(FUNNEL.replace("version: 1", "version: 2"))
        workspace.adopt(with_criterion / "small.yaml")
        workspace.add("eve", at=AT)
        assert workspace.record("eve", "asked", at=AT).decision.after == "talking"
    assert decision.after == "thinking"
    assert words.startswith(f"the criterion 'rich' of plugin rules {said}")


def test_what_a_missing_criterion_decided_is_proved_by_its_answers(with_criterion):
    (with_criterion / "plugins" / "rules.py").unlink()
    with Workspace.open(with_criterion) as workspace:
        proof = workspace.verify()
    assert proof.is_sound
    assert [(finding.name, finding.what) for finding in proof.findings] == [
        ("rules", "rich cannot be asked again: no plugin offers the criterion 'rich'")
    ]


def test_the_command_says_that_nothing_is_damaged_and_not_to_restore_a_backup(
    with_criterion, monkeypatch
):
    (with_criterion / "plugins" / "rules.py").unlink()
    monkeypatch.chdir(with_criterion)
    done = CliRunner().invoke(app, ["verify"])
    assert done.exit_code == 0
    assert "hint: nothing is damaged: the answers that were given stand" in done.stderr
    assert "restore a backup" not in done.stderr


class Reader:
    """Reads, at each event, the workspace that it is about."""

    def __init__(self) -> None:
        self.read: list = []

    def look(self, context):
        with context.workspace.open() as workspace:
            self.read.append((context.workspace.directory, sum(workspace.counts().values())))

    @hookimpl
    def funnelflow_before_transition(self, context):
        self.look(context)

    @hookimpl
    def funnelflow_after_commit(self, context):
        self.look(context)

    @hookimpl
    def funnelflow_contact_created(self, context):
        self.look(context)


def test_a_hook_reads_the_workspace_that_it_is_called_for(tmp_path, monkeypatch):
    """A service has two of them open, and stands in a third."""
    reader = Reader()
    host = PluginHost()
    host.register(reader, "reader")
    shops = [tmp_path / "north", tmp_path / "south", tmp_path / "here"]
    for shop in shops:
        shop.mkdir()
        (shop / "small.yaml").write_text(FUNNEL)
    north, south, _ = made = [
        Workspace.create(shop, "small", plugins=host, database=str(shop / "own.db"))
        for shop in shops
    ]
    monkeypatch.chdir(shops[2])
    north.add("ada", at=AT)
    south.add("bob", at=AT)
    south.add("eve", at=AT)
    assert reader.read[:2] == [(shops[0], 1)] * 2
    assert reader.read[-1] == (shops[1], 2)
    reader.read.clear()
    north.record("ada", "asked", at=AT)
    assert set(reader.read) == {(shops[0], 1)}
    for workspace in made:
        workspace.close()


def test_a_hook_changes_nothing_through_the_workspace_it_is_given(make, caplog):
    class Meddler:
        @hookimpl
        def funnelflow_after_commit(self, context):
            with context.workspace.open() as workspace:
                workspace.add("somebody")

    workspace = make(Meddler())
    workspace.add("ada", at=AT)
    assert "tried to change the workspace from within" in caplog.text
    assert [c.id for c in workspace.list()] == ["ada"]


def test_a_hook_knows_the_database_but_not_its_password(make):
    observer = Observer()
    workspace = make(observer)
    workspace.add("ada", at=AT)
    handle = observer.contexts[0].workspace
    assert (handle.directory, handle.database, handle.funnel) == (
        workspace.database.path.parent,
        str(workspace.database),
        "small",
    )


def test_a_workspace_without_such_plugins_watches_nothing(make):
    workspace = make(Counting())
    assert workspace.context.transact(lambda chunk: chunk._observers) is None
    workspace.add("ada", at=AT)
    assert vetoes_column(workspace) == "[]"


ROWS = [f"c{n % 4},asked,2026-03-02T09:{n:02d}:00Z,{9 if n % 2 else 1}\n" for n in range(20)]
SMALL_CHUNKS = FileOptions(chunk=4)


@pytest.fixture
def events(tmp_path):
    """Return a file of events."""
    path = tmp_path / "events.csv"
    path.write_text("contact,event,at,budget\n" + "".join(ROWS))
    return str(path)


@pytest.mark.parametrize("plugin", [Observer(), Guardian("nowhere")])
def test_plugins_are_asked_about_and_get_the_rows_of_a_file(make, events, plugin):
    workspace = make(plugin)
    assert workspace.apply(events, SMALL_CHUNKS).counts.rows == len(ROWS)
    assert plugin.contexts if isinstance(plugin, Observer) else plugin.asked


def test_the_criteria_of_plugins_decide_the_rows_of_a_file(with_criterion, events):
    with Workspace.open(with_criterion) as workspace:
        assert workspace.apply(events, SMALL_CHUNKS).counts.rows == len(ROWS)
        stages = {row.contact_id: row.after for row in workspace.history(limit=1_000).rows}
        assert workspace.verify().is_sound
    assert stages["c1"] == stages["c3"] == "talking"
    assert stages["c0"] == stages["c2"] == "thinking"
