"""What stands in whole files: a definition, a vocabulary, a story; and their JSON Schemas.

The schemas (draft 2020-12), with which editors complete definitions and vocabularies, are made
of the tables of keys that files are read by, so that what a file may say is described once. What
only `check` can tell (names that lead nowhere, types in expressions, what stages and transitions
make of each other) is not in them.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import evolve, field, fields_dict, frozen

from funnelflow.criteria import Field, Position
from funnelflow.definition.kinds import (
    NAME,
    NAME_TEXT,
    STAGE_NAME,
    TEXT,
    Json,
    NodeReader,
    RecordChecker,
    ValueKind,
    whole_number,
)
from funnelflow.definition.model import (
    Definition,
    EventType,
    Group,
    Invariant,
    Scenario,
    Stage,
    Transition,
    Vocabulary,
)
from funnelflow.definition.problems import Problems
from funnelflow.definition.record_kinds import (
    Key,
    ListKind,
    MappingKind,
    RecordKind,
    Shape,
    check_keys,
)
from funnelflow.definition.requirement_kinds import BLOCKS
from funnelflow.definition.shapes import (
    EVENTS,
    FACTS,
    FIELDS,
    INVARIANT,
    NAMES,
    SCENARIO,
    STAGE_NAMES,
    STAGES,
    TRANSITION,
    VOCABULARY,
    WHEN,
    InvariantKind,
)
from funnelflow.definition.yaml.compose import DEEPEST
from funnelflow.definition.yaml.nodes import MappingNode, SequenceNode


@frozen
class Draft:
    """What one definition file says; None and empty for what it does not say.

    Attributes:
        name: The funnel's name.
        vocabulary: The name of the vocabulary it shares.
        fields: Fields of its own.
        events: Events of its own.
        criteria: Blocks of criteria of its own.
        extends: The name of the definition it builds on.
        without: The stages of that definition which it removes.
        is_partial: Whether a stage or transition could not be read, so that checks of
            the whole would find faults that are none.
    """

    path: str
    position: Position
    name: str = ""
    version: int | None = None
    title: str = ""
    about: str = ""
    vocabulary: str = ""
    fields: Mapping[str, Field] = field(factory=dict)
    events: Mapping[str, EventType] = field(factory=dict)
    criteria: Mapping[str, Group] = field(factory=dict)
    initial: str = ""
    extends: str = ""
    without: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    transitions: tuple[Transition, ...] = ()
    always: tuple[Invariant, ...] = ()
    scenarios: tuple[Scenario, ...] = ()
    force: tuple[str, ...] = ()
    is_partial: bool = False


def _finish_draft(reader: NodeReader, values: dict[str, Any], node: MappingNode) -> Draft:
    """Return a draft, after looking whether all of its stages and transitions could be read."""
    stages, transitions = node.values.get("stages"), node.values.get("transitions")
    read = len(values.get("transitions", ()))
    is_whole = isinstance(stages, MappingNode | None) and (
        transitions is None
        or (isinstance(transitions, SequenceNode) and len(transitions.items) == read)
    )
    return Draft(reader.path, is_partial=not is_whole, **values)


DEFINITION = Shape(
    "definition",
    Draft,
    (
        Key(
            "funnel",
            evolve(TEXT, described=NAME_TEXT.described),
            "The name of the funnel; the file is called the same.",
            "name",
        ),
        Key(
            "version",
            whole_number(1, 2**31 - 1, empty=1),
            "Counts up with every change of meaning.",
        ),
        Key("title", TEXT, "The idea in one line."),
        Key("about", TEXT, "The idea at length."),
        Key("vocabulary", NAME_TEXT, "The fields and events it shares with other definitions."),
        Key("fields", FIELDS, "Fields of its own, beside those of the vocabulary."),
        Key("events", EVENTS, "Events of its own, beside those of the vocabulary."),
        Key("criteria", BLOCKS),
        Key("initial", STAGE_NAME, "The stage in which a contact starts."),
        Key("extends", NAME_TEXT, "The definition it builds on."),
        Key("without", STAGE_NAMES, "Optional stages of that definition which it does without."),
        Key("stages", STAGES),
        Key(
            "transitions",
            ListKind(of=RecordKind("transition", shape=lambda: TRANSITION)),
            "In the order in which they are tried.",
        ),
        Key(
            "always",
            ListKind(
                of=InvariantKind(
                    "invariant", "Label: what always holds", shape=lambda: INVARIANT, code="F108"
                )
            ),
            "What always holds of the stages; check holds the definition to that.",
        ),
        Key(
            "scenarios",
            ListKind(of=RecordKind("scenario", shape=lambda: SCENARIO)),
            "Example stories; they run as tests.",
        ),
        Key("force", NAMES, "The roles that may force a move, with a reason."),
    ),
    finish=_finish_draft,
)


@frozen
class SharedStory:
    """A story that several definitions read.

    Attributes:
        scenario: What happened; its ``then`` is empty.
        about: What it shows.
        expected: Where definitions must put the person at the end, by name.
    """

    scenario: Scenario
    about: str
    expected: Mapping[str, str]


def _finish_story(reader: NodeReader, values: dict[str, Any], node: MappingNode) -> SharedStory:  # noqa: ARG001
    """Return a story with what happened as a scenario without an end."""
    about, expected = values.pop("about", ""), values.pop("expected", {})
    return SharedStory(Scenario(**{"story": "", "then": "", **values}), about, expected)


STORY = Shape(
    "story",
    SharedStory,
    (
        Key("story", TEXT, "What happened, in one line.", is_required=True),
        Key("about", TEXT, "What it shows."),
        Key("given", FACTS, "What is known at the beginning."),
        Key("when", WHEN, "What happens, in order.", is_required=True),
        Key(
            "then",
            MappingKind(of=STAGE_NAME, names=NAME.pattern, each="the stage of {!r}"),
            "Where definitions must put the person at the end, by name.",
            "expected",
        ),
    ),
    finish=_finish_story,
)

_OF_DEFINITION = (
    Key("vocabulary", RecordKind(shape=lambda: VOCABULARY)),
    *(
        key
        for key in DEFINITION.keys
        if key.name != "vocabulary" and key.attribute in fields_dict(Definition)
    ),
)
"""What a definition built in Python has: all its vocabulary, and what a file calls the same."""


def check_shape(
    definition: Definition, problems: Problems, *, is_read: bool = False
) -> Definition | None:
    """Return a definition with every value of another kind reported and left out.

    Args:
        definition: The definition, from a file or built in Python.
        problems: Where what does not fit is reported, under the code that a file would get.
        is_read: Whether every record was just read by these tables, so that it fits already.

    Returns:
        The definition itself when everything fits; None when nothing more can be looked at:
        it is nested too deeply, or has no vocabulary.
    """
    checker = RecordChecker(problems, definition.position)
    if _is_too_deep(definition):
        checker.problem("F003", (), "depth", most=DEEPEST)
        return None
    if is_read:
        return definition
    checked: Any = check_keys(checker, _OF_DEFINITION, definition)
    return checked if isinstance(checked.vocabulary, Vocabulary) else None


def _is_too_deep(definition: Definition) -> bool:
    """Whether stages or groups of criteria are nested too deeply, found without recursion."""
    transitions = _inner(definition, "transitions")
    level = [*_inner(definition, "stages"), *(getattr(t, "require", None) for t in transitions)]
    blocks = getattr(definition.vocabulary, "criteria", None)
    level += blocks.values() if isinstance(blocks, Mapping) else ()
    for _ in range(DEEPEST):
        level = [
            inner for item in level for inner in (*_inner(item, "stages"), *_inner(item, "items"))
        ]
    return bool(level)


def _inner(record: Any, name: str) -> tuple[Any, ...] | list[Any]:
    """Return the records that stand under an attribute, if a list does."""
    found = getattr(record, name, ())
    return found if isinstance(found, tuple | list) else ()


SchemaName: TypeAlias = Literal["definition", "vocabulary"]

_TITLES = {
    "definition": (
        "A funnel definition of funnelflow",
        "Stages, the transitions between them, their criteria, and example stories.",
    ),
    "vocabulary": (
        "A vocabulary of funnelflow",
        "The fields and events that several definitions share.",
    ),
}
_UNLESS_IT_EXTENDS: Json = {
    "if": {"required": ["extends"]},
    "else": {
        "required": ["funnel", "initial", "stages"],
        "properties": {"without": False, "stages": {"type": "object", "minProperties": 1}},
    },
}
"""What a definition needs that builds on no other."""


def schema(name: SchemaName) -> dict[str, Any]:
    """Return a schema as JSON values."""
    defined: dict[str, Json] = {}

    def describe(kind: ValueKind) -> Json:
        if not kind.defined_as:
            return kind.schema(describe)
        if kind.defined_as not in defined:
            defined[kind.defined_as] = {}
            about = {"description": kind.about} if kind.about else {}
            defined[kind.defined_as] |= {**kind.schema(describe), **about}
        return {"$ref": f"#/$defs/{kind.defined_as}"}

    shape = DEFINITION if name == "definition" else VOCABULARY
    title, about = _TITLES[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:funnelflow:schema:{name}:1",
        "title": title,
        "description": about,
        **shape.schema(describe),
        "type": "object",
        **(_UNLESS_IT_EXTENDS if name == "definition" else {}),
        "$defs": defined,
    }


def schema_text(name: SchemaName) -> str:
    """Return a schema as the text of a file."""
    return json.dumps(schema(name), indent=2) + "\n"
