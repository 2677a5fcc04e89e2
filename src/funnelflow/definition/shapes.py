"""The records of a definition: one table of keys each.

What stands here is all that is known of a key: reading a file, checking a record built in
Python, the help for a misspelt key, and the JSON Schemas for editors come from these tables.
"""

from typing import Any

from attrs import evolve, frozen

from funnelflow.criteria import Field, parse_type
from funnelflow.definition.kinds import (
    DURATION,
    EXPRESSION,
    FACT,
    FIELD_TYPE,
    NAME,
    NAME_TEXT,
    PLAIN,
    SINGLE,
    STAGE_NAME,
    TEXT,
    TRUTH,
    WORDS,
    Describe,
    Json,
    NodeReader,
    one_of,
    words_for,
)
from funnelflow.definition.model import (
    BUILT_IN_EVENTS,
    EventType,
    Invariant,
    Scenario,
    ScenarioStep,
    Stage,
    Transition,
    Vocabulary,
)
from funnelflow.definition.record_kinds import (
    Key,
    ListKind,
    MappingKind,
    NamedRecordsKind,
    RecordKind,
    Shape,
)
from funnelflow.definition.requirement_kinds import BLOCKS, REQUIREMENT
from funnelflow.definition.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from funnelflow.errors import FieldError, nearest

RESERVED_EVENTS = {
    **BUILT_IN_EVENTS,
    "import": "contacts brought in from elsewhere",
    "wait": "a step of a scenario",
    "as": "the roles in a scenario",
}
"""Names that no event may have, with what they mean already."""

NAMES = ListKind(of=NAME_TEXT, is_lone_allowed=True)
STAGE_NAMES = ListKind(of=STAGE_NAME, is_lone_allowed=True)
SOME_STAGE_NAMES = evolve(STAGE_NAMES, least=1)
TEXTS = ListKind(of=WORDS, is_lone_allowed=True)
_NAMED = (Key("name", TEXT, is_required=True),)
FACTS = MappingKind(
    "facts", "Facts by the names of their fields.", of=FACT, whole="the facts of {}"
)


def _finish_field(reader: NodeReader, values: dict[str, Any], node: MappingNode) -> Field:
    """Return a field; its values and its default are held to its type where they stand."""
    kind = values.pop("type")
    name, position = values["name"], values["position"]
    written = position.node if isinstance(position.node, ScalarNode) else node.values.get("type")
    if isinstance(written, ScalarNode) and parse_type(written.text) is None:
        reader.doubtful.add(name)
    default = values.pop("default", None)
    bare = Field(type=kind, **{**values, "choices": ()})
    item = evolve(bare, type=bare.type.item or bare.type)
    listed = node.values.get("values")
    nodes = listed.items if isinstance(listed, SequenceNode) else []
    found = [_value(reader, n, reader.plain(n), item) for n in nodes if isinstance(n, ScalarNode)]
    whole = evolve(bare, choices=tuple(value for value in found if value is not None))
    if default is None:
        return whole
    return evolve(whole, default=_value(reader, node.values["default"], default, whole))


def _value(reader: NodeReader, node: Node, raw: Any, of: Field) -> Any:
    """Return a plain value as one of a field; None, after a report, if it is none."""
    try:
        return of.normalise(raw)
    except FieldError as error:
        reader.problem("F210", node, "value", reason=error.message, hint=error.hint)
        return None


FIELD = Shape(
    "field",
    Field,
    (
        Key("type", FIELD_TYPE, is_required=True),
        Key("title", TEXT, "What people read; the name with spaces if left out."),
        Key("about", TEXT, "What the fact means."),
        Key("unit", TEXT, "What its numbers count, such as EUR or days."),
        Key("values", ListKind(of=SINGLE), "The only values it may have.", "choices"),
        Key("ask", TEXT, "The question that finds it out."),
        Key("default", PLAIN, "What a new contact, or an event that does not say, has."),
    ),
    finish=_finish_field,
    others=_NAMED,
    short="type",
)
FIELDS = NamedRecordsKind(
    "fields",
    "Facts, by the name that expressions use.",
    of=RecordKind("field", "A typed fact: its type alone, or all about it.", shape=lambda: FIELD),
)


def _finish_event(reader: NodeReader, values: dict[str, Any], node: MappingNode) -> EventType:
    """Return an event with the positions of the expressions it sets."""
    sets = node.values.get("sets")
    nodes = sets.values if isinstance(sets, MappingNode) else {}
    found = {name: reader.text_position(nodes[name]) for name in values.get("sets", ())}
    where = {name: position for name, position in found.items() if position is not None}
    activity = node.values.get("activity")
    position = None if activity is None else reader.text_position(activity)
    return EventType(sets_positions=where, activity_position=position, **values)


