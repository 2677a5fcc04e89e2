"""What was stored is linked; what is to be stored is held to every rule."""

import pytest

from funnelflow.criteria import AS_WRITTEN
from funnelflow.definition import DefinitionError, lint, load_definition
from funnelflow.definition.problems import Place
from funnelflow.errors import FieldError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.maintenance import adopt
from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, PIPELINE, T0


@pytest.fixture
def closed(workspace, directory, monkeypatch):
    """Open a workspace anew after a release with a lint rule that every definition breaks."""
    workspace.add("ada", {"email": "ada@example.com"}, at=T0)
    workspace.record("ada", "subscribed", at=T0)

    def refuse(definition, _index, problems):
        place = Place(problems, definition.position)
        place.report("F402", AS_WRITTEN, message="an invented rule is broken")

    monkeypatch.setattr(lint, "check_parts", refuse)
    database = workspace.config.database
    with Workspace.open(directory, clock=workspace.clock, database=database) as opened:
        yield opened


def test_a_lint_rule_of_a_later_release_closes_no_workspace(closed, clock, write):
    assert closed.record("ada", "replied").decision.outcome == "stayed"
    assert closed.set("ada", {"budget": 1}).decision.outcome == "stayed"
    assert closed.move("ada", "prospect").decision.outcome == "refused"
    assert closed.add("bob").sequence == 1
    applied = closed.apply(write("contact,event,at\nbob,gave_up,2026-03-02\n"), FileOptions())
    assert applied.counts.rejected == 1  # no zone is set
    clock.now = T0 + 60 * DAY
    assert closed.tick(T0 + 60 * DAY).moved == 0
    assert [contact.id for contact in closed.list("contact.budget > 0")] == ["ada"]
    assert closed.why("ada")[1]
    assert closed.counts()["lead.fresh"] == 1
    assert closed.verify().is_sound


def test_what_is_to_be_adopted_is_held_to_every_rule(closed, directory):
    newer = directory / "newer.yaml"
    newer.write_text(PIPELINE.replace("version: 1", "version: 2"))
    with pytest.raises(DefinitionError):
        closed.adopt(load_definition(newer).definition)


def try_out(workspace):
    """Take a funnel into use by what is undone at the end."""
    workspace.add("ada", funnel="upsell", dry_run=True)


def fail(workspace):
    """Take a funnel into use by what cannot be recorded."""
    with pytest.raises(FieldError):
        workspace.add("ada", {"email": 5}, funnel="upsell")


@pytest.mark.parametrize("undo", [try_out, fail])
@pytest.mark.usefixtures("more_funnels")
def test_a_definition_whose_storing_was_undone_decides_nothing(workspace, undo):
    undo(workspace)
    workspace.add("grace", funnel="renewal")
    workspace.add("joan", funnel="upsell")
    assert workspace.contact("grace").funnel == "renewal"
    assert workspace.contact("joan").funnel == "upsell"
    assert workspace.verify().is_sound


def test_an_adoption_that_fails_leaves_no_definition_behind(workspace, directory, monkeypatch):
    for version in (2, 3):
        text = PIPELINE.replace("version: 1", f"version: {version}")
        (directory / f"v{version}.yaml").write_text(text)
    second, third = (load_definition(directory / f"v{n}.yaml").definition for n in (2, 3))
    outcomes = iter([adopt.Mover, None])  # the plan, and the first transaction

    def mover(*arguments, **named):
        made = next(outcomes)
        if made is None:
            raise KeyboardInterrupt
        return made(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(adopt, "Mover", mover)
        with pytest.raises(KeyboardInterrupt):
            workspace.adopt(second)
    workspace.adopt(third)
    workspace.add("ada")
    assert workspace.funnel("pipeline").definition.version == 3
    assert workspace.verify().is_sound
