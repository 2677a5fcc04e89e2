"""Taking a new version of a definition into use: who moves where, and then moving them.

Every contact says which definition it is under, so an adoption can stop anywhere and go on
later, and others may record meanwhile: whatever they add to a contact is decided by the
definition the contact is under at that moment. How one contact is brought under the new
definition stands in `moving`.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from operator import attrgetter
from shlex import quote
from typing import Any

from attrs import asdict, evolve, field, frozen
from sqlalchemy import Connection, select

from funnelflow.definition import Definition
from funnelflow.engine import Contact
from funnelflow.errors import ConflictError, UnknownNameError, UsageError
from funnelflow.maintenance.adopt_rules import (
    EXAMPLES,
    Dropped,
    Mover,
    UnmappedStageError,
    read_rules,
)
from funnelflow.storage.connect import reading
from funnelflow.storage.contacts import EVERYBODY, stored_contact
from funnelflow.storage.context import Context
from funnelflow.storage.definition_store import (
    DefinitionStore,
    store_definition,
    write_funnel,
)
from funnelflow.storage.queries import funnel_names
from funnelflow.storage.replay import merged_by, united
from funnelflow.storage.row_format import to_text
from funnelflow.storage.runs import OpenRun, find_unfinished
from funnelflow.storage.tables import contact_positions, contacts, funnels, history, positions
from funnelflow.storage.tracked_contacts import LoadedDefinition
from funnelflow.storage.unit_of_work import UnitOfWork

CHUNK = 500
_FIRST = 0


@frozen
class Shift:
    """Contacts that an adoption moves from one stage to another.

    Attributes:
        before: The stage they are in.
        after: The stage that the new definition gives.
        count: How many they are.
        examples: The ids of the first few.
    """

    before: str
    after: str
    count: int
    examples: tuple[str, ...]


@frozen
class AdoptionPlan:
    """What an adoption would do.

    Attributes:
        funnel: The funnel.
        definition: The new definition.
        digest: Its digest.
        is_in_use: The funnel is under it already; an adoption goes on with what was left.
        contacts: How many contacts are under another definition.
        shifts: Who would move where, the most contacts first.
        restated: How many stay where they are with other fields or times.
        unmapped: Stages that the new definition does not have, and no rule leads out of, to
            the number of contacts in them; an adoption is refused while there are any.
        dropped: Field of the new definition to the facts that are no values of it.
    """

    funnel: str
    definition: Definition = field(repr=False)
    digest: str
    is_in_use: bool
    contacts: int
    shifts: tuple[Shift, ...]
    restated: int
    unmapped: Mapping[str, int]
    dropped: Mapping[str, Dropped]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as data."""
        return {
            "funnel": self.funnel,
            "version": self.definition.version,
            "digest": self.digest,
            "in_use": self.is_in_use,
            "contacts": self.contacts,
            "shifts": [asdict(shift) for shift in self.shifts],
            "restated": self.restated,
            "unmapped": dict(self.unmapped),
            "dropped": {name: found._asdict() for name, found in self.dropped.items()},
        }


