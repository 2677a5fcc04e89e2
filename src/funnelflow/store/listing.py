"""Many contacts: filtered in the database, one after the other, in bounded memory."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import Connection, false, func, or_, select

from funnelflow.errors import UnknownNameError
from funnelflow.store.filtering import Filter, filters_for
from funnelflow.store.reading import stored_contact
from funnelflow.store.records import StoredContact
from funnelflow.store.shelf import Running, Shelf
from funnelflow.store.tables import contacts, funnels

__all__ = ["count_stages", "funnel_names", "list_contacts"]

_BATCH = 1_000


def list_contacts(
    connection: Connection,
    shelf: Shelf,
    now: dt.datetime,
    *,
    where: str | None,
    stage: str | None,
    funnel: str | None,
    limit: int | None,
) -> Iterator[StoredContact]:
    """Yield contacts by id; see `Workspace.list`."""
    names = funnel_names(connection) if funnel is None else (funnel,)
    current = {name: _current(connection, shelf, name) for name in names}
    filters = filters_for(current, where, connection.dialect.name, now)
    wanted = select(contacts).where(or_(false(), *(f.condition for f in filters.values())))
    if stage is not None:
        wanted = wanted.where(contacts.c.stage.in_(_leaves(current, stage)))
    if all(found.test is None for found in filters.values()):
        wanted = wanted.limit(limit)
    ordered = wanted.order_by(contacts.c.id).execution_options(yield_per=_BATCH)
    with connection.execute(ordered) as rows:
        yield from islice(_matching(connection, shelf, rows, filters), limit)


def count_stages(connection: Connection, shelf: Shelf, funnel: str) -> dict[str, int]:
    """Count the contacts of a funnel by stage, in the order of the definition, 0 included."""
    running = _current(connection, shelf, funnel)
    counted = (
        select(contacts.c.stage, func.count())
        .where(contacts.c.funnel == funnel)
        .group_by(contacts.c.stage)
    )
    found = {row[0]: row[1] for row in connection.execute(counted)}
    return {**dict.fromkeys(running.funnel.linked.leaves, 0), **found}


def funnel_names(connection: Connection) -> tuple[str, ...]:
    """Name the funnels that are in use."""
    return tuple(connection.execute(select(funnels.c.name).order_by(funnels.c.name)).scalars())


def _current(connection: Connection, shelf: Shelf, name: str) -> Running:
    """Give the definition that a funnel is under."""
    running = shelf.current(connection, name)
    if running is None:
        raise UnknownNameError("funnel in use", name, funnel_names(connection))
    return running


def _matching(
    connection: Connection, shelf: Shelf, rows: Iterable[Any], filters: Mapping[str, Filter]
) -> Iterator[StoredContact]:
    """Yield the contacts that pass what is left of the filter of their funnel."""
    tests = {name: found.test for name, found in filters.items()}
    for row in rows:
        stored = stored_contact(row, shelf.by_id(connection, row.definition))
        test = tests[stored.funnel]
        if test is None or test(stored):
            yield stored


def _leaves(current: dict[str, Running], stage: str) -> tuple[str, ...]:
    """Name the leaf stages that a stage stands for, in any of the funnels.

    Raises:
        UnknownNameError: None of the funnels has it.
    """
    leaves: list[str] = []
    problem: UnknownNameError | None = None
    for running in current.values():
        linked = running.funnel.linked
        try:
            leaves.extend(linked.leaves_of(linked.resolve_stage(stage)))
        except UnknownNameError as error:
            problem = error
    if problem is not None and not leaves:
        raise problem
    return tuple(dict.fromkeys(leaves))
