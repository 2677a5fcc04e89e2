"""What stands in whole files: a definition, a vocabulary, a story; and their JSON Schemas.

The schemas (draft 2020-12), with which editors complete definitions and vocabularies, are made
of the tables of keys that files are read by, so that what a file may say is described once. What
only `check` can tell (names that lead nowhere, types in expressions, what stages and transitions
make of each other) is not in them.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import NOTHING, evolve, frozen

from funnelflow.definition.kinds import (
    NAME_TEXT,
    STAGE_NAME,
    TEXT,
    Json,
    ValueKind,
    items_of,
    name_check,
    whole_number,
)
from funnelflow.definition.model import NAME, Definition, Scenario, Vocabulary
from funnelflow.definition.problems import Place, Problems
from funnelflow.definition.record_kinds import Key, ListKind, MappingKind, RecordKind
from funnelflow.definition.requirement_kinds import BLOCKS
from funnelflow.definition.shapes import (
    EVENTS,
    FACTS,
    FIELDS,
    INVARIANT,
    ROLES,
    SCENARIO,
    STAGE_NAMES,
    STAGES,
    VOCABULARY,
    WHEN,
)
from funnelflow.definition.transition_kinds import TRANSITION
from funnelflow.definition.yaml.compose import DEEPEST


@frozen
class DefinitionDraft:
    """What one definition file says.

    Attributes:
        own: What it says of its own; empty and at its default what it does not say. Its
            vocabulary has the fields, events and blocks of criteria that the file adds.
        says_version: Whether it says a version.
        vocabulary: The name of the vocabulary it shares; empty for none.
        extends: The name of the definition it builds on; empty for none.
        without: The stages of that definition which it removes.
    """

    own: Definition
    says_version: bool = False
    vocabulary: str = ""
    extends: str = ""
    without: tuple[str, ...] = ()


def _finish_definition(here: Place, values: dict[str, Any]) -> DefinitionDraft:
    """Return what a file says, its own definition apart from what it builds on."""
    around = {key: values.pop(key) for key in ("extends", "without", "speaks") if key in values}
    words = {key: values.pop(key) for key in ("fields", "events", "criteria") if key in values}
    vocabulary = Vocabulary(values["name"], **words)
    path = here.position.path if here.position else ""
    return DefinitionDraft(
        Definition(vocabulary=vocabulary, path=path, **values),
        "version" in values,
        around.pop("speaks", ""),
        **around,
    )


def _check_funnel_name(here: Place, name: str) -> None:
    """Report a name that no funnel can have; one without a name may have that of its base."""
    if name:
        name_check("funnel")(here, name)


def _check_version(here: Place, version: int) -> None:
    """Report a version that counts from elsewhere, or beyond what a database holds."""
    if not 1 <= version < 2**31:
        here.report("F209", "version", version=version)


DEFINITION = RecordKind(
    "definition",
    Definition,
    (
        Key(
            "funnel",
            evolve(TEXT, described=NAME_TEXT.described, further=_check_funnel_name),
            "The name of the funnel; the file is called the same.",
            "name",
        ),
        Key(
            "version",
            whole_number(1, _check_version, maximum=2**31 - 1),
            "Counts up with every change of meaning.",
        ),
        Key("title", TEXT, "The idea in one line."),
        Key("about", TEXT, "The idea at length."),
        Key(
            "vocabulary",
            NAME_TEXT,
            "The fields and events it shares with other definitions.",
            "speaks",
        ),
        Key("fields", FIELDS, "Fields of its own, beside those of the vocabulary."),
        Key("events", EVENTS, "Events of its own, beside those of the vocabulary."),
        Key("criteria", BLOCKS),
        Key("initial", STAGE_NAME, "The stage in which a contact starts."),
        Key("extends", NAME_TEXT, "The definition it builds on."),
        Key("without", STAGE_NAMES, "Optional stages of that definition which it does without."),
        Key("stages", STAGES),
        Key(
            "transitions",
            ListKind(of=TRANSITION),
            "In the order in which they are tried.",
        ),
        Key(
            "always",
            ListKind(of=INVARIANT),
            "What always holds of the stages; check holds the definition to that.",
        ),
        Key(
            "scenarios",
            ListKind(of=SCENARIO),
            "Example stories; they run as tests.",
        ),
        Key("force", ROLES, "The roles that may force a move, with a reason."),
    ),
    finish=_finish_definition,
    others=(Key("vocabulary", evolve(VOCABULARY, empty=NOTHING)),),
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


def _finish_story(_: Place, values: dict[str, Any]) -> SharedStory:
    """Return a story with what happened as a scenario without an end."""
    about, expected = values.pop("about", ""), values.pop("expected", {})
    return SharedStory(Scenario(**{"story": "", "then": "", **values}), about, expected)


STORY = RecordKind(
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
    here = Place(problems, definition.position)
    if _is_too_deep(definition):
        here.report("F003", "depth", most=DEEPEST)
        return None
    checked: Any = definition if is_read else DEFINITION.check(here, definition)
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


def _inner(record: Any, name: str) -> tuple[Any, ...]:
    """Return the records that stand under an attribute, if a list does."""
    return tuple(items_of(getattr(record, name, ())) or ())


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
