"""Contacts as they stand at a moment: those that are asked for, sorted, and how many they are."""

import datetime as dt
import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby, islice
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)

from funnelflow.criteria import (
    BOOLEAN,
    DURATION,
    CriterionError,
    Field,
    Scope,
    compile_expression,
)
from funnelflow.criteria.sql_dialects import DIALECTS, DialectName
from funnelflow.engine.story import LEAVE
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.storage.contact_filters import (
    COLUMNS,
    Filter,
    Test,
    dialect_of,
    facts_of,
    filters_for,
    test_of,
)
from funnelflow.storage.contacts import (
    EVERYBODY,
    StoredContact,
    all_rows_below,
    known_until,
    stored_contact,
)
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.queries import (
    AsOf,
    Present,
    contact_as_of,
    current_definition,
    funnel_names,
    in_another,
    with_histories,
)
from funnelflow.storage.replay import EvidenceReader, above, read_merges, read_told
from funnelflow.storage.tables import contact_positions, evidence
from funnelflow.storage.told import memberships
from funnelflow.storage.tracked_contacts import CONTACT_FACTS, LoadedDefinition

_BATCH = 1_000


@frozen
class Wanted:
    """Which contacts are asked for, and in which order.

    Attributes:
        where: A criterion that they meet; None for everybody.
        stage: The stage that they are in; None for any.
        funnel: The funnel that is their home; None for all.
        sort: By what they are sorted before their id: names of fields or of `CONTACT_FACTS`, each
            with a ``-`` before it where the greatest comes first. Who lacks it comes last.
        after: The id and the place of the contact behind whom the list begins; None for its start.
    """

    where: str | None = None
    stage: str | None = None
    funnel: str | None = None
    sort: tuple[str, ...] = ()
    after: tuple[str, int] | None = None


@frozen
class _Order:
    """One thing by which contacts are sorted.

    Attributes:
        name: A field, or one of `CONTACT_FACTS`.
        is_descending: Whether the greatest comes first.
        column: How the database sorts by it.
    """

    name: str
    is_descending: bool
    column: ColumnElement[Any]

    def sql(self) -> ColumnElement[Any]:
        """Return what the database sorts by, those who lack it last."""
        return (self.column.desc() if self.is_descending else self.column.asc()).nulls_last()

    def key(self, stored: StoredContact) -> tuple[bool, Any]:
        """Return what sorts a contact as the database does."""
        value = {**facts_of(stored), **stored.contact.fields}.get(self.name)
        if value is None:
            return (True, None)
        return (False, _Greatest(value) if self.is_descending else value)


@frozen(order=False)
class _Greatest:
    """A value that sorts the other way round."""

    value: Any

    def __lt__(self, other: "_Greatest") -> bool:
        return bool(other.value < self.value)


def _orders(
    current: Mapping[str, LoadedDefinition], sort: Iterable[str], dialect: DialectName
) -> tuple[_Order, ...]:
    """Return by what contacts are sorted.

    Raises:
        UnknownNameError: No funnel has such a field.
        UsageError: It has no order that both databases know.
    """
    fields: dict[str, Field] = {}
    for loaded in current.values():
        fields = {**loaded.funnel.linked.fields, **fields}
    return tuple(_order(part, fields, dialect) for part in sort)


def _order(said: str, fields: Mapping[str, Field], dialect: DialectName) -> _Order:
    """Read one thing by which contacts are sorted: a name, perhaps with a ``-`` before it."""
    name, is_descending = said.removeprefix("-"), said.startswith("-")
    known = {**CONTACT_FACTS, **fields}
    if name not in known:
        raise UnknownNameError("field", name, known)
    kind = known[name].type
    if kind.is_list or kind == DURATION:
        raise UsageError(
            f"contacts cannot be sorted by {name}, which is a {kind.name}",
            hint="sort by a text, a number, a time or a yes or no",
        )
    written = DIALECTS[dialect]("contact_positions.fields")
    is_fact = name in fields
    column = written.value(name, kind) if is_fact else written.column(COLUMNS[name], kind)
    return _Order(name, is_descending, literal_column(column))


