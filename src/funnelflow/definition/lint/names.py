"""Names that can be used, and texts without characters that steer or hide.

A file cannot hold such characters; a definition that was built in Python is held to the same.
"""

from collections.abc import Iterable, Iterator, Mapping

from funnelflow.criteria import Field
from funnelflow.definition.kinds import FIELD_NAME, LONGEST, NAME
from funnelflow.definition.model import Definition, EventType, Requirement, Stage, StageIndex
from funnelflow.definition.problems import Problems
from funnelflow.definition.shapes import RESERVED_EVENTS
from funnelflow.definition.source_locations import (
    SourceLocation,
    block_location,
    event_location,
    invariant_location,
    scenario_location,
    stage_location,
    transition_location,
)
from funnelflow.definition.yaml.compose import UNSAFE, character_words

RESERVED_FIELDS = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import"),
        *("in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void"),
        "while",
    )
)
"""Words that the Common Expression Language keeps for itself."""


def check_names(definition: Definition, index: StageIndex, problems: Problems) -> None:
    """Check the names of the funnel, its stages, their aliases, and the roles it speaks of."""
    whole = SourceLocation(definition.position, "")
    if definition.name:
        _check_name("funnel", definition.name, whole.part("funnel"), problems)
    else:
        problems.report("F102", whole.span(), "no_name")
    for dotted, stage in definition.walk():
        _check_name("stage", stage.name, stage_location(dotted, stage), problems, is_key=True)
    for name, block in definition.vocabulary.criteria.items():
        location = block_location(name, block)
        _check_name("block of criteria", name, location, problems)
    for number, role in enumerate(definition.force):
        _check_name("role", role, whole.part("force", number), problems)
    _check_siblings(definition.stages, "", problems)
    _check_aliases(index, problems)


def check_event_name(name: str, location: SourceLocation, problems: Problems) -> None:
    """Check the name of an event."""
    _check_name("event", name, location, problems, is_key=True)
    _check_free(name, location, problems, is_key=True)


def _check_free(
    name: str, location: SourceLocation, problems: Problems, *, is_key: bool = False
) -> None:
    """Check that a name of an event means nothing else."""
    if name in RESERVED_EVENTS:
        span, meaning = location.key() if is_key else location.span(), RESERVED_EVENTS[name]
        problems.report("F202", span, "event", name=name, meaning=meaning)


def check_event_aliases(events: Mapping[str, EventType], problems: Problems) -> None:
    """Check that an alias could be an event's name, and leads to one event."""
    owners = {name: name for name in events}
    for event in events.values():
        for number, alias in enumerate(event.aliases):
            location = event_location(event, "aliases", number)
            _check_name("event", alias, location, problems)
            _check_free(alias, location, problems)
            if (other := owners.setdefault(alias, event.name)) != event.name:
                span, variant = location.span(), "alias_is_name" if alias in events else "alias"
                problems.report("F208", span, variant, alias=alias, kind="event", other=other)


def check_field_name(name: str, location: SourceLocation, problems: Problems) -> None:
    """Check the name of a field."""
    if not FIELD_NAME.fullmatch(name):
        problems.report("F201", location.key(), "field", name=name)
    elif name in RESERVED_FIELDS:
        problems.report("F202", location.key(), "field", name=name)


def check_roles(roles: Iterable[str], location: SourceLocation, problems: Problems) -> None:
    """Check the names of roles in a list."""
    for number, role in enumerate(roles):
        _check_name("role", role, location.part(number), problems)


def _check_name(
    kind: str, name: str, location: SourceLocation, problems: Problems, *, is_key: bool = False
) -> None:
    if not NAME.fullmatch(name):
        span = location.key() if is_key else location.span()
        problems.report("F201", span, "name" if name else "empty", name=name, kind=kind)


def _check_siblings(stages: tuple[Stage, ...], parent: str, problems: Problems) -> None:
    """Check that no two stages of one level share a name; a file cannot even say it."""
    seen: set[str] = set()
    for stage in stages:
        folded = stage.name.casefold()
        if folded in seen:
            location = stage_location(f"{parent}{stage.name}", stage)
            problems.report("F208", location.key(), "name", name=stage.name)
        seen.add(folded)
        _check_siblings(stage.stages, f"{parent}{stage.name}.", problems)