@frozen
class Adopted:
    """What an adoption has done so far.

    Attributes:
        funnel: The funnel.
        digest: The digest of the definition that it is under now.
        contacts: How many contacts were brought under it.
        moved: How many of them changed their stage.
    """

    funnel: str
    digest: str
    contacts: int = 0
    moved: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return what was done as data."""
        return asdict(self)


def plan_adoption(
    context: Context,
    definition: Definition,
    rules: Mapping[str, str],
    instead_of: str = "",
    *,
    from_now: bool = False,
) -> AdoptionPlan:
    """Find out who would move where, changing nothing; see `Workspace.plan_adoption`."""
    _require_same_stages(instead_of, from_now=from_now)
    store, draft = context.definitions, _Draft()
    with reading(context.engine) as connection:
        new = store.ready(definition, store.number_of(connection, definition))
        found = read_rules(connection, store, new.funnel.linked, rules)
        _require_funnel(connection, instead_of)
        _require_apart(connection, instead_of, definition.name)
        store.require_same_types(connection, definition, instead_of)
        mover = Mover(new, found, context.clock(), instead_of=instead_of, from_now=from_now)
        current = store.current(connection, definition.name)
        _draft(connection, store, mover, draft)
    return AdoptionPlan(
        funnel=definition.name,
        definition=definition,
        digest=new.digest,
        is_in_use=current is not None and current.digest == new.digest,
        contacts=draft.contacts,
        shifts=draft.shifts(),
        restated=draft.restated,
        unmapped=draft.unmapped,
        dropped=mover.dropped,
    )


def run_adoption(
    context: Context,
    definition: Definition,
    rules: Mapping[str, str],
    *,
    instead_of: str = "",
    from_now: bool = False,
    actor: str = "",
    progress: Callable[[Adopted], None] | None = None,
) -> Adopted:
    """Take a definition into use and bring the contacts under it; see `Workspace.adopt`."""
    plan = plan_adoption(context, definition, rules, instead_of, from_now=from_now)
    for stage in plan.unmapped:
        raise UnmappedStageError(stage)
    run = OpenRun("adopt", actor=actor)
    run.details = {"instead_of": instead_of, "from_now": from_now}
    is_news = bool(plan.contacts) or not plan.is_in_use
    begin = partial(_begin, definition=definition, rules=rules, run=run, keep=is_news)
    mover = context.transact(begin)
    run.committed()
    return bring_under(context, mover, run, progress)


def bring_under(
    context: Context,
    mover: Mover,
    run: OpenRun,
    progress: Callable[[Adopted], None] | None = None,
) -> Adopted:
    """Bring all contacts of a funnel under its definition.

    Args:
        context: The workspace.
        mover: Brings them under it.
        run: The run that does it.
        progress: Called after every chunk with how far it has come.
    """
    done = Adopted(mover.loaded.name, mover.loaded.digest)
    last: int | None = _FIRST
    while last is not None:
        some = partial(_adopt_some, mover=mover, run=run, done=done, after=last)
        done, last = context.transact(some)
        run.committed()
        if progress is not None and last is not None:
            progress(done)
    return done


def _begin(
    chunk: UnitOfWork,
    *,
    definition: Definition,
    rules: Mapping[str, str],
    run: OpenRun,
    keep: bool,
) -> Mover:
    """Put the funnel under the definition: from here on, new contacts come under it.

    Where that was begun before it goes on as it was begun.
    """
    before = chunk.definitions.current(chunk.connection, definition.name)
    other = str(run.details["instead_of"])
    chunk.definitions.require_same_types(chunk.connection, definition, other)
    number = _take_over(chunk.connection, definition, chunk.now)
    loaded = chunk.definitions.by_id(chunk.connection, number)
    found = read_rules(chunk.connection, chunk.definitions, loaded.funnel.linked, rules)
    going_on = find_unfinished(chunk.connection, run.kind, digest=loaded.digest)
    if going_on is None:
        run.details = {
            **run.details,
            "funnel": loaded.name,
            "digest": loaded.digest,
            "before": before.digest if before is not None else "",
        }
    else:
        run.number, run.details = going_on.number, dict(going_on.details)
    run.begin(chunk)
    run.save(chunk, {}, keep=keep)
    return Mover(
        loaded,
        found,
        chunk.now,
        run.actor,
        instead_of=str(run.details["instead_of"]),
        ask=chunk.ask,
        from_now=bool(run.details["from_now"]),
    )


def _require_same_stages(instead_of: str, *, from_now: bool) -> None:
    """Refuse to let contacts stand where they stand who come from another funnel."""
    if instead_of and from_now:
        raise UsageError(
            f"contacts of {instead_of} have no stage in another funnel to stand in from now on",
            hint="leave from_now (--from-now) out: their evidence says where they stand",
        )


def _require_funnel(connection: Connection, name: str) -> None:
    """Refuse to replace a funnel that nobody uses."""
    known = funnel_names(connection)
    if name and name not in known:
        raise UnknownNameError("funnel", name, known)


def _require_apart(connection: Connection, old: str, new: str) -> None:
    """Refuse to bring contacts over to a funnel in which they are already."""
    two = select(positions.c.contact).where(positions.c.funnel == new)
    both = select(contact_positions.c.id).where(
        contact_positions.c.funnel == old, contact_positions.c.number.in_(two)
    )
    found = connection.execute(both.order_by(contact_positions.c.id).limit(1)).scalar()
    if found is not None and old != new:
        raise ConflictError(
            f"{found} is in both funnels, {old!r} and {new!r}",
            hint=f"let it leave one before: funnelflow leave {quote(found)} {quote(old)}",
        )


def _take_over(connection: Connection, definition: Definition, now: dt.datetime) -> int:
    """Store a definition and point its funnel at it; gives the definition's number."""
    number, _ = store_definition(connection, definition, now)
    known = connection.execute(
        select(funnels.c.definition).where(funnels.c.name == definition.name).with_for_update()
    ).scalar()
    if known != number:
        write_funnel(connection, definition.name, number, to_text(now))
    return number


