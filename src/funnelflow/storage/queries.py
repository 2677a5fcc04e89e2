"""Stored contacts in another definition's words: their evidence, read again."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice, takewhile
from operator import attrgetter
from typing import Any, TypeAlias

from attrs import evolve, frozen
from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, text

from funnelflow.compare import Translation, translate
from funnelflow.criteria import (
    BOOLEAN,
    CriterionError,
    Expression,
    Scope,
    Value,
    compile_expression,
)
from funnelflow.definition import digest
from funnelflow.engine import Event, Funnel
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.storage.contacts import StoredContact, stored_contact
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.json_form import considered_json, question_json
from funnelflow.storage.replay import EvidenceReader, fold_rows, rows_of
from funnelflow.storage.row_format import UNREADABLE, to_text
from funnelflow.storage.tables import contacts, funnels, history
from funnelflow.storage.tracked_contacts import CONTACT_FACTS, LoadedDefinition

Test: TypeAlias = Callable[[StoredContact], bool]

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
        "postgresql" if dialect == "postgresql" else "sqlite",
        now,
        columns={name: column for name, column in _COLUMNS.items() if name not in fields},
        fields="contacts.fields",
        prefix=f"f{loaded.id}",
    )
    condition = text(found.text).bindparams(**found.parameters)
    return Filter(
        and_(_home(loaded.name), condition),
        None if found.exact else _test(loaded, expression, now),
    )


def _home(funnel: str) -> ColumnElement[bool]:
    """Ask for the contacts of a funnel."""
    return contacts.c.funnel == funnel


def _test(loaded: LoadedDefinition, expression: Expression, now: dt.datetime) -> Test:
    """Return what asks the criterion itself about a contact."""
    holds = expression.holds

    def test(stored: StoredContact) -> bool:
        try:
            return holds({**_facts(stored), **stored.contact.fields}, {}, now)
        except UNREADABLE:
            loaded.require_readable(stored.contact)
            raise

    return test


def _facts(stored: StoredContact) -> dict[str, Value]:
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


_BATCH = 1_000


def list_contacts(
    connection: Connection,
    store: DefinitionStore,
    now: dt.datetime,
    *,
    where: str | None,
    stage: str | None,
    funnel: str | None,
    limit: int | None,
) -> Iterator[StoredContact]:
    """Yield contacts by id; see `Workspace.list`."""
    names = funnel_names(connection) if funnel is None else (funnel,)
    current = {name: _current(connection, store, name) for name in names}
    filters = filters_for(current, where, connection.dialect.name, now)
    wanted = select(contacts).where(or_(false(), *(f.condition for f in filters.values())))
    if stage is not None:
        wanted = wanted.where(contacts.c.stage.in_(_leaves(current, stage)))
    if all(found.test is None for found in filters.values()):
        wanted = wanted.limit(limit)
    ordered = wanted.order_by(contacts.c.id).execution_options(yield_per=_BATCH)
    with connection.execute(ordered) as rows:
        yield from islice(_matching(connection, store, rows, filters), limit)


def count_stages(connection: Connection, store: DefinitionStore, funnel: str) -> dict[str, int]:
    """Count the contacts of a funnel by stage, in the order of the definition, 0 included."""
    loaded = _current(connection, store, funnel)
    counted = (
        select(contacts.c.stage, func.count())
        .where(contacts.c.funnel == funnel)
        .group_by(contacts.c.stage)
    )
    found = {row[0]: row[1] for row in connection.execute(counted)}
    return {**dict.fromkeys(loaded.funnel.linked.leaves, 0), **found}


def funnel_names(connection: Connection) -> tuple[str, ...]:
    """Name the funnels that are in use."""
    return tuple(connection.execute(select(funnels.c.name).order_by(funnels.c.name)).scalars())


def _current(connection: Connection, store: DefinitionStore, name: str) -> LoadedDefinition:
    """Return the definition that a funnel is under."""
    loaded = store.current(connection, name)
    if loaded is None:
        raise UnknownNameError("funnel in use", name, funnel_names(connection))
    return loaded


def _matching(
    connection: Connection,
    store: DefinitionStore,
    rows: Iterable[Any],
    filters: Mapping[str, Filter],
) -> Iterator[StoredContact]:
    """Yield the contacts that pass what is left of the filter of their funnel."""
    tests = {name: found.test for name, found in filters.items()}
    for row in rows:
        stored = stored_contact(row, store.by_id(connection, row.definition))
        test = tests[stored.funnel]
        if test is None or test(stored):
            yield stored


def _leaves(current: dict[str, LoadedDefinition], stage: str) -> tuple[str, ...]:
    """Name the leaf stages that a stage stands for, in any of the funnels.

    Raises:
        UnknownNameError: None of the funnels has it.
    """
    leaves: list[str] = []
    problem: UnknownNameError | None = None
    for loaded in current.values():
        linked = loaded.funnel.linked
        try:
            leaves.extend(linked.leaves_of(linked.resolve_stage(stage)))
        except UnknownNameError as error:
            problem = error
    if problem is not None and not leaves:
        raise problem
    return tuple(dict.fromkeys(leaves))


def contact_at(
    connection: Connection,
    store: DefinitionStore,
    stored: StoredContact,
    loaded: LoadedDefinition,
    at: dt.datetime,
) -> StoredContact:
    """Return a contact as it stood at a time, in the words of the definition that it is under now.

    Args:
        connection: A reading transaction.
        store: The definitions.
        stored: The contact as it is.
        loaded: The definition that it is under.
        at: When; at or after its last evidence it stands as it is.

    Raises:
        UsageError: Nothing was known of it then.
    """
    clock = stored.contact.clock
    if clock is None or at >= clock:
        return stored
    latest = to_text(at)
    rows = list(takewhile(lambda row: row.at <= latest, rows_of(connection, stored.id)))
    if not rows:
        raise UsageError(
            f"nothing was known of {stored.id} then",
            hint=f"its first evidence is from {stored.created_at:%Y-%m-%d %H:%M} UTC",
        )
    contact = fold_rows(connection, store, EvidenceReader(loaded), rows)
    due_at = loaded.funnel.due_at(contact) if loaded.waits else None
    return evolve(stored, contact=contact, sequence=len(rows), due_at=due_at)


_TRANSLATION_BATCH = 1_000


@frozen
class Translated:
    """A stored contact and what another definition makes of it.

    Attributes:
        contact_id: Who it is.
        funnel: The funnel that is the contact's home.
        stage: Where the home has put it.
        definition: The name of the other definition.
        translation: What that says.
    """

    contact_id: str
    funnel: str
    stage: str
    definition: str
    translation: Translation

    def to_json(self) -> dict[str, Any]:
        """Return the translation as data."""
        translation = self.translation
        return {
            "contact": self.contact_id,
            "funnel": self.funnel,
            "stage": self.stage,
            "definition": self.definition,
            "translated": translation.stage,
            "flagged": translation.is_flagged,
            "questions": [question_json(field) for field in translation.questions()],
            "moves_left_out": translation.moves,
            "undecided": [considered_json(way) for way in translation.undecided],
        }


def translate_one(
    connection: Connection, store: DefinitionStore, funnel: Funnel, contact_id: str
) -> Translation:
    """Read one contact's evidence by another definition; the contact exists."""
    reader = _reader(funnel)
    rows = rows_of(connection, contact_id)
    return translate(funnel, contact_id, _events(connection, store, reader, rows))


