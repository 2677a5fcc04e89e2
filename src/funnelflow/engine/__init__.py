"""The engine: evidence in, a stage and its reasons out. Pure: no file, clock or database."""

from .coverage import Coverage, coverage_of
from .decide import decide, why
from .diagram import DiagramFormat, diagram
from .funnel import Funnel
from .machine import GuardedTransition
from .records import (
    RESERVED_EVENTS,
    Cause,
    Change,
    Considered,
    Contact,
    Decision,
    Event,
    Outcome,
    Taken,
    Verb,
    Veto,
)
from .scenarios import ScenarioResult, run_scenario, scenario_events

__all__ = [
    "RESERVED_EVENTS",
    "Cause",
    "Change",
    "Considered",
    "Contact",
    "Coverage",
    "Decision",
    "DiagramFormat",
    "Event",
    "Funnel",
    "GuardedTransition",
    "Outcome",
    "ScenarioResult",
    "Taken",
    "Verb",
    "Veto",
    "coverage_of",
    "decide",
    "diagram",
    "run_scenario",
    "scenario_events",
    "why",
]
