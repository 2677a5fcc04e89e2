"""Removing old messages from the outbox, a few at a time.

The newest message of all is never removed: on SQLite its number would be given out again, and a
worker that comes back late could take the new message for the one that it had sent.
"""

from typing import Final

from sqlalchemy import ColumnElement, Engine, and_, delete, func, select

from funnelflow.store.connecting import reading, writing
from funnelflow.store.tables import outbox

__all__ = ["CHUNK", "prune"]

CHUNK: Final = 5_000
"""How many numbers of messages one transaction goes over, so that nobody waits for long."""


def prune(engine: Engine, until: str, endpoint: str | None, *, dry_run: bool) -> int:
    """Remove messages that were delivered or discarded before a time; gives how many.

    Args:
        engine: The database.
        until: The time, as it is stored.
        endpoint: Only those for this endpoint.
        dry_run: Only count them.
    """
    with reading(engine) as connection:
        newest = connection.execute(select(func.max(outbox.c.id))).scalar() or 0
        old = and_(_settled(until, endpoint), outbox.c.id < newest)
        if dry_run:
            return int(connection.execute(select(func.count()).where(old)).scalar_one())
    removed, at = 0, 0
    while (first := _first(engine, and_(old, outbox.c.id >= at))) is not None:
        at = first + CHUNK
        some = and_(old, outbox.c.id >= first, outbox.c.id < at)
        with writing(engine) as connection:
            removed += connection.execute(delete(outbox).where(some)).rowcount
    return removed


def _settled(until: str, endpoint: str | None) -> ColumnElement[bool]:
    """Ask for what was settled for good before a time."""
    done = and_(outbox.c.state.in_(("delivered", "discarded")), outbox.c.settled_at <= until)
    return done if endpoint is None else and_(done, outbox.c.endpoint == endpoint)


def _first(engine: Engine, wanted: ColumnElement[bool]) -> int | None:
    """Give the lowest number of a message, read without the lock that writing takes."""
    with reading(engine) as connection:
        first: int | None = connection.execute(select(func.min(outbox.c.id)).where(wanted)).scalar()
    return first
