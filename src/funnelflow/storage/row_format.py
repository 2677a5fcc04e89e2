"""Facts between the engine and the database: canonical JSON, read back by their fields."""

import datetime as dt
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, TypeAlias

import orjson

from funnelflow.criteria import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    CustomAnswer,
    Field,
    Fields,
    Value,
)
from funnelflow.criteria.times import timestamp_json
from funnelflow.criteria.value_forms import dump_value
from funnelflow.definition import Linked
from funnelflow.engine import Contact, Taken, Veto
from funnelflow.errors import FieldError, StoreError

_TOLERATED = dt.timedelta(days=1)

Clock: TypeAlias = Callable[[], dt.datetime]
"""Returns the time it is, aware."""


def utc_now() -> dt.datetime:
    """Return the time it is, in UTC, to the microsecond."""
    return dt.datetime.now(dt.UTC)


def horizon(now: dt.datetime) -> dt.datetime:
    """Return the moment after which a time lies in the future: clocks and zones differ by hours."""
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    return latest if now > latest - _TOLERATED else now + _TOLERATED


to_text = timestamp_json
"""Write a time in UTC as ``2026-03-01T09:30:00.000000Z``."""


def from_text(text: str) -> dt.datetime:
    """Read what `to_text` wrote."""
    return dt.datetime.fromisoformat(text)


def optional_to_text(at: dt.datetime | None) -> str | None:
    """Write a time that may be missing."""
    return None if at is None else to_text(at)


def optional_from_text(text: str | None) -> dt.datetime | None:
    """Read a time that may be missing."""
    return None if text is None else dt.datetime.fromisoformat(text)


_LEFT = ">"
"""Stands before what tells where a contact was last, among the times when stages were entered."""


def dump_memory(contact: Contact) -> str | None:
    """Write when it entered the stages around it, and where it was last; None for neither."""
    if contact.entered is None and contact.left is None:
        return None
    left = {f"{_LEFT}{memory}": leaf for memory, leaf in (contact.left or {}).items()}
    return encode({name: to_text(at) for name, at in (contact.entered or {}).items()} | left)


def load_memory(contact: Contact, text: str | None) -> Contact:
    """Return a contact with what `dump_memory` wrote of it."""
    if text is not None:
        told = decode(text)
        left = {name[len(_LEFT) :]: leaf for name, leaf in told.items() if name[0] == _LEFT}
        entered = {name: from_text(at) for name, at in told.items() if name[0] != _LEFT}
        contact.entered, contact.left = entered or None, left or None
    return contact


UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError)
"""What reading a row raises whose columns are not what was once written there."""


def altered(what: str) -> StoreError:
    """Return the error about a row that cannot be read because it is not what was written."""
    return StoreError(
        f"{what} has been altered in the database, and cannot be read",
        hint="`funnelflow verify` names everything that was; restore a backup",
    )


SEPARATOR = "\x1f"
"""What stands between the columns of a row in what its digest is over."""


_JSON = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def encode(value: Any) -> str:
    """Write a JSON value in its one canonical form: sorted, compact, UTF-8.

    What JSON has no type for is written as the facts of a contact are.

    Raises:
        TypeError: It has no JSON form, such as an integer beyond 64 bits.
    """
    return orjson.dumps(value, dump_value, _JSON).decode()


def decode(text: str) -> Any:
    """Read what `encode` wrote.

    Raises:
        ValueError: It is no JSON.
    """
    return orjson.loads(text)


def commitment(*columns: str) -> str:
    """Return what commits a row of evidence to its content.

    It is the SHA-256 over the contact's salt and the texts of the columns, joined by the unit
    separator (U+001F). Nothing that is let in contains that, so two rows have the same
    commitment only if they are the same. When somebody is erased the commitments stay, without
    the content and the salt, so that nobody can find out the content by trying.

    Args:
        columns: The salt of the contact; the columns of `evidence` from `key` to `answers` but
            `recorded_at` and `run`, numbers in decimal, a missing key empty; then for each
            decision the columns behind `sequence`, with the digest of the definition for its
            number. Several may be given as one text, joined.

    Returns:
        64 hexadecimal characters.
    """
    return sha256(SEPARATOR.join(columns).encode()).hexdigest()


def row_digest(previous: str, contact: int, sequence: int, committed: str) -> str:
    """Return the digest of a row of evidence, chained to the contact's row before it.

    It is the SHA-256 over the texts of the arguments, joined by the unit separator. When a row
    was recorded, by which run, and its number, are left to `checksum`.

    Args:
        previous: The digest of the contact's row before; empty for the first.
        contact: The contact's number.
        sequence: The place of the row in the contact's evidence.
        committed: The row's `commitment`.

    Returns:
        64 hexadecimal characters.
    """
    text = f"{previous}{SEPARATOR}{contact}{SEPARATOR}{sequence}{SEPARATOR}{committed}"
    return sha256(text.encode()).hexdigest()


def checksum(*columns: str | int | None) -> int:
    """Guard columns that no digest covers against altered bytes.

    Returns:
        The CRC-32 over the columns, 0 to 4294967295.
    """
    return zlib.crc32(SEPARATOR.join(map(str, columns)).encode("utf-8", "surrogateescape"))


def row_checksum(digest: str, recorded_at: str, run: int | None) -> int:
    """Guard what the digest of a row of evidence leaves out."""
    return checksum(recorded_at, run, digest)


def checksum_beginning(*columns: str | int | None) -> Callable[[str], int]:
    """Return `checksum` as a function of its last column, for rows that share the others."""
    beginning = checksum(*columns, "")
    crc32 = zlib.crc32
    return lambda last: crc32(last.encode(), beginning)


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
        """Whether every field of a contact holds a value that it can have."""
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
    """Write facts in canonical JSON."""
    return encode(facts) if facts else "{}"


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
    return encode([_veto(veto) for veto in vetoes]) if vetoes else "[]"


def _veto(veto: Veto) -> list[int | str]:
    said: list[int | str] = [veto.index, veto.plugin, veto.reason]
    if veto.version:
        return [*said, veto.funnel, veto.version]
    return [*said, veto.funnel] if veto.funnel else said


def dump_about(about: tuple[int | str, ...]) -> str:
    """Write what evidence about the story itself is about; empty where that is nothing."""
    return encode(about) if about else ""


def load_about(text: str) -> tuple[int | str, ...]:
    """Read what `dump_about` wrote."""
    return tuple(decode(text)) if text else ()


def load_vetoes(text: str) -> tuple[Veto, ...]:
    """Read what `dump_vetoes` wrote."""
    return tuple(Veto(*veto) for veto in decode(text)) if text != "[]" else ()


def dump_answers(answers: tuple[CustomAnswer, ...]) -> str:
    """Write what plugins' criteria answered; empty where none was asked."""
    return encode([answer.to_json() for answer in answers]) if answers else ""


def load_answers(text: str) -> tuple[CustomAnswer, ...]:
    """Read what `dump_answers` wrote."""
    return tuple(CustomAnswer.from_json(said) for said in decode(text)) if text else ()


def load_path(text: str) -> tuple[Taken, ...]:
    """Read what `dump_path` wrote."""
    return tuple(
        Taken(index, source, to, cause, None if at is None else dt.datetime.fromisoformat(at))
        for index, source, to, cause, at in decode(text)
    )


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
