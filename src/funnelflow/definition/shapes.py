"""The records of a definition: one table of keys each.

What stands here is all that is known of a key: reading a file, checking a record built in
Python, the help for a misspelt key, and the JSON Schemas for editors come from these tables.
"""

import datetime as dt
from typing import Any

from attrs import evolve, frozen

from funnelflow.criteria import Field, parse_type
from funnelflow.definition.kinds import (
    DURATION,
    EXPRESSION,
    FACT,
    FIELD_NAME,
    FIELD_TYPE,
    LABEL,
    NAME_TEXT,
    PLAIN,
    SINGLE,
    STAGE_NAME,
    TEXT,
    TRUTH,
    WORDS,
    Describe,
    Json,
    name_check,
    one_of,
    words_for,
)
from funnelflow.definition.model import (
    BUILT_IN_EVENTS,
    NAME,
    EventType,
    Invariant,
    Scenario,
    ScenarioStep,
    Stage,
    Vocabulary,
)
from funnelflow.definition.problems import Place
from funnelflow.definition.record_kinds import (
    Key,
    ListKind,
    MappingKind,
    NamedRecordsKind,
    RecordKind,
)
from funnelflow.definition.requirement_kinds import BLOCKS
from funnelflow.definition.yaml.nodes import MappingNode, Node, ScalarNode
from funnelflow.errors import FieldError, nearest

RESERVED_FIELDS = frozenset(
    (
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import"),
        *("in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void"),
        "while",
    )
)
"""Words that the Common Expression Language keeps for itself."""

RESERVED_EVENTS = {
    **BUILT_IN_EVENTS,
    "import": "contacts brought in from elsewhere",
    "wait": "a step of a scenario",
    "as": "the roles in a scenario",
}
"""Names that no event may have, with what they mean already."""

ROLE = evolve(NAME_TEXT, further=name_check("role"))
ROLES = ListKind(of=ROLE, is_lone_allowed=True)
NAMES = ListKind(of=NAME_TEXT, is_lone_allowed=True)
STAGE_NAMES = ListKind(of=STAGE_NAME, is_lone_allowed=True)
SOME_STAGE_NAMES = evolve(STAGE_NAMES, least=1)
TEXTS = ListKind(of=WORDS, is_lone_allowed=True)
_NAMED = (Key("name", TEXT),)
FACTS = MappingKind(
    defined_as="facts",
    about="Facts by the names of their fields.",
    of=FACT,
    whole="the facts of {}",
)


def _check_field_name(here: Place, name: str) -> None:
    """Report a name that no field can have."""
    if not FIELD_NAME.fullmatch(name):
        here.report("F201", "field", name=name)
    elif name in RESERVED_FIELDS:
        here.report("F202", "field", name=name)


def _check_field(here: Place, field: Field) -> Field:
    """Return a field whose choices and default are held to its type, and kept as it keeps them."""
    written = here.part("type").node()
    if isinstance(written, ScalarNode) and parse_type(written.text) is None:
        here.problems.doubtful.add(field.name)
    item = evolve(field, type=field.type.item or field.type, choices=())
    choices = [_kept(here.part("values", n), raw, item) for n, raw in enumerate(field.choices)]
    whole = evolve(field, choices=tuple(value for value in choices if value is not None))
    if field.default is None:
        return whole
    return evolve(whole, default=_kept(here.part("default"), field.default, whole))


def _kept(here: Place, raw: Any, of: Field) -> Any:
    """Return a plain value as one of a field; None, after a report, if it is none."""
    try:
        value = of.normalise(raw)
    except FieldError as error:
        here.report("F210", "value", reason=error.message, hint=error.hint)
        return None
    if type(value) is not type(raw) and here.node() is None:
        here.report("F210", "form", field=of.name, value=repr(raw), kept=repr(value))
    return value


FIELD = RecordKind(
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
        Key("identifying", TRUTH, "Whether a value names one person, as an email address does."),
    ),
    further=_check_field,
    needs=("name",),
    others=_NAMED,
    short="type",
    is_named=True,
    defined_as="field",
    about="A typed fact: its type alone, or all about it.",
)
FIELDS = NamedRecordsKind(
    defined_as="fields",
    about="Facts, by the name that expressions use.",
    of=FIELD,
    check_name=_check_field_name,
)


