"""Story files: what happened, for several definitions to read."""

import datetime as dt

import pytest

from funnelflow.definition import DefinitionError, ScenarioStep, load_story


def test_a_story_is_read_with_its_steps_and_what_it_expects(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        "story: A call\nabout: Why it matters\ngiven: {email: ada@example.com}\n"
        "when:\n  - met\n  - call: {way: two_way}\n  - wait: 30d\n"
        "then: {outreach: prospect}\n"
    )
    story = load_story(path)
    assert (story.scenario.story, story.about) == ("A call", "Why it matters")
    assert story.scenario.given == {"email": "ada@example.com"}
    assert story.scenario.when == (
        ScenarioStep("met"),
        ScenarioStep("call", {"way": "two_way"}),
        ScenarioStep(wait=dt.timedelta(days=30)),
    )
    assert story.expected == {"outreach": "prospect"}


def test_everything_wrong_with_a_story_is_reported_at_once(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("story: A call\nwhn: []\nwhen:\n  - [met]\n  - {met: {}, call: {}}\n")
    with pytest.raises(DefinitionError) as caught:
        load_story(path)
    places = [(p.position.line, p.code) for p in caught.value.problems]
    assert places == [(2, "F101"), (4, "F106"), (5, "F106")]


@pytest.mark.parametrize("text", ["", "- met\n", "just text\n"])
def test_what_is_no_story_is_refused(tmp_path, text):
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(DefinitionError):
        load_story(path)


def test_a_missing_file_is_a_problem_with_a_place(tmp_path):
    with pytest.raises(DefinitionError) as caught:
        load_story(tmp_path / "none.yaml")
    assert [p.code for p in caught.value.problems] == ["F001"]
