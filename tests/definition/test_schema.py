"""The JSON Schemas: what the loader reads they allow, and what is out of shape both refuse."""

import json
import re
import tempfile
from pathlib import Path

import pytest
from attrs import fields as attributes
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from funnelflow.definition import (
    Definition,
    Library,
    read_definition,
    schema,
    shipped_definitions,
)
from funnelflow.definition.file_shapes import DEFINITION
from funnelflow.definition.problems import Problems
from funnelflow.definition.shapes import (
    EVENT,
    FIELD,
    INVARIANT,
    SCENARIO,
    STAGE,
)
from funnelflow.definition.transition_kinds import TRANSITION
from funnelflow.definition.yaml.compose import compose
from funnelflow.definition.yaml.nodes import MappingNode, ScalarNode, resolve

VALIDATORS = {name: Draft202012Validator(schema(name)) for name in ("definition", "vocabulary")}
SHIPPED = Path(shipped_definitions())
FILES = [("definition", p) for p in sorted(SHIPPED.glob("*.yaml"))]
FILES += [("vocabulary", p) for p in sorted((SHIPPED / "vocabularies").glob("*.yaml"))]


def plain(node):
    """Return a node as an editor sees it: YAML 1.2, whatever our own loader makes of it."""
    if isinstance(node, ScalarNode):
        return resolve(node)
    if isinstance(node, MappingNode):
        return {key: plain(value) for key, value in node.items()}
    return [plain(item) for item in node.items]


def faults(text, name="definition"):
    """Return what the schema finds wrong with a text."""
    data = plain(compose(text, "f.yaml", Problems()))
    return [error.message for error in VALIDATORS[name].iter_errors(data)]


@pytest.mark.parametrize("name", VALIDATORS)
def test_the_schema_is_one(name):
    Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize(("name", "path"), FILES, ids=[path.stem for _, path in FILES])
def test_what_ships_is_valid(name, path):
    assert faults(path.read_text(), name) == []


def test_what_both_schemas_define_they_define_alike():
    one, other = schema("definition")["$defs"], schema("vocabulary")["$defs"]
    assert other == {name: one[name] for name in other}


def test_editors_get_a_description_of_every_key():
    whole, defs = schema("definition"), schema("definition")["$defs"]
    for described in (whole, *(defs[n] for n in ("stage", "transition", "scenario", "event"))):
        for key, about in described["properties"].items():
            target = defs[about["$ref"].rpartition("/")[2]] if "$ref" in about else about
            assert about.get("description") or target.get("description"), key


