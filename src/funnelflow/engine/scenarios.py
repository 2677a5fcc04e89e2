"""Which transitions and criteria the scenarios of a definition exercise, and which none does."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from attrs import frozen

from funnelflow.criteria import AllOf, AnyOf, AtLeast, Custom, Leaf, Rule
from funnelflow.definition import Linked, LinkedTransition, Scenario, ScenarioStep
from funnelflow.engine.decide import decide
from funnelflow.engine.decisions import Contact, Decision, Event
from funnelflow.engine.funnel import Funnel
from funnelflow.errors import Error

START = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
"""When every scenario begins: a Monday morning, so that stories read the same for ever."""
BETWEEN = dt.timedelta(minutes=1)
"""How far apart the steps of a scenario are, where it does not say."""


@frozen
class ScenarioResult:
    """What came of a scenario.

    Attributes:
        scenario: The scenario.
        passed: Whether the story ended where it must.
        expected: The stage it must end in, a dotted name.
        actual: The leaf stage it ended in; the last one reached when a step was not possible.
        decisions: The engine's answer to every step.
        error: Why a step was not possible; empty when all were.
    """

    scenario: Scenario
    passed: bool
    expected: str
    actual: str
    decisions: tuple[Decision, ...]
    error: str = ""


def run_scenario(funnel: Funnel, scenario: Scenario) -> ScenarioResult:
    """Run one scenario from its beginning.

    Returns:
        The result. A stage with nested ones is met by any of them. A step that is not possible
        (an unknown field, say) fails the scenario and says why.
    """
    contact = funnel.new_contact("scenario")
    decisions: list[Decision] = []
    expected, error = scenario.then, ""
    try:
        expected = funnel.linked.resolve_stage(scenario.then)
        for make in scenario_events(funnel, scenario):
            decision = decide(funnel, contact, make())
            decisions.append(decision)
            contact = decision.contact_after
    except Error as problem:
        error = problem.message
    return ScenarioResult(
        scenario=scenario,
        passed=not error and _within(contact, expected),
        expected=expected,
        actual=contact.stage,
        decisions=tuple(decisions),
        error=error,
    )


def scenario_events(funnel: Funnel, scenario: Scenario) -> Iterator[Callable[[], Event]]:
    """Turn a story into evidence, one piece at a time: what is given, then each step.

    Yields:
        A function that gives the evidence; it raises Error where the vocabulary does
        not know what the story tells, and the story goes on behind it.
    """
    clock = START
    yield partial(funnel.event, "add", clock, scenario.given, timezone=dt.UTC)
    for step in scenario.when:
        clock += step.wait if step.wait is not None else BETWEEN
        yield partial(_event, funnel, step, clock)


def _event(funnel: Funnel, step: ScenarioStep, at: dt.datetime) -> Event:
    """Turn one step into evidence: an event, a move, a wait, or facts alone."""
    name = step.event or ("move" if step.to else "set" if step.wait is None else "tick")
    return funnel.event(name, at, step.facts, to=step.to, roles=step.roles, timezone=dt.UTC)


def _within(contact: Contact, stage: str) -> bool:
    """Whether a contact is in a stage or in one nested in it."""
    return contact.stage == stage or contact.stage.startswith(f"{stage}.")


@frozen
class Coverage:
    """What the scenarios of a definition exercise.

    Attributes:
        transitions: How many there are.
        untaken: Those that no scenario takes.
        criteria: How many there are.
        unseen: Those that no scenario looks at, with the transition that each belongs to.
    """

    transitions: int
    untaken: tuple[LinkedTransition, ...]
    criteria: int
    unseen: tuple[tuple[LinkedTransition, str], ...]


def coverage_of(linked: Linked, results: Iterable[ScenarioResult]) -> Coverage:
    """Find what no scenario exercises: transitions never taken, criteria never looked at."""
    decisions = [decision for result in results for decision in result.decisions]
    taken = {step.index for decision in decisions for step in decision.path}
    seen = {
        (way.index, leaf.label)
        for decision in decisions
        for way in decision.considered
        for leaf in way.leaves()
    }
    criteria = [(t, leaf.label) for t in linked.transitions for leaf in criteria_in(t.rule)]
    return Coverage(
        transitions=len(linked.transitions),
        untaken=tuple(t for t in linked.transitions if t.index not in taken),
        criteria=len(criteria),
        unseen=tuple((t, label) for t, label in criteria if (t.index, label) not in seen),
    )


def criteria_in(rule: Rule | None) -> Iterator[Leaf | Custom]:
    """Yield the criteria themselves, without the groups and roles around them."""
    if isinstance(rule, Leaf | Custom):
        yield rule
    elif isinstance(rule, AllOf | AnyOf | AtLeast):
        for inner in rule.rules:
            yield from criteria_in(inner)
