"""Vocabulary and scenarios: what they name exists, and facts are values of their fields."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from funnelflow.criteria import Field, Value
from funnelflow.definition.lint.names import check_event_name, check_field_name, check_roles
from funnelflow.definition.model import Definition, EventType, ScenarioStep, StageIndex, Vocabulary
from funnelflow.definition.problems import Problems, suggest
from funnelflow.definition.source_locations import SourceLocation, event_location, scenario_location
from funnelflow.errors import FieldError


def check_vocabulary(definition: Definition, problems: Problems) -> None:
    """Check the fields and events that a definition speaks of."""
    vocabulary = definition.vocabulary
    for name, field in vocabulary.fields.items():
        _check_field(name, field, SourceLocation(field.position, f"field {name!r}"), problems)
    for name, event in vocabulary.events.items():
        check_event_name(name, event_location(event), problems)
        _check_filed(name, event.name, event_location(event), problems)
        for own, field in event.fields.items():
            location = SourceLocation(field.position, f"event {name!r}, field {own!r}")
            _check_field(own, field, location, problems)
    _check_one_meaning(vocabulary, problems)


def _check_field(name: str, field: Field, location: SourceLocation, problems: Problems) -> None:
    """Check a field's name, and that its choices and default are values of it."""
    check_field_name(name, location, problems)
    _check_filed(name, field.name, location, problems)
    item = evolve(field, type=field.type.item or field.type, choices=())
    for number, choice in enumerate(field.choices):
        _check_value(choice, item, location.part("values", number), problems)
    if field.default is not None:
        _check_value(field.default, field, location.part("default"), problems)


def _check_filed(key: str, name: str, location: SourceLocation, problems: Problems) -> None:
    """Check that what was built in Python stands under its own name."""
    if key != name:
        problems.report("F201", location.key(), "key", name=name, key=key)


def _check_value(value: Value, field: Field, location: SourceLocation, problems: Problems) -> None:
    """Check that a value is one of a field, in the form in which it is kept."""
    try:
        kept = field.normalise(value)
    except FieldError as error:
        problems.report("F210", location.span(), "value", reason=error.message, hint=error.hint)
        return
    if type(kept) is not type(value):
        span, (was, now) = location.span(), (repr(value), repr(kept))
        problems.report("F210", span, "form", field=field.name, value=was, kept=now)


def _check_one_meaning(vocabulary: Vocabulary, problems: Problems) -> None:
    """Check that an event's own field is no contact's field, and has one type everywhere."""
    types: dict[str, tuple[str, Field]] = {}
    for event, field in _own_fields(vocabulary):
        location = SourceLocation(field.position, f"event {event.name!r}, field {field.name!r}")
        first_event, first = types.setdefault(field.name, (event.name, field))
        if field.name in vocabulary.fields:
            problems.report("F303", location.key(), "contact", name=field.name)
        elif field.type != first.type:
            problems.report(
                "F303",
                location.key(),
                "type",
                name=field.name,
                type=str(field.type),
                event=first_event,
                other=str(first.type),
            )


def _own_fields(vocabulary: Vocabulary) -> Iterator[tuple[EventType, Field]]:
    for event in vocabulary.events.values():
        for field in event.fields.values():
            yield event, field


def check_used(definition: Definition, problems: Problems) -> None:
    """Report events of the file's own that nothing in it uses."""
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
            problems.report("F304", event_location(event).key(), name=event.name)


def check_scenarios(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check every scenario of a definition; running them is the engine's work."""
    vocabulary = definition.vocabulary
    stories: set[str] = set()
    for number, scenario in enumerate(definition.scenarios):
        location = scenario_location(number, scenario)
        if scenario.story in stories:
            problems.report("F501", location.part("story").span())
        stories.add(scenario.story)
        if not scenario.then:
            problems.report("F502", location.span())
        else:
            _check_stage(scenario.then, location.part("then"), index, problems)
        _check_facts(scenario.given, location.part("given"), vocabulary.fields, problems)
        for position, step in enumerate(scenario.when):
            here = location.part("when", position)
            _check_step(
                step,
                SourceLocation(step.position or here.position, here.about),
                vocabulary,
                index,
                problems,
            )


def _check_step(
    step: ScenarioStep,
    location: SourceLocation,
    vocabulary: Vocabulary,
    index: StageIndex,
    problems: Problems,
) -> None:
    check_roles(step.roles, location.part("as"), problems)
    if step.wait is not None and step.wait <= dt.timedelta(0):
        problems.report("F209", location.part("wait").span(), "wait")
    if step.to:
        _check_stage(step.to, location.part("move"), index, problems)
    if not step.event:
        _check_facts(step.facts, location.part("set"), vocabulary.fields, problems)
    elif step.event in vocabulary.events:
        known = {**vocabulary.fields, **vocabulary.events[step.event].fields}
        _check_facts(step.facts, location.part(step.event), known, problems)
    else:
        known_events = suggest(step.event, vocabulary.events)
        span = location.part(step.event).key()
        problems.report("F204", span, suggestion=known_events, name=step.event)


def _check_stage(
    name: str, location: SourceLocation, index: StageIndex, problems: Problems
) -> None:
    if name not in index.stages:
        problems.report("F203", location.span(), suggestion=suggest(name, index.stages), name=name)


def _check_facts(
    facts: Mapping[str, Any],
    location: SourceLocation,
    known: Mapping[str, Field],
    problems: Problems,
) -> None:
    for name, raw in facts.items():
        if name not in known:
            span = location.part(name).key()
            problems.report("F205", span, suggestion=suggest(name, known), name=name)
            continue
        try:
            known[name].normalise(raw)
        except FieldError as error:
            span = location.part(name).span()
            problems.report("F210", span, "value", reason=error.message, hint=error.hint)
