"""Saying what waits to be sent, and until when, as people say it."""

import datetime as dt
from typing import Any, Final

from funnelflow.cli.facts import moment, value_data
from funnelflow.cli.output import counted
from funnelflow.criteria import duration_words
from funnelflow.store.backlog import Backlog

__all__ = ["backlog_data", "backlog_words", "next_words", "overdue_words"]

_SHORT: Final = dt.timedelta(minutes=2)
_SECOND: Final = dt.timedelta(seconds=1)
_MINUTE: Final = dt.timedelta(minutes=1)


def next_words(at: dt.datetime, now: dt.datetime) -> str:
    """Say when something comes: ``in 12 seconds``, ``in 2 hours 5 minutes``, ``now``."""
    left = at - now
    if left <= dt.timedelta(0):
        return "now"
    unit = _SECOND if left < _SHORT else _MINUTE
    return f"in {duration_words(-(-left // unit) * unit)}"


def backlog_words(backlog: Backlog, now: dt.datetime) -> str:
    """Say how many messages wait, and when the next of them is tried."""
    wait = _waiting(backlog)
    if backlog.next_at <= now:
        return wait
    return f"{wait}, next attempt {next_words(backlog.next_at, now)}"


def backlog_data(backlog: Backlog | None) -> dict[str, Any]:
    """Give the same for a program; nothing waits where there is no backlog."""
    if backlog is None:
        return {"waiting": 0, "waiting_since": None, "next_at": None}
    return {
        "waiting": backlog.waiting,
        "waiting_since": value_data(backlog.since),
        "next_at": value_data(backlog.next_at),
    }


def overdue_words(backlog: Backlog) -> str:
    """Say what is wrong where messages have waited through several attempts."""
    return (
        f"{_waiting(backlog)}, the oldest since {moment(backlog.since)} UTC, after "
        f"{counted(backlog.attempts, 'attempt')}: {backlog.problem}"
    )


def _waiting(backlog: Backlog) -> str:
    return f"{counted(backlog.waiting, 'message')} {'waits' if backlog.waiting == 1 else 'wait'}"
