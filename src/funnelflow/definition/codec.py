"""A definition as JSON and back: self-contained, canonical, without positions.

The vocabulary is part of it, so that a stored definition says for ever what it said when it
decided. Values keep their storage forms (see `funnelflow.criteria.value_forms`), durations CEL's
form in seconds. What has its default is left out: a definition that says nothing new keeps
its digest when the records gain an attribute.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Literal, TypeAlias, get_args, get_origin

from attrs import NOTHING, Attribute, fields, has

from funnelflow.criteria import DURATION, Field, Type, parse_type
from funnelflow.definition.model import (
    Criterion,
    Definition,
    Group,
    Requirement,
    Stage,
    is_date,
)
from funnelflow.errors import UsageError

Reader: TypeAlias = Callable[[Any], Any]

_FORGOTTEN = ("position", "path")
"""Where something was written is no part of what it says."""


def to_json(definition: Definition) -> dict[str, Any]:
    """Return a definition as JSON values."""
    plain: dict[str, Any] = _write(definition)
    return plain


def from_json(plain: dict[str, Any]) -> Definition:
    """Return the definition that `to_json` wrote.

    Args:
        plain: What `to_json` gave, or what became of it in a database.

    Raises:
        UsageError: It is not the JSON of a definition.
    """
    try:
        found: Definition = _reader(Definition)(plain)
    except Exception as error:
        raise UsageError(
            "this is not a stored definition", hint="it was written by another program or altered"
        ) from error
    return found


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
    identifying = {"identifying": True} if field.identifying else {}
    more = {"choices": choices} if choices else {}
    return {**plain, **words, **more, **default, **identifying}


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
        identifying=plain.get("identifying", False),
    )


def _write(value: Any) -> Any:
    """Return a record, without what has its default, or one of its values, as JSON values."""
    if isinstance(value, Field):
        return _field_to_json(value)
    if isinstance(value, dt.timedelta):
        return _DURATIONS.to_json(value)
    if isinstance(value, tuple | list):
        return [_write(item) for item in value]
    if isinstance(value, Mapping):
        return {name: _write(item) for name, item in value.items()}
    record: Any = type(value)
    if not has(record):
        return value
    said = {name: (getattr(value, name), default) for name, default, _ in _parts(record)}
    return {name: _write(part) for name, (part, default) in said.items() if part != default}


@cache
def _parts(record: Any) -> tuple[tuple[str, Any, Reader], ...]:
    """Return what a kind of record says: the name of each part, its default, and its reader."""
    return tuple(
        (a.name, _default(record, a), _reader(a.type))
        for a in fields(record)
        if a.name not in _FORGOTTEN
    )


def _default(record: Any, attribute: "Attribute[Any]") -> Any:
    """Return the value with which a part is left out; the version never is."""
    if record is Definition and attribute.name == "version":
        return NOTHING
    default: Any = attribute.default
    return default.factory() if hasattr(default, "factory") else default


def _reader(kind: Any) -> Reader:
    """Return what reads a value back from JSON, by the type that a record declares for it."""
    if kind in _READERS:
        return _READERS[kind]
    if has(kind):
        return partial(_read_record, kind)
    of = get_args(kind)
    if get_origin(kind) is Literal:
        return _checked(of.__contains__)
    item = _reader(of[-1] if get_origin(kind) is Mapping else of[0])
    if get_origin(kind) is tuple:
        return lambda plain: tuple(map(item, _LIST(plain)))
    if get_origin(kind) is Mapping:
        return lambda plain: {name: item(part) for name, part in plain.items()}
    return lambda plain: None if plain is None else item(plain)


def _read_record(record: Any, plain: dict[str, Any]) -> Any:
    """Return one kind of record, which says nothing that it does not know."""
    parts = {name: reader(plain[name]) for name, _, reader in _parts(record) if name in plain}
    if len(parts) < len(plain):
        raise ValueError(plain)
    return record(**parts)


def _wait(plain: Any) -> dt.timedelta | str | None:
    """Read a wait: a length of time in its storage form, or the source of an expression."""
    if isinstance(plain, str) and is_date(plain):
        return plain
    found = None if plain is None else _DURATIONS.from_json(plain)
    return found if isinstance(found, dt.timedelta) else None


def _requirement(plain: Any) -> Requirement:
    found: Requirement = _read_record(Group if "kind" in plain else Criterion, plain)
    return found


def _checked(test: Callable[[Any], bool]) -> Reader:
    def read(plain: Any) -> Any:
        if not test(plain):
            raise ValueError(plain)
        return plain

    return read


_LIST = _checked(lambda plain: type(plain) in {list, tuple})
_READERS: dict[Any, Reader] = {
    str: _checked(lambda plain: type(plain) is str),
    int: _checked(lambda plain: type(plain) is int),
    bool: _checked(lambda plain: type(plain) is bool),
    dt.timedelta: _DURATIONS.from_json,
    Field: _field_from_json,
    dt.timedelta | str | None: _wait,
    Mapping[str, Any]: dict,
    Requirement | None: lambda plain: None if plain is None else _requirement(plain),
    "Requirement": _requirement,
    "Stage": partial(_read_record, Stage),
}
"""What reads back what is no plain record, list or mapping."""
