"""What transitions can say, stored: where a contact comes back to, dates, and facts they set."""

import pytest

from funnelflow.workspace.workspace import Workspace

from ..funnels import DAY, T0

HOLD = """\
funnel: pipeline
initial: lead
fields: {next_at: timestamp, tries: {type: integer, default: 0}}
events: {called: {}, paused: {}, replied: {}, closed: {}}
stages: {lead: {stages: {cold: , warm: }}, prospect: , hold: , gone: {type: lost}}
transitions:
  - {from: lead.cold, to: lead.warm, on: called, sets: {tries: contact.tries + 1}}
  - {from: lead.warm, to: prospect, on: called, sets: {tries: contact.tries + 1}}
  - {from: "*", to: hold, on: paused}
  - {from: hold, to: "*", resume: true, on: replied, after: contact.next_at}
  - {from: "*", to: gone, on: closed}
"""


@pytest.fixture
def holding(directory, database, clock):
    """Give a workspace of that funnel, which can be opened again."""
    (directory / "pipeline.yaml").write_text(HOLD)
    clock.now = T0 + 90 * DAY
    with Workspace.create(directory, "pipeline", database=database, clock=clock) as made:
        yield made


def stands(workspace, name):
    contact = workspace.contact(name).contact
    return contact.stage, contact.fields["tries"], contact.since


def test_where_somebody_was_is_kept_and_found_again_by_another_process(
    holding, directory, database, clock
):
    holding.add("ada", at=T0)
    holding.record("ada", "called", at=T0 + DAY)
    holding.record("ada", "paused", at=T0 + 2 * DAY)
    with Workspace.open(directory, database=database, clock=clock) as again:
        again.record("ada", "replied", at=T0 + 3 * DAY)
        assert stands(again, "ada") == ("lead.warm", 1, T0 + 3 * DAY)
        assert again.verify().is_sound


def test_late_evidence_changes_where_somebody_comes_back_to(holding):
    holding.add("ada", at=T0)
    holding.record("ada", "paused", at=T0 + 5 * DAY)
    holding.record("ada", "replied", at=T0 + 6 * DAY)
    assert stands(holding, "ada")[:2] == ("lead.cold", 0)
    holding.record("ada", "called", at=T0 + DAY)
    late = holding.record("ada", "called", at=T0 + 2 * DAY)
    assert stands(holding, "ada")[:2] == ("prospect", 2)
    assert late.decision.event.name == "called"
    assert holding.verify().is_sound


def test_a_date_moves_somebody_by_itself_for_every_reader(holding):
    holding.add("ada", at=T0)
    holding.record("ada", "paused", at=T0 + DAY)
    holding.set("ada", {"next_at": T0 + 40 * DAY}, at=T0 + 2 * DAY)
    assert stands(holding, "ada") == ("lead.cold", 0, T0 + 40 * DAY)
    (then,) = holding.list(at=T0 + 39 * DAY)
    assert then.contact.stage == "hold"
    assert [one.contact.stage for one in holding.list(stage="lead")] == ["lead.cold"]
    assert holding.tick().moved == 1
    assert holding.verify().is_sound
    holding.set("ada", {"next_at": T0 + 80 * DAY}, at=T0 + 3 * DAY)  # late: it was put off
    assert stands(holding, "ada")[2] == T0 + 80 * DAY
    assert holding.verify().is_sound


def test_what_a_transition_set_is_taken_back_with_the_evidence_that_took_it(holding):
    holding.add("ada", at=T0)
    holding.record("ada", "called", at=T0 + DAY)
    row = holding.history("ada").rows[-1]
    assert stands(holding, "ada")[:2] == ("lead.warm", 1)
    holding.void("ada", [row.sequence], reason="a mistake")
    assert stands(holding, "ada")[:2] == ("lead.cold", 0)
    assert holding.verify().is_sound
