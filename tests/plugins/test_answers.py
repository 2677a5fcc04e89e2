"""What plugins' criteria answered is kept as evidence, asked again, and told from damage."""

import datetime as dt

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from funnelflow.cli.app import app
from funnelflow.criteria import NUMBER
from funnelflow.errors import UsageError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.plugins import CriterionProvider, PluginHost, hookimpl
from funnelflow.workspace.workspace import Workspace

FUNNEL = """\
funnel: credit
version: 1
fields: {income: integer, note: text}
events: {asked: {}, paid: {}}
initial: new
stages: {new: {}, approved: {}, customer: {type: won}, cold: {type: lost}}
transitions:
  - {from: new, to: approved, require: [{criterion: solvent, least: 100}]}
  - {from: approved, to: customer, on: paid, require: [{criterion: solvent, least: 200}]}
  - {from: approved, to: cold, after: 30d, require: [{criterion: silent}]}
"""
DAY = dt.timedelta(days=1)
T0 = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)


class Bureau:
    """Says who is solvent, unless it is told to say something else.

    Attributes:
        says: The answer of each criterion; an exception is raised, and "income" is compared.
        calls: How often it was asked.
    """

    __version__ = "1.4"

    def __init__(self, **says: object) -> None:
        self.says = {"solvent": "income", "silent": True, **says}
        self.calls = 0

    @hookimpl
    def funnelflow_criteria(self):
        return [
            CriterionProvider("solvent", self.is_solvent, "Solvent", {"least": NUMBER}),
            CriterionProvider("silent", lambda _: self.answer("silent"), "Silent"),
        ]

    def is_solvent(self, call):
        income = call.fields.get("income")
        answer = self.answer("solvent")
        if answer != "income":
            return answer
        return None if income is None else income >= call.arguments["least"]

    def answer(self, criterion):
        self.calls += 1
        said = self.says[criterion]
        if isinstance(said, Exception):
            raise said
        return said


DOWN = OSError("no route to host")


@pytest.fixture
def bank(tmp_path, database):
    """Open one workspace with a plugin, or with none."""
    (tmp_path / "credit.yaml").write_text(FUNNEL)
    opened = []

    def open_with(plugin: object = None) -> Workspace:
        host = PluginHost()
        if plugin is not None:
            host.register(plugin, "bureau")
        if opened:
            opened.append(Workspace.open(tmp_path, plugins=host, database=database))
        else:
            opened.append(Workspace.create(tmp_path, "credit", plugins=host, database=database))
        return opened[-1]

    yield open_with
    for workspace in opened:
        workspace.close()


def stands(workspace, name="ada"):
    contact = workspace.contact(name).contact
    return contact.stage, contact.since


def test_an_answer_is_kept_with_its_question(bank):
    workspace = bank(Bureau())
    workspace.add("ada", {"income": 150}, at=T0)
    (answer,) = workspace.history("ada").rows[0].answers
    assert (answer.criterion, answer.plugin, answer.version) == ("solvent", "bureau", "1.4")
    assert (answer.arguments, answer.looked) == ({"least": 100.0}, {"contact.income": 150})
    assert answer.met is True
    assert workspace.history("ada").rows[0].to_json()["answers"] == [answer.to_json()]


def test_a_criterion_that_fails_opens_nothing_and_is_asked_again_by_tick(bank):
    bureau = Bureau(solvent=DOWN)
    workspace = bank(bureau)
    workspace.add("ada", {"income": 150}, at=T0)
    assert stands(workspace) == ("new", T0)
    assert workspace.history("ada").rows[0].answers[0].failure == "raised OSError: no route to host"
    assert workspace.verify().findings == ()
    assert workspace.tick(T0 + DAY).moved == 0
    bureau.says["solvent"] = "income"
    ticked = workspace.tick(T0 + 2 * DAY)
    assert (ticked.due, ticked.moved) == (1, 1)
    assert stands(workspace) == ("approved", T0 + 2 * DAY)
    assert [row.event for row in workspace.history("ada").rows] == ["add", "tick"]
    assert workspace.tick(T0 + 3 * DAY).due == 0
    assert workspace.verify().findings == ()


def test_a_criterion_that_fails_is_asked_again_by_the_next_write(bank):
    bureau = Bureau(solvent=DOWN)
    workspace = bank(bureau)
    workspace.add("ada", {"income": 150}, at=T0)
    bureau.says["solvent"] = "income"
    workspace.set("ada", {"note": "calls back"}, at=T0 + DAY)
    assert stands(workspace) == ("approved", T0 + DAY)
    assert workspace.verify().findings == ()


def test_a_tick_that_is_answered_as_before_leaves_no_row(bank):
    workspace = bank(Bureau(solvent=DOWN))
    workspace.add("ada", {"income": 150}, at=T0)
    for day in (1, 2):
        workspace.tick(T0 + day * DAY)
    assert len(workspace.history("ada").rows) == 1


