"""Scenarios: that everything they name exists, and that their facts are values."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from funnelflow.criteria import Field, Value
from funnelflow.definition.lint.names import check_event_name, check_field_name, check_roles
from funnelflow.definition.model import Definition, EventType, ScenarioStep, StageIndex, Vocabulary
from funnelflow.definition.problems import Problems, did_you_mean
from funnelflow.definition.source_locations import SourceLocation, event_site, scenario_site
from funnelflow.errors import FieldError


def check_vocabulary(definition: Definition, problems: Problems) -> None:
    """Check the fields and events that a definition speaks of."""
    vocabulary = definition.vocabulary
    for name, field in vocabulary.fields.items():
        _check_field(name, field, SourceLocation(field.position, f"field {name!r}"), problems)
    for name, event in vocabulary.events.items():
        check_event_name(name, event_site(event), problems)
        _check_filed(name, event.name, event_site(event), problems)
        for own, field in event.fields.items():
            site = SourceLocation(field.position, f"event {name!r}, field {own!r}")
            _check_field(own, field, site, problems)
    _check_one_meaning(vocabulary, problems)


def _check_field(name: str, field: Field, site: SourceLocation, problems: Problems) -> None:
    """Check a field's name, and that its choices and default are values of it."""
    check_field_name(name, site, problems)
    _check_filed(name, field.name, site, problems)
    item = evolve(field, type=field.type.item or field.type, choices=())
    for number, choice in enumerate(field.choices):
        _check_value(choice, item, site.part("values", number), problems)
    if field.default is not None:
        _check_value(field.default, field, site.part("default"), problems)


def _check_filed(key: str, name: str, site: SourceLocation, problems: Problems) -> None:
    """Check that what was built in Python stands under its own name."""
    if key != name:
        problems.add("F201", site.key(), f"{name!r} is filed under the name {key!r}")


def _check_value(value: Value, field: Field, site: SourceLocation, problems: Problems) -> None:
    """Check that a value is one of a field, in the form in which it is kept."""
    try:
        kept = field.normalise(value)
    except FieldError as error:
        problems.add("F210", site.span(), error.message, error.hint)
        return
    if type(kept) is not type(value):
        message = f"{field.name}: {value!r} is kept as {kept!r}"
        problems.add("F210", site.span(), message, f"write {kept!r}")


def _check_one_meaning(vocabulary: Vocabulary, problems: Problems) -> None:
    """Check that an event's own field is no contact's field, and has one type everywhere."""
    types: dict[str, tuple[str, Field]] = {}
    for event, field in _own_fields(vocabulary):
        site = SourceLocation(field.position, f"event {event.name!r}, field {field.name!r}")
        first_event, first = types.setdefault(field.name, (event.name, field))
        if field.name in vocabulary.fields:
            message = f"a field of the contact is called {field.name!r} already"
            help_text = "remove it: an event may bring any field of the contact"
            problems.add("F303", site.key(), message, help_text)
        elif field.type != first.type:
            message = f"{field.name!r} is {field.type} here and {first.type} in {first_event!r}"
            problems.add("F303", site.key(), message, "give it one type, or two names")


def _own_fields(vocabulary: Vocabulary) -> Iterator[tuple[EventType, Field]]:
    for event in vocabulary.events.values():
        for field in event.fields.values():
            yield event, field


def check_used(definition: Definition, problems: Problems) -> None:
    """Find events of the file's own that nothing in it uses."""
    own = [
        event
        for event in definition.vocabulary.events.values()
        if event.position and event.position.path == definition.path and not event.sets
    ]
    if not own:
        return
    used = {name for transition in definition.transitions for name in transition.on}
    used |= {step.event for scenario in definition.scenarios for step in scenario.when}
    for event in own:
        if event.name not in used:
            message = f"nothing uses the event {event.name!r}"
            problems.add("F304", event_site(event).key(), message, "name it under 'on'")


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
                step,
                SourceLocation(step.position or here.position, here.about),
                vocabulary,
                index,
                problems,
            )


def _check_step(
    step: ScenarioStep,
    site: SourceLocation,
    vocabulary: Vocabulary,
    index: StageIndex,
    problems: Problems,
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


def _check_stage(name: str, site: SourceLocation, index: StageIndex, problems: Problems) -> None:
    if name not in index.stages:
        help_text = did_you_mean(name, index.stages, kind="stage")
        problems.add("F203", site.span(), f"there is no stage {name!r}", help_text)


def _check_facts(
    facts: Mapping[str, Any], site: SourceLocation, known: Mapping[str, Field], problems: Problems
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
