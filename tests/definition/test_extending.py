"""Definitions that build on others: what is added, what is taken out, and what cannot be."""

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from funnelflow.definition import (
    Criterion,
    Definition,
    Library,
    Scenario,
    ScenarioStep,
    Stage,
    Transition,
    check,
    link,
    read_definition,
)
from funnelflow.definition.extending import remove_stage

from .strategies import VOCABULARY, accepted_definitions, definitions
from .support import codes, told

BASE = """\
funnel: base
version: 4
title: The base
fields: {budget: number, fits: boolean}
events: {form: {}, call: {}, sold: {}}
initial: target
stages:
  target:
  lead:
    owner: marketing
    aliases: [sales lead]
    playbook: [Write]
    stages: {inquiry: , ready: {optional: true}}
  prospect: {optional: true}
  customer: {type: won}
transitions:
  - {from: target, to: lead, on: form}
  - {from: lead.inquiry, to: lead.ready, on: call, require: [{Fits: contact.fits}]}
  - {from: lead.ready, to: prospect, on: call}
  - {from: prospect, to: customer, on: sold}
scenarios:
  - {story: One, when: form, then: lead}
  - {story: Two, when: [form, {move: prospect}], then: lead}
  - {story: Three, when: [form, call], then: prospect}
"""


@pytest.fixture
def read_here(tmp_path):
    """Return a function that writes files and reads the one called `small`."""
    (tmp_path / "base.yaml").write_text(BASE)

    def read(text, library=None, **others):
        for name, content in others.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        (tmp_path / "small.yaml").write_text(text)
        return read_definition(tmp_path / "small.yaml", library)

    return read


def ways(definition):
    """Return the transitions as (sources, target, events)."""
    return [(t.sources, t.to, t.on) for t in definition.transitions]


def test_a_file_that_says_nothing_more_is_the_same_funnel(read_here):
    definition = read_here("funnel: small\nextends: base\n").definition
    base = read_here("funnel: other\n", other=BASE).definition
    assert definition.name == "small"
    assert (definition.version, definition.title, definition.initial) == (4, "The base", "target")
    assert [s.name for s in definition.stages] == ["target", "lead", "prospect", "customer"]
    assert len(definition.scenarios) == 3
    assert base is not None


def test_what_a_file_says_of_itself_wins(read_here):
    text = "funnel: small\nextends: base\nversion: 9\ntitle: Mine\nabout: Me\nforce: boss\n"
    text += "initial: lead\n"
    definition = read_here(text).definition
    assert (definition.version, definition.title, definition.about) == (9, "Mine", "Me")
    assert (definition.force, definition.initial) == (("boss",), "lead")


def test_its_transitions_are_tried_first_and_its_stages_come_last(read_here):
    text = (
        "funnel: small\nextends: base\nstages: {gone: {type: lost}}\n"
        "transitions: [{from: target, to: gone, on: form}]\n"
        "scenarios: [{story: Four, then: target}]\n"
    )
    definition = read_here(text).definition
    assert ways(definition)[0] == (("target",), "gone", ("form",))
    assert len(definition.transitions) == 5
    assert [s.name for s in definition.stages][-1] == "gone"
    assert [s.story for s in definition.scenarios] == ["One", "Two", "Three", "Four"]


def test_a_stage_named_again_gains_what_it_is_given(read_here):
    text = (
        "funnel: small\nextends: base\n"
        "stages: {lead: {about: Ours, aliases: [prey], stages: {hot: , ready: {owner: sales}}}}\n"
        "transitions: [{from: lead.inquiry, to: lead.hot, on: sold},"
        " {from: lead.hot, to: customer, on: form}]\n"
    )
    reading = read_here(text)
    assert codes(reading) == []
    lead = reading.definition.stages[1]
    assert (lead.about, lead.owner, lead.aliases) == ("Ours", "marketing", ("sales lead", "prey"))
    assert [s.name for s in lead.stages] == ["inquiry", "ready", "hot"]
    assert (lead.stages[1].owner, lead.stages[1].optional) == ("sales", True)


def test_a_stage_is_not_given_another_type(read_here):
    reading = read_here("funnel: small\nextends: base\nstages: {customer: {type: lost}}\n")
    assert [told(p) for p in reading.problems] == ["3:27-31 F606"]


