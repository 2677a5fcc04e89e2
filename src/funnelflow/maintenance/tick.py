"""Time passes: the timed transitions that are due are taken, found by an index."""

import datetime as dt
from functools import partial
from typing import Any, TypeAlias

from attrs import asdict, evolve, frozen
from sqlalchemy import Select, func, select, tuple_

from funnelflow.storage.changes import Change, in_the_future
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.json_form import value_json
from funnelflow.storage.row_format import horizon, to_text
from funnelflow.storage.runs import OpenRun
from funnelflow.storage.tables import contact_positions
from funnelflow.storage.unit_of_work import UnitOfWork

_EXAMPLES = 3


@frozen
class Ahead:
    """The contacts whose clock lies in the future.

    Attributes:
        count: How many.
        examples: The first of them by id, each with its clock.
    """

    count: int
    examples: tuple[tuple[str, str], ...]


def contacts_ahead(context: Context, now: dt.datetime | None = None) -> Ahead:
    """Find the contacts whose last evidence lies more than a day after `now`.

    Args:
        context: The workspace.
        now: The time it is; None for that of the clock.
    """
    is_ahead = contact_positions.c.clock > to_text(horizon(now or context.clock()))
    some = (
        select(contact_positions.c.id, contact_positions.c.clock)
        .where(is_ahead)
        .order_by(contact_positions.c.id)
    )
    with reading(context.engine) as connection:
        count = connection.execute(select(func.count()).where(is_ahead)).scalar_one()
        rows = connection.execute(some.limit(_EXAMPLES)).all() if count else []
    return Ahead(count, tuple((row.id, row.clock) for row in rows))


Place: TypeAlias = tuple[str, int]

TICK = "tick"
CHUNK = 1_000
_START: Place = ("", 0)


@frozen
class Ticked:
    """What time has done.

    Attributes:
        now: The time that it was brought to.
        due: How many contacts had a transition that was due.
        moved: How many of them moved; the criteria of the others are not met, or unknown.
        unanswered: For how many a plugin's criterion failed; it is asked again by the next tick.
        dry_run: Nothing was stored.
    """

    now: dt.datetime
    due: int = 0
    moved: int = 0
    unanswered: int = 0
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what time has done as data."""
        return {**asdict(self), "now": value_json(self.now)}


def run_tick(
    context: Context,
    now: dt.datetime,
    *,
    actor: str = "",
    future: bool = False,
    dry_run: bool = False,
) -> Ticked:
    """Take the timed transitions that are due.

    Args:
        context: The workspace.
        now: The time to bring everybody to.
        actor: Who lets time pass.
        future: Whether it may lie more than a day in the future.
        dry_run: Store nothing; then it may lie anywhere, to see who would move by then.

    Raises:
        FieldError: It lies in the future.
    """
    present = context.clock()
    if now > horizon(present) and not (future or dry_run):
        hint = "--dry-run says who will have moved by then; --future stores it all the same"
        raise in_the_future(now, present, hint)
    done, run = Ticked(now, dry_run=dry_run), OpenRun("tick", actor=actor)
    last: Place | None = _START
    while last is not None:
        some = partial(_tick_some, run=run, done=done, after=last, actor=actor)
        done, last = context.transact(some, dry_run=dry_run)
        if not dry_run:
            run.committed()
    return done


def _tick_some(
    chunk: UnitOfWork, *, run: OpenRun, done: Ticked, after: Place, actor: str
) -> tuple[Ticked, Place | None]:
    """Bring the next contacts that are due to the time of a tick, and write them.

    Args:
        chunk: An empty chunk.
        run: The tick.
        done: What was done before.
        after: Where the contacts before ended: when they were due, and who.
        actor: Who lets time pass.

    Returns:
        What is done now, and where these contacts ended; None when there are no more.
    """
    rows = chunk.connection.execute(due_query(done.now, after)).all()
    if not rows:
        return done, None
    run.begin(chunk)
    chunk.load(row.id for row in rows)
    due = dict.fromkeys(row.id for row in rows)
    moved = sum(_bring_to(chunk, one, done.now, actor) for one in due)
    chunk.write()
    done = evolve(
        done,
        due=done.due + len(due),
        moved=done.moved + moved,
        unanswered=done.unanswered + chunk.unanswered,
    )
    run.save(chunk, {"due": done.due, "moved": done.moved}, is_finished=True)
    return done, (rows[-1].due_at, rows[-1].number)


def due_query(now: dt.datetime, after: Place) -> Select[Any]:
    """Ask who is due, in the order of the index."""
    found = contact_positions.c
    return (
        select(found.due_at, found.number, found.id)
        .where(found.due_at <= to_text(now), tuple_(found.due_at, found.number) > after)
        .order_by(found.due_at, found.number)
        .limit(CHUNK)
    )


def _bring_to(chunk: UnitOfWork, contact_id: str, now: dt.datetime, actor: str) -> bool:
    """Record that time has passed for a contact, if that takes a transition."""
    if chunk.contact(contact_id) is None:
        return False
    result = chunk.pass_time(Change(contact_id, TICK, now, actor=actor, future=True))
    if result is None:
        return False
    return "moved" in {result.outcome, *(other.outcome.outcome for other in result.others)}
