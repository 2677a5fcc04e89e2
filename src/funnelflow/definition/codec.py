"""A definition as JSON and back: self-contained, canonical, without positions.

The vocabulary is part of it, so that a stored definition says for ever what it said when it
decided. Values keep their storage forms (see `funnelflow.criteria.types`), durations CEL's
form in seconds. What has its default is left out: a definition that says nothing new keeps
its digest when the records gain an attribute.
"""

import datetime as dt
import hashlib
import json
from functools import cache
from typing import Any

from attrs import fields, resolve_types
from cattrs import Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from funnelflow.criteria import DURATION, Field, Type, parse_type
from funnelflow.definition.model import (
    Criterion,
    Definition,
    EventType,
    Group,
    Invariant,
    Requirement,
    Scenario,
    ScenarioStep,
    Stage,
    Transition,
    Vocabulary,
)
from funnelflow.errors import UsageError

_RECORDS = (
    Criterion,
    Definition,
    EventType,
    Group,
    Invariant,
    Scenario,
    ScenarioStep,
    Stage,
    Transition,
    Vocabulary,
)
_FORGOTTEN = ("position", "expression_position", "needs_position", "sets_positions", "path")
"""Where something was written is no part of what it says."""


def to_json(definition: Definition) -> dict[str, Any]:
    """Return a definition as JSON values."""
    plain: dict[str, Any] = _converter().unstructure(definition)
    return plain


def from_json(plain: dict[str, Any]) -> Definition:
    """Return the definition that `to_json` wrote.

    Args:
        plain: What `to_json` gave, or what became of it in a database.

    Raises:
        UsageError: It is not the JSON of a definition.
    """
    try:
        return _converter().structure(plain, Definition)
    except Exception as error:
        raise UsageError(
            "this is not a stored definition", hint="it was written by another program or altered"
        ) from error


def digest(definition: Definition) -> str:
    """Return the SHA-256 of a definition's canonical JSON, in hexadecimal."""
    return content_digest(canonical_json(definition))


def canonical_json(definition: Definition) -> str:
    """Return a definition as the one text of JSON that it is stored as."""
    return json.dumps(
        to_json(definition),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )


def content_digest(content: str) -> str:
    """Return the SHA-256 of a stored text, in hexadecimal."""
    return hashlib.sha256(content.encode()).hexdigest()


@cache
def _converter() -> Converter:
    """Make the converter, at its first use: imports stay quick."""
    converter = Converter(forbid_extra_keys=True, detailed_validation=False)
    converter.register_unstructure_hook(Type, str)
    converter.register_structure_hook(Type, lambda text, _: _type(text))
    converter.register_unstructure_hook(dt.timedelta, _DURATIONS.to_json)
    converter.register_structure_hook(dt.timedelta, lambda text, _: _DURATIONS.from_json(text))
    converter.register_unstructure_hook(Field, _field_to_json)
    converter.register_structure_hook(Field, lambda plain, _: _field_from_json(plain))
    converter.register_structure_hook(
        Requirement,
        lambda plain, _: converter.structure(plain, Group if "kind" in plain else Criterion),
    )
    converter.register_unstructure_hook(Requirement, converter.unstructure)
    converter.register_unstructure_hook_factory(
        _RECORDS.__contains__, lambda record: _writer(record, converter)
    )
    converter.register_structure_hook_factory(
        _RECORDS.__contains__, lambda record: _reader(record, converter)
    )
    return converter


def _writer(record: Any, converter: Converter) -> Any:
    """Make the function that writes one kind of record, without what has its default."""
    return make_dict_unstructure_fn(
        record, converter, _cattrs_omit_if_default=True, **_forgotten(record)
    )


def _reader(record: Any, converter: Converter) -> Any:
    """Make the function that reads one kind of record, and nothing it does not know."""
    return make_dict_structure_fn(
        record, converter, _cattrs_forbid_extra_keys=True, **_forgotten(record)
    )


def _forgotten(record: Any) -> dict[str, Any]:
    """Return cattrs' word for what is left out of a kind of record, and what never is."""
    resolve_types(record)
    left_out = {a.name: override(omit=True) for a in fields(record) if a.name in _FORGOTTEN}
    kept = {"version": override(omit_if_default=False)} if record is Definition else {}
    return {**left_out, **kept}


_DURATIONS = Field("wait", DURATION)


def _type(text: str) -> Type:
    found = parse_type(text)
    if found is None:
        raise ValueError(text)
    return found


_WORDS = ("title", "about", "unit", "ask")


def _field_to_json(field: Field) -> dict[str, Any]:
    """Write a field: its name, its type, and what else was said about it."""
    plain = {"name": field.name, "type": str(field.type)}
    words = {name: text for name in _WORDS if (text := getattr(field, name))}
    choices = [field.to_json(value) for value in field.choices]
    default = {} if field.default is None else {"default": field.to_json(field.default)}
    return {**plain, **words, **({"choices": choices} if choices else {}), **default}


def _field_from_json(plain: dict[str, Any]) -> Field:
    """Read a field back; the choices of a list are values of its items."""
    kind = _type(plain["type"])
    whole, item = Field(plain["name"], kind), Field(plain["name"], kind.item or kind)
    return Field(
        plain["name"],
        kind,
        **{name: plain.get(name, "") for name in _WORDS},
        choices=tuple(item.from_json(raw) for raw in plain.get("choices", ())),
        default=whole.from_json(plain["default"]) if "default" in plain else None,
    )