def _adopt_some(
    chunk: UnitOfWork, *, mover: Mover, run: OpenRun, done: Adopted, after: int
) -> tuple[Adopted, int | None]:
    """Bring the next contacts under the new definition, and write them.

    Args:
        chunk: An empty chunk.
        mover: Brings contacts under the new definition.
        run: The run that does it.
        done: What was done before.
        after: The number of the last contact that was.

    Returns:
        What is done now, and the number of the last of these contacts; None when there are no
        more.

    Raises:
        UnmappedStageError: One is in a stage that is gone, and no rule leads out of it.
        ConflictError: Yet another version was adopted meanwhile.
    """
    _require_current(chunk.connection, mover.loaded)
    left = _left(chunk.connection, mover, after)
    run.begin(chunk)
    if not left:
        run.save(chunk, _counts(done), is_finished=True)
        return done, None
    chunk.load(row.id for row in left)
    chunk.snapshots.record_fields(mover.loaded.funnel.derived)
    chunk.write()
    with _evidence(chunk.connection, left) as evidence:
        moved = sum(_bring_under(chunk, mover, row, evidence(row.number)) for row in left)
    chunk.write()
    brought = sum(row.since is not None for row in left)
    done = evolve(done, contacts=done.contacts + brought, moved=done.moved + moved)
    run.save(chunk, _counts(done), keep=True)
    return done, left[-1].number


def _counts(done: Adopted) -> dict[str, int]:
    return {"contacts": done.contacts, "moved": done.moved}


def _require_current(connection: Connection, loaded: LoadedDefinition) -> None:
    """Stop when somebody else takes another version into use: its contacts are theirs now."""
    wanted = select(funnels.c.definition).where(funnels.c.name == loaded.name)
    if connection.execute(wanted.with_for_update(read=True)).scalar() != loaded.id:
        raise ConflictError(
            f"another version of {loaded.name} was adopted meanwhile",
            hint=f"see which is in use, then adopt again: funnelflow show {loaded.name}",
        )


