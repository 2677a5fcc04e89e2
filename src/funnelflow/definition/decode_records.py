"""A definition file, from its nodes."""

from typing import Any

from attrs import evolve

from funnelflow.criteria import TEXT, Field, Position, Type, parse_type
from funnelflow.definition.decode_requirements import blocks, requirement
from funnelflow.definition.decoder import Draft, Shape, expression, words_for
from funnelflow.definition.model import (
    EventType,
    Invariant,
    Scenario,
    ScenarioStep,
    Stage,
    Transition,
    Vocabulary,
)
from funnelflow.definition.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from funnelflow.errors import FieldError, nearest

VOCABULARY_KEYS = ("vocabulary", "title", "about", "fields", "events", "criteria")
FIELD_KEYS = ("type", "title", "about", "unit", "values", "ask", "default")
EVENT_KEYS = ("title", "about", "fields", "sets")

_FIELD_TYPES = ("boolean", "integer", "number", "text", "timestamp", "duration", "list of text")


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


def _field(shape: Shape, name: str, node: Node, key: ScalarNode) -> Field:
    if isinstance(node, ScalarNode):
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
    guess = nearest(text, _FIELD_TYPES)
    shape.doubtful.add(name)
    if text:
        help_text = f"did you mean {guess!r}?" if guess else f"one of: {', '.join(_FIELD_TYPES)}"
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


def _event(shape: Shape, name: str, node: Node, key: ScalarNode) -> EventType:
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
        if source and isinstance(value, ScalarNode):
            found[field] = (source, shape.text_place(value))
    return found


SCENARIO_KEYS = ("story", "given", "when", "then")
STEP_WORDS = ("move", "set", "wait")
"""Keys of a step that are no events."""

_HOW = "write an event, {event: {facts}}, {move: stage}, {set: {facts}} or {wait: 30d}"


def scenario(shape: Shape, node: Node) -> Scenario:
    """Read one scenario."""
    keys = shape.mapping(node, "a scenario", SCENARIO_KEYS, ["story"])
    return Scenario(
        story=shape.text(keys.get("story"), "'story'"),
        then=shape.name(keys.get("then"), "'then'"),
        when=steps(shape, keys.get("when")),
        given=given(shape, keys.get("given")),
        position=shape.place(node),
    )


def given(shape: Shape, node: Node | None) -> dict[str, Any]:
    """Read the facts that are known before a story begins."""
    return _facts(shape, node, "'given'")


def steps(shape: Shape, node: Node | None) -> tuple[ScenarioStep, ...]:
    """Read the steps of a story; a lone step is a list of one."""
    nodes = [node] if isinstance(node, ScalarNode | MappingNode) else shape.items(node, "'when'")
    found = (_step(shape, item) for item in nodes)
    return tuple(step for step in found if step is not None)


def _step(shape: Shape, node: Node) -> ScenarioStep | None:
    """Read one step, or say how steps are written."""
    if isinstance(node, ScalarNode):
        event = shape.name(node, "a step")
        return ScenarioStep(event, position=shape.place(node)) if event else None
    kinds = [key for key in node.values if key != "as"] if isinstance(node, MappingNode) else []
    if len(kinds) != 1 or not isinstance(node, MappingNode):
        _misread(shape, node, kinds)
        return None
    return _of_kind(shape, node, kinds[0])


def _misread(shape: Shape, node: Node, kinds: list[str]) -> None:
    """Say what a step should be; a misspelt `as` is told by its name."""
    guess = next((kind for kind in kinds if nearest(kind, ["as"])), None)
    what = f"{len(kinds)} things in one" if kinds else words_for(node)
    if isinstance(node, SequenceNode) or guess is None:
        shape.problem("F106", node, f"a step is one thing that happens, not {what}", _HOW)
    else:
        shape.problem("F106", node, f"a step has no key {guess!r}", "did you mean 'as'?")


def _of_kind(shape: Shape, node: MappingNode, kind: str) -> ScenarioStep | None:
    """Read a step by the one key that says what happens."""
    value = node.values[kind]
    roles = shape.texts(node.values.get("as"), "'as'")
    about: dict[str, Any] = {"roles": roles, "position": shape.place(node)}
    if kind == "move":
        to = shape.name(value, "'move'")
        return ScenarioStep(to=to, **about) if to else None
    if kind == "wait":
        wait = shape.duration(value, "'wait'")
        return ScenarioStep(wait=wait, **about) if wait is not None else None
    event = "" if kind == "set" else kind
    return ScenarioStep(event, facts=_facts(shape, value, f"{kind!r}"), **about)


def _facts(shape: Shape, node: Node | None, what: str) -> dict[str, Any]:
    """Read facts as plain data; their types are checked against the vocabulary later."""
    found = shape.anything(node, f"the facts of {what}")
    return {name: shape.plain(value) for name, value in found.items()}


INVARIANT_KEYS = ("stage", "after", "never_after", "inside", "needs")

_HOW_INVARIANT = "write `- Every prospect was a lead before: {stage: prospect, after: lead}`"


def invariants(shape: Shape, node: Node | None) -> tuple[Invariant, ...]:
    """Read the list under ``always``."""
    found = (_invariant(shape, item) for item in shape.items(node, "'always'"))
    return tuple(item for item in found if item is not None)


