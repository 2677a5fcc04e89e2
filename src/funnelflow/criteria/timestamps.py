"""Timestamps: RFC 3339 in, one fixed width of it out, and how they are read out."""

import datetime as dt
import re
from typing import Final

__all__ = ["TimestampError", "parse_timestamp", "timestamp_json", "timestamp_words"]

_FORM: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:([Tt ])(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?"
    r"([Zz]|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
_EXAMPLE = "2026-03-01T09:30:00Z"


class TimestampError(ValueError):
    """A text that is no timestamp; `help` says what to write instead."""

    def __init__(self, message: str, help: str = "") -> None:  # noqa: A002  # as everywhere here
        super().__init__(message)
        self.help = help


def parse_timestamp(
    text: str, timezone: dt.tzinfo | None = None, *, strict: bool = False
) -> dt.datetime:
    """Read a timestamp and give it in UTC.

    Args:
        text: RFC 3339; a time without an offset, or a date alone, needs `timezone`.
        timezone: The zone in which a time without an offset is read.
        strict: Take only what every implementation of CEL takes: ``T``, seconds, an offset.

    Raises:
        TimestampError: The text is no timestamp of the years 1 to 9999, or finer than a
            microsecond, or says no offset while `timezone` is None.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise TimestampError(f"{text[:64]!r} is no timestamp", f'write it like "{_EXAMPLE}"')
    if strict:
        _check_strict(text, found)
    local = _civil(text, found)
    zone = _zone(text, found[9]) or timezone
    if zone is None:
        raise TimestampError(
            f"{text!r} does not say in which time zone", f'write "{_completed(found)}" for UTC'
        )
    return to_utc(local.replace(tzinfo=zone))


def to_utc(value: dt.datetime) -> dt.datetime:
    """Bring an aware time to UTC.

    Raises:
        TimestampError: It falls out of the years 1 to 9999 there.
    """
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise TimestampError(
            f"{value.isoformat()} is not within the years 1 to 9999", "write another time"
        ) from None


def timestamp_json(value: dt.datetime) -> str:
    """Write a UTC time as RFC 3339 with six decimals, so that texts sort as times do."""
    return f"{value.year:04d}-{value:%m-%dT%H:%M:%S}.{value.microsecond:06d}Z"


def timestamp_words(value: dt.datetime) -> str:
    """Read a UTC time out: ``2026-03-01 09:30 UTC``, ``2026-03-01`` for a midnight."""
    date = f"{value.year:04d}-{value:%m-%d}"
    if not (value.hour or value.minute or value.second or value.microsecond):
        return date
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    seconds = f":{value:%S}{fraction}" if value.second or fraction else ""
    return f"{date} {value:%H:%M}{seconds} UTC"


def _civil(text: str, found: re.Match[str]) -> dt.datetime:
    """Build the time on the clock from the parts of the text."""
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    fraction = (found[8] or "").ljust(6, "0")
    if fraction[6:].strip("0"):
        raise TimestampError(
            f"{text!r} is finer than a microsecond", "six decimals are the finest part of a second"
        )
    try:
        return dt.datetime(  # noqa: DTZ001  # the zone is added by the caller
            year, month, day, int(found[5] or 0), int(found[6] or 0), int(found[7] or 0),
            int(fraction[:6]),
        )  # fmt: skip
    except ValueError as error:
        raise TimestampError(f"{text!r} is no timestamp: {error}", "look at the date") from None


def _zone(text: str, offset: str | None) -> dt.tzinfo | None:
    """Give the zone that an offset names; None when there is none."""
    if offset is None or offset in "Zz":
        return dt.UTC if offset else None
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    if hours > 23 or minutes > 59:  # noqa: PLR2004  # the clock
        raise TimestampError(f"{text!r} has an impossible offset", f'write it like "{_EXAMPLE}"')
    length = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-length if offset[0] == "-" else length)


def _check_strict(text: str, found: re.Match[str]) -> None:
    """Refuse the forms that only some implementations of CEL take."""
    if found[4] != "T" or found[7] is None or found[9] is None or found[9] == "z":
        raise TimestampError(
            f"{text!r} is not a full timestamp", f'write timestamp("{_completed(found)}")'
        )


def _completed(found: re.Match[str]) -> str:
    """Write the timestamp that was meant, as a full one in UTC where it says no offset."""
    clock = f"{found[5] or '00'}:{found[6] or '00'}:{found[7] or '00'}"
    fraction = f".{found[8]}" if found[8] else ""
    return f"{found[1]}-{found[2]}-{found[3]}T{clock}{fraction}{(found[9] or 'Z').upper()}"
