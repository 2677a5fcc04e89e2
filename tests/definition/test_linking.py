"""A linked definition: every name looked up, stages flattened to leaves, expressions compiled."""

import pickle

import pytest
from attrs import evolve
from hypothesis import given

from funnelflow.criteria import DURATION, INTEGER, TEXT, TIMESTAMP, CriterionError
from funnelflow.definition import (
    Criterion,
    Definition,
    DefinitionError,
    Stage,
    Transition,
    check,
    link,
    link_stored,
    lint,
    load_definition,
    shipped_definitions,
)
from funnelflow.definition.yaml.nodes import Span
from funnelflow.errors import Error, UnknownNameError

from .strategies import VOCABULARY, accepted_definitions, definitions

NESTED = Definition(
    "nested",
    VOCABULARY,
    "lead",
    (
        Stage(
            "lead",
            aliases=("sales lead",),
            stages=(Stage("new"), Stage("warm", stages=(Stage("web"), Stage("fair")))),
        ),
        Stage("prospect", aliases=("hot one",)),
        Stage("done", type="won", stages=(Stage("new"),)),
    ),
    (
        Transition(("prospect", "lead"), "done", "form"),
        Transition("lead.warm", "prospect", "call"),
        Transition(("lead", "lead.warm.fair"), "lead.warm.fair", "quiet"),
        Transition("lead", "lead.warm", "form"),
    ),
)
LEAVES = ("lead.new", "lead.warm.web", "lead.warm.fair", "prospect", "done.new")


def test_leaves_are_in_the_order_of_the_file():
    linked = link(NESTED)
    assert linked.leaves == LEAVES
    assert linked.initial == "lead.new"
    assert list(linked.stages)[:3] == ["lead", "lead.new", "lead.warm"]


def test_an_outer_stage_stands_for_its_leaves_and_is_entered_at_the_first():
    linked = link(NESTED)
    assert linked.leaves_of("lead") == LEAVES[:3]
    assert linked.leaves_of("lead.new") == ("lead.new",)
    assert linked.leaf_of("lead.warm") == "lead.warm.web"
    assert linked.transitions[3].to == "lead.warm.web"


def test_sources_are_leaves_the_innermost_named_first():
    assert link(NESTED).transitions[2].sources == (
        ("lead.warm.fair", 3),
        ("lead.new", 1),
        ("lead.warm.web", 1),
    )


def test_an_outer_stage_does_not_leave_a_leaf_for_itself():
    sources = link(NESTED).transitions[3].sources
    assert sources == (("lead.new", 1), ("lead.warm.fair", 1))


def test_every_leaf_is_left_at_the_depth_that_names_it():
    assert link(NESTED).transitions[1].sources == (("lead.warm.web", 2), ("lead.warm.fair", 2))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lead", "lead"),
        ("LEAD", "lead"),
        ("lead.warm.web", "lead.warm.web"),
        ("web", "lead.warm.web"),
        ("Web", "lead.warm.web"),
        ("sales lead", "lead"),
        (" Hot One ", "prospect"),
        ("lead.new", "lead.new"),
        ("Sales Lead.new", "lead.new"),
        ("sales lead.warm.web", "lead.warm.web"),
        ("lead.hot one", "prospect"),
    ],
)
def test_a_stage_is_found_by_what_people_call_it(text, name):
    assert link(NESTED).resolve_stage(text) == name


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("prospct", "did you mean 'prospect'?"),
        ("sales led", "did you mean 'sales lead'?"),
        ("new", None),
        ("", None),
        (".", None),
        ("prospect.new", None),
        ("done.web", None),
    ],
)
def test_what_is_no_stage_or_more_than_one_is_refused(text, hint):
    with pytest.raises(UnknownNameError) as caught:
        link(NESTED).resolve_stage(text)
    assert hint is None or caught.value.hint == hint


def test_a_name_that_is_not_there_is_refused():
    linked = link(NESTED)
    for look_up in (linked.leaf_of, linked.leaves_of, linked.type_of):
        with pytest.raises(UnknownNameError):
            look_up("gone")


