"""Where contacts can get to: stages that nothing leads to, traps, stages left at once."""

from attrs import evolve
from hypothesis import given

from funnelflow.definition import Criterion, Definition, Stage, Transition, check, link

from .strategies import VOCABULARY, accepted_definitions
from .support import HEAD, read, told

FITS = Criterion("Fits", "contact.fits")


def definition(stages, transitions):
    return Definition("small", VOCABULARY, stages[0].name, tuple(stages), tuple(transitions))


def found(stages, transitions):
    return [
        (p.code, p.parameters.get("name", p.parameters.get("stage")))
        for p in check(definition(stages, transitions))
    ]


A, B, WON = Stage("a"), Stage("b"), Stage("won", type="won")
ON = Transition("a", "won", "form")


def test_a_stage_that_nothing_leads_to_is_reported():
    assert found([A, B, WON], [ON, Transition("b", "won", "form")]) == [("F403", "b")]


def test_stages_that_only_lead_to_each_other_are_reported():
    around = [Transition("b", "c", "form"), Transition("c", "b", "form")]
    codes = [code for code, _ in found([A, B, Stage("c"), WON], [ON, *around])]
    assert codes == ["F403", "F403"]


def test_of_nested_stages_only_the_outermost_is_reported():
    outer = Stage("b", stages=(Stage("x"), Stage("y", stages=(Stage("z"),))))
    assert found([A, outer, WON], [ON]) == [("F403", "b")]


def test_an_outer_stage_is_entered_at_its_first():
    outer = Stage("b", type="won", stages=(Stage("x"), Stage("y")))
    assert found([A, outer], [Transition("a", "b", "form")]) == [("F403", "b.y")]


def test_an_open_stage_that_nothing_leaves_is_a_trap():
    assert found([A, B], [Transition("a", "b", "form")]) == [("F404", "b")]


def test_going_round_in_one_stage_does_not_leave_it():
    loop = Transition("b", "b", "form")
    assert [code for code, _ in found([A, B], [Transition("a", "b", "form"), loop])] == ["F404"]


def test_a_terminal_stage_is_no_trap():
    assert found([A, Stage("b", type="lost")], [Transition("a", "b", "form")]) == []


def test_what_is_nested_in_a_terminal_stage_is_terminal():
    outer = Stage("b", type="lost", stages=(Stage("x"),))
    assert found([A, outer], [Transition("a", "b", "form")]) == []


def test_a_transition_from_an_outer_stage_leads_out_of_those_in_it():
    outer = Stage("a", stages=(Stage("x"), Stage("y")))
    inner = Transition("a.x", "a.y", "form")
    assert found([outer, WON], [inner, Transition("a", "won", "call")]) == []


def test_a_stage_left_at_once_is_reported():
    stages = [A, B, WON]
    passing = Transition("b", "won")
    (problem,) = check(definition(stages, [Transition("a", "b", "form"), passing]))
    assert (problem.code, problem.parameters["stages"]) == ("F413", ("b",))
    asking = evolve(passing, require=[FITS])
    assert found(stages, [Transition("a", "b", "form"), asking]) == []


def test_of_many_stages_left_at_once_a_few_are_named():
    stages = [Stage("a", stages=tuple(Stage(f"s{n}") for n in range(5))), WON]
    every = check(definition(stages, [Transition("a", "won")]))
    (problem,) = [p for p in every if p.code == "F413"]
    assert problem.parameters["stages"] == ("a.s0", "a.s1", "a.s2", "…")


def test_an_automatic_transition_to_its_own_stage_is_reported():
    assert ("F414", "a") in found([A, WON], [ON, Transition("a", "a", require=[FITS])])


def test_an_event_may_lead_to_the_stage_it_comes_from():
    assert found([A, WON], [ON, Transition("a", "a", "call")]) == []


def test_problems_of_the_whole_are_shown_where_they_stand(tmp_path):
    reading = read(
        tmp_path,
        HEAD + "stages:\n  lead:\n  prospect:\n  gone: {stages: {for_good: }}\n"
        "transitions:\n  - from: lead\n    to: prospect\n",
    )
    assert [told(p) for p in reading.problems if p.code != "F304"] == [
        "7:3-11 F404",
        "8:3-7 F403",
        "10:5-9 F413",
    ]


def test_nothing_is_said_of_the_whole_while_parts_are_missing(tmp_path):
    text = (
        HEAD
        + "stages: {lead: , prospect: {type: won}}\ntransitions:\n  - {form: lead, to: prospect}\n"
    )
    assert "F403" not in [p.code for p in read(tmp_path, text).problems]


def reached(linked):
    """Return the leaves that some path leads to, worked out plainly."""
    seen = {linked.initial}
    while True:
        more = {
            t.to for t in linked.transitions if any(leaf in seen for leaf, _ in t.sources)
        } - seen
        if not more:
            return seen
        seen |= more


@given(accepted_definitions())
def test_what_is_reported_to_be_out_of_reach_is_out_of_reach(drawn):
    linked = link(drawn)
    reported = {p.parameters["name"] for p in check(drawn) if p.code == "F403"}
    leaves = {leaf for name in reported for leaf in linked.leaves_of(name)}
    assert leaves == set(linked.leaves) - reached(linked)