HEAD = "funnel: small\nfields: {budget: number}\nevents: {form: }\ninitial: a\n"
WHOLE = HEAD + "stages: {a: , b: {type: won}}\n"
GO = WHOLE + "transitions:\n  - "
BROKEN = [
    "initial: a\nstages: {a: }\n",
    "funnel: 5\ninitial: a\nstages: {a: }\n",
    "funnel: my funnel\ninitial: a\nstages: {a: }\n",
    "funnel: small\nstages: {a: }\n",
    "funnel: small\ninitial: a\n",
    "funnel: small\ninitial: a\nstages: {}\n",
    WHOLE + "titel: x\n",
    WHOLE + "title: 5\n",
    WHOLE + "title:\n",
    WHOLE + "title: [x]\n",
    WHOLE + "version: 0\n",
    WHOLE + "version: '1'\n",
    WHOLE + "version: 1.5\n",
    WHOLE + "without: b\n",
    WHOLE + "force: [a b]\n",
    WHOLE + "force: 5\n",
    WHOLE + "transitions: {}\n",
    WHOLE + "scenarios: {}\n",
    WHOLE + "vocabulary: [standard]\n",
    WHOLE + "extends: ../other\n",
    HEAD + "stages: [a]\n",
    HEAD + "stages: {a: x}\n",
    HEAD + "stages: {a: {type: wun}}\n",
    HEAD + "stages: {a: {optional: 'yes'}}\n",
    HEAD + "stages: {a: {stages: [b]}}\n",
    HEAD + "stages: {a: {owner: 5}}\n",
    HEAD + "stages: {a b: }\n",
    HEAD + "stages: {a: {aliases: {b: c}}}\n",
    HEAD + "stages: {a: {playbook: [{b: c}]}}\n",
    GO + "x\n",
    GO + "{}\n",
    GO + "{from: a}\n",
    GO + "{to: b}\n",
    GO + "{form: a, to: b}\n",
    GO + "{from: a, to: [b]}\n",
    GO + "{from: [], to: b}\n",
    GO + "{from: a, to: b, on: {form: 1}}\n",
    GO + "{from: a, to: b, after: 30}\n",
    GO + "{from: a, to: b, after: soon}\n",
    GO + "{from: a, to: b, after: 30d, since: now}\n",
    GO + "{from: a, to: b, require: contact.budget > 3}\n",
    GO + "{from: a, to: b, require: {A: contact.budget > 3}}\n",
    GO + "{from: a, to: b, require: [contact.budget > 3]}\n",
    GO + "{from: a, to: b, require: []}\n",
    GO + "{from: a, to: b, require: [{}]}\n",
    GO + "{from: a, to: b, require: [A: ]}\n",
    GO + "{from: a, to: b, require: [A: [contact.budget]]}\n",
    GO + "{from: a, to: b, require: [{A: contact.budget > 3, B: contact.budget > 3}]}\n",
    GO + "{from: a, to: b, require: {any: []}}\n",
    GO + "{from: a, to: b, require: {any: contact.budget > 3}}\n",
    GO + "{from: a, to: b, require: {at_least: 1}}\n",
    GO + "{from: a, to: b, require: {at_least: 0, of: [A: contact.budget > 3]}}\n",
    GO + "{from: a, to: b, require: {at_least: '1', of: [A: contact.budget > 3]}}\n",
    GO + "{from: a, to: b, require: {of: [A: contact.budget > 3]}}\n",
    GO
    + "{from: a, to: b, require: {any: [A: contact.budget > 3], all: [A: contact.budget > 3]}}\n",
    WHOLE.replace("budget: number", "budget: nummer"),
    WHOLE.replace("budget: number", "budget: {title: x}"),
    WHOLE.replace("budget: number", "budget: {type: number, choices: [1]}"),
    WHOLE.replace("budget: number", "budget: {type: number, values: 1}"),
    WHOLE.replace("budget: number", "a-b: number"),
    WHOLE.replace("form: ", "move: "),
    WHOLE.replace("form: ", "form: [x]"),
    WHOLE.replace("form: ", "form: {set: {budget: '1.0'}}"),
    WHOLE.replace("form: ", "form: {sets: {budget: [1]}}"),
    WHOLE.replace("form: ", "form: {sets: {budget: }}"),
    WHOLE + "scenarios: [{then: a}]\n",
    WHOLE + "scenarios: [{story: S}]\n",
    WHOLE + "scenarios: [{story: S, then: a, given: [x]}]\n",
    WHOLE + "scenarios: [{story: S, then: a, when: [[form]]}]\n",
    WHOLE + "scenarios: [{story: S, then: a, when: [{form: , x: }]}]\n",
    WHOLE + "scenarios: [{story: S, then: a, when: [{wait: 3}]}]\n",
    WHOLE + "scenarios: [{story: S, then: a, when: [{move: }]}]\n",
    WHOLE + "scenarios: [{story: S, then: a, when: [{as: x}]}]\n",
]


def test_the_whole_it_is_broken_from_is_sound(tmp_path):
    assert faults(WHOLE) == []
    (tmp_path / "small.yaml").write_text(WHOLE)
    assert read_definition(tmp_path / "small.yaml").linked is not None


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_out_of_shape_is_refused_by_both(text, tmp_path):
    (tmp_path / "small.yaml").write_text(text)
    found = read_definition(tmp_path / "small.yaml").problems
    assert faults(text)
    assert [p for p in found if p.severity == "error"]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "vocabulary: my words",
        "vocabulary: v\nfield: {}",
        "vocabulary: v\nfields: [budget]",
        "vocabulary: v\nevents: {set: }",
        "vocabulary: v\nevents: {e: {fields: {a: number5}}}",
    ],
)
def test_a_vocabulary_out_of_shape_is_refused_by_both(text, tmp_path):
    (tmp_path / "v.yaml").write_text(text)
    found = read_definition(tmp_path / "v.yaml", Library(shipped=None)).problems
    assert faults(text, "vocabulary")
    assert [p for p in found if p.severity == "error"]


