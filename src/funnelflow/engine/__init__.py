"""The engine: evidence in, a stage and its reasons out. Pure: no file, clock or database."""

from funnelflow.engine.coverage import Coverage, coverage_of
from funnelflow.engine.decide import decide, why
from funnelflow.engine.diagram import DiagramFormat, diagram
from funnelflow.engine.funnel import Funnel
from funnelflow.engine.machine import GuardedTransition
from funnelflow.engine.records import (
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
from funnelflow.engine.scenarios import ScenarioResult, run_scenario, scenario_events

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
