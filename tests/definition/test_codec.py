"""A definition as JSON: exact, self-contained, and the same for the same meaning."""

import json
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given

from funnelflow.definition import (
    Definition,
    Scenario,
    Vocabulary,
    digest,
    from_json,
    link,
    load_definition,
    shipped_definitions,
    to_json,
)
from funnelflow.errors import UsageError

from .strategies import accepted_definitions, definitions

SHIPPED = sorted(Path(shipped_definitions()).glob("*.yaml"))


@given(accepted_definitions())
def test_random_definitions_link(definition):
    assert link(definition).definition == definition


@given(definitions())
def test_a_definition_survives_json_exactly(definition):
    assert from_json(json.loads(json.dumps(to_json(definition)))) == definition


@given(definitions())
def test_the_digest_survives_json(definition):
    assert digest(from_json(json.loads(json.dumps(to_json(definition))))) == digest(definition)


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_a_file_and_its_json_are_the_same_definition(path):
    definition = load_definition(path).definition
    assert from_json(to_json(definition)) == definition


def test_where_a_definition_was_written_does_not_change_its_digest(tmp_path):
    text = SHIPPED[0].read_text()
    moved = tmp_path / "moved.yaml"
    moved.write_text("# a comment\n\n" + text)
    assert digest(load_definition(moved).definition) == digest(
        load_definition(SHIPPED[0]).definition
    )


@pytest.mark.parametrize(
    "changed",
    [{"title": "Another"}, {"version": 9}, {"scenarios": (Scenario("A story", "target"),)}],
)
def test_whatever_is_changed_changes_the_digest(changed):
    definition = load_definition(SHIPPED[0]).definition
    assert digest(evolve(definition, **changed)) != digest(definition)


def test_the_version_is_always_written():
    assert to_json(load_definition(SHIPPED[0]).definition)["version"] == 1


@pytest.mark.parametrize(
    "broken",
    [None, 3, [], {}, {"name": "x"}, {"name": 3, "vocabulary": {}}, {"unknown": 1}],
)
def test_what_is_no_definition_is_refused_in_words(broken):
    with pytest.raises(UsageError, match="not a stored definition"):
        from_json(broken)


def test_json_with_an_unknown_key_is_refused():
    plain = to_json(load_definition(SHIPPED[0]).definition)
    with pytest.raises(UsageError, match="not a stored definition"):
        from_json({**plain, "secret": 1})


def test_the_json_says_nothing_of_places():
    text = json.dumps(to_json(load_definition(SHIPPED[0]).definition))
    assert "position" not in text
    assert str(SHIPPED[0]) not in text


def test_a_definition_of_few_words_is_short():
    definition = Definition("d", Vocabulary("v"), "a", ())
    assert to_json(definition) == {
        "name": "d",
        "vocabulary": {"name": "v"},
        "initial": "a",
        "stages": [],
        "version": 1,
    }