EVENT = Shape(
    "event",
    EventType,
    (
        Key("title", TEXT, "What people read."),
        Key("about", TEXT, "When it is recorded."),
        Key("aliases", NAMES, "Names it had before; what was recorded under them is read as it."),
        Key("fields", FIELDS, "Facts about the event alone; expressions read them as event.x."),
        Key(
            "sets",
            MappingKind(of=EXPRESSION, each="what {!r} is set to"),
            "Fields of the contact that it sets, each to the value of an expression, such as "
            "contact.replies + 1.",
        ),
        Key(
            "activity",
            EXPRESSION,
            "Whether it counts where a wait says since: activity: false, or an expression such as "
            'event.direction != "outbound"; true if left out.',
        ),
    ),
    finish=_finish_event,
    others=_NAMED,
)
EVENTS = NamedRecordsKind(
    "events",
    "What can happen, by name.",
    of=RecordKind("event", shape=lambda: EVENT),
    names=NAME.pattern,
    reserved=tuple(RESERVED_EVENTS),
)

VOCABULARY = Shape(
    "vocabulary",
    Vocabulary,
    (
        Key(
            "vocabulary",
            NAME_TEXT,
            "The name by which definitions speak of it; the file is called the same.",
            "name",
            is_required=True,
        ),
        Key("title", TEXT, "What it is about, in one line."),
        Key("about", TEXT, "What it is about, at length."),
        Key("fields", FIELDS),
        Key("events", EVENTS),
        Key("criteria", BLOCKS),
    ),
)

STAGES = NamedRecordsKind(
    "stages",
    "Stages by name, in order.",
    of=RecordKind("stage", shape=lambda: STAGE),
    names=NAME.pattern,
    is_ordered=True,
)
STAGE: Shape = Shape(
    "stage",
    Stage,
    (
        Key("title", TEXT, "What people read; the name if left out."),
        Key("about", TEXT, "Who is in this stage."),
        Key("aliases", TEXTS, "Other names by which people find it."),
        Key("owner", TEXT, "Who looks after contacts here."),
        Key("playbook", TEXTS, "What to do for a contact here."),
        Key(
            "type",
            one_of("open", "won", "lost"),
            "won and lost are ends; what is nested in one is one too.",
        ),
        Key("stages", STAGES, "Stages nested in this one; it is entered at the first."),
        Key("optional", TRUTH, "Whether a definition that extends this one may do without it."),
    ),
    others=_NAMED,
)


def _finish_transition(
    reader: NodeReader, values: dict[str, Any], node: MappingNode
) -> Transition | None:
    """Return a transition; None if it does not say from where or to where."""
    if values["sources"] and values["to"]:
        return Transition(**values)
    listed = node.values.get("from")
    if isinstance(listed, SequenceNode) and not listed.items:
        reader.problem("F102", listed, "no_source")
    return None


TRANSITION = Shape(
    "transition",
    Transition,
    (
        Key(
            "from",
            SOME_STAGE_NAMES,
            "The stage or stages it leaves; an outer stage stands for all in it.",
            "sources",
            is_required=True,
        ),
        Key(
            "to",
            STAGE_NAME,
            "The stage it enters; an outer stage is entered at its first.",
            is_required=True,
        ),
        Key(
            "on",
            NAMES,
            "The event or events that take it; without on and after it is taken as soon as its "
            "criteria hold.",
        ),
        Key("after", DURATION, "How long after since it is taken by itself: 30d, 2w, 36h."),
        Key(
            "since",
            one_of("stage", "activity"),
            "What after counts from: entering the stage that from names, or activity since then.",
        ),
        Key("require", REQUIREMENT),
        Key("by", NAMES, "The roles that may take it."),
        Key("about", TEXT, "What it is for."),
    ),
    finish=_finish_transition,
)


_AS = Key("as", NAMES, "The roles of whoever does it.", "roles")
STEPS = {
    "move": Shape(
        "step",
        ScenarioStep,
        (Key("move", STAGE_NAME, "The stage that somebody asks for.", "to", is_required=True), _AS),
    ),
    "wait": Shape(
        "step",
        ScenarioStep,
        (Key("wait", DURATION, "How much time passes.", is_required=True), _AS),
    ),
    "set": Shape("step", ScenarioStep, (Key("set", FACTS, "", "facts", is_required=True), _AS)),
}
"""Steps of a story that are no events, by the key that says what happens."""