def test_the_type_of_an_outer_stage_holds_for_those_in_it():
    linked = link(NESTED)
    assert [linked.type_of(leaf) for leaf in LEAVES] == ["open"] * 4 + ["won"]


def test_aliases_lead_to_dotted_names():
    assert link(NESTED).aliases == {"sales lead": "lead", "hot one": "prospect"}


def test_what_events_set_is_compiled_to_the_types_of_the_fields():
    linked = link(NESTED)
    sets = dict(linked.events["form"].sets)
    assert (sets["score"].type, sets["seen"].type) == (INTEGER, TIMESTAMP)
    assert linked.fields["patience"].type == DURATION
    assert linked.events["call"].event.fields["way"].type == TEXT


def test_a_definition_with_errors_is_not_linked():
    broken = evolve(NESTED, initial="gone", transitions=(Transition("a", "b", "x"),))
    with pytest.raises(DefinitionError) as caught:
        link(broken)
    assert [p.code for p in caught.value.problems] == ["F402", "F203", "F203", "F204"]
    assert caught.value.message.count("\n") == 3
    assert isinstance(caught.value, Error)


def test_a_stored_definition_is_linked_without_any_lint_rule(monkeypatch):
    def refuse_everything(linked, problems):
        problems.report("F401", Span(None))

    monkeypatch.setattr(lint, "check_whole", refuse_everything)
    with pytest.raises(DefinitionError):
        link(NESTED)
    assert link_stored(NESTED).leaves == LEAVES


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"initial": "gone"}, "F402"),
        ({"transitions": (Transition("lead", "gone", "form"),)}, "F203"),
        ({"transitions": (Transition("lead", "done", "no_such"),)}, "F204"),
    ],
)
def test_a_stored_definition_whose_names_lead_nowhere_is_refused(change, code):
    with pytest.raises(DefinitionError) as caught:
        link_stored(evolve(NESTED, **change))
    assert [p.code for p in caught.value.problems] == [code]


def test_a_stored_definition_compiles_a_criterion_where_it_is_used():
    gone = Criterion("Asks a field that is gone", "contact.gone > 1")
    transitions = (Transition("lead", "done", "form", require=gone),)
    linked = link_stored(evolve(NESTED, transitions=transitions))
    (leaf,) = linked.transitions[0].rule.rules
    with pytest.raises(CriterionError, match="gone"):
        leaf.expression.holds({}, {}, None)


def test_the_error_survives_a_pickle():
    with pytest.raises(DefinitionError) as caught:
        link(evolve(NESTED, initial="gone"))
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.problems, error.message) == (caught.value.problems, caught.value.message)


def test_the_error_as_data_names_every_problem():
    with pytest.raises(DefinitionError) as caught:
        link(evolve(NESTED, initial="gone"))
    (problem,) = caught.value.to_json()["problems"]
    assert problem["code"] == "F402"


def test_a_definition_from_a_file_pickles_without_its_file():
    definition = load_definition(shipped_definitions() / "standard.yaml").definition
    pickled = pickle.dumps(definition)
    assert pickle.loads(pickled) == definition
    assert len(pickled) < 200_000


@given(accepted_definitions())
def test_every_leaf_belongs_to_each_of_its_outer_stages(definition):
    linked = link(definition)
    for name in linked.stages:
        inside = tuple(leaf for leaf in linked.leaves if f"{leaf}.".startswith(f"{name}."))
        assert linked.leaves_of(name) == inside
        assert linked.leaf_of(name) == inside[0]


@given(accepted_definitions())
def test_a_transition_leaves_what_its_sources_stand_for(definition):
    linked = link(definition)
    for transition in linked.transitions:
        named = {leaf for s in transition.transition.sources for leaf in linked.leaves_of(s)}
        left = {leaf for leaf, _ in transition.sources}
        assert named - {transition.to} <= left <= named
        for leaf, depth in transition.sources:
            assert ".".join(leaf.split(".")[:depth]) in transition.transition.sources


@given(definitions())
def test_checking_is_the_same_every_time(definition):
    assert check(definition) == check(definition)