SETS_WHAT = "Fields of the contact that"
SET_TO = "to the value of an expression, such as contact.replies + 1."
SETS = MappingKind(of=EXPRESSION, each="what {!r} is set to")
_check_event_name = name_check("event", RESERVED_EVENTS)
EVENT = RecordKind(
    "event",
    EventType,
    (
        Key("title", TEXT, "What people read."),
        Key("about", TEXT, "When it is recorded."),
        Key(
            "aliases",
            ListKind(of=evolve(NAME_TEXT, further=_check_event_name), is_lone_allowed=True),
            "Names it had before; what was recorded under them is read as it.",
        ),
        Key("fields", FIELDS, "Facts about the event alone; expressions read them as event.x."),
        Key("sets", SETS, f"{SETS_WHAT} it sets, each {SET_TO}"),
        Key(
            "activity",
            EXPRESSION,
            "Whether it counts where a wait says since: activity: false, or an expression such as "
            'event.direction != "outbound"; true if left out.',
        ),
    ),
    needs=("name",),
    others=_NAMED,
    is_named=True,
    defined_as="event",
)
EVENTS = NamedRecordsKind(
    defined_as="events",
    about="What can happen, by name.",
    of=EVENT,
    names=NAME.pattern,
    reserved=tuple(RESERVED_EVENTS),
    check_name=_check_event_name,
)