def translate_all(
    connection: Connection, store: DefinitionStore, funnel: Funnel, home: str | None
) -> Iterator[Translated]:
    """Yield every contact of a funnel, by id, in another definition's words; memory stays flat.

    Args:
        connection: A reading transaction.
        store: The definitions that decided.
        funnel: The definition that reads.
        home: The funnel whose contacts are read; None for all.
    """
    reader = _reader(funnel)
    joined = history.join(contacts, history.c.contact_id == contacts.c.id)
    query = select(history, contacts.c.funnel, contacts.c.stage).select_from(joined)
    if home is not None:
        query = query.where(contacts.c.funnel == home)
    ordered = query.order_by(history.c.contact_id, history.c.sequence)
    rows = connection.execute(ordered.execution_options(yield_per=_TRANSLATION_BATCH))
    by_contact = attrgetter("contact_id", "funnel", "stage")
    for (contact_id, funnel_name, stage), story in groupby(rows, key=by_contact):
        translation = translate(funnel, contact_id, _events(connection, store, reader, story))
        yield Translated(contact_id, funnel_name, stage, funnel.definition.name, translation)


def _events(
    connection: Connection, store: DefinitionStore, reader: EvidenceReader, rows: Iterator[Any]
) -> Iterator[Event]:
    for row in rows:
        yield reader.read(store.by_id(connection, row.definition), row)


def _reader(funnel: Funnel) -> EvidenceReader:
    """Return what reads evidence for a definition that decides nothing here."""
    return EvidenceReader(LoadedDefinition(0, digest(funnel.definition), funnel))