def test_a_tick_that_brings_another_answer_is_evidence_of_it(bank):
    bureau = Bureau(silent=False)
    workspace = bank(bureau)
    workspace.add("ada", {"income": 150}, at=T0)
    workspace.tick(T0 + 40 * DAY)
    rows = workspace.history("ada").rows
    assert [row.event for row in rows] == ["add", "tick"]
    assert [(a.criterion, a.met) for a in rows[1].answers] == [("silent", False)]
    workspace.tick(T0 + 41 * DAY)
    assert len(workspace.history("ada").rows) == 2
    bureau.says["silent"] = True
    workspace.tick(T0 + 42 * DAY)
    assert stands(workspace) == ("cold", T0 + 42 * DAY)
    assert workspace.verify().findings == ()


def test_folding_again_uses_the_answer_that_was_given(bank):
    """Late evidence is folded in, and what stands behind it is not asked again."""
    bureau = Bureau()
    workspace = bank(bureau)
    workspace.add("ada", {"income": 150}, at=T0)
    bureau.says["solvent"] = False
    workspace.record("ada", "asked", {"note": "by mail"}, at=T0 - DAY)
    assert stands(workspace) == ("approved", T0)
    assert workspace.verify().is_sound


def test_late_evidence_that_raises_a_new_question_asks_it(bank):
    bureau = Bureau()
    workspace = bank(bureau)
    workspace.add("ada", {"income": 50}, at=T0)
    workspace.record("ada", "asked", at=T0 + 2 * DAY)
    workspace.set("ada", {"income": 150}, at=T0 + DAY)
    assert stands(workspace) == ("approved", T0 + DAY)
    assert [answer.looked for answer in workspace.history("ada").rows[-1].answers] == [
        {"contact.income": 150}
    ]
    assert workspace.verify().findings == ()


def test_what_was_decided_stands_whatever_the_plugin_says_now_or_if_it_is_gone(bank):
    bank(Bureau()).add("ada", {"income": 150}, at=T0)
    for plugin in (Bureau(solvent=False), Bureau(solvent=DOWN), None):
        workspace = bank(plugin)
        assert stands(workspace) == ("approved", T0)
        assert workspace.why("ada", T0 + DAY).contact.contact.stage == "approved"
        assert [one.contact.stage for one in workspace.list(at=T0 + DAY)] == ["approved"]
        assert workspace.translate("ada", workspace.funnel()).translation.stage == "approved"
        assert workspace.verify().is_sound


def test_a_look_asks_nothing_that_has_been_answered(bank):
    bureau = Bureau(solvent=False)
    workspace = bank(bureau)
    workspace.add("ada", {"income": 150}, at=T0)
    bureau.says["solvent"], bureau.calls = True, 0
    leaf = next(workspace.why("ada").considered[0].leaves())
    assert leaf.words == "solvent of plugin bureau says no (least: 100)"
    list(workspace.list(at=T0 + DAY))
    workspace.counts()
    workspace.translate("ada", workspace.funnel())
    assert bureau.calls == 0


def test_time_asks_when_it_is_recorded_and_not_when_somebody_looks(bank, tmp_path):
    bureau = Bureau()
    workspace = bank(bureau)
    workspace.add("ada", {"income": 150}, at=T0)
    bureau.calls = 0
    assert workspace.contact("ada").contact.stage == "approved"
    assert workspace.counts()["approved"] == 1
    assert bureau.calls == 0
    workspace.tick()
    assert stands(workspace) == ("cold", T0 + 30 * DAY)
    assert workspace.verify().findings == ()


def test_a_new_version_asks_what_nobody_has_answered_and_keeps_it(bank, tmp_path):
    bureau = Bureau()
    workspace = bank(bureau)
    workspace.add("ada", {"income": 150}, at=T0)
    workspace.add("bob", {"income": 50}, at=T0)
    bureau.says |= {"solvent": True, "silent": False}
    easier = FUNNEL.replace("least: 100", "least: 10").replace("version: 1", "version: 2")
    (tmp_path / "credit.yaml").write_text(easier)
    workspace.adopt(tmp_path / "credit.yaml")
    assert stands(workspace, "bob") == ("approved", T0)
    assert workspace.history("bob").rows[-1].answers[0].arguments == {"least": 10.0}
    assert bank().verify().is_sound


def test_what_is_taken_back_leaves_the_answers_to_what_stays(bank):
    bureau = Bureau()
    workspace = bank(bureau)
    workspace.add("ada", {"income": 50}, at=T0)
    workspace.set("ada", {"income": 150}, at=T0 + DAY)
    workspace.set("ada", {"income": 10}, at=T0 + 2 * DAY)
    bureau.says["solvent"] = DOWN
    workspace.void("ada", [2], reason="a typing error")
    assert stands(workspace) == ("new", T0)
    assert workspace.verify().findings == ()


def test_rows_of_a_file_keep_the_answers_too(bank, tmp_path):
    workspace = bank(Bureau())
    path = tmp_path / "events.csv"
    path.write_text(
        "contact,event,at,income\n"
        "ada,asked,2026-03-04T09:00:00Z,150\n"
        "bob,asked,2026-03-02T09:00:00Z,50\n"
        "ada,asked,2026-03-03T09:00:00Z,160\n"
    )
    workspace.apply(str(path), FileOptions())
    assert stands(workspace) == ("approved", T0 + DAY)
    assert stands(workspace, "bob") == ("new", T0)
    assert bank().verify().is_sound