@frozen
class _Query:
    """A question for contacts, as the database is asked it.

    Attributes:
        connection: A reading transaction.
        store: The definitions.
        present: The moment of the look.
        filters: Which contacts of each funnel are asked for.
        leaves: The leaf stages that they are in; None for any.
        orders: By what they are sorted.
        after: Behind whom the list begins; None for its start.
        is_any_due: Whether time has opened something for one of them since it was stored.
    """

    connection: Connection
    store: DefinitionStore
    present: Present
    filters: Mapping[str, Filter]
    leaves: tuple[str, ...] | None
    orders: tuple[_Order, ...]
    is_any_due: bool
    after: tuple[str, int] | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the database alone knows who of those that are not due is asked for."""
        return all(found.is_exact for found in self.filters.values())

    def stands(self) -> ColumnElement[bool]:
        """Ask for those who stand, as they are stored, as is asked for."""
        found = or_(false(), *(f.condition for f in self.filters.values()))
        if self.leaves is not None:
            found = and_(found, contact_positions.c.stage.in_(self.leaves))
        found = and_(found, self._behind())
        return and_(found, self.present.not_due()) if self.is_any_due else found

    def due(self) -> Select[Any]:
        """Ask for those who are due."""
        of_them = contact_positions.c.funnel.in_(self.filters)
        return select(contact_positions).where(of_them, self.present.due(), self._behind())

    def _behind(self) -> ColumnElement[bool]:
        if self.after is None:
            return true()
        place = tuple_(contact_positions.c.id, contact_positions.c.place)
        return place > tuple_(*map(literal, self.after))

    def matching(self, wanted: Select[Any]) -> Iterator[StoredContact]:
        """Yield the contacts of a query that pass what is left of the filter of their funnel."""
        more, store, present = all_rows_below(self.connection), self.store, self.present
        connection, filters, leaves = self.connection, self.filters, self.leaves
        with connection.execute(wanted.execution_options(yield_per=_BATCH)) as rows:
            for row in rows:
                loaded = store.by_id(connection, row[_DEFINITION])
                stored = stored_contact(row, loaded, more[row[_NUMBER]] if more else 0)
                found = filters[stored.funnel]
                if stored.due_at is not None and present.is_due(stored):
                    stored = present.fold_on(stored, loaded)
                    if leaves is not None and stored.contact.stage not in leaves:
                        continue
                elif found.is_exact:
                    yield stored
                    continue
                if found.test is None or found.test(stored):
                    yield stored

    def key(self, stored: StoredContact) -> tuple[Any, ...]:
        """Return what sorts a contact among the others."""
        return (*(order.key(stored) for order in self.orders), stored.id, stored.place)


_NUMBER, _DEFINITION = (
    list(contact_positions.c.keys()).index(name) for name in ("number", "definition")
)


def _query(
    connection: Connection, store: DefinitionStore, present: Present, wanted: Wanted
) -> _Query:
    """Compile a question for contacts.

    Raises:
        Error: As `list_contacts`.
    """
    names = funnel_names(connection) if wanted.funnel is None else (wanted.funnel,)
    current = {name: current_definition(connection, store, name) for name in names}
    dialect = connection.dialect.name
    filters = filters_for(current, wanted.where, dialect, present.now)
    leaves = None if wanted.stage is None else _leaves(current, wanted.stage)
    orders = _orders(current, wanted.sort, dialect_of(dialect))
    query = _Query(
        connection, store, present, filters, leaves, orders, is_any_due=True, after=wanted.after
    )
    is_any_due = connection.execute(select(query.due().exists())).scalar()
    return evolve(query, is_any_due=bool(is_any_due))


def list_contacts(
    connection: Connection,
    store: DefinitionStore,
    present: Present,
    wanted: Wanted,
    limit: int | None = None,
) -> Iterator[StoredContact]:
    """Yield contacts, sorted; see `Workspace.list`.

    The database sorts those who stand as they are stored. Those who are due are folded on first,
    and take their places among the others.
    """
    query = _query(connection, store, present, wanted)
    by_id = (contact_positions.c.id, contact_positions.c.place)
    ordered = (
        select(contact_positions)
        .where(query.stands())
        .order_by(*(order.sql() for order in query.orders), *by_id)
    )
    if wanted.where is None and not query.orders:
        ordered = ordered.where(contact_positions.c.id >= "")  # to go by the index of the ids
    if query.is_exact:
        ordered = ordered.limit(limit)
    found = query.matching(ordered)
    if query.is_any_due:
        due = sorted(query.matching(query.due()), key=query.key)
        found = heapq.merge(found, due, key=query.key)
    yield from islice(found, limit)


def count_by_stage(
    connection: Connection, store: DefinitionStore, present: Present, wanted: Wanted
) -> Counter[str]:
    """Count contacts by the leaf stage that they are in; see `Workspace.count`."""
    query = _query(connection, store, present, evolve(wanted, sort=()))
    stands = select(contact_positions).where(query.stands())
    if query.is_exact:
        stage = contact_positions.c.stage
        counted = stands.with_only_columns(stage, func.count()).group_by(stage)
        found = Counter({row[0]: row[1] for row in connection.execute(counted)})
    else:
        found = Counter(one.contact.stage for one in query.matching(stands))
    if query.is_any_due:
        found.update(one.contact.stage for one in query.matching(query.due()))
    return found


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


def list_as_of(
    connection: Connection,
    store: DefinitionStore,
    present: Present,
    wanted: Wanted,
    limit: int | None = None,
    *,
    as_of: AsOf,
) -> Iterator[StoredContact]:
    """Yield contacts as they stood: every history is folded again; see `list_contacts`."""
    funnel, where, stage = wanted.funnel, wanted.where, wanted.stage
    names = funnel_names(connection) if funnel is None else (funnel,)
    current = {name: current_definition(connection, store, name) for name in names}
    present = evolve(present, now=as_of.moment or present.now)
    dialect = connection.dialect.name
    filters = filters_for(current, where, dialect, present.now)
    leaves = None if stage is None else _leaves(current, stage)
    orders = _orders(current, wanted.sort, dialect_of(dialect))
    query = _Query(connection, store, present, filters, leaves, orders, is_any_due=False)
    matches = partial(_is_wanted, where=where, stage=stage, now=present.now, cache={})
    found: Iterable[StoredContact] = (
        stored
        for stored, loaded in _as_of(connection, store, as_of, present)
        if stored.funnel in names and matches(stored, loaded)
    )
    if orders:
        found = sorted(found, key=query.key)
    yield from islice(found, limit)


def _as_of(
    connection: Connection, store: DefinitionStore, as_of: AsOf, present: Present
) -> Iterator[tuple[StoredContact, LoadedDefinition]]:
    """Yield everybody as they stood, with the definition that says so."""
    is_known = known_until(evidence, as_of.known_at)
    people, merges = select(contact_positions), frozenset[int]()
    if as_of.known_at is not None:
        people, merges = EVERYBODY, frozenset(read_merges(connection))
    told = with_histories(connection, people, as_of.known)
    for number, positions_of in groupby(told, lambda one: one[0].number):
        if number in merges and above(connection, number, is_known) != number:
            continue
        now: dict[str, tuple[StoredContact, LoadedDefinition]] = {}
        found = list(positions_of)
        for row, _ in found:
            loaded = store.by_id(connection, row.definition)
            now[row.funnel] = stored_contact(row, loaded), loaded
        rows = found[0][1]
        if any(row.event == LEAVE for row in rows):
            now |= _left_since(connection, store, as_of, now, rows)
        for stored, loaded in now.values():
            then = contact_as_of(connection, store, stored, loaded, as_of, present, rows)
            if then is not None:
                yield then


def _left_since(
    connection: Connection,
    store: DefinitionStore,
    as_of: AsOf,
    now: Mapping[str, tuple[StoredContact, LoadedDefinition]],
    rows: Iterable[Any],
) -> dict[str, tuple[StoredContact, LoadedDefinition]]:
    """Return the positions of a contact in funnels that it has left since then."""
    stored, loaded = next(iter(now.values()))
    told = read_told(connection, store, EvidenceReader(loaded), rows)
    then = memberships(told, stored.number, as_of.moment)
    return {
        name: in_another(stored, current_definition(connection, store, name))
        for name in then
        if name not in now
    }


def _is_wanted(
    stored: StoredContact,
    loaded: LoadedDefinition,
    *,
    where: str | None,
    stage: str | None,
    now: dt.datetime,
    cache: dict[str, Test | None],
) -> bool:
    """Whether a contact as it stood is asked for, in the words of the definition of then."""
    linked = loaded.funnel.linked
    if stage is not None:
        try:
            leaves = linked.leaves_of(linked.resolve_stage(stage))
        except UnknownNameError:
            return False
        if stored.contact.stage not in leaves:
            return False
    if where is None:
        return True
    if loaded.digest not in cache:
        try:
            scope = Scope({**CONTACT_FACTS, **linked.fields})
            expression = compile_expression(where, scope, BOOLEAN)
            cache[loaded.digest] = test_of(loaded, expression, now)
        except CriterionError:
            cache[loaded.digest] = None
    test = cache[loaded.digest]
    return test is not None and test(stored)
