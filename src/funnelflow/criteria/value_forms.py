"""The types that a fact can have, and the forms of its values.

The types are the same in a vocabulary, in a criterion and in storage:

=================  ======================  ==================================================
type               in Python               in JSON and in the database
=================  ======================  ==================================================
``boolean``        bool                    ``true``, ``false``
``integer``        int, 64 bits            ``5000``
``number``         float (IEEE 754)        ``5000.0``; the Decimal question is decided here once
``text``           str                     ``"web"``
``timestamp``      datetime, aware, UTC    ``"2026-03-01T09:30:00.000000Z"`` (RFC 3339)
``duration``       timedelta               ``"5400s"`` (CEL's own form, seconds)
``list of T``      tuple of T              ``["a", "b"]``, T being one of the types above
=================  ======================  ==================================================

`None` is never a value: a fact that nobody knows is absent.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

from attrs import frozen

from funnelflow.criteria.times import (
    duration_json,
    duration_words,
    in_range,
    parse_cel_duration,
    parse_duration,
    parse_timestamp,
    timestamp_json,
    timestamp_words,
    to_utc,
)
from funnelflow.errors import FieldError

Scalar: TypeAlias = bool | int | float | str | dt.datetime | dt.timedelta
Value: TypeAlias = Scalar | tuple[Scalar, ...]
Fields: TypeAlias = Mapping[str, Value]
"""The known facts of a contact or of an event, by field name."""
Facts: TypeAlias = Mapping[str, Value | None]
"""What an event brings: a value for a field, or None to take it back."""

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1


@frozen
class Type:
    """A type of fact; `item` is the type of the elements of a list."""

    name: str
    item: "Type | None" = None

    @property
    def is_list(self) -> bool:
        """Whether values are tuples of `item`."""
        return self.item is not None

    @property
    def is_numeric(self) -> bool:
        """Whether values are integers or numbers, which compare with each other."""
        return self in (INTEGER, NUMBER)

    def __str__(self) -> str:
        """Write the type as a vocabulary does: ``number``, ``list of text``."""
        return self.name if self.item is None else f"list of {self.item}"


BOOLEAN = Type("boolean")
INTEGER = Type("integer")
NUMBER = Type("number")
TEXT = Type("text")
TIMESTAMP = Type("timestamp")
DURATION = Type("duration")
SCALARS = {kind.name: kind for kind in (BOOLEAN, INTEGER, NUMBER, TEXT, TIMESTAMP, DURATION)}


def list_of(item: Type) -> Type:
    """Return the type of lists whose elements are of type `item`."""
    return Type("list", item)


def parse_type(text: str) -> Type | None:
    """Read a type as a vocabulary writes it; None when there is no such type."""
    name = " ".join(text.split())
    item = SCALARS.get(name.removeprefix("list of "))
    if item is None or not name.startswith("list of "):
        return SCALARS.get(name)
    return list_of(item)


INVISIBLE: Final = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""The characters of Unicode that have no picture, besides spaces and control characters, as part
of a class of a regular expression."""
_SEEN: Final = re.compile(rf"[^\s{INVISIBLE}]")
"""A character that can be seen: no space, and none of Unicode's that have no picture."""

Normaliser: TypeAlias = Callable[[Any, dt.tzinfo | None], Value]

TEXT_CAP: Final = 10_000
LIST_CAP: Final = 100
_HUGE: Final = 10**30
_QUOTED: Final = 60
_SHOWN_CAP: Final = 60
_LISTED_CAP: Final = 10
_WHOLE: Final = 1e16


def normaliser(kind: Type) -> Normaliser:
    """Return the function that normalises values of a type; it raises FieldError."""
    if kind.item is not None:
        return _LISTS[kind.item]
    return _SCALARS[kind]


def says_nothing(raw: object) -> bool:
    """Whether a raw value is text in which nothing can be seen, or a list of nothing else.

    It is no fact, and does not take one back.
    """
    if isinstance(raw, str):
        return not ("!" <= raw[:1] <= "~" or _SEEN.search(raw))
    if not isinstance(raw, list | tuple) or not raw:
        return False
    return all(isinstance(item, str) and says_nothing(item) for item in raw)


