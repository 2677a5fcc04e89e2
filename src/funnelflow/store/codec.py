"""Facts between the engine and the database: canonical JSON, read back by their fields."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from funnelflow.criteria import BOOLEAN, INTEGER, NUMBER, TEXT, Field, Fields, Value
from funnelflow.definition import Linked
from funnelflow.engine import Taken, Veto
from funnelflow.errors import FieldError
from funnelflow.store.canonical import decode, encoder
from funnelflow.store.times import to_text

__all__ = ["FactCodec", "dump_facts", "dump_path", "dump_vetoes", "load_path", "load_vetoes"]

Loaders: TypeAlias = Mapping[str, Callable[[Any], Value]]

_AS_JSON = {BOOLEAN, INTEGER, NUMBER, TEXT}


class FactCodec:
    """Writes and reads the facts that a definition speaks of.

    Args:
        linked: The definition.
    """

    def __init__(self, linked: Linked) -> None:
        self._fields = linked.fields
        self._contact = _loaders(linked.fields)
        self._events = {
            name: _loaders({**linked.fields, **event.event.fields})
            for name, event in linked.events.items()
        }

    def load_fields(self, text: str) -> dict[str, Value]:
        """Read the fields of a contact."""
        return _load(text, self._contact)

    def is_sound(self, fields: Mapping[str, Any]) -> bool:
        """Tell whether every field of a contact holds a value that it can have."""
        try:
            return all(
                value is not None and self._fields[name].normalise(value) == value
                for name, value in fields.items()
            )
        except (KeyError, FieldError):
            return False

    def load_facts(self, event: str, text: str) -> dict[str, Value | None]:
        """Read the facts that an event brought; None takes a fact back."""
        return _load(text, self._events.get(event, self._contact))


def dump_facts(facts: Fields | Mapping[str, Value | None]) -> str:
    """Write facts in canonical JSON: sorted, compact, ASCII."""
    return _encode(facts) if facts else "{}"


def dump_path(path: tuple[Taken, ...]) -> str:
    """Write the transitions that were taken; stage names need no quoting."""
    if not path:
        return "[]"
    steps = [
        f'[{t.index},"{t.source}","{t.to}","{t.cause}",'
        + ("null]" if t.at is None else f'"{to_text(t.at)}"]')
        for t in path
    ]
    return f"[{','.join(steps)}]"


def dump_vetoes(vetoes: tuple[Veto, ...]) -> str:
    """Write what plugins have against transitions."""
    return _encode([[v.index, v.plugin, v.reason] for v in vetoes]) if vetoes else "[]"


def load_vetoes(text: str) -> tuple[Veto, ...]:
    """Read what `dump_vetoes` wrote."""
    return tuple(Veto(*veto) for veto in json.loads(text)) if text != "[]" else ()


def load_path(text: str) -> tuple[Taken, ...]:
    """Read what `dump_path` wrote."""
    return tuple(
        Taken(index, source, to, cause, None if at is None else dt.datetime.fromisoformat(at))
        for index, source, to, cause, at in json.loads(text)
    )


def _to_json(value: Any) -> Any:
    """Give the JSON form of what JSON has no type for."""
    return _ANY.to_json(value)


_ANY = Field("value", TEXT)
_encode = encoder(_to_json)


def _loaders(fields: Mapping[str, Field]) -> dict[str, Callable[[Any], Value]]:
    """Collect how to read the fields whose JSON form is not their value already."""
    return {name: field.from_json for name, field in fields.items() if field.type not in _AS_JSON}


def _load(text: str, loaders: Loaders) -> dict[str, Any]:
    """Read a JSON object, turning what needs it into values."""
    facts: dict[str, Any] = decode(text)
    if loaders:
        for name in loaders.keys() & facts.keys():
            raw = facts[name]
            if raw is not None:
                facts[name] = loaders[name](raw)
    return facts
