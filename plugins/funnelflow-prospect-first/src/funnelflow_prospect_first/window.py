"""The maker's funnel with another window than the one in its file.

The window is part of the definition, and not a number that a criterion looks up: a stored
definition says for ever what it said when it decided, and a new window is a new version that
`funnelflow adopt` takes into use.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from funnelflow.definition import Definition, Group, Requirement, Scenario, ScenarioStep, Transition

__all__ = ["WINDOW_DAYS", "with_window"]

WINDOW_DAYS: Final = 90
"""The window that stands in the file: about three months."""
_FIELD: Final = "horizon_days"


def with_window(definition: Definition, days: int) -> Definition:
    """Give a definition in which the window has another length.

    Args:
        definition: One with the window of the file.
        days: The length, from 1.
    """
    return evolve(
        definition,
        transitions=tuple(_transition(t, days) for t in definition.transitions),
        scenarios=tuple(_scenario(s, days) for s in definition.scenarios),
    )


def _transition(transition: Transition, days: int) -> Transition:
    """Change the criteria about the window, and the time after which it has passed."""
    is_window = transition.after == dt.timedelta(days=WINDOW_DAYS)
    return evolve(
        transition,
        after=dt.timedelta(days=days) if is_window else transition.after,
        require=None if transition.require is None else _requirement(transition.require, days),
    )


def _requirement(required: Requirement, days: int) -> Requirement:
    if isinstance(required, Group):
        return evolve(required, items=tuple(_requirement(item, days) for item in required.items))
    if _FIELD not in required.expression:
        return required
    changed = re.sub(rf"\b{WINDOW_DAYS}\b", str(days), required.expression)
    return evolve(required, expression=changed)


def _scenario(scenario: Scenario, days: int) -> Scenario:
    """Keep a story as far from the end of the window as it was."""
    return evolve(
        scenario,
        given=_facts(scenario.given, days),
        when=tuple(_step(step, days) for step in scenario.when),
    )


def _step(step: ScenarioStep, days: int) -> ScenarioStep:
    longer = dt.timedelta(days=days - WINDOW_DAYS)
    wait = None if step.wait is None else max(step.wait + longer, dt.timedelta(hours=1))
    return evolve(step, facts=_facts(step.facts, days), wait=wait)


def _facts(facts: Mapping[str, Any], days: int) -> Mapping[str, Any]:
    """Move what is said of the horizon along with the window."""
    said = facts.get(_FIELD)
    if not isinstance(said, int):
        return facts
    return {**facts, _FIELD: max(0, said + days - WINDOW_DAYS)}