def _bring_under(chunk: UnitOfWork, mover: Mover, row: Any, rows: Iterable[Any]) -> bool:
    """Bring one position under the new definition; gives whether that changed its stage.

    One that stands nowhere, as all of its evidence was taken back or its story is part of
    somebody else's, only comes under it.
    """
    tracked = chunk.chain(row.id)
    positions = () if tracked is None else tracked.positions()
    position = next((one for one in positions if one.funnel == row.funnel), None)
    if tracked is None or position is None or position.loaded is mover.loaded:
        return False
    home = position.loaded, position.place
    if not tracked.is_in_force:
        position.contact = mover.loaded.funnel.new_contact(row.id)
        position.funnel, position.loaded, tracked.changed = mover.loaded.name, mover.loaded, True
        return False
    before = position.contact.stage
    contact, event, outcome, stood = mover.place(
        chunk.connection, chunk.definitions, position.contact, home, rows
    )
    position.contact, position.loaded, tracked.changed = contact, mover.loaded, True
    position.funnel = mover.loaded.name
    if event is not None:
        chunk.append(tracked, event, outcome, before, position)
    return stood != contact.stage


def _draft(connection: Connection, store: DefinitionStore, mover: Mover, draft: "_Draft") -> None:
    """Place every contact that is under another definition, and count."""
    rows = _left(connection, mover, _FIRST)
    while rows:
        with _evidence(connection, rows) as evidence:
            for row in rows:
                if row.since is None:
                    continue
                loaded = store.by_id(connection, row.definition)
                contact, home = stored_contact(row, loaded).contact, (loaded, row.place)
                draft.look_at(connection, store, mover, contact, home, evidence(row.number))
        rows = _left(connection, mover, rows[-1].number)


def shifts_under(context: Context, mover: Mover) -> tuple[Shift, ...]:
    """Find out who would move where if a funnel came under a definition again."""
    draft = _Draft()
    with reading(context.engine) as connection:
        _draft(connection, context.definitions, mover, draft)
    return draft.shifts()


class _Draft:
    """Counts who would move where."""

    def __init__(self) -> None:
        self.contacts = 0
        self.restated = 0
        self.unmapped: dict[str, int] = {}
        self._ways: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}

    def look_at(
        self,
        connection: Connection,
        store: DefinitionStore,
        mover: Mover,
        contact: Contact,
        home: tuple[LoadedDefinition, int],
        rows: Iterable[Any],
    ) -> None:
        """Place one contact, and count it."""
        self.contacts += 1
        try:
            after, event, _, stood = mover.place(connection, store, contact, home, rows)
        except UnmappedStageError as error:
            self.unmapped[error.stage] = self.unmapped.get(error.stage, 0) + 1
            return
        if after.stage == stood:
            self.restated += event is not None
            return
        way = (stood, after.stage)
        count, examples = self._ways.get(way, (0, ()))
        self._ways[way] = (count + 1, (*examples, contact.id)[:EXAMPLES])

    def shifts(self) -> tuple[Shift, ...]:
        """Return who would move where, the most contacts first."""
        ways = sorted(self._ways.items(), key=lambda item: (-item[1][0], item[0]))
        return tuple(Shift(*way, count, examples) for way, (count, examples) in ways)


def _left(connection: Connection, mover: Mover, after: int) -> Sequence[Any]:
    """Read the next contacts of the funnels concerned that are under another definition."""
    wanted = (
        EVERYBODY.where(contacts.c.number > after, positions.c.funnel.in_(mover.funnels))
        .where(positions.c.definition != mover.loaded.id)
        .order_by(contacts.c.number)
        .limit(CHUNK)
    )
    return connection.execute(wanted).all()


@contextmanager
def _evidence(
    connection: Connection, left: Sequence[Any]
) -> Iterator[Callable[[int], Iterable[Any]]]:
    """Return what reads the history of each of some contacts, asked for in their order."""
    wanted = (
        select(history)
        .where(history.c.contact.in_([row.number for row in left]))
        .order_by(history.c.contact, history.c.sequence)
        .execution_options(yield_per=CHUNK)
    )
    with connection.execute(wanted) as found:
        groups = groupby(found, key=attrgetter("contact"))

        def rows_of(contact: int) -> Iterable[Any]:
            for number, rows in groups:
                if number == contact:
                    told = list(rows)
                    return united(connection, contact) if merged_by(told) else told
            return ()

        yield rows_of
