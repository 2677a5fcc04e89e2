"""Durations: how people and CEL write them, and how they are read out.

Two readings share one grammar (a sign, then numbers with units, as in ``1h30m``): facts
and ``after:`` also know days and weeks; inside an expression only CEL's units are valid,
because an accepted expression must be valid CEL.

A duration lies within 292 years, what 64 bits of nanoseconds hold: the range on which
CEL's implementations agree (cel-spec, "Timestamps and durations").
"""

import datetime as dt
import re
from fractions import Fraction
from typing import Final

__all__ = [
    "LONGEST",
    "SECONDS",
    "DurationError",
    "duration_json",
    "duration_words",
    "in_range",
    "parse_cel_duration",
    "parse_duration",
    "rough_words",
]

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
_NAMED: Final = (("day", 86_400), ("hour", 3600), ("minute", 60))


class DurationError(ValueError):
    """A text that is no duration; `help` says what to write instead."""

    def __init__(self, message: str, help: str = "") -> None:  # noqa: A002  # as everywhere here
        super().__init__(message)
        self.help = help


def parse_duration(text: str) -> dt.timedelta:
    """Read a duration as people write it: ``30d``, ``2w``, ``36h``, ``1h30m``, ``90s``.

    Raises:
        DurationError: The text is no duration, or one longer than 292 years.
    """
    return _parse(text.strip(), _UNITS, 'write it like "30d", "36h" or "1h30m"')


def parse_cel_duration(text: str) -> dt.timedelta:
    """Read the text inside CEL's ``duration("…")``, whose units end at hours.

    Raises:
        DurationError: The text is no duration of CEL, or finer than a microsecond.
    """
    try:
        return _parse(text, _CEL_UNITS, 'write it like "720h", "90m" or "30s"')
    except DurationError as error:
        raise DurationError(str(error), _in_hours(text) or error.help) from None


def in_range(value: dt.timedelta) -> bool:
    """Tell whether a duration is one that CEL can hold."""
    return -LONGEST <= value <= LONGEST


def duration_json(value: dt.timedelta) -> str:
    """Write a duration in CEL's own form, in seconds: ``5400s``, ``-1.5s``."""
    micros = value // _MICROSECOND
    seconds, rest = divmod(abs(micros), 1_000_000)
    fraction = f".{rest:06d}".rstrip("0") if rest else ""
    return f"{'-' if micros < 0 else ''}{seconds}{fraction}s"


def duration_words(value: dt.timedelta) -> str:
    """Read a duration out exactly: ``30 days``, ``1 hour 30 minutes``, ``0 seconds``."""
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
    """Read the length of a duration out by its largest unit, rounded down: ``34 days``."""
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
        raise DurationError(f"{_quoted(text)} is no duration", form)
    micros = Fraction(0)
    for number, unit in parts:
        if unit not in units:
            raise DurationError(f"{_quoted(text)} has the unknown unit {unit!r}", form)
        micros += Fraction(number) * units[unit]
    return _exact(-micros if text[0] == "-" else micros, text)


def _exact(micros: Fraction, text: str) -> dt.timedelta:
    """Give so many microseconds as a duration, if there is one."""
    if micros.denominator != 1:
        raise DurationError(
            f"{_quoted(text)} is finer than a microsecond", "microseconds (us) are the finest unit"
        )
    if abs(micros) > LONGEST // _MICROSECOND:
        raise DurationError(f"{_quoted(text)} is longer than 292 years", "write a shorter duration")
    return dt.timedelta(microseconds=micros.numerator)


def _in_hours(text: str) -> str:
    """Say how a duration with days or weeks is written in CEL; empty when it is none."""
    try:
        seconds = parse_duration(text) // dt.timedelta(seconds=1)
    except DurationError:
        return ""
    hours, rest = divmod(seconds, 3600)
    return f'write duration("{hours}h")' if not rest else f'write duration("{seconds}s")'


def _counted(number: str, name: str) -> str:
    """Put a number before a name, in the plural where it needs one."""
    return f"{number} {name}" if number == "1" else f"{number} {name}s"


def _quoted(text: str) -> str:
    """Quote a text for a message, cut where it is long."""
    return repr(text if len(text) <= _TEXT_CAP else text[: _TEXT_CAP - 1] + "…")
