"""Scenarios: that everything they name exists, and that their facts are values."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from funnelflow.criteria import Field
from funnelflow.definition.lint.names import check_roles
from funnelflow.definition.lint.sites import Site, scenario_site
from funnelflow.definition.problems import Problems, did_you_mean
from funnelflow.definition.records import Definition, ScenarioStep, Vocabulary
from funnelflow.definition.stages import StageIndex
from funnelflow.errors import FieldError

__all__ = ["check_scenarios"]


def check_scenarios(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check every scenario of a definition; running them is the engine's work."""
    vocabulary = definition.vocabulary
    stories: set[str] = set()
    for number, scenario in enumerate(definition.scenarios):
        site = scenario_site(number, scenario)
        if scenario.story in stories:
            message = "another scenario tells this story"
            problems.add("F501", site.part("story").span(), message, "say what is different")
        stories.add(scenario.story)
        if not scenario.then:
            problems.add("F502", site.span(), "a scenario has no end", "name a stage in `then`")
        else:
            _check_stage(scenario.then, site.part("then"), index, problems)
        _check_facts(scenario.given, site.part("given"), vocabulary.fields, problems)
        for place, step in enumerate(scenario.when):
            here = site.part("when", place)
            _check_step(
                step, Site(step.position or here.position, here.about), vocabulary, index, problems
            )


def _check_step(
    step: ScenarioStep, site: Site, vocabulary: Vocabulary, index: StageIndex, problems: Problems
) -> None:
    check_roles(step.roles, site.part("as"), problems)
    if step.wait is not None and step.wait <= dt.timedelta(0):
        problems.add("F209", site.part("wait").span(), "a wait takes some time", "write 30d or 1h")
    if step.to:
        _check_stage(step.to, site.part("move"), index, problems)
    if not step.event:
        _check_facts(step.facts, site.part("set"), vocabulary.fields, problems)
    elif step.event in vocabulary.events:
        known = {**vocabulary.fields, **vocabulary.events[step.event].fields}
        _check_facts(step.facts, site.part(step.event), known, problems)
    else:
        message = f"there is no event {step.event!r}"
        help_text = did_you_mean(step.event, vocabulary.events, kind="event")
        problems.add("F204", site.part(step.event).key(), message, help_text)


def _check_stage(name: str, site: Site, index: StageIndex, problems: Problems) -> None:
    if name not in index.stages:
        help_text = did_you_mean(name, index.stages, kind="stage")
        problems.add("F203", site.span(), f"there is no stage {name!r}", help_text)


def _check_facts(
    facts: Mapping[str, Any], site: Site, known: Mapping[str, Field], problems: Problems
) -> None:
    for name, raw in facts.items():
        if name not in known:
            help_text = did_you_mean(name, known, kind="field")
            problems.add("F205", site.part(name).key(), f"there is no field {name!r}", help_text)
            continue
        try:
            known[name].normalise(raw)
        except FieldError as error:
            problems.add("F210", site.part(name).span(), error.message, error.hint)
