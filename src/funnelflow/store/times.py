"""Times as both databases keep them: text of one width, in UTC, that sorts as time does."""

import datetime as dt
from collections.abc import Callable
from typing import TypeAlias

__all__ = [
    "Clock",
    "from_text",
    "horizon",
    "optional_from_text",
    "optional_to_text",
    "to_text",
    "utc_now",
]

_TOLERATED = dt.timedelta(days=1)

Clock: TypeAlias = Callable[[], dt.datetime]
"""Gives the time it is, aware."""


def utc_now() -> dt.datetime:
    """Give the time it is, in UTC, to the microsecond."""
    return dt.datetime.now(dt.UTC)


def horizon(now: dt.datetime) -> dt.datetime:
    """Give the moment after which a time lies in the future: clocks and zones differ by hours."""
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    return latest if now > latest - _TOLERATED else now + _TOLERATED


def to_text(at: dt.datetime) -> str:
    """Write a time in UTC as ``2026-03-01T09:30:00.000000Z``."""
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def from_text(text: str) -> dt.datetime:
    """Read what `to_text` wrote."""
    return dt.datetime.fromisoformat(text)


def optional_to_text(at: dt.datetime | None) -> str | None:
    """Write a time that may be missing."""
    return None if at is None else to_text(at)


def optional_from_text(text: str | None) -> dt.datetime | None:
    """Read a time that may be missing."""
    return None if text is None else dt.datetime.fromisoformat(text)