VOCABULARY = RecordKind(
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


def _check_stage(here: Place, stage: Stage) -> Stage:
    """Report a time after which contacts rot that is over at once."""
    if stage.rotting_after is not None and stage.rotting_after <= dt.timedelta(0):
        here.part("rotting_after").report("F209", "wait")
    return stage


STAGE: RecordKind = RecordKind(
    "stage",
    Stage,
    lambda: (
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
        Key("rotting_after", DURATION, "After how long here somebody has to look after a contact."),
    ),
    further=_check_stage,
    needs=("name",),
    others=_NAMED,
    is_named=True,
    is_vital=True,
    defined_as="stage",
)
STAGES: NamedRecordsKind = NamedRecordsKind(
    defined_as="stages",
    about="Stages by name, in order.",
    of=STAGE,
    names=NAME.pattern,
    check_name=name_check("stage"),
    is_ordered=True,
    empty=(),
)


_AS = Key("as", ROLES, "The roles of whoever does it.", "roles")


def _check_step(here: Place, step: ScenarioStep) -> ScenarioStep:
    """Report a wait that takes no time."""
    if step.wait is not None and step.wait <= dt.timedelta(0):
        here.part("wait").report("F209", "wait")
    return step


def _step(key: Key, *needs: str) -> RecordKind:
    return RecordKind("step", ScenarioStep, (key, _AS), further=_check_step, needs=needs)


_MOVE = Key("move", STAGE_NAME, "The stage that somebody asks for.", "to", is_required=True)
_WAIT = Key("wait", DURATION, "How much time passes.", is_required=True)
_SET = Key("set", FACTS, "", "facts", is_required=True)
STEPS = {"move": _step(_MOVE, "to"), "wait": _step(_WAIT, "wait"), "set": _step(_SET)}
"""Steps of a story that are no events, by the key that says what happens."""


@frozen
class StepKind(RecordKind):
    """One thing that happens in a story; its keys are what a step built in Python has."""

    def read(self, here: Place, node: Node, name: str | None = None) -> ScenarioStep | None:  # noqa: ARG002
        """Return the step of a node; None, after a report, if it is none."""
        if isinstance(node, ScalarNode):
            event = NAME_TEXT.take(here, node, "a step")
            return ScenarioStep(event, position=here.position) if event else None
        kinds = [k for k in node.values if k != "as"] if isinstance(node, MappingNode) else []
        if len(kinds) != 1 or not isinstance(node, MappingNode):
            _misread_step(here, node, kinds)
            return None
        (kind,) = kinds
        if kind in STEPS:
            step: ScenarioStep | None = STEPS[kind].read(here, node)
            return step
        facts = FACTS.take(here.part(kind), node.values[kind], repr(kind))
        roles = _AS.take(here, node.values["as"]) if "as" in node.values else ()
        return ScenarioStep(kind, facts, roles=roles, position=here.position)

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


def _misread_step(here: Place, node: Node, kinds: list[str]) -> None:
    """Report what is no step; a misspelt `as` by its name."""
    guess = next((kind for kind in kinds if nearest(kind, ["as"])), None)
    if guess is not None:
        here.report("F106", "key", key=guess, guess="as")
        return
    found = f"{len(kinds)} things in one" if kinds else words_for(node)
    here.report("F106", "kind", found=found)


STEP = StepKind(
    "step",
    ScenarioStep,
    (_MOVE, _WAIT, _SET, _AS, Key("event", TEXT)),
    further=_check_step,
    needs=("to", "wait", "event"),
    code="F106",
    defined_as="step",
    about="One thing that happens.",
)
WHEN = ListKind(of=STEP, is_lone_allowed=True)
SCENARIO = RecordKind(
    "scenario",
    Scenario,
    (
        Key("story", TEXT, "What the story shows, in one sentence.", is_required=True),
        Key("given", FACTS, "What is known at the beginning."),
        Key("when", WHEN, "What happens, in order."),
        Key("then", STAGE_NAME, "The stage in which it must end.", is_asked_for=True),
    ),
    defined_as="scenario",
)


_STATEMENTS = ("after", "never_after", "inside", "needs", "on_entry")


def _check_invariant(here: Place, invariant: Invariant) -> Invariant:
    """Report an invariant that does not say what it is about, or not one thing about it."""
    said = tuple(key for key in _STATEMENTS if getattr(invariant, key))
    if not invariant.label:
        here.report("F108", "no_label")
    if len(said) != 1:
        here.report("F108", "count", said=said or ("nothing",), keys=_STATEMENTS)
    return invariant


@frozen
class InvariantKind(RecordKind):
    """What always holds of a stage: a label, and one thing about the stage."""

    def read(self, here: Place, node: Node, name: str | None = None) -> Invariant | None:  # noqa: ARG002
        """Return the invariant of ``Label: {stage: …, after: …}``; None if too little is there."""
        if not isinstance(node, MappingNode) or len(node.values) != 1:
            is_mapping = isinstance(node, MappingNode) and node.values
            found = "several things in one" if is_mapping else words_for(node)
            here.report("F108", "kind", found=found)
            return None
        ((label, value),) = node.items()
        part = here.part(label)
        LABEL.take(part.key(), label, "a label")
        place = part.of_node(value, is_named=True)
        values = {**self.values(place, value, label), "label": label}
        if not isinstance(value, MappingNode) or "stage" not in value.values:
            return None
        return _check_invariant(place, Invariant(**values, position=place.position))

    def schema(self, describe: Describe) -> Json:
        """Return the JSON Schema of the kind."""
        of_stage = RecordKind.schema(self, describe)
        return {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": {"minLength": 1},
            "additionalProperties": {**of_stage, "minProperties": 2, "maxProperties": 2},
        }


INVARIANT = InvariantKind(
    "invariant",
    Invariant,
    (
        Key("stage", STAGE_NAME, "The stage it is about, with all nested in it.", is_required=True),
        Key("after", SOME_STAGE_NAMES, "Every contact there was in one of these before."),
        Key(
            "never_after",
            evolve(STAGE_NAMES, least=1),
            "Nobody who was in one of these comes there.",
        ),
        Key("inside", STAGE_NAME, "The stage it is nested in."),
        Key("needs", EXPRESSION, "What holds on the way in, and while a contact is there."),
        Key("on_entry", EXPRESSION, "What holds on the way in, and perhaps no longer later."),
    ),
    further=_check_invariant,
    needs=("stage",),
    others=(Key("label", LABEL),),
    code="F108",
    defined_as="invariant",
    about="Label: what always holds",
)
