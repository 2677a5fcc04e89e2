"""A clock that stands still until it is told to go on."""

import datetime as dt

from funnelflow.criteria import parse_duration

__all__ = ["FrozenClock"]

START = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


class FrozenClock:
    """Gives the same time every time it is called.

    Args:
        now: The time it gives; a Monday morning in March 2026 unless said otherwise.

    Attributes:
        now: The time it gives; set it to any aware datetime.
    """

    def __init__(self, now: dt.datetime = START) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        """Give the time."""
        return self.now

    def advance(self, by: dt.timedelta | str) -> dt.datetime:
        """Let time pass, and give the time it is then.

        Args:
            by: How much: ``"30d"``, ``"1h30m"``, or a timedelta.
        """
        self.now += parse_duration(by) if isinstance(by, str) else by
        return self.now
