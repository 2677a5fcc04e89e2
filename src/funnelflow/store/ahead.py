"""Evidence from the future: kept like any other, and told of.

What happened, happened, so a time that lies ahead is no reason to refuse evidence. But a
contact's clock never goes back: what comes after it counts as if it happened at that time,
so somebody has to be told.
"""

import datetime as dt

from attrs import frozen
from sqlalchemy import func, select

from funnelflow.store.connecting import reading
from funnelflow.store.opened import OpenWorkspace
from funnelflow.store.tables import contacts
from funnelflow.store.times import horizon, to_text

__all__ = ["Ahead", "contacts_ahead"]

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


def contacts_ahead(workspace: OpenWorkspace, now: dt.datetime | None = None) -> Ahead:
    """Find the contacts whose last evidence lies more than a day after `now`.

    Args:
        workspace: Whose contacts.
        now: The time it is; None for the workspace's clock.
    """
    is_ahead = contacts.c.clock > to_text(horizon(now or workspace.clock()))
    some = select(contacts.c.id, contacts.c.clock).where(is_ahead).order_by(contacts.c.id)
    with reading(workspace.engine) as connection:
        count = connection.execute(select(func.count()).where(is_ahead)).scalar_one()
        rows = connection.execute(some.limit(_EXAMPLES)).all() if count else []
    return Ahead(count, tuple((row.id, row.clock) for row in rows))
