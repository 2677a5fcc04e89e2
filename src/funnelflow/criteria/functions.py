"""The functions of one value: texts without capitals, parts of a time, and conversions.

All are CEL's own or those of its standard extension for strings, with CEL's meaning: months and
days of the week count from 0, ``int()`` cuts off what stands behind the point, and what cannot be
converted is an error, which here is unknown. Times are in UTC unless a zone is named. Numbers with
a point, times and durations become no text: CEL's implementations write them differently.
"""

import datetime as dt
import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from funnelflow.criteria.value_forms import (
    BOOLEAN,
    INT_MAX,
    INT_MIN,
    INTEGER,
    NUMBER,
    TEXT,
    TIMESTAMP,
    Type,
)

Convert: TypeAlias = Callable[[Any], Any]

_INTEGER_TEXT: Final = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_NUMBER_TEXT: Final = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII
)
_OFFSET: Final = re.compile(r"([+-]?)(\d{2}):(\d{2})", re.ASCII)
_UPPER: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND: Final = dt.timedelta(seconds=1)


def _checked(value: int) -> int | None:
    return value if INT_MIN <= value <= INT_MAX else None


def _whole(value: float) -> int | None:
    """Cut off what stands behind the point; the ends of 64 bits are no numbers of CEL's range."""
    if math.isnan(value) or not -(2.0**63) < value < 2.0**63:
        return None
    return int(value)


def _text_to_int(text: str) -> int | None:
    return _checked(int(text)) if _INTEGER_TEXT.fullmatch(text) else None


def _text_to_number(text: str) -> float | None:
    return float(text) if _NUMBER_TEXT.fullmatch(text) else None


def _same(value: Any) -> Any:
    return value


_CONVERSIONS: Final[dict[tuple[str, Type], Convert]] = {
    ("int", INTEGER): _same,
    ("int", NUMBER): _whole,
    ("int", TEXT): _text_to_int,
    ("int", TIMESTAMP): lambda value: (value - _EPOCH) // _SECOND,
    ("double", INTEGER): float,
    ("double", NUMBER): _same,
    ("double", TEXT): _text_to_number,
    ("string", TEXT): _same,
    ("string", INTEGER): str,
    ("string", BOOLEAN): lambda value: "true" if value else "false",
}
_RESULTS: Final = {"int": INTEGER, "double": NUMBER, "string": TEXT}
_OF_TEXT: Final[dict[str, Convert]] = {
    "lowerAscii": lambda text: text.translate(_LOWER),
    "upperAscii": lambda text: text.translate(_UPPER),
    "trim": lambda text: text.strip(_BLANKS),
}
_BLANKS: Final = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_PARTS: Final[dict[str, Convert]] = {
    "getFullYear": lambda at: at.year,
    "getMonth": lambda at: at.month - 1,
    "getDate": lambda at: at.day,
    "getDayOfMonth": lambda at: at.day - 1,
    "getDayOfWeek": lambda at: at.isoweekday() % 7,
    "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
    "getHours": lambda at: at.hour,
    "getMinutes": lambda at: at.minute,
    "getSeconds": lambda at: at.second,
    "getMilliseconds": lambda at: at.microsecond // 1000,
}

CONVERSIONS: Final = tuple(_RESULTS)
"""Functions that stand before what they convert: ``int(contact.x)``."""
OF_TEXT: Final = tuple(_OF_TEXT)
"""Functions that stand behind a text: ``contact.x.lowerAscii()``."""
OF_TIME: Final = tuple(_PARTS)
"""Functions that stand behind a timestamp: ``contact.x.getMonth("Europe/Paris")``."""

WORDS: Final = {
    "int": "{} as a whole number", "double": "{} as a number", "string": "{} as text",
    "lowerAscii": "{} in small letters", "upperAscii": "{} in capitals",
    "trim": "{} without blanks",
    "getFullYear": "the year of {}", "getMonth": "the month of {}, from 0",
    "getDate": "the day of the month of {}", "getDayOfMonth": "the day of the month of {}, from 0",
    "getDayOfWeek": "the day of the week of {}, Sunday 0",
    "getDayOfYear": "the day of the year of {}, from 0", "getHours": "the hour of {}",
    "getMinutes": "the minute of {}", "getSeconds": "the second of {}",
    "getMilliseconds": "the milliseconds of {}",
}  # fmt: skip
"""What each gives, in words."""


def result_type(name: str, given: Type) -> Type | None:
    """Return the type that a function gives for one; None where it takes no such value."""
    if (name, given) in _CONVERSIONS:
        return _RESULTS[name]
    if name in _OF_TEXT and given == TEXT:
        return TEXT
    return INTEGER if name in _PARTS and given == TIMESTAMP else None


def zone_of(name: str) -> dt.tzinfo | None:
    """Return the zone that CEL names: of the IANA database, or an offset; None for no zone."""
    if (found := _OFFSET.fullmatch(name)) is not None:
        hours, minutes = int(found[2]), int(found[3])
        length = dt.timedelta(hours=hours, minutes=minutes)
        fits = hours < 24 and minutes < 60  # noqa: PLR2004  # the clock
        return dt.timezone(-length if found[1] == "-" else length) if fits else None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def function_of(name: str, given: Type, zone: str = "") -> Convert:
    """Return a function of one value, which is unknown for what is unknown."""
    if name in _PARTS:
        return _part(_PARTS[name], zone_of(zone) if zone else None)
    convert = _OF_TEXT[name] if name in _OF_TEXT else _CONVERSIONS[name, given]
    return lambda value: None if value is None else convert(value)


def _part(part: Convert, zone: dt.tzinfo | None) -> Convert:
    def read(at: dt.datetime | None) -> int | None:
        try:
            return None if at is None else part(at if zone is None else at.astimezone(zone))
        except OverflowError:  # within hours of the years 1 and 9999
            return None

    return read
