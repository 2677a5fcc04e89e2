"""Many contacts: filtered, one after the other, in bounded memory."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from sqlalchemy import Connection, func, select

from funnelflow.criteria import (
    BOOLEAN,
    TEXT,
    TIMESTAMP,
    CriterionError,
    Field,
    Scope,
    Value,
    compile_expression,
)
from funnelflow.errors import UnknownNameError

from .faults import UNREADABLE
from .reading import stored_contact
from .records import StoredContact
from .shelf import Running, Shelf
from .tables import contacts, funnels

__all__ = ["CONTACT_FACTS", "count_stages", "funnel_names", "list_contacts"]

Test: TypeAlias = Callable[[StoredContact], bool]

CONTACT_FACTS = {
    name: Field(name, kind, about=about)
    for name, kind, about in (
        ("id", TEXT, "Who it is."),
        ("funnel", TEXT, "The funnel that is its home."),
        ("stage", TEXT, "The stage it is in, as a dotted name."),
        ("stage_since", TIMESTAMP, "When it entered the stage."),
        ("updated_at", TIMESTAMP, "The time of its latest evidence."),
        ("created_at", TIMESTAMP, "When it became known."),
    )
}
"""What a filter may ask of a contact besides its fields; a field of the same name comes first."""

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
    tests = _tests(current, where, now)
    wanted = select(contacts).where(contacts.c.funnel.in_(tests)).order_by(contacts.c.id)
    if stage is not None:
        wanted = wanted.where(contacts.c.stage.in_(_leaves(current, stage)))
    with connection.execute(wanted.execution_options(yield_per=_BATCH)) as rows:
        yield from islice(_matching(connection, shelf, rows, tests), limit)


def count_stages(connection: Connection, shelf: Shelf, funnel: str) -> dict[str, int]:
    """Count the contacts of a funnel by stage, in the order of the definition, 0 included."""
    running = _current(connection, shelf, funnel)
    counted = (
        select(contacts.c.stage, func.count())
        .where(contacts.c.funnel == funnel)
        .group_by(contacts.c.stage)
    )
    found: dict[str, int] = {stage: count for stage, count in connection.execute(counted)}
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
    connection: Connection, shelf: Shelf, rows: Iterable[Any], tests: dict[str, Test]
) -> Iterator[StoredContact]:
    """Yield the contacts that pass the test of their funnel."""
    for row in rows:
        stored = stored_contact(row, shelf.by_id(connection, row.definition))
        if tests[stored.funnel](stored):
            yield stored


def _tests(current: dict[str, Running], where: str | None, now: dt.datetime) -> dict[str, Test]:
    """Compile the filter for each funnel that has the fields it names.

    Raises:
        CriterionError: It compiles for none of them.
    """
    if where is None:
        return dict.fromkeys(current, _everybody)
    tests: dict[str, Test] = {}
    problem: CriterionError | None = None
    for name, running in current.items():
        try:
            tests[name] = _test(running, where, now)
        except CriterionError as error:
            problem = error
    if problem is not None and not tests:
        raise problem
    return tests


def _test(running: Running, where: str, now: dt.datetime) -> Test:
    """Compile the filter for one funnel."""
    scope = Scope({**CONTACT_FACTS, **running.funnel.linked.fields})
    holds = compile_expression(where, scope, BOOLEAN).holds

    def test(stored: StoredContact) -> bool:
        try:
            return holds({**_facts(stored), **stored.contact.fields}, {}, now)
        except UNREADABLE:
            running.require_readable(stored.contact)
            raise

    return test


def _facts(stored: StoredContact) -> dict[str, Value]:
    """Give what a filter may ask of a contact besides its fields."""
    contact = stored.contact
    assert contact.since is not None
    assert contact.clock is not None
    return {
        "id": stored.id,
        "funnel": stored.funnel,
        "stage": contact.stage,
        "stage_since": contact.since,
        "updated_at": contact.clock,
        "created_at": stored.created_at,
    }


def _everybody(_: StoredContact) -> bool:
    """Pass every contact."""
    return True


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
