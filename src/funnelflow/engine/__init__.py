"""The engine: evidence in, a stage and its reasons out. Pure: no file, clock or database."""

from typing import TYPE_CHECKING

from funnelflow.engine.decide import decide, retold, why
from funnelflow.engine.decisions import (
    Cause,
    Considered,
    Contact,
    Decision,
    Event,
    FactChange,
    Outcome,
    Taken,
    Verb,
    Veto,
)
from funnelflow.engine.funnel import Funnel
from funnelflow.engine.machine import GuardedTransition
from funnelflow.engine.questions import Question, questions, settable
from funnelflow.lazy import lazy_names

if TYPE_CHECKING:
    from funnelflow.engine.scenarios import (
        Coverage,
        ScenarioResult,
        coverage_of,
        run_scenario,
        scenario_events,
    )
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "scenarios": "Coverage ScenarioResult coverage_of run_scenario scenario_events",
        },
    )

__all__ = [
    "Cause",
    "Considered",
    "Contact",
    "Coverage",
    "Decision",
    "Event",
    "FactChange",
    "Funnel",
    "GuardedTransition",
    "Outcome",
    "Question",
    "ScenarioResult",
    "Taken",
    "Verb",
    "Veto",
    "coverage_of",
    "decide",
    "questions",
    "retold",
    "run_scenario",
    "scenario_events",
    "settable",
    "why",
]
