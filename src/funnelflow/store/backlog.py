"""What waits in the outbox, for each endpoint: how much, since when, and when it is tried next."""

import datetime as dt

from attrs import frozen
from sqlalchemy import ColumnElement, Engine, case, func, select

from funnelflow.store.connecting import reading
from funnelflow.store.tables import outbox
from funnelflow.store.times import from_text

__all__ = ["Backlog", "backlogs"]


@frozen
class Backlog:
    """What waits for one endpoint.

    Attributes:
        endpoint: Which one.
        waiting: How many messages.
        since: When the oldest of them was recorded.
        next_at: When the next of them is tried, if somebody delivers by then.
        attempts: How often the one was tried that was tried most.
        problem: Why that did not arrive the last time; empty where none was tried.
    """

    endpoint: str
    waiting: int
    since: dt.datetime
    next_at: dt.datetime
    attempts: int
    problem: str


def backlogs(engine: Engine) -> dict[str, Backlog]:
    """Give what waits, by endpoint; nothing for an endpoint for which nothing does.

    Only the first message of each contact is tried; those behind it wait for it, whenever
    their own time is.
    """
    waits = outbox.c.state == "waiting"
    totals = (
        select(outbox.c.endpoint, func.count(), func.min(outbox.c.created_at))
        .where(waits)
        .group_by(outbox.c.endpoint)
    )
    firsts = select(func.min(outbox.c.id)).where(waits)
    heads = firsts.group_by(outbox.c.endpoint, outbox.c.contact_id)
    nexts = (
        select(outbox.c.endpoint, func.min(_free_at()), func.max(outbox.c.attempts))
        .where(outbox.c.id.in_(heads))
        .group_by(outbox.c.endpoint)
    )
    with reading(engine) as connection:
        due = {name: (at, attempts) for name, at, attempts in connection.execute(nexts)}
        found = {}
        for name, waiting, since in connection.execute(totals).all():
            at, attempts = due[name]
            worst = select(outbox.c.problem).where(
                waits, outbox.c.endpoint == name, outbox.c.attempts == attempts
            )
            problem = connection.execute(worst.order_by(outbox.c.id).limit(1)).scalar() or ""
            found[name] = Backlog(name, waiting, from_text(since), from_text(at), attempts, problem)
    return found


def _free_at() -> ColumnElement[str]:
    """Ask when a message is due and no worker has it."""
    due, leased = outbox.c.due_at, outbox.c.leased_until
    return case((leased > due, leased), else_=due)
