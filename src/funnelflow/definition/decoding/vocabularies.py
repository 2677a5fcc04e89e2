"""Fields, events and vocabularies, from their nodes."""

from typing import Any

from attrs import evolve

from funnelflow.criteria import TEXT, Field, Position, Type, parse_type
from funnelflow.definition.decoding.requirements import blocks
from funnelflow.definition.decoding.shape import Shape
from funnelflow.definition.decoding.sources import expression
from funnelflow.definition.records import EventType, Vocabulary
from funnelflow.definition.written.nodes import Node, Scalar
from funnelflow.errors import FieldError, nearest

__all__ = ["EVENT_KEYS", "FIELD_KEYS", "VOCABULARY_KEYS", "events", "fields", "vocabulary"]

VOCABULARY_KEYS = ("vocabulary", "title", "about", "fields", "events", "criteria")
FIELD_KEYS = ("type", "title", "about", "unit", "values", "ask", "default")
EVENT_KEYS = ("title", "about", "fields", "sets")

_TYPES = ("boolean", "integer", "number", "text", "timestamp", "duration", "list of text")


def vocabulary(shape: Shape, node: Node) -> Vocabulary:
    """Read a whole vocabulary file."""
    keys = shape.mapping(node, "a vocabulary", VOCABULARY_KEYS, ["vocabulary"])
    return Vocabulary(
        name=shape.name(keys.get("vocabulary"), "'vocabulary'"),
        title=shape.text(keys.get("title"), "'title'"),
        about=shape.text(keys.get("about"), "'about'"),
        fields=fields(shape, keys.get("fields")),
        events=events(shape, keys.get("events")),
        criteria=blocks(shape, keys.get("criteria")),
        position=shape.place(node),
    )


def fields(shape: Shape, node: Node | None) -> dict[str, Field]:
    """Read a mapping of fields: ``budget: number``, or with more about it."""
    found = shape.each(node, "'fields'", lambda *pair: _field(shape, *pair))
    return {field.name: field for field in found}


def events(shape: Shape, node: Node | None) -> dict[str, EventType]:
    """Read a mapping of events."""
    found = shape.each(node, "'events'", lambda *pair: _event(shape, *pair))
    return {event.name: event for event in found}


def _field(shape: Shape, name: str, node: Node, key: Scalar) -> Field:
    if isinstance(node, Scalar):
        return Field(name, _type(shape, node, name), position=shape.place(node, key))
    keys = shape.mapping(node, f"the field {name!r}", FIELD_KEYS, ["type"])
    bare = Field(
        name,
        _type(shape, keys["type"], name) if "type" in keys else TEXT,
        title=shape.text(keys.get("title"), "'title'"),
        about=shape.text(keys.get("about"), "'about'"),
        unit=shape.text(keys.get("unit"), "'unit'"),
        ask=shape.text(keys.get("ask"), "'ask'"),
        position=shape.place(node, key),
    )
    choices = _choices(shape, keys.get("values"), bare)
    default = _fact(shape, keys.get("default"), evolve(bare, choices=choices))
    return evolve(bare, choices=choices, default=default)


def _type(shape: Shape, node: Node, name: str) -> Type:
    """Read a type; one that does not exist is taken for the nearest, to find what else is wrong."""
    text = shape.text(node, f"the type of {name!r}")
    found = parse_type(text)
    if found is not None:
        return found
    guess = nearest(text, _TYPES)
    shape.doubtful.add(name)
    if text:
        help_text = f"did you mean {guess!r}?" if guess else f"one of: {', '.join(_TYPES)}"
        shape.problem("F301", node, f"there is no type {text!r}", help_text)
    return parse_type(guess or "text") or TEXT


def _choices(shape: Shape, node: Node | None, field: Field) -> tuple[Any, ...]:
    """Read the values a field may have; a list field names the values of its items."""
    item = evolve(field, type=field.type.item) if field.type.item else field
    found = (_fact(shape, value, item) for value in shape.items(node, "'values'"))
    return tuple(value for value in found if value is not None)


def _fact(shape: Shape, node: Node | None, field: Field) -> Any:
    if node is None:
        return None
    try:
        return field.normalise(shape.plain(node))
    except FieldError as error:
        shape.problem("F210", node, error.message, error.hint)
        return None


def _event(shape: Shape, name: str, node: Node, key: Scalar) -> EventType:
    keys = shape.mapping(node, f"the event {name!r}", EVENT_KEYS)
    sets = _sets(shape, keys.get("sets"))
    return EventType(
        name,
        title=shape.text(keys.get("title"), "'title'"),
        about=shape.text(keys.get("about"), "'about'"),
        fields=fields(shape, keys.get("fields")),
        sets={field: source for field, (source, _) in sets.items()},
        position=shape.place(node, key),
        sets_positions={field: position for field, (_, position) in sets.items()},
    )


def _sets(shape: Shape, node: Node | None) -> dict[str, tuple[str, Position]]:
    """Read what an event sets: field names with expressions."""
    found: dict[str, tuple[str, Position]] = {}
    for field, value in shape.anything(node, "'sets'").items():
        source = expression(shape, value, f"what {field!r} is set to")
        if source and isinstance(value, Scalar):
            found[field] = (source, shape.text_place(value))
    return found