def _check_aliases(index: StageIndex, problems: Problems) -> None:
    """Check that an alias leads to one stage, whatever its case."""
    owners = {name.casefold(): name for name in index.stages}
    owners |= {name.rpartition(".")[2].casefold(): name for name in reversed(list(index.stages))}
    aliases: dict[str, str] = {}
    for dotted, owner, number, alias in _aliases(index):
        location = stage_location(dotted, owner).part("aliases", number)
        folded = alias.casefold()
        if not alias.strip():
            problems.report("F201", location.span(), "alias")
        elif (other := owners.get(folded) or aliases.setdefault(folded, dotted)) != dotted:
            span, variant = location.span(), "alias_is_name" if folded in owners else "alias"
            problems.report("F208", span, variant, alias=alias, kind="stage", other=other)


def _aliases(index: StageIndex) -> Iterator[tuple[str, Stage, int, str]]:
    for dotted, stage in index.stages.items():
        for number, alias in enumerate(stage.aliases):
            yield dotted, stage, number, alias


def check_texts(definition: Definition, problems: Problems) -> None:
    """Check every text of a definition."""
    for text, location in _texts(definition):
        if len(text) > LONGEST:
            problems.report("F212", location.span(), "length", most=LONGEST)
            continue
        unsafe = None if text.isascii() and text.isprintable() else UNSAFE.search(text)
        if unsafe:
            character = character_words(unsafe[0])
            problems.report("F212", location.span(), "unsafe", character=character)


def _texts(definition: Definition) -> Iterator[tuple[str, SourceLocation]]:
    """Yield every text with its location."""
    whole = SourceLocation(definition.position, "")
    yield from ((getattr(definition, key), whole.part(key)) for key in ("title", "about"))
    for dotted, stage in definition.walk():
        yield from _of_stage(stage, stage_location(dotted, stage))
    for number, transition in enumerate(definition.transitions):
        location = transition_location(number, transition)
        yield transition.about, location.part("about")
        yield from _of_requirement(transition.require, location)
    for number, invariant in enumerate(definition.always):
        yield invariant.label, invariant_location(number, invariant)
    for name, block in definition.vocabulary.criteria.items():
        yield from _of_requirement(block, block_location(name, block))
    for number, scenario in enumerate(definition.scenarios):
        yield scenario.story, scenario_location(number, scenario).part("story")
    for field in definition.vocabulary.fields.values():
        yield from _of_field(field)
    for event in definition.vocabulary.events.values():
        yield from _of_event(event)


def _of_stage(stage: Stage, location: SourceLocation) -> Iterator[tuple[str, SourceLocation]]:
    yield from ((getattr(stage, key), location.part(key)) for key in ("title", "about", "owner"))
    yield from _listed(stage.aliases, location.part("aliases"))
    yield from _listed(stage.playbook, location.part("playbook"))


def _listed(texts: Iterable[str], location: SourceLocation) -> Iterator[tuple[str, SourceLocation]]:
    return ((text, location.part(number)) for number, text in enumerate(texts))


def _of_requirement(
    item: Requirement | None, location: SourceLocation
) -> Iterator[tuple[str, SourceLocation]]:
    if item is None:
        return
    yield item.label, SourceLocation(item.position or location.position, location.about)
    for inner in getattr(item, "items", ()):
        yield from _of_requirement(inner, location)


def _of_field(field: Field) -> Iterator[tuple[str, SourceLocation]]:
    location = SourceLocation(field.position, f"field {field.name!r}")
    return ((getattr(field, key), location.part(key)) for key in ("title", "about", "unit", "ask"))


def _of_event(event: EventType) -> Iterator[tuple[str, SourceLocation]]:
    location = event_location(event)
    yield from ((getattr(event, key), location.part(key)) for key in ("title", "about"))
    for field in event.fields.values():
        yield from _of_field(field)