def test_fields_and_events_are_added_and_the_same_again_is_no_problem(read_here):
    text = (
        "funnel: small\nextends: base\nfields: {age: integer, budget: number}\nevents: {form: }\n"
    )
    reading = read_here(text)
    assert codes(reading) == []
    assert list(reading.definition.vocabulary.fields) == ["budget", "fits", "age"]


def test_a_field_declared_otherwise_is_reported_with_where_it_was_declared(read_here):
    reading = read_here("funnel: small\nextends: base\nfields: {budget: integer}\n")
    (problem,) = reading.problems
    assert told(problem) == "3:10-16 F302"
    assert problem.variant == "placed"
    assert problem.parameters["path"].endswith("base.yaml")
    assert problem.parameters["line"] == 4


def test_a_field_of_the_vocabulary_declared_otherwise_is_reported(tmp_path):
    (tmp_path / "small.yaml").write_text(
        "funnel: small\nvocabulary: standard\nfields: {budget: text}\n"
        "events: {call: {about: Mine}}\ninitial: a\nstages: {a: {type: won}}\n"
    )
    reading = read_definition(tmp_path / "small.yaml")
    assert [told(p) for p in reading.problems] == ["3:10-16 F302", "4:10-14 F302"]


def test_without_closes_the_gap_from_the_predecessors(read_here):
    reading = read_here("funnel: small\nextends: base\nwithout: prospect\n")
    assert codes(reading) == []
    assert ways(reading.definition) == [
        (("target",), "lead", ("form",)),
        (("lead.inquiry",), "lead.ready", ("call",)),
        (("lead.ready",), "customer", ("sold",)),
    ]


def test_stages_are_removed_one_after_the_other(read_here):
    for order in ("[lead.ready, prospect]", "[prospect, lead.ready]"):
        definition = read_here(f"funnel: small\nextends: base\nwithout: {order}\n").definition
        assert ways(definition) == [
            (("target",), "lead", ("form",)),
            (("lead.inquiry",), "customer", ("sold",)),
        ]
        assert [s.name for s in definition.stages[1].stages] == ["inquiry"]


def test_scenarios_that_name_a_removed_stage_go_with_it(read_here):
    definition = read_here("funnel: small\nextends: base\nwithout: prospect\n").definition
    assert [s.story for s in definition.scenarios] == ["One"]


def test_a_removed_stage_that_is_still_named_is_unknown(read_here):
    text = (
        "funnel: small\nextends: base\nwithout: prospect\n"
        "transitions: [{from: target, to: prospect, on: call}]\n"
    )
    assert [told(p) for p in read_here(text).problems] == ["4:34-42 F203"]


@pytest.mark.parametrize(
    ("lines", "place", "parameters"),
    [
        ("without: lead", "3:10-14 F603", {"name": "lead", "definition": "base"}),
        (
            "without: [prospect, lead.redy]",
            "3:21-30 F203",
            {"name": "lead.redy", "guess": "lead.ready"},
        ),
        (
            "without: nothing",
            "3:10-17 F203",
            {"name": "nothing", "known": ("lead.ready", "prospect")},
        ),
    ],
)
def test_what_cannot_be_removed_is_reported(read_here, lines, place, parameters):
    (problem,) = read_here(f"funnel: small\nextends: base\n{lines}\n").problems
    assert (told(problem), problem.parameters) == (place, parameters)


def test_without_needs_extends(read_here):
    text = BASE.replace("title:", "without: prospect\ntitle:")
    assert [told(p) for p in read_here(text).problems] == ["3:10-18 F604"]


def test_removing_the_initial_stage_needs_another(read_here):
    base = BASE.replace("  target:\n", "  target: {optional: true}\n")
    reading = read_here("funnel: small\nextends: base\nwithout: target\n", base=base)
    assert "F605" in codes(reading)
    again = read_here("funnel: small\nextends: base\nwithout: target\ninitial: lead\n", base=base)
    assert codes(again) == []


def test_definitions_extend_each_other_in_a_line(read_here):
    middle = "funnel: middle\nextends: base\ntitle: Middle\nstages: {more: {type: lost}}\n"
    middle += "transitions: [{from: lead, to: more, on: sold}]\n"
    reading = read_here("funnel: small\nextends: middle\nwithout: prospect\n", middle=middle)
    assert codes(reading) == []
    assert reading.definition.title == "Middle"
    assert len(reading.definition.stages) == 4


def test_a_cycle_of_definitions_is_reported(read_here):
    other = "funnel: other\nextends: small\n"
    reading = read_here("funnel: small\nextends: other\n", other=other)
    found = [(p.code, p.position.path.rpartition("/")[2]) for p in reading.problems]
    assert ("F601", "other.yaml") in found


