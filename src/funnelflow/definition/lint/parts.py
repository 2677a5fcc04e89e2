"""What can be said before stages and transitions are linked: sizes, names, scenarios."""

from collections.abc import Iterator, Mapping
from typing import Any

from funnelflow.criteria import Field
from funnelflow.definition.model import (
    Definition,
    EventType,
    Group,
    Requirement,
    ScenarioStep,
    Stage,
    StageIndex,
    Vocabulary,
)
from funnelflow.definition.problems import (
    Place,
    Problems,
    place_of,
    suggest,
    suggest_event,
)
from funnelflow.errors import FieldError

MOST = {"stages": 2_000, "transitions": 20_000, "fields": 2_000, "events": 2_000}
"""How many of each a definition may have."""
MOST_EXPRESSIONS = 30_000
MOST_CRITERIA = 200
"""How many criteria one transition may have."""


def check_sizes(definition: Definition, problems: Problems) -> bool:
    """Whether a definition is small enough to be looked at more closely; reported if not."""
    whole = Place(problems, definition.position)
    vocabulary = definition.vocabulary
    counts = {
        "stages": sum(1 for _ in definition.walk()),
        "transitions": len(definition.transitions),
        "fields": len(vocabulary.fields),
        "events": len(vocabulary.events),
    }
    for what, count in counts.items():
        if count > MOST[what]:
            whole.part(what).key().report("F003", "count", count=count, what=what, most=MOST[what])
    total = sum(len(event.sets) for event in vocabulary.events.values())
    for number, transition in enumerate(definition.transitions):
        count = _count(transition.require)
        total += count + len(transition.sets)
        if count > MOST_CRITERIA:
            require = place_of(problems, transition, number).part("require")
            require.key().report("F003", "criteria", count=count, most=MOST_CRITERIA)
    if total > MOST_EXPRESSIONS:
        whole.report("F003", "count", count=total, what="expressions", most=MOST_EXPRESSIONS)
    return not problems.found


def _count(item: Requirement | None) -> int:
    """Count the criteria of a requirement."""
    return sum(map(_count, item.items)) if isinstance(item, Group) else item is not None


def check_names(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check that a funnel has a name and stages, and that no two stages or events share a name."""
    whole = Place(problems, definition.position)
    if not definition.name:
        whole.report("F102", "no_name")
    if not index.stages:
        whole.part("stages").report("F401")
    _check_siblings(definition.stages, "", problems)
    _check_aliases(index, problems)
    _check_event_aliases(definition.vocabulary.events, problems)


def _check_siblings(stages: tuple[Stage, ...], parent: str, problems: Problems) -> None:
    """Check that no two stages of one level share a name, whatever its case."""
    seen: set[str] = set()
    for stage in stages:
        folded = stage.name.casefold()
        if folded in seen:
            place = place_of(problems, stage, f"{parent}{stage.name}")
            place.report("F208", "name", name=stage.name)
        seen.add(folded)
        _check_siblings(stage.stages, f"{parent}{stage.name}.", problems)


def _check_aliases(index: StageIndex, problems: Problems) -> None:
    """Check that an alias leads to one stage, whatever its case."""
    owners = {name.casefold(): name for name in index.stages}
    owners |= {name.rpartition(".")[2].casefold(): name for name in reversed(list(index.stages))}
    aliases: dict[str, str] = {}
    for dotted, owner in index.stages.items():
        listed = place_of(problems, owner, dotted).part("aliases")
        for number, alias in enumerate(owner.aliases):
            folded, place = alias.casefold(), listed.part(number)
            if not alias.strip():
                place.report("F201", "alias")
            elif (other := owners.get(folded) or aliases.setdefault(folded, dotted)) != dotted:
                variant = "alias_is_name" if folded in owners else "alias"
                place.report("F208", variant, alias=alias, kind="stage", other=other)


def _check_event_aliases(events: Mapping[str, EventType], problems: Problems) -> None:
    """Check that an alias leads to one event."""
    owners = {name: name for name in events}
    for event in events.values():
        listed = place_of(problems, event, event.name).part("aliases")
        for number, alias in enumerate(event.aliases):
            if (other := owners.setdefault(alias, event.name)) != event.name:
                variant = "alias_is_name" if alias in events else "alias"
                listed.part(number).report("F208", variant, alias=alias, kind="event", other=other)


def check_one_meaning(vocabulary: Vocabulary, problems: Problems) -> None:
    """Check that an event's own field is no contact's field, and has one type everywhere."""
    types: dict[str, tuple[str, Field]] = {}
    for event, field in _own_fields(vocabulary):
        place = Place(problems, field.position, f"event {event.name!r}, field {field.name!r}")
        first_event, first = types.setdefault(field.name, (event.name, field))
        if field.name in vocabulary.fields:
            place.report("F303", "contact", name=field.name)
        elif field.type != first.type:
            place.report(
                "F303",
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
            place_of(problems, event, event.name).report("F304", name=event.name)


def check_scenarios(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check every scenario of a definition; running them is the engine's work."""
    vocabulary = definition.vocabulary
    stories: set[str] = set()
    for number, scenario in enumerate(definition.scenarios):
        place = place_of(problems, scenario, number)
        if scenario.story in stories:
            place.part("story").report("F501")
        stories.add(scenario.story)
        if not scenario.then:
            place.report("F502")
        else:
            _check_stage(scenario.then, place.part("then"), index)
        _check_facts(scenario.given, place.part("given"), vocabulary.fields)
        for step in scenario.when:
            _check_step(step, place.inside(step, ""), vocabulary, index)


def _check_step(
    step: ScenarioStep, place: Place, vocabulary: Vocabulary, index: StageIndex
) -> None:
    if step.to:
        _check_stage(step.to, place.part("move"), index)
    if not step.event:
        _check_facts(step.facts, place.part("set"), vocabulary.fields)
    elif step.event in vocabulary.events:
        known = {**vocabulary.fields, **vocabulary.events[step.event].fields}
        _check_facts(step.facts, place.part(step.event), known)
    else:
        known_events = suggest_event(step.event, vocabulary.events)
        place.part(step.event).key().report("F204", suggestion=known_events, name=step.event)


def _check_stage(name: str, place: Place, index: StageIndex) -> None:
    if name not in index.stages:
        place.report("F203", suggestion=suggest(name, index.stages), name=name)


def _check_facts(facts: Mapping[str, Any], place: Place, known: Mapping[str, Field]) -> None:
    for name, raw in facts.items():
        if name not in known:
            place.part(name).key().report("F205", suggestion=suggest(name, known), name=name)
            continue
        try:
            known[name].normalise(raw)
        except FieldError as error:
            place.part(name).report("F210", "value", reason=error.message, hint=error.hint)
