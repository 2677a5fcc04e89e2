"""When a message that did not arrive is tried again.

The delays are those that Svix publishes for its webhooks: at once, then after 5 seconds,
5 minutes, 30 minutes, 2, 5, 10 and 10 hours, about 28 hours in all.

A database that cannot be used is another matter, and mostly a short one: it is asked again after
seconds, and after a minute at most.
"""

import datetime as dt
import random
from typing import Final

__all__ = ["ATTEMPTS", "JITTER", "LONGEST", "LONGEST_PAUSE", "next_attempt", "pause_after"]

_DELAYS: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
"""Seconds before each attempt."""

ATTEMPTS: Final = len(_DELAYS)
JITTER: Final = 0.2
"""By which part a delay may be longer, so that what failed together is not tried together."""
LONGEST: Final = dt.timedelta(days=1)
"""The longest that a receiver can ask to wait."""

LONGEST_PAUSE: Final = 60.0
"""Seconds after which a database that cannot be used is asked again, at most."""


def next_attempt(
    attempts: int,
    now: dt.datetime,
    *,
    retry_after: float | None = None,
    chance: float | None = None,
) -> dt.datetime | None:
    """Give the time of the next attempt.

    Args:
        attempts: How many there were.
        now: When the last one ended.
        retry_after: Seconds that the receiver asks to wait; None if it said nothing. It can
            make a delay longer, never shorter.
        chance: From 0 to 1, how much of the jitter is added; None for any.

    Returns:
        When; None after the last attempt.
    """
    if attempts >= ATTEMPTS:
        return None
    part = random.random() if chance is None else chance  # noqa: S311  # spreads load
    delay = _DELAYS[attempts] * (1 + JITTER * part)
    asked = min(max(retry_after or 0.0, 0.0), LONGEST.total_seconds())
    return now + dt.timedelta(seconds=max(delay, asked))


def pause_after(failures: int, *, chance: float | None = None) -> float:
    """Give the seconds to wait before a database is asked again that cannot be used.

    Args:
        failures: How often in a row it could not.
        chance: From 0 to 1, how much of the jitter is added; None for any.
    """
    part = random.random() if chance is None else chance  # noqa: S311  # spreads load
    doubled: float = 2 ** min(failures - 1, 10)
    return min(doubled * (1 + JITTER * part), LONGEST_PAUSE)