def refuse(raw: Any, wanted: str, hint: str = "") -> FieldError:
    """Return the error for a value that is not what a field takes."""
    return FieldError(f"{_quoted(raw)} is not {wanted}", hint=hint)


def _quoted(raw: Any) -> str:
    """Name a value in a message, whatever it is; no data can make this long, or fail."""
    if isinstance(raw, str):
        return repr(raw if len(raw) <= _QUOTED else raw[: _QUOTED - 1] + "…")
    if isinstance(raw, float | bool) or (isinstance(raw, int) and -_HUGE < raw < _HUGE):
        return repr(raw)
    if isinstance(raw, int | Decimal):
        return "the number"
    return f"a value of type {type(raw).__name__}"


def _boolean(raw: Any, _: dt.tzinfo | None) -> bool:
    if raw is True or raw is False:
        return bool(raw)
    raise refuse(raw, "yes or no", "give true or false")


def _integer(raw: Any, _: dt.tzinfo | None) -> int:
    if isinstance(raw, Decimal) and raw.is_nan():
        raise refuse(raw, "a whole number", "give a number without decimals, like 5000")
    if isinstance(raw, float | Decimal) and -_HUGE < raw < _HUGE and raw == int(raw):
        raw = int(raw)
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise refuse(raw, "a whole number", "give a number without decimals, like 5000")
    if not INT_MIN <= raw <= INT_MAX:
        raise FieldError("the number is beyond 64 bits", hint="give it as text, or a smaller one")
    return int(raw)


def _number(raw: Any, _: dt.tzinfo | None) -> float:
    if not isinstance(raw, int | float | Decimal) or isinstance(raw, bool):
        raise refuse(raw, "a number", "give a number like 5000 or 12.5")
    try:
        value = float(raw)
    except (OverflowError, ValueError):
        value = math.inf
    if not math.isfinite(value):
        raise FieldError("the number is not finite or too large", hint="give a finite number")
    return value


def _text(raw: Any, _: dt.tzinfo | None) -> str:
    if not isinstance(raw, str):
        raise refuse(raw, "text", "put it in quotes" if _is_number(raw) else "")
    if len(raw) > TEXT_CAP:
        raise FieldError(
            f"the text has {len(raw):,} characters", hint=f"at most {TEXT_CAP:,} are kept"
        )
    if not raw.isprintable():
        raw = raw.replace("\r\n", "\n").replace("\r", "\n")  # as Windows and old Macs end lines
        _check_characters(raw)
    return str(raw)


def _check_characters(raw: str) -> None:
    """Refuse the characters that one of the databases, or a terminal, would stumble over."""
    for index, char in enumerate(raw):
        code = ord(char)
        control = code < 0x20 and char not in "\n\t"  # noqa: PLR2004  # C0 control codes
        if control or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000:  # noqa: PLR2004
            raise FieldError(
                f"the text has the character U+{code:04X} at position {index + 1}",
                hint="leave control characters out; a line break or a tab is fine",
            )


def _timestamp(raw: Any, timezone: dt.tzinfo | None) -> dt.datetime:
    if isinstance(raw, str):
        return parse_timestamp(raw, timezone)
    if not isinstance(raw, dt.datetime):
        if not isinstance(raw, dt.date):
            raise refuse(raw, "a timestamp", 'give it like "2026-03-01T09:30:00Z"')
        raw = dt.datetime(raw.year, raw.month, raw.day)  # noqa: DTZ001  # the zone is added below
    if raw != raw:  # noqa: PLR0124  # as NaT of pandas, which is a datetime by its class
        raise refuse(raw, "a timestamp", "leave out what has no time, or give None")
    return _aware(raw, timezone)


def _aware(raw: dt.datetime, timezone: dt.tzinfo | None) -> dt.datetime:
    """Bring a time to UTC, reading one without an offset in `timezone`."""
    if raw.utcoffset() is None:
        if timezone is None:
            raise refuse(
                raw.isoformat(), "in a time zone", "add an offset like Z or +01:00, or set a zone"
            )
        raw = raw.replace(tzinfo=timezone)
    return to_utc(raw)


