"""Time passes: the timed transitions that are due are taken, found by an index."""

import datetime as dt
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import Select, select, tuple_

from funnelflow.engine import Event

from .bulk import Chunk, Request
from .tables import contacts
from .times import to_text

__all__ = ["Ticked", "due_query", "tick_some"]

TICK = "tick"
CHUNK = 1_000


@frozen
class Ticked:
    """What time has done.

    Attributes:
        now: The time that it was brought to.
        due: How many contacts had a transition that was due.
        moved: How many of them moved; the criteria of the others are not met.
        dry_run: Nothing was stored.
    """

    now: dt.datetime
    due: int = 0
    moved: int = 0
    dry_run: bool = False


def tick_some(
    chunk: Chunk, done: Ticked, after: tuple[str, str], actor: str
) -> tuple[Ticked, tuple[str, str] | None]:
    """Bring the next contacts that are due to the time of a tick, and write them.

    Args:
        chunk: An empty chunk of a writing transaction.
        done: What was done before.
        after: Where the contacts before ended: when they were due, and who.
        actor: Who lets time pass.

    Returns:
        What is done now, and where these contacts ended; None when there are no more.
    """
    rows = chunk.connection.execute(due_query(done.now, after)).all()
    if not rows:
        return done, None
    chunk.load(row.id for row in rows)
    moved = sum(_bring_to(chunk, row.id, done.now, actor) for row in rows)
    chunk.write()
    last = (rows[-1].due_at, rows[-1].id)
    return evolve(done, due=done.due + len(rows), moved=done.moved + moved), last


def due_query(now: dt.datetime, after: tuple[str, str]) -> Select[Any]:
    """Ask who is due, in the order of the index."""
    place = tuple_(contacts.c.due_at, contacts.c.id)
    return (
        select(contacts.c.due_at, contacts.c.id)
        .where(contacts.c.due_at <= to_text(now), place > after)
        .order_by(contacts.c.due_at, contacts.c.id)
        .limit(CHUNK)
    )


def _bring_to(chunk: Chunk, contact_id: str, now: dt.datetime, actor: str) -> bool:
    """Record that time has passed for a contact, if that takes a transition."""
    held = chunk.held(contact_id)
    if held is None:
        return False
    trial = held.contact.copy()
    if not held.running.funnel.step(trial, Event(TICK, now)).path:
        return False
    return chunk.take(Request(contact_id, TICK, now, actor=actor)).outcome == "moved"
