"""Which contacts a criterion asks for: what the database checks of it, and what is left to test."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import frozen
from sqlalchemy import ColumnElement, and_, text

from funnelflow.criteria import (
    BOOLEAN,
    CriterionError,
    Expression,
    Scope,
    Value,
    compile_expression,
)
from funnelflow.criteria.sql_dialects import DialectName
from funnelflow.storage.contacts import StoredContact
from funnelflow.storage.row_format import UNREADABLE
from funnelflow.storage.tables import contact_positions
from funnelflow.storage.tracked_contacts import CONTACT_FACTS, LoadedDefinition

Test: TypeAlias = Callable[[StoredContact], bool]
COLUMNS = {
    "id": "contact_positions.id",
    "funnel": "contact_positions.funnel",
    "stage": "contact_positions.stage",
    "stage_since": "contact_positions.since",
    "updated_at": "contact_positions.clock",
    "created_at": "contact_positions.created_at",
}


@frozen
class Filter:
    """Which contacts of one funnel are asked for.

    Attributes:
        condition: What the database checks.
        test: What the criterion says of a contact; None if there is none.
        is_exact: Whether nothing is left to test of the rows that the database gives.
    """

    condition: ColumnElement[bool]
    test: Test | None = None
    is_exact: bool = True


def filters_for(
    current: Mapping[str, LoadedDefinition], where: str | None, dialect: str, now: dt.datetime
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
    for name, loaded in current.items():
        try:
            filters[name] = _filter(loaded, where, dialect, now)
        except CriterionError as error:
            problem = error
    if problem is not None and not filters:
        raise problem
    return filters


def _filter(loaded: LoadedDefinition, where: str, dialect: str, now: dt.datetime) -> Filter:
    """Compile the filter for one funnel."""
    fields = loaded.funnel.linked.fields
    expression = compile_expression(where, Scope({**CONTACT_FACTS, **fields}), BOOLEAN)
    found = expression.to_sql(
        dialect_of(dialect),
        now,
        columns={name: column for name, column in COLUMNS.items() if name not in fields},
        fields="contact_positions.fields",
        prefix=f"f{loaded.id}",
    )
    condition = text(found.text).bindparams(**found.parameters)
    return Filter(
        and_(_home(loaded.name), condition),
        test_of(loaded, expression, now),
        is_exact=found.exact,
    )


def dialect_of(name: str) -> DialectName:
    """Return which of the two kinds of databases it is."""
    return "postgresql" if name == "postgresql" else "sqlite"


def _home(funnel: str) -> ColumnElement[bool]:
    """Ask for the contacts of a funnel."""
    return contact_positions.c.funnel == funnel


def test_of(loaded: LoadedDefinition, expression: Expression, now: dt.datetime) -> Test:
    """Return what asks the criterion itself about a contact."""
    holds = expression.holds

    def test(stored: StoredContact) -> bool:
        try:
            return holds({**facts_of(stored), **stored.contact.fields}, {}, now)
        except UNREADABLE:
            loaded.require_readable(stored.contact)
            raise

    return test


def facts_of(stored: StoredContact) -> dict[str, Value]:
    """Return what a filter may ask of a contact besides its fields."""
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