def test_a_file_may_extend_another_of_its_own_name(tmp_path):
    (tmp_path / "standard.yaml").write_text("funnel: standard\nextends: standard\ntitle: Ours\n")
    reading = read_definition(tmp_path / "standard.yaml")
    assert codes(reading) == []
    assert reading.definition.title == "Ours"
    assert len(reading.definition.stages) > 3


def test_a_definition_that_is_not_there_is_reported(read_here):
    reading = read_here("funnel: small\nextends: bas\nstages: {x: }\n")
    (problem,) = reading.problems
    assert (told(problem), problem.parameters["guess"]) == ("2:10-13 F207", "base")


@pytest.mark.parametrize("name", ["../base", "/etc/passwd", "a/b", "base.yaml", "''"])
def test_names_do_not_lead_out_of_the_library(read_here, name):
    assert "F207" in codes(read_here(f"funnel: small\nextends: {name}\n")) or name == "''"


def test_the_problems_of_what_is_extended_are_reported_in_its_own_file(read_here):
    broken = BASE.replace("to: prospect, on: call", "too: prospect, on: call")
    reading = read_here("funnel: small\nextends: base\n", base=broken)
    found = [(p.position.path.rpartition("/")[2], told(p)) for p in reading.problems]
    assert found == [("base.yaml", "19:24-27 F101"), ("small.yaml", "2:10-14 F602")]
    assert {name.rpartition("/")[2] for name in reading.sources} == {"base.yaml", "small.yaml"}


def test_a_definition_from_a_plugin_can_be_extended(read_here):
    offered = Definition(
        "offered",
        VOCABULARY,
        "a",
        (Stage("a"), Stage("b", type="won")),
        (Transition("a", "b", "form"),),
    )
    reading = read_here(
        "funnel: small\nextends: offered\n", Library(definitions={"offered": offered})
    )
    assert codes(reading) == []
    assert reading.definition == evolve(offered, name="small")


THREE = Definition(
    "three",
    VOCABULARY,
    "a",
    (Stage("a"), Stage("b", optional=True), Stage("c", type="won")),
    (
        Transition("a", "b", "form", require=[Criterion("Fits", "contact.fits")]),
        Transition("b", "c", "call"),
        Transition("c", "b", "quiet"),
        Transition("b", "a", "quiet"),
        Transition("b", "b", "form"),
        Transition(("a", "b"), "c", "quiet"),
    ),
    (Scenario("S", "c", (ScenarioStep(to="b"),)), Scenario("T", "a")),
)


def test_what_led_in_is_dropped_and_what_led_back_stays_away_from_itself():
    assert ways(remove_stage(THREE, "b")) == [
        (("a",), "c", ("call",)),
        (("c",), "a", ("quiet",)),
        (("a",), "c", ("quiet",)),
    ]


def test_what_is_nested_goes_with_its_outer_stage():
    outer = Stage("b", stages=(Stage("x"), Stage("y")))
    nested = evolve(
        THREE,
        stages=(Stage("a"), outer, Stage("c", type="won")),
        transitions=(
            Transition("a", "b.x", "form"),
            Transition("b.x", "b.y", "form"),
            Transition("b.y", "c", "call"),
        ),
    )
    assert ways(remove_stage(nested, "b")) == [(("a",), "c", ("call",))]


@given(accepted_definitions(), st.data())
def test_nothing_speaks_of_a_removed_stage(definition, data):
    name = data.draw(st.sampled_from([name for name, _ in definition.walk()]))
    left = remove_stage(definition, name)
    assume(left.stages and left.initial)
    codes = {problem.code for problem in check(left)}
    assert not codes & {"F203", "F402"}
    assume("F406" not in codes)  # what stood between may have kept automatic transitions apart
    assert name not in link(left).stages


@given(definitions(), st.data())
def test_the_order_of_removal_makes_no_difference(definition, data):
    names = [name for name, _ in definition.walk()]
    first, second = (data.draw(st.sampled_from(names)) for _ in range(2))
    assume(not first.startswith(second) and not second.startswith(first))
    one = remove_stage(remove_stage(definition, first), second)
    other = remove_stage(remove_stage(definition, second), first)
    assert one.stages == other.stages
    assert [(set(s), t, on) for s, t, on in ways(one)] == [
        (set(s), t, on) for s, t, on in ways(other)
    ]
