"""Times of the usual forms, read in a fraction of the time, each with the text it is stored as."""

import datetime as dt
import re
from typing import TypeAlias

from funnelflow.store.times import to_text

__all__ = ["QuickTimes", "Timed"]

_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(Z|[+-]\d\d:\d\d)?)?", re.ASCII
).fullmatch
_HOUR = len("2026-03-01T09")
_ZULU, _OFFSET = len("Z"), len("+01:00")
_ENDINGS = {len(":30:00"): ".000000Z", len(":30:00.123"): "000Z", len(":30:00.123456"): "Z"}
_KEPT = 10_000


Timed: TypeAlias = tuple[dt.datetime, str]
"""A time in UTC, and the text that the database has for it."""


class QuickTimes:
    """Reads times; those of an hour that was met before by what stands behind the hour.

    Args:
        timezone: The zone of times without an offset; None refuses them.
    """

    def __init__(self, timezone: dt.tzinfo | None) -> None:
        self._timezone = timezone
        self._hours: dict[str, str] = {}

    def read(self, text: str) -> Timed | None:
        """Read a time; None for one of no usual form, and for one that there is not."""
        end = len(text) - (_ZULU if text[-1:] == "Z" else _OFFSET)
        hour = self._hours.get(text[:_HOUR] + text[end:])
        if hour is None:
            return self._read_whole(text, end)
        rest = text[_HOUR:end]
        ending = _ENDINGS.get(len(rest))
        if ending is None or "," in rest:
            return self._read_whole(text, end)
        stored = hour + rest + ending
        try:
            return dt.datetime.fromisoformat(stored), stored
        except ValueError:
            return None

    def _read_whole(self, text: str, end: int) -> Timed | None:
        """Read a time, and remember what its hour is in UTC if its minutes are the same."""
        found = _PLAIN(text)
        if found is None:
            return None
        try:
            at = dt.datetime.fromisoformat(text)
            if found[1] is None:
                if self._timezone is None:
                    return None
                at = at.replace(tzinfo=self._timezone)
            at = at.astimezone(dt.UTC)
        except (ValueError, OverflowError):
            return None
        stored = to_text(at)
        if found[1] is not None and stored[_HOUR:].startswith(text[_HOUR:end]):
            if len(self._hours) >= _KEPT:
                self._hours.clear()
            self._hours[text[:_HOUR] + text[end:]] = stored[:_HOUR]
        return at, stored