@frozen(kw_only=True)
class StepKind(RecordKind):
    """One thing that happens in a story."""

    def read(self, reader: NodeReader, node: Node, what: str) -> ScenarioStep | None:  # noqa: ARG002
        """Return the step of a node; None, after a report, if it is none."""
        if isinstance(node, ScalarNode):
            event = NAME_TEXT.read(reader, node, "a step")
            return ScenarioStep(event, position=reader.position(node)) if event else None
        kinds = [k for k in node.values if k != "as"] if isinstance(node, MappingNode) else []
        if len(kinds) != 1 or not isinstance(node, MappingNode):
            _misread_step(reader, node, kinds)
            return None
        if kinds[0] in STEPS:
            step: ScenarioStep = STEPS[kinds[0]].read(reader, node)
            is_lost = kinds[0] != "set" and not step.to and step.wait is None
            return None if is_lost else step
        facts = FACTS.read(reader, node.values[kinds[0]], repr(kinds[0]))
        by = node.values.get("as")
        roles = NAMES.read(reader, by, _AS.shown) if by else ()
        return ScenarioStep(kinds[0], facts, roles=roles, position=reader.position(node))

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        event = {
            "type": "object",
            "description": "An event with its facts.",
            "propertyNames": {"pattern": f"^{NAME.pattern}$", "not": {"enum": list(STEPS)}},
            "properties": {"as": _AS.schema(describe)},
            "additionalProperties": describe(FACTS),
            "if": {"required": ["as"]},
            "then": {"minProperties": 2, "maxProperties": 2},
            "else": {"minProperties": 1, "maxProperties": 1},
        }
        name = {**describe(NAME_TEXT), "description": "An event."}
        return {"anyOf": [name, *(shape.schema(describe) for shape in STEPS.values()), event]}


_STEP = Shape(
    "step",
    ScenarioStep,
    tuple(key for shape in STEPS.values() for key in shape.keys),
    others=(Key("event", TEXT),),
)


def _misread_step(reader: NodeReader, node: Node, kinds: list[str]) -> None:
    """Report what is no step; a misspelt `as` by its name."""
    guess = next((kind for kind in kinds if nearest(kind, ["as"])), None)
    if isinstance(node, MappingNode) and guess is not None:
        reader.problem("F106", node, "key", key=guess, guess="as")
        return
    found = f"{len(kinds)} things in one" if kinds else words_for(node)
    reader.problem("F106", node, "kind", found=found)


WHEN = ListKind(
    of=StepKind("step", "One thing that happens.", shape=lambda: _STEP, code="F106"),
    is_lone_allowed=True,
)
SCENARIO = Shape(
    "scenario",
    Scenario,
    (
        Key("story", TEXT, "What the story shows, in one sentence.", is_required=True),
        Key("given", FACTS, "What is known at the beginning."),
        Key("when", WHEN, "What happens, in order."),
        Key("then", STAGE_NAME, "The stage in which it must end.", is_asked_for=True),
    ),
)


INVARIANT = Shape(
    "invariant",
    Invariant,
    (
        Key("stage", STAGE_NAME, "The stage it is about, with all nested in it.", is_required=True),
        Key("after", SOME_STAGE_NAMES, "Every contact there was in one of these before."),
        Key("never_after", SOME_STAGE_NAMES, "Nobody who was in one of these comes there."),
        Key("inside", STAGE_NAME, "The stage it is nested in."),
        Key("needs", EXPRESSION, "What every way there requires."),
    ),
    others=(Key("label", TEXT),),
)


@frozen(kw_only=True)
class InvariantKind(RecordKind):
    """What always holds of a stage: a label, and one thing about the stage."""

    def read(self, reader: NodeReader, node: Node, what: str) -> Invariant | None:  # noqa: ARG002
        """Return the invariant of ``Label: {stage: …, after: …}``; None if too little is there."""
        if not isinstance(node, MappingNode) or len(node.values) != 1:
            is_mapping = isinstance(node, MappingNode) and node.values
            found = "several things in one" if is_mapping else words_for(node)
            reader.problem("F108", node, "kind", found=found)
            return None
        ((label, value),) = node.items()
        values = INVARIANT.values(reader, value, label)
        if not isinstance(value, MappingNode) or "stage" not in value.values:
            return None
        return Invariant(
            **{**values, "label": label},
            position=reader.position(value, node.keys[label]),
            needs_position=reader.text_position(value.values.get("needs")),
        )

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        of_stage = INVARIANT.schema(describe)
        return {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": {"minLength": 1},
            "additionalProperties": {**of_stage, "minProperties": 2, "maxProperties": 2},
        }
