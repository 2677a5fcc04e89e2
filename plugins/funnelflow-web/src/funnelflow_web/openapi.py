"""The description of the API, in OpenAPI 3.1, made from the records of its operations.

See https://spec.openapis.org/oas/v3.1.1.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import TypeAdapter

import funnelflow
from funnelflow_web.api_forms import ErrorAnswer
from funnelflow_web.forms import RequestForm
from funnelflow_web.operations import Operation

_REFERENCES: Final = "#/components/schemas/{model}"
_NAMES: Final = re.compile(r"\{(\w+)\}")
_ERRORS: Final[Mapping[str, str]] = {
    "400": "The request cannot be understood or carried out as asked.",
    "401": "It is not known who asks.",
    "403": "Whoever asks may not do this.",
    "404": "Nobody is known by that id.",
    "409": "Somebody said something else meanwhile, or under the same key.",
    "410": "The contact was erased.",
    "413": "The body is too large.",
    "422": "A value is none of its field.",
    "429": "There were too many failures; wait.",
    "503": "The database cannot do it now.",
}


def describe(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the description of operations."""
    schemas: dict[str, Any] = {}
    paths: dict[str, dict[str, Any]] = {}
    error = _schema(ErrorAnswer, schemas)
    for one in operations:
        paths.setdefault(f"/api{one.path}", {})[one.method.lower()] = _operation(
            one, error, schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "funnelflow",
            "version": funnelflow.__version__,
            "description": "Contacts, what happened to them, and where criteria let them be.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(one: Operation, error: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    answered = {"application/json": {"schema": _schema(one.answer, schemas)}}
    statuses = dict(_ERRORS)
    if one.is_conditional:
        statuses["412"] = "The contact has changed since."
    if one.body is not None:
        statuses["415"] = "The body is no JSON."
    said: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.about,
        "parameters": list(_parameters(one)),
        "responses": {
            "200": {"description": "The answer.", "content": answered},
            **{
                status: {"description": about, "content": {"application/json": {"schema": error}}}
                for status, about in sorted(statuses.items())
            },
        },
    }
    if one.body is not None:
        content = {"application/json": {"schema": _schema(one.body, schemas)}}
        said["requestBody"] = {"required": True, "content": content}
    return said


def _parameters(one: Operation) -> Iterable[dict[str, Any]]:
    for name in _NAMES.findall(one.path):
        schema = {"type": "string", "minLength": 1, "maxLength": 200}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    described = _flat(one.query)
    for name, schema in described.get("properties", {}).items():
        required = name in described.get("required", ())
        yield {"name": name, "in": "query", "required": required, "schema": schema}
    if one.is_conditional:
        about = 'The length of the history that the contact must still have, such as "7".'
        schema = {"type": "string", "pattern": '^"[0-9]{1,15}"$'}
        yield {"name": "If-Match", "in": "header", "description": about, "schema": schema}


def _flat(form: type[RequestForm]) -> dict[str, Any]:
    """Return the schema of a query: what may be left out is not sent as null."""
    described = form.model_json_schema(mode="validation")
    properties = described.get("properties", {})
    described["properties"] = {name: _given(schema) for name, schema in properties.items()}
    return described


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    given = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {name: one for name, one in schema.items() if name != "anyOf" and one is not None}
    return {**rest, **given[0]} if len(given) == 1 else {**schema, **rest}


def _schema(record: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a record, and put what it refers to beside the others."""
    found = TypeAdapter(record).json_schema(ref_template=_REFERENCES)
    schemas |= found.pop("$defs", {})
    if "title" not in found:
        return found
    schemas[found["title"]] = found
    return {"$ref": _REFERENCES.format(model=found["title"])}