def _invariant(shape: Shape, node: Node) -> Invariant | None:
    """Read ``Label: {stage: …, after: …}``."""
    if not isinstance(node, MappingNode) or len(node.values) != 1:
        what = "several things in one" if isinstance(node, MappingNode) else words_for(node)
        shape.problem(
            "F108", node, f"what is always true has a label, and is not {what}", _HOW_INVARIANT
        )
        return None
    ((label, value),) = node.items()
    keys = shape.mapping(value, f"the statement {label!r}", INVARIANT_KEYS, ["stage"])
    if not isinstance(value, MappingNode) or not keys.get("stage"):
        return None
    needs = keys.get("needs")
    return Invariant(
        label,
        shape.name(keys["stage"], "'stage'"),
        after=shape.texts(keys.get("after"), "'after'"),
        never_after=shape.texts(keys.get("never_after"), "'never_after'"),
        inside=shape.name(keys.get("inside"), "'inside'"),
        needs=expression(shape, needs, f"what {label!r} needs") if needs else "",
        position=shape.place(value, node.keys[label]),
        needs_position=shape.text_place(needs) if isinstance(needs, ScalarNode) else None,
    )


DEFINITION_KEYS = (
    "funnel",
    "version",
    "title",
    "about",
    "vocabulary",
    "fields",
    "events",
    "criteria",
    "initial",
    "extends",
    "without",
    "stages",
    "transitions",
    "always",
    "scenarios",
    "force",
)
STAGE_KEYS = ("title", "about", "aliases", "owner", "playbook", "type", "stages", "optional")
TRANSITION_KEYS = ("from", "to", "on", "after", "since", "require", "by", "about")

_TYPES = ("open", "won", "lost")
_SINCE = ("stage", "activity")


def definition(shape: Shape, node: Node) -> Draft:
    """Read a whole definition file; what cannot be read is reported and left out."""
    keys = shape.mapping(node, "a definition", DEFINITION_KEYS)
    wanted = shape.items(keys.get("transitions"), "'transitions'")
    transitions = [_transition(shape, item) for item in wanted]
    scenarios = shape.items(keys.get("scenarios"), "'scenarios'")
    stages = keys.get("stages")
    return Draft(
        name=shape.text(keys.get("funnel"), "'funnel'"),
        path=shape.path,
        position=shape.place(node),
        version=shape.whole(keys["version"], "'version'", 1) if "version" in keys else None,
        title=shape.text(keys.get("title"), "'title'"),
        about=shape.text(keys.get("about"), "'about'"),
        vocabulary=shape.name(keys.get("vocabulary"), "'vocabulary'"),
        fields=fields(shape, keys.get("fields")),
        events=events(shape, keys.get("events")),
        criteria=blocks(shape, keys.get("criteria")),
        initial=shape.name(keys.get("initial"), "'initial'"),
        extends=shape.name(keys.get("extends"), "'extends'"),
        without=shape.texts(keys.get("without"), "'without'"),
        stages=_stages(shape, stages, "'stages'"),
        transitions=tuple(item for item in transitions if item is not None),
        always=invariants(shape, keys.get("always")),
        scenarios=tuple(scenario(shape, item) for item in scenarios),
        force=shape.texts(keys.get("force"), "'force'"),
        is_partial=None in transitions or not _are_whole(stages, keys.get("transitions")),
    )


def _stages(shape: Shape, node: Node | None, what: str) -> tuple[Stage, ...]:
    return tuple(shape.each(node, what, lambda *pair: _stage(shape, *pair)))


def _stage(shape: Shape, name: str, node: Node, key: ScalarNode) -> Stage:
    keys = shape.mapping(node, f"the stage {name!r}", STAGE_KEYS)
    kind: Any = shape.choice(keys.get("type"), "'type'", _TYPES)
    return Stage(
        name,
        title=shape.text(keys.get("title"), "'title'"),
        about=shape.text(keys.get("about"), "'about'"),
        type=kind,
        aliases=shape.texts(keys.get("aliases"), "'aliases'"),
        owner=shape.text(keys.get("owner"), "'owner'"),
        playbook=shape.texts(keys.get("playbook"), "'playbook'"),
        stages=_stages(shape, keys.get("stages"), "'stages'"),
        optional=shape.flag(keys.get("optional"), "'optional'"),
        position=shape.place(node, key),
    )


def _transition(shape: Shape, node: Node) -> Transition | None:
    """Read a transition; None if it does not say from where or to where."""
    keys = shape.mapping(node, "a transition", TRANSITION_KEYS, ["from", "to"])
    since: Any = shape.choice(keys.get("since"), "'since'", _SINCE)
    read = Transition(
        sources=shape.texts(keys.get("from"), "'from'"),
        to=shape.name(keys.get("to"), "'to'"),
        on=shape.texts(keys.get("on"), "'on'"),
        after=shape.duration(keys.get("after"), "'after'"),
        since=since,
        require=requirement(shape, keys.get("require")),
        by=shape.texts(keys.get("by"), "'by'"),
        about=shape.text(keys.get("about"), "'about'"),
        position=shape.place(node),
    )
    if read.sources and read.to:
        return read
    listed = keys.get("from")
    if isinstance(listed, SequenceNode) and not listed.items:
        shape.problem("F102", listed, "'from' names no stage")
    return None


def _are_whole(stages: Node | None, transitions: Node | None) -> bool:
    """Tell whether stages and transitions are what they should be, as far as they are there."""
    return isinstance(stages, MappingNode | None) and isinstance(transitions, SequenceNode | None)
