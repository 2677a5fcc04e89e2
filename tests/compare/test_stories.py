"""One story, read by several definitions."""

from funnelflow.compare import glossary, read_story
from funnelflow.definition import Scenario, ScenarioStep, load_definition, shipped_definitions
from funnelflow.engine import Funnel


def shipped(*names: str) -> list[Funnel]:
    """Give shipped definitions, ready to run."""
    return [Funnel(load_definition(shipped_definitions() / f"{name}.yaml")) for name in names]


COLD_CALL = Scenario(
    "An interested answer to a cold call",
    then="",
    when=(
        ScenarioStep("listed", {"phone": "+44 20 7946 0000"}),
        ScenarioStep(
            "call", {"direction": "outbound", "way": "two_way", "interested": True, "team": "sales"}
        ),
    ),
)


def test_every_definition_has_a_view_after_every_event():
    readings = read_story(COLD_CALL, shipped("outreach", "levels", "dialogue"))
    assert [r.name for r in readings] == ["outreach", "levels", "dialogue"]
    assert all(len(r.moments) == 3 for r in readings)
    assert all(r.unread == () for r in readings)


def test_an_interested_answer_to_a_cold_call_is_a_prospect_to_some():
    outreach, levels = read_story(COLD_CALL, shipped("outreach", "levels"))
    assert outreach.moments[-1].stage.startswith("prospect")
    assert outreach.moments[-1].has_moved
    assert levels.moments[-1].stage.startswith("lead")


def test_what_a_vocabulary_does_not_know_is_said_and_the_story_goes_on():
    story = Scenario("s", "", (ScenarioStep("teleported"), ScenarioStep("form_submitted")))
    (reading,) = read_story(story, shipped("standard"))
    assert len(reading.moments) == 3
    assert reading.unread == ("there is no event 'teleported'",)


def test_a_glossary_puts_first_the_words_that_most_definitions_use():
    linked = [f.linked for f in shipped("outreach", "levels", "dialogue")]
    entries = glossary(linked)
    counts = [len(entry.meanings) for entry in entries]
    assert counts == sorted(counts, reverse=True)
    prospect = next(e for e in entries if e.word == "prospect")
    assert {m.definition for m in prospect.meanings} == {"outreach", "levels", "dialogue"}


def test_a_glossary_knows_aliases_and_what_leads_into_a_stage():
    (dialogue,) = shipped("dialogue")
    entries = {e.word: e.meanings for e in glossary([dialogue.linked])}
    meaning = entries["prospect"][0]
    assert meaning.about
    assert any(way.rule is not None for way in meaning.ways)
    aliases = [a for s in dialogue.linked.stages.values() for a in s.aliases]
    assert all(alias.casefold() in entries for alias in aliases)