def test_verify_tells_another_answer_of_today_from_damage(bank):
    bank(Bureau()).add("ada", {"income": 150}, at=T0)
    later = Bureau(solvent=False)
    later.__class__ = type("Later", (Bureau,), {"__version__": "2.0"})
    proof = bank(later).verify()
    assert proof.is_sound
    (finding,) = proof.findings
    assert str(finding) == (
        "plugin bureau: solvent would answer 1 of 1 questions differently today "
        "(version 1.4 answered then, 2.0 now), the first about ada"
    )
    assert finding.hint == (
        "nothing is damaged: the answers that were given stand; "
        "new evidence about a contact asks again"
    )


@pytest.mark.parametrize("answer", [False, None, DOWN])
def test_a_position_is_made_again_by_the_answers_that_were_given(bank, answer):
    workspace = bank(Bureau())
    workspace.add("ada", {"income": 150}, at=T0)
    workspace.record("ada", "asked", at=T0 + DAY)
    before = stands(workspace)
    assert before == ("approved", T0)
    with workspace.engine.begin() as connection:
        connection.execute(text("DELETE FROM positions"))
    workspace = bank(Bureau(solvent=answer))
    assert workspace.repair().to_json() == {"contacts": 1, "left": 0, "dry_run": False}
    assert stands(workspace) == before
    assert workspace.verify().is_sound


def test_verify_names_what_became_of_answers_by_hand(bank):
    workspace = bank(Bureau())
    workspace.add("ada", {"income": 150}, at=T0)
    with workspace.engine.begin() as connection:
        connection.execute(text("UPDATE evidence SET answers = replace(answers, 'true', 'false')"))
    proof = workspace.verify()
    assert [finding.what for finding in proof.findings if finding.kind == "history"] == [
        "it has been altered"
    ]


def test_a_required_plugin_that_fails_refuses_the_write(bank, tmp_path):
    bureau = Bureau()
    workspace = bank(bureau)
    workspace.add("ada", {"income": 50}, at=T0)
    with (tmp_path / "funnelflow.toml").open("a") as settings:
        settings.write('[plugins]\nrequired = ["bureau"]\n')
    workspace = bank(bureau)
    bureau.says["solvent"] = DOWN
    with pytest.raises(UsageError, match="and that plugin is required here") as refused:
        workspace.set("ada", {"income": 150}, at=T0 + DAY)
    assert "raised OSError: no route to host" in refused.value.message
    assert len(workspace.history("ada").rows) == 1
    path = tmp_path / "events.csv"
    path.write_text("contact,event,at\nada,asked,2026-03-04T09:00:00Z\n")
    summary = workspace.apply(str(path), FileOptions(rejects=tmp_path / "rejects.csv"))
    assert (summary.counts.rejected, len(workspace.history("ada").rows)) == (1, 1)
    bureau.says["solvent"] = "income"
    workspace.set("ada", {"income": 150}, at=T0 + DAY)
    assert stands(workspace) == ("approved", T0 + DAY)


def test_a_tick_leaves_those_out_whom_a_required_plugin_does_not_answer(bank, tmp_path):
    bureau = Bureau()
    workspace = bank(bureau)
    for name in ("ada", "bob"):
        workspace.add(name, {"income": 150}, at=T0)
    with (tmp_path / "funnelflow.toml").open("a") as settings:
        settings.write('[plugins]\nrequired = ["bureau"]\n')
    workspace = bank(bureau)
    bureau.says["silent"] = DOWN
    ticked = workspace.tick(T0 + 40 * DAY)
    assert (ticked.due, ticked.moved, ticked.unanswered) == (2, 0, 2)
    assert len(workspace.history("ada").rows) == 1
    bureau.says["silent"] = True
    assert workspace.tick(T0 + 40 * DAY).moved == 2


class Guard:
    """Vetoes everything."""

    __version__ = "0.3"

    @hookimpl
    def funnelflow_before_transition(self):
        return "not on Mondays"


def test_a_veto_says_which_version_of_the_plugin_it_is_from(bank):
    bureau = Bureau()
    workspace = bank(bureau)
    workspace.context.plugins.register(Guard(), "guard")
    workspace.add("ada", {"income": 150}, at=T0)
    (veto,) = workspace.history("ada").rows[0].vetoes
    assert (veto.plugin, veto.version, veto.reason) == ("guard", "0.3", "not on Mondays")
    assert bank(bureau).verify().findings == ()


def test_the_history_says_that_a_criterion_failed(bank, tmp_path, monkeypatch, database):
    bank(Bureau(solvent=DOWN)).add("ada", {"income": 150}, at=T0)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["history", "ada", "--database", database])
    assert "solvent of plugin bureau raised OSError: no route to host" in done.stdout