@pytest.mark.parametrize(
    "addition",
    [
        "transitions: [{from: [a], to: b, on: form, after: 1h30m, since: activity, about: x}]",
        "transitions: [{from: a, to: b, on: no, by: sales, require: [A: contact.budget > 3]}]",
        "transitions: [{from: a, to: b, require: [A: true, {any: [B: x]}]}]",
        "transitions: [{from: a, to: b, require: [any: [{at_least: 1, of: [C: x]}]]}]",
        "transitions: [{from: a, to: b, require: {all: [A: x], label: L}}]",
        "transitions: [{from: a, to: b, require: [{criterion: round, digits: 2, label: L}]}]",
        "scenarios: [{story: S, then: a, when: form}]",
        "scenarios: [{story: S, then: a.b, given: {budget: 5}, when: [form, {move: b, as: x}]}]",
        "scenarios: [{story: S, then: a, when: [{form: {budget: }}, {set: {tags: [a, b]}}]}]",
        "scenarios: [{story: S, then: a, when: [{wait: 30d}, {form: , as: [x, y]}]}]",
        "title: 'x'\nabout: >-\n  long\nforce: boss\nversion: 2",
    ],
)
def test_every_way_of_writing_is_allowed(addition):
    assert faults(WHOLE + addition + "\n") == []


def test_an_extending_file_may_leave_out_the_rest():
    assert faults("funnel: small\nextends: standard\nwithout: [lead.ready]\n") == []


def test_every_attribute_of_a_definition_can_be_written():
    written = {"name": "funnel", "path": "", "position": "", "vocabulary": "vocabulary"}
    named = {written.get(a.name, a.name) for a in attributes(Definition)} - {""}
    assert named <= set(DEFINITION.by_name)


DIALOGUE = plain(compose((SHIPPED / "dialogue.yaml").read_text(), "f.yaml", Problems()))
WRONG = [5, -1.5, None, True, "", "x", "x y", [], ["x"], [5], [[]], {}, {"x": 1}, {"x y": {}}]


def ways(data, way=()):
    """Return the way to every part of plain data."""
    yield way
    pairs = enumerate(data) if isinstance(data, list) else ()
    for key, value in data.items() if isinstance(data, dict) else pairs:
        yield from ways(value, (*way, key))


def put(data, way, value):
    """Return data with another value in one place."""
    if not way:
        return value
    key, *rest = way
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[key] = put(data[key], rest, value)
    return copy


WAYS = [way for way in ways(DIALOGUE) if way]


@given(st.sampled_from(WAYS), st.sampled_from(WRONG))
def test_what_the_schema_refuses_the_loader_refuses_too(way, wrong):
    broken = put(DIALOGUE, way, wrong)
    refused = list(VALIDATORS["definition"].iter_errors(broken))
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "dialogue.yaml"
        path.write_text(json.dumps(broken))
        reading = read_definition(path)
    assert not refused or any(p.severity == "error" for p in reading.problems)


README = (SHIPPED / "README.md").read_text("utf-8")
SECTION = README.partition("## What a definition may say")[2].partition("\n## ")[0]


def test_the_table_of_keys_in_the_readme_has_every_key_of_a_definition():
    table = SECTION.partition("**A stage**")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == set(DEFINITION.by_name)


@pytest.mark.parametrize(
    ("shape", "beginning"),
    [
        (STAGE, "**A stage**"),
        (TRANSITION, "**A transition**"),
        (FIELD, "**A field**"),
        (EVENT, "**An event**"),
        (SCENARIO, "**A scenario**"),
        (INVARIANT, "under `always`"),
    ],
    ids=lambda value: getattr(value, "noun", ""),
)
def test_the_readme_names_every_key_of_a_record(shape, beginning):
    text = re.split(r"\n\*\*An? ", SECTION.partition(beginning)[2])[0]
    named = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`|```yaml.*?```", text, re.DOTALL))))
    assert set(shape.by_name) - named == set()
