"""The JSON Schemas (draft 2020-12) with which editors complete definitions and vocabularies.

They describe the shape of the files; what only `check` can tell (names that lead nowhere,
types in expressions, what stages and transitions make of each other) is not in them.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeAlias

SchemaName: TypeAlias = Literal["definition", "vocabulary"]


def schema_path(name: SchemaName) -> Path:
    """Give the file of a schema, to be named in a first line for editors.

    Args:
        name: What it describes.
    """
    return Path(str(resources.files("funnelflow.definition"))) / "schemas" / f"{name}.schema.json"


def schema(name: SchemaName) -> dict[str, Any]:
    """Give a schema as JSON values.

    Args:
        name: What it describes.
    """
    loaded: dict[str, Any] = json.loads(schema_path(name).read_text("utf-8"))
    return loaded
