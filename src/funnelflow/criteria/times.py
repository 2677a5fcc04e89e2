"""Durations and timestamps as text: reading what people and CEL write, and writing them."""

import datetime as dt
import re
from contextvars import ContextVar
from fractions import Fraction
from typing import Final

from funnelflow.errors import FieldError

_MICROSECOND = dt.timedelta(microseconds=1)
LONGEST: Final = dt.timedelta(microseconds=(2**63 - 1) // 1000)
"""The longest duration that is valid everywhere, either way."""
SECONDS: Final = dt.timedelta(seconds=(2**63 - 1) // 10**9)
"""The most whole seconds that 64 bits of nanoseconds hold."""
_CEL_UNITS: Final = {
    "h": Fraction(3_600_000_000),
    "m": Fraction(60_000_000),
    "s": Fraction(1_000_000),
    "ms": Fraction(1_000),
    "us": Fraction(1),
    "ns": Fraction(1, 1000),
}
_UNITS: Final = {"w": 7 * 24 * _CEL_UNITS["h"], "d": 24 * _CEL_UNITS["h"], **_CEL_UNITS}
_PART: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)([a-zA-Zµ]+)")
_TEXT_CAP = 64
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:([Tt ])(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?"
    r" ?([Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_STRICT_END: Final = re.compile(r"\d(?:Z|[+-]\d{2}:\d{2})$")
_EXAMPLE: Final = "2026-03-01T09:30:00Z"
_NAMED: Final = (("day", 86_400), ("hour", 3600), ("minute", 60))


class TimeTextError(FieldError, ValueError):
    """A text that is no duration, or no timestamp.

    Attributes:
        is_too_fine: Whether only its fractions of a microsecond are wrong with it.
    """

    def __init__(self, message: str, hint: str, *, is_too_fine: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_too_fine = is_too_fine


def parse_duration(text: str) -> dt.timedelta:
    """Read a duration as people write it: ``30d``, ``2w``, ``36h``, ``1h30m``, ``90s``.

    Raises:
        TimeTextError: The text is no duration, or one longer than 292 years.
    """
    return _parse(text.strip(), _UNITS, 'write it like "30d", "36h" or "1h30m"')


def parse_cel_duration(text: str) -> dt.timedelta:
    """Read the text inside CEL's ``duration("…")``, whose units end at hours.

    Raises:
        TimeTextError: The text is no duration of CEL, or finer than a microsecond.
    """
    try:
        return _parse(text, _CEL_UNITS, 'write it like "720h", "90m" or "30s"')
    except TimeTextError as error:
        error.hint = _in_hours(text) or error.hint
        raise


def in_range(value: dt.timedelta) -> bool:
    """Whether a duration is one that CEL can hold."""
    return -LONGEST <= value <= LONGEST


def duration_json(value: dt.timedelta) -> str:
    """Write a duration in CEL's own form, in seconds: ``5400s``, ``-1.5s``."""
    micros = value // _MICROSECOND
    seconds, rest = divmod(abs(micros), 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if micros < 0 else ''}{seconds}{fraction}s"


def duration_words(value: dt.timedelta) -> str:
    """Return a duration in words, exactly: ``30 days``, ``1 hour 30 minutes``, ``0 seconds``."""
    micros = value // _MICROSECOND
    seconds, rest = divmod(abs(micros), 1_000_000)
    words = []
    for name, length in _NAMED:
        count, seconds = divmod(seconds, length)
        if count:
            words.append(_counted(f"{count:,}", name))
    if seconds or rest or not words:
        fraction = f".{rest:06d}".rstrip("0") if rest else ""
        words.append(_counted(f"{seconds}{fraction}", "second"))
    return ("minus " if micros < 0 else "") + " ".join(words)


def rough_words(value: dt.timedelta) -> str:
    """Return a duration in words by its largest unit, rounded down: ``34 days``."""
    seconds = abs(value) // dt.timedelta(seconds=1)
    for name, length in _NAMED:
        if seconds >= length:
            return _counted(f"{seconds // length:,}", name)
    return _counted(str(seconds), "second")


def _parse(text: str, units: dict[str, Fraction], form: str) -> dt.timedelta:
    """Add up the parts of a duration, exactly."""
    body = text[1:] if text[:1] in ("+", "-") else text
    parts = _PART.findall(body) if len(body) <= _TEXT_CAP else []
    if not parts or "".join(map("".join, parts)) != body:
        raise TimeTextError(f"{_quoted(text)} is no duration", form)
    micros = Fraction(0)
    for number, unit in parts:
        if unit not in units:
            raise TimeTextError(f"{_quoted(text)} has the unknown unit {unit!r}", form)
        micros += Fraction(number) * units[unit]
    return _exact(-micros if text[0] == "-" else micros, text)


def _exact(micros: Fraction, text: str) -> dt.timedelta:
    """Return so many microseconds as a duration, if there is one."""
    if micros.denominator != 1:
        raise TimeTextError(
            f"{_quoted(text)} is finer than a microsecond",
            "microseconds (us) are the finest unit",
            is_too_fine=True,
        )
    if abs(micros) > LONGEST // _MICROSECOND:
        raise TimeTextError(f"{_quoted(text)} is longer than 292 years", "write a shorter duration")
    return dt.timedelta(microseconds=micros.numerator)


def _in_hours(text: str) -> str:
    """Return how to write a duration with days or weeks in CEL; empty when it is none."""
    try:
        seconds = parse_duration(text) // dt.timedelta(seconds=1)
    except TimeTextError:
        return ""
    hours, rest = divmod(seconds, 3600)
    return f'write duration("{hours}h")' if not rest else f'write duration("{seconds}s")'


def _counted(number: str, name: str) -> str:
    """Put a number before a name, in the plural where it needs one."""
    return f"{number} {name}" if number == "1" else f"{number} {name}s"


def _quoted(text: str) -> str:
    """Quote a text for a message, cut where it is long."""
    return repr(text if len(text) <= _TEXT_CAP else text[: _TEXT_CAP - 1] + "…")


def parse_timestamp(
    text: str, timezone: dt.tzinfo | None = None, *, strict: bool = False
) -> dt.datetime:
    """Read a timestamp and give it in UTC.

    What programs write otherwise and can mean one thing only is read as well: an offset as
    ``UTC``, ``+0000`` or ``+00``, midnight as ``24:00:00``, and up to nine decimals, of which
    what is finer than a microsecond is left out.

    Args:
        text: RFC 3339; a time without an offset, or a date alone, needs `timezone`.
        timezone: The zone in which a time without an offset is read.
        strict: Take only what every implementation of CEL takes: ``T``, seconds, an offset.

    Raises:
        TimeTextError: The text is no timestamp of the years 1 to 9999, or says no offset while
            `timezone` is None; as `strict`, it is finer than a microsecond.
    """
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise TimeTextError(f"{text[:64]!r} is no timestamp", f'write it like "{_EXAMPLE}"')
    if strict:
        _check_strict(text, found)
    local = _civil(text, found, strict=strict)
    zone = _zone(text, found[9]) or timezone
    if zone is None:
        raise TimeTextError(
            f"{text!r} does not say in which time zone", f'write "{_completed(found)}" for UTC'
        )
    return to_utc(local.replace(tzinfo=zone))


def to_utc(value: dt.datetime) -> dt.datetime:
    """Return an aware time in UTC.

    Raises:
        TimeTextError: It falls out of the years 1 to 9999 there.
    """
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise TimeTextError(
            f"{value.isoformat()} is not within the years 1 to 9999", "write another time"
        ) from None


def timestamp_json(value: dt.datetime) -> str:
    """Write a UTC time as RFC 3339 with six decimals, so that texts sort as times do."""
    return value.isoformat(timespec="microseconds")[:26] + "Z"


SHOWN_IN: Final[ContextVar[dt.tzinfo]] = ContextVar("SHOWN_IN", default=dt.UTC)
"""The zone in which people are shown times; data has them in UTC."""


def shown(at: dt.datetime) -> dt.datetime:
    """Return an aware time as it is shown to people, in the zone of `SHOWN_IN`."""
    try:
        return at.astimezone(SHOWN_IN.get())
    except OverflowError:  # within hours of the years 1 and 9999
        return at


def timestamp_words(at: dt.datetime) -> str:
    """Return a time in words: ``2026-03-01 09:30 UTC``, ``2026-03-01`` for a midnight."""
    value = shown(at)
    date = f"{value.year:04d}-{value:%m-%d}"
    if not (value.hour or value.minute or value.second or value.microsecond):
        return date
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    seconds = f":{value:%S}{fraction}" if value.second or fraction else ""
    return f"{date} {value:%H:%M}{seconds} {value.tzname()}"


def _civil(text: str, found: re.Match[str], *, strict: bool) -> dt.datetime:
    """Build the time on the clock from the parts of the text."""
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    fraction = (found[8] or "").ljust(6, "0")
    if strict and fraction[6:].strip("0"):
        raise TimeTextError(
            f"{text!r} is finer than a microsecond",
            "six decimals are the finest part of a second",
            is_too_fine=True,
        )
    hour, minute, second = (int(found[part] or 0) for part in (5, 6, 7))
    next_day = dt.timedelta(0)
    if hour == 24 and not (strict or minute or second or fraction.strip("0")):  # noqa: PLR2004
        hour, next_day = 0, dt.timedelta(days=1)  # ISO 8601: the end of a day
    try:
        micros = int(fraction[:6])
        clock = dt.datetime(year, month, day, hour, minute, second, micros)  # noqa: DTZ001
        return clock + next_day  # the zone is added by the caller
    except (ValueError, OverflowError) as error:
        raise TimeTextError(f"{text!r} is no timestamp: {error}", "look at the date") from None


def _zone(text: str, offset: str | None) -> dt.tzinfo | None:
    """Return the zone that an offset names; None when there is none."""
    if offset is None or offset.isalpha():
        return dt.UTC if offset else None
    hours, minutes = int(offset[1:3]), int(offset[3:].removeprefix(":") or 0)
    if hours > 23 or minutes > 59:  # noqa: PLR2004  # the clock
        raise TimeTextError(f"{text!r} has an impossible offset", f'write it like "{_EXAMPLE}"')
    length = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-length if offset[0] == "-" else length)


def _check_strict(text: str, found: re.Match[str]) -> None:
    """Refuse the forms that only some implementations of CEL take."""
    if found[4] != "T" or found[7] is None or not _STRICT_END.search(text):
        raise TimeTextError(
            f"{text!r} is not a full timestamp", f'write timestamp("{_completed(found)}")'
        )


def _completed(found: re.Match[str]) -> str:
    """Write the timestamp that was meant, as a full one in UTC where it says no offset."""
    clock = f"{found[5] or '00'}:{found[6] or '00'}:{found[7] or '00'}"
    fraction = f".{found[8]}" if found[8] else ""
    return f"{found[1]}-{found[2]}-{found[3]}T{clock}{fraction}{_full_offset(found[9] or 'Z')}"


def _full_offset(offset: str) -> str:
    """Write an offset as RFC 3339 does: ``Z``, ``+01:00``."""
    return "Z" if offset.isalpha() else f"{offset[:3]}:{offset[3:].removeprefix(':') or '00'}"
