"""A criterion over stored contacts: as SQL, and as a test of what SQL cannot say."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import frozen
from sqlalchemy import ColumnElement, and_, text

from funnelflow.criteria import (
    BOOLEAN,
    TEXT,
    TIMESTAMP,
    CriterionError,
    Expression,
    Field,
    Scope,
    Value,
    compile_expression,
)
from funnelflow.store.faults import UNREADABLE
from funnelflow.store.records import StoredContact
from funnelflow.store.shelf import Running
from funnelflow.store.tables import contacts

__all__ = ["CONTACT_FACTS", "Filter", "filters_for"]

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

_COLUMNS = {
    "id": "contacts.id",
    "funnel": "contacts.funnel",
    "stage": "contacts.stage",
    "stage_since": "contacts.since",
    "updated_at": "contacts.clock",
    "created_at": "contacts.created_at",
}


@frozen
class Filter:
    """Which contacts of one funnel are asked for.

    Attributes:
        condition: What the database checks.
        test: What is left to check for each row that it gives; None if nothing is.
    """

    condition: ColumnElement[bool]
    test: Test | None = None


def filters_for(
    current: Mapping[str, Running], where: str | None, dialect: str, now: dt.datetime
) -> dict[str, Filter]:
    """Compile a filter for each funnel whose definition has the fields that it names.

    Args:
        current: The definition that each funnel is under.
        where: The criterion; None for everybody.
        dialect: The name of the database, as SQLAlchemy calls it.
        now: The time that it is.

    Raises:
        CriterionError: It compiles for none of them.
    """
    if where is None:
        return {name: Filter(_home(name)) for name in current}
    filters: dict[str, Filter] = {}
    problem: CriterionError | None = None
    for name, running in current.items():
        try:
            filters[name] = _filter(running, where, dialect, now)
        except CriterionError as error:
            problem = error
    if problem is not None and not filters:
        raise problem
    return filters


def _filter(running: Running, where: str, dialect: str, now: dt.datetime) -> Filter:
    """Compile the filter for one funnel."""
    fields = running.funnel.linked.fields
    expression = compile_expression(where, Scope({**CONTACT_FACTS, **fields}), BOOLEAN)
    found = expression.to_sql(
        "postgresql" if dialect == "postgresql" else "sqlite",
        now,
        columns={name: column for name, column in _COLUMNS.items() if name not in fields},
        fields="contacts.fields",
        prefix=f"f{running.id}",
    )
    condition = text(found.text).bindparams(**found.parameters)
    return Filter(
        and_(_home(running.name), condition),
        None if found.exact else _test(running, expression, now),
    )


def _home(funnel: str) -> ColumnElement[bool]:
    """Ask for the contacts of a funnel."""
    return contacts.c.funnel == funnel


def _test(running: Running, expression: Expression, now: dt.datetime) -> Test:
    """Give what asks the criterion itself about a contact."""
    holds = expression.holds

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
