"""The JSON Schemas (draft 2020-12) with which editors complete definitions and vocabularies.

They are made of the tables of keys that files are read by, so that what a file may say is
described once. What only `check` can tell (names that lead nowhere, types in expressions, what
stages and transitions make of each other) is not in them.
"""

import json
from typing import Any, Literal, TypeAlias

from funnelflow.definition.kinds import Json, ValueKind
from funnelflow.definition.shapes import DEFINITION, VOCABULARY

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
