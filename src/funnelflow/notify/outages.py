"""Telling once that the database cannot be used, however many lanes find that out."""

import threading
from collections.abc import Callable
from typing import TypeAlias

from funnelflow.errors import StoreError

__all__ = ["Outages", "TellOutage"]

TellOutage: TypeAlias = Callable[[StoreError | None], None]
"""Told why the database cannot be used; None when it can be used again."""


class Outages:
    """What the lanes of one worker know of the database.

    Args:
        tell: Told when the first of them cannot use it, and when the last of those can again.
    """

    def __init__(self, tell: TellOutage = lambda _: None) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._failing: set[str] = set()

    def begin(self, lane: str, error: StoreError) -> None:
        """Say that a lane cannot use it."""
        with self._lock:
            is_first = not self._failing
            self._failing.add(lane)
            if is_first:
                self._tell(error)

    def end(self, lane: str) -> None:
        """Say that a lane can use it again, or does not need it any more."""
        with self._lock:
            if lane in self._failing:
                self._failing.remove(lane)
                if not self._failing:
                    self._tell(None)
