"""Scenarios: stories in a definition that must end where it says."""

import datetime as dt

import pytest

from funnelflow.definition import Scenario, ScenarioStep
from funnelflow.engine import Funnel, coverage_of, run_scenario

from .funnels import SMALL


@pytest.fixture(scope="module")
def funnel() -> Funnel:
    return Funnel(SMALL)


def test_a_story_that_ends_where_it_must_passes(funnel):
    result = run_scenario(
        funnel,
        Scenario(
            "A download makes a lead",
            given={"email": "ada@example.com"},
            when=(ScenarioStep("form_submitted"),),
            then="lead",
        ),
    )
    assert (result.passed, result.actual) == (True, "lead.inquiry")


def test_a_story_that_ends_elsewhere_fails_and_shows_every_decision(funnel):
    result = run_scenario(
        funnel, Scenario("Too soon", then="prospect", when=(ScenarioStep("met"),))
    )
    assert (result.passed, result.expected, result.actual) == (False, "prospect", "target")
    assert [d.event.name for d in result.decisions] == ["add", "met"]


def test_a_wait_lets_time_pass(funnel):
    story = Scenario(
        "Quiet leads go back",
        given={"email": "ada@example.com"},
        when=(ScenarioStep("form_submitted"), ScenarioStep(wait=dt.timedelta(days=91))),
        then="target",
    )
    assert run_scenario(funnel, story).passed


def test_a_move_asks_with_the_roles_of_the_step(funnel):
    given = {"email": "a@example.com", "fits": True, "replies": 2, "budget": 9000}
    steps = (ScenarioStep("form_submitted"), ScenarioStep(to="prospect", roles=("sales",)))
    assert run_scenario(funnel, Scenario("s", "prospect", steps, given)).passed
    without = (ScenarioStep("form_submitted"), ScenarioStep(to="prospect"))
    assert not run_scenario(funnel, Scenario("s", "prospect", without, given)).passed


def test_facts_alone_are_a_step(funnel):
    steps = (ScenarioStep("form_submitted"), ScenarioStep(facts={"fits": True, "replies": 2}))
    story = Scenario("s", "lead.ready", steps, {"email": "a@example.com"})
    assert run_scenario(funnel, story).passed


def test_a_step_that_is_not_possible_fails_the_story_and_says_why(funnel):
    result = run_scenario(funnel, Scenario("s", "target", (ScenarioStep("form_submited"),)))
    assert (result.passed, result.error) == (False, "there is no event 'form_submited'")


def test_coverage_names_what_no_story_took_and_no_story_asked(funnel):
    """What is taken and what is not are all transitions, and so it is with the criteria."""
    linked = funnel.linked
    none = coverage_of(linked, [])
    assert none.untaken == linked.transitions
    assert (none.transitions, none.criteria) == (len(linked.transitions), len(none.unseen))
    story = Scenario("s", "lead", (ScenarioStep("form_submitted"),), {"email": "ada@example.com"})
    result = run_scenario(funnel, story)
    some = coverage_of(linked, [result])
    taken = {step.index for decision in result.decisions for step in decision.path}
    assert taken
    assert [t.index for t in some.untaken] == [
        t.index for t in linked.transitions if t.index not in taken
    ]
    asked = {label for t, label in none.unseen} - {label for t, label in some.unseen}
    assert asked
    assert all(one in none.unseen for one in some.unseen)