def _duration(raw: Any, _: dt.tzinfo | None) -> dt.timedelta:
    if isinstance(raw, str):
        return parse_duration(raw)
    if not isinstance(raw, dt.timedelta):
        raise refuse(raw, "a duration", 'give it like "30d", "36h" or "1h30m"')
    if not in_range(raw):
        raise FieldError("the duration is longer than 292 years", hint="give a shorter one")
    return raw


def _list_of(item: Callable[[Any, dt.tzinfo | None], Scalar]) -> Normaliser:
    """Return the normaliser of lists from the one of their items; blank texts are no items."""

    def _list(raw: Any, timezone: dt.tzinfo | None) -> Value:
        if not isinstance(raw, list | tuple):
            raise refuse(raw, "a list", "give a list, even of one item")
        if len(raw) > LIST_CAP:
            raise FieldError(f"the list has {len(raw):,} items", hint=f"at most {LIST_CAP} fit")
        return tuple([item(element, timezone) for element in raw if not says_nothing(element)])

    return _list


def _is_number(raw: Any) -> bool:
    """Whether somebody left the quotes off."""
    return isinstance(raw, int | float) and not isinstance(raw, bool)


_SCALARS: Final[dict[Type, Callable[[Any, dt.tzinfo | None], Any]]] = {
    BOOLEAN: _boolean,
    INTEGER: _integer,
    NUMBER: _number,
    TEXT: _text,
    TIMESTAMP: _timestamp,
    DURATION: _duration,
}
_LISTS: Final = {kind: _list_of(function) for kind, function in _SCALARS.items()}


Loader: TypeAlias = Callable[[Any], Any]


def dump_value(value: Value) -> Any:
    """Return the JSON form of a value."""
    if isinstance(value, dt.datetime):
        return timestamp_json(value)
    if isinstance(value, dt.timedelta):
        return duration_json(value)
    if isinstance(value, tuple):
        return [dump_value(item) for item in value]
    return value


def loader(kind: Type) -> Loader:
    """Return the function that reads the JSON form of a type back; it trusts what it reads."""
    if kind.item is None:
        return _LOADERS.get(kind, _same)
    read = _LOADERS.get(kind.item)
    return tuple if read is None else lambda raw: tuple(map(read, raw))


def _same(raw: Any) -> Any:
    return raw


_LOADERS: Final[dict[Type, Loader]] = {
    NUMBER: float,
    TIMESTAMP: dt.datetime.fromisoformat,
    DURATION: parse_cel_duration,
}


def shown(value: Value, unit: str = "") -> str:
    """Show a value as a person writes it: ``3,000 EUR``, ``yes``, ``2026-03-01 09:30 UTC``."""
    if isinstance(value, tuple):
        return listed([shown(item, unit) for item in value]) if value else "an empty list"
    text = _shown_scalar(value)
    return f"{text} {unit}" if unit and not isinstance(value, (bool, str)) else text


def shown_text(value: str) -> str:
    """Show a text: as it is, quoted where it is empty or ends in spaces, cut where it is long."""
    text = "".join(char if char.isprintable() else "·" for char in value[: _SHOWN_CAP + 1])
    if len(value) > _SHOWN_CAP:
        return text[: _SHOWN_CAP - 1] + "…"
    return text if text and text == text.strip() else f'"{text}"'


def listed(words: Sequence[str]) -> str:
    """Put words in a row with commas, cut where there are many."""
    more = "" if len(words) <= _LISTED_CAP else f", … ({len(words)} in all)"
    return ", ".join(words[:_LISTED_CAP]) + more


def _shown_scalar(value: Scalar) -> str:
    """Show a single value without its unit."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return _shown_number(value)
        case str():
            return shown_text(value)
        case dt.datetime():
            return timestamp_words(value)
        case dt.timedelta():
            return duration_words(value)


def _shown_number(value: float) -> str:
    """Show a number with thousands separators, a whole one without decimals."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinity" if value > 0 else "minus infinity"
    if value.is_integer() and abs(value) < _WHOLE:
        return f"{int(value):,}"
    return f"{value:,}"
