"""The vocabulary: names, and that one name stands for one kind of fact."""

from collections.abc import Iterator

from funnelflow.criteria import Field
from funnelflow.definition.lint.names import check_event_name, check_field_name
from funnelflow.definition.lint.sites import Site, event_site
from funnelflow.definition.problems import Problems
from funnelflow.definition.records import (
    Criterion,
    Definition,
    EventType,
    Requirement,
    Vocabulary,
)

__all__ = ["check_used", "check_vocabulary"]


def check_vocabulary(definition: Definition, problems: Problems) -> None:
    """Check the fields and events that a definition speaks of."""
    vocabulary = definition.vocabulary
    for name, field in vocabulary.fields.items():
        check_field_name(name, Site(field.position, f"field {name!r}"), problems)
    for name, event in vocabulary.events.items():
        check_event_name(name, event_site(event), problems)
        for own, field in event.fields.items():
            site = Site(field.position, f"event {name!r}, field {own!r}")
            check_field_name(own, site, problems)
    _check_one_meaning(vocabulary, problems)


def _check_one_meaning(vocabulary: Vocabulary, problems: Problems) -> None:
    """Check that an event's own field is no contact's field, and has one type everywhere."""
    types: dict[str, tuple[str, Field]] = {}
    for event, field in _own_fields(vocabulary):
        site = Site(field.position, f"event {event.name!r}, field {field.name!r}")
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
    sources = " ".join(_sources(definition))
    for event in own:
        if event.name not in used and event.name not in sources:
            message = f"nothing uses the event {event.name!r}"
            problems.add("F304", event_site(event).key(), message, "name it under 'on'")


def _sources(definition: Definition) -> Iterator[str]:
    """Yield the source of every criterion."""
    for transition in definition.transitions:
        if transition.require is not None:
            yield from _sources_of(transition.require)


def _sources_of(item: Requirement) -> Iterator[str]:
    if isinstance(item, Criterion):
        yield item.expression
        return
    for inner in item.items:
        yield from _sources_of(inner)
