"""What can be said of each part by itself: declarations, scenarios, values and sizes."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from funnelflow.criteria import Field, Value
from funnelflow.definition.lint.names import (
    check_event_aliases,
    check_event_name,
    check_field_name,
    check_roles,
)
from funnelflow.definition.model import (
    Criterion,
    Definition,
    EventType,
    Group,
    Invariant,
    Requirement,
    ScenarioStep,
    StageIndex,
    Transition,
    Vocabulary,
)
from funnelflow.definition.problems import Problems, suggest, suggest_event
from funnelflow.definition.source_locations import (
    SourceLocation,
    block_location,
    event_location,
    invariant_location,
    scenario_location,
    transition_location,
)
from funnelflow.errors import FieldError

MOST = {"stages": 2_000, "transitions": 20_000, "fields": 2_000, "events": 2_000}
"""How many of each a definition may have."""
MOST_EXPRESSIONS = 30_000
MOST_CRITERIA = 200
"""How many criteria one transition may have."""

_SHORTEST = dt.timedelta(minutes=1)
_STATEMENTS = ("after", "never_after", "inside", "needs")


def check_values(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check version, initial stage, and each transition by itself."""
    whole = SourceLocation(definition.position, "")
    version = definition.version
    if type(version) is not int or not 1 <= version < 2**31:
        problems.report("F209", whole.part("version").span(), "version", version=version)
    if not index.stages:
        problems.report("F401", whole.part("stages").span())
    for number, transition in enumerate(definition.transitions):
        _check_transition(transition, transition_location(number, transition), problems)
    for name, block in definition.vocabulary.criteria.items():
        _check_requirement(block, block_location(name, block), problems)
    for number, invariant in enumerate(definition.always):
        _check_invariant(invariant, invariant_location(number, invariant), problems)


def check_sizes(definition: Definition, problems: Problems) -> bool:
    """Whether a definition is small enough to be looked at more closely; reported if not."""
    whole = SourceLocation(definition.position, "")
    vocabulary = definition.vocabulary
    counts = {
        "stages": sum(1 for _ in definition.walk()),
        "transitions": len(definition.transitions),
        "fields": len(vocabulary.fields),
        "events": len(vocabulary.events),
    }
    for what, count in counts.items():
        if count > MOST[what]:
            span = whole.part(what).key()
            problems.report("F003", span, "count", count=count, what=what, most=MOST[what])
    total = _check_criteria(definition, problems)
    total += sum(len(event.sets) for event in vocabulary.events.values())
    if total > MOST_EXPRESSIONS:
        most = MOST_EXPRESSIONS
        problems.report("F003", whole.span(), "count", count=total, what="expressions", most=most)
    return not problems.found


def _check_criteria(definition: Definition, problems: Problems) -> int:
    """Check the number of criteria of each transition; return their sum."""
    total = 0
    for number, transition in enumerate(definition.transitions):
        count = _count(transition.require)
        total += count
        if count > MOST_CRITERIA:
            location = transition_location(number, transition).part("require")
            problems.report("F003", location.key(), "criteria", count=count, most=MOST_CRITERIA)
    return total


def _count(item: Requirement | None) -> int:
    """Count the criteria of a requirement."""
    return sum(map(_count, item.items)) if isinstance(item, Group) else item is not None


def _check_transition(transition: Transition, location: SourceLocation, problems: Problems) -> None:
    _check_time(transition, location, problems)
    check_roles(transition.by, location.part("by"), problems)
    if not transition.sources:
        problems.report("F102", location.span(), "no_source")
    for key, names in (("from", transition.sources), ("on", transition.on), ("by", transition.by)):
        _check_once(key, names, location, problems)
    if transition.require is not None:
        _check_requirement(transition.require, location, problems)


def _check_invariant(invariant: Invariant, location: SourceLocation, problems: Problems) -> None:
    """Check that an invariant says what it is about, and one thing about it."""
    said = tuple(key for key in _STATEMENTS if getattr(invariant, key))
    if not invariant.label:
        problems.report("F108", location.span(), "no_label")
    if len(said) != 1:
        span = location.span()
        problems.report("F108", span, "count", said=said or ("nothing",), keys=_STATEMENTS)


def _check_time(transition: Transition, location: SourceLocation, problems: Problems) -> None:
    """Check that a wait is long enough and that nobody has to act when it is over."""
    if transition.after is None:
        if transition.since != "stage":
            problems.report("F412", location.part("since").span())
        return
    if transition.after < _SHORTEST:
        problems.report("F411", location.part("after").span())
    if transition.by:
        problems.report("F410", location.part("by").span())


def _check_once(
    key: str, names: Iterable[str], location: SourceLocation, problems: Problems
) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            problems.report("F213", location.part(key, number).span(), name=name, key=key)
        seen.add(name)


def _check_requirement(item: Requirement, location: SourceLocation, problems: Problems) -> None:
    """Check the sizes of groups and the labels of criteria, all the way down."""
    here = SourceLocation(item.position or location.position, location.about)
    if isinstance(item, Criterion):
        _check_criterion(item, here, problems)
        return
    _check_group(item, here, problems)
    for inner in item.items:
        _check_requirement(inner, location, problems)


def _check_group(group: Group, location: SourceLocation, problems: Problems) -> None:
    if not group.items:
        problems.report("F105", location.span(), "empty_group")
    elif group.kind == "at_least" and not 1 <= group.count <= len(group.items):
        span = location.part("at_least").span()
        problems.report("F209", span, "count", count=group.count, size=len(group.items))


def _check_criterion(criterion: Criterion, location: SourceLocation, problems: Problems) -> None:
    if bool(criterion.expression) == bool(criterion.function):
        problems.report("F105", location.span(), "both")
    elif not criterion.label and not criterion.function:
        problems.report("F107", location.span())


def check_vocabulary(definition: Definition, problems: Problems) -> None:
    """Check the fields and events that a definition speaks of."""
    vocabulary = definition.vocabulary
    for name, field in vocabulary.fields.items():
        _check_field(name, field, SourceLocation(field.position, f"field {name!r}"), problems)
    check_event_aliases(vocabulary.events, problems)
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
        known_events = suggest_event(step.event, vocabulary.events)
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
