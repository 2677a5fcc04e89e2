"""Taking a run back whole: as if it had never happened, but for the record of it.

Nothing is deleted that was told. Each contact gets one row that takes back all that the run has
brought of it, and that row is part of a run of its own, so that taking that back restores
everything. What was done only once because the run had done it is free again: its idempotency
keys, and the place up to which its file was applied, so that the same file can come again.

An undo goes contact by contact, and each is done in one transaction: broken off, the same
command goes on with those that are left. The file is free last.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, TypeAlias

from attrs import asdict, evolve, field, frozen
from sqlalchemy import Connection, delete, insert, or_, select

from funnelflow.engine import Event
from funnelflow.engine.story import VOID
from funnelflow.errors import ConflictError, UsageError
from funnelflow.maintenance.adopt import bring_under, shifts_under
from funnelflow.maintenance.adopt_rules import Mover
from funnelflow.maintenance.merge import run_merge, run_unmerge
from funnelflow.storage.changes import Change
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.definition_store import write_funnel
from funnelflow.storage.row_format import to_text
from funnelflow.storage.runs import OpenRun, Run, find_run
from funnelflow.storage.sightings import noted_by
from funnelflow.storage.tables import checkpoints, contacts, definitions, evidence, keys, runs
from funnelflow.storage.unit_of_work import UnitOfWork

CHUNK = 500
_EXAMPLES = 3
_Way: TypeAlias = tuple[str, str, str]
"""A contact, the stage in which it stood, and the one in which it stands."""


@frozen
class StandsElsewhere:
    """Contacts that stand in another stage, since what was told of them counts no more.

    Attributes:
        before: The stage in which they stood; empty for nowhere.
        after: The stage in which they stand; empty where nothing that is known of them counts.
        count: How many they are.
        examples: The ids of the first few.
    """

    before: str
    after: str
    count: int
    examples: tuple[str, ...]


@frozen
class Undone:
    """What taking back a run has done so far, or with `dry_run` would do.

    Attributes:
        run: The run that is taken back.
        by: The run that takes it back; None for a dry run.
        contacts: About how many contacts it was; those that were done before are counted too.
        rows: How many rows of evidence it was.
        elsewhere: Who stands in another stage, the most contacts first;.
        dry_run: Nothing was stored.
    """

    run: int
    by: int | None = None
    contacts: int = 0
    rows: int = 0
    elsewhere: tuple[StandsElsewhere, ...] = ()
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what was done as data."""
        return asdict(self)


@frozen
class _Plan:
    """What is taken back, and what that means.

    Attributes:
        target: The run whose rows are taken back.
        base: The run about which it is in the end: of an undo, what that took back.
        is_restoring: Whether what the base has brought counts again then.
        left: The numbers of the contacts that the target has told of.
    """

    target: Run
    base: Run
    is_restoring: bool
    left: "array[int]" = field(factory=lambda: array("q"), repr=False)

    @property
    def goal(self) -> str:
        """Of an adoption, the digest of the definition that is in use without it, or again."""
        return str(self.base.details["digest" if self.is_restoring else "before"])


def undo_run(
    context: Context,
    number: int,
    reason: str,
    *,
    actor: str = "",
    dry_run: bool = False,
    progress: Callable[[Undone], None] | None = None,
) -> Undone:
    """Take back all that a run has brought; see `Workspace.undo`."""
    plan = _plan(context, number)
    if plan.base.kind in _REGROUPING:
        return _regroup(context, plan, reason, actor=actor, dry_run=dry_run)
    run = OpenRun("undo", actor=actor, reason=reason, undoes=number)
    begin = partial(_begin, plan=plan, run=run)
    counts = context.transact(begin, dry_run=dry_run)
    done = Undone(number, run.begun, counts.get("contacts", 0), counts.get("rows", 0))
    if dry_run:
        done = evolve(done, by=None, dry_run=True)
    else:
        run.committed()
    ways = _Ways()
    plan = _with_contacts(context, plan)
    is_adoption = plan.base.kind == "adopt"
    mover = _mover(context, plan, actor) if is_adoption else None
    if mover is not None:
        shifts = shifts_under(context, mover)
        elsewhere = tuple(StandsElsewhere(**asdict(shift)) for shift in shifts)
    for start in range(0, len(plan.left), CHUNK):
        some = partial(_undo_some, plan=plan, run=run, done=done, numbers=plan.left[start:][:CHUNK])
        done, found = context.transact(some, dry_run=dry_run)
        ways.count(found)
        if progress is not None:
            progress(done)
    if mover is None:
        elsewhere = ways.elsewhere()
    elif not dry_run:
        context.transact(partial(_take_over_again, plan=plan, run=run, mover=mover))
        bring_under(context, mover, run)
    context.transact(partial(_finish, plan=plan, run=run, done=done), dry_run=dry_run)
    return evolve(done, elsewhere=elsewhere)


def _mover(context: Context, plan: _Plan, actor: str) -> Mover:
    """Return what brings contacts under the definition that was in use before an adoption."""
    with reading(context.engine) as connection:
        loaded = context.definitions.by_id(connection, _number_of(connection, plan.goal))
    return Mover(
        loaded, {}, context.clock(), actor, undoes=plan.target.number, ask=context.store.ask
    )


def _number_of(connection: Connection, digest: str) -> int:
    """Return the number of a stored definition."""
    wanted = select(definitions.c.id).where(definitions.c.digest == digest)
    return int(connection.execute(wanted).scalar_one())


def _take_over_again(unit: UnitOfWork, *, plan: _Plan, run: OpenRun, mover: Mover) -> None:
    """Put a funnel under the definition in use before: new contacts come under it from here on."""
    _refuse_adopted_since(unit, plan)
    definition = mover.loaded.funnel.definition
    unit.definitions.require_same_types(unit.connection, definition)
    run.begin(unit)
    write_funnel(unit.connection, mover.loaded.name, mover.loaded.id, to_text(unit.now))
    run.save(unit, run.details.get("counts", {}), keep=True)


def _refuse_adopted_since(unit: UnitOfWork, plan: _Plan) -> None:
    """Refuse to take back an adoption that is not the last one.

    Raises:
        ConflictError: Another version was adopted since.
    """
    details = plan.base.details
    current = unit.definitions.current(unit.connection, details["funnel"])
    if current is None or current.digest not in {details["before"], details["digest"]}:
        raise ConflictError(
            f"another version of {details['funnel']} was adopted since run {plan.base.number}",
            hint="take that back first: funnelflow runs",
        )


def _plan(context: Context, number: int) -> _Plan:
    """Find out what taking back a run means.

    Raises:
        UnknownNameError: There is no such run.
        UsageError: It is taken back in another way.
    """
    with reading(context.engine) as connection:
        target = base = find_run(connection, number)
        is_restoring = False
        while base.undoes is not None:
            base, is_restoring = find_run(connection, base.undoes), not is_restoring
        is_first = base.kind == "adopt" and not base.details["before"]
        if base.kind == "erase" or is_first or base.details.get("instead_of"):
            raise _of_another_kind(base)
    return _Plan(target, base, is_restoring)


def _of_another_kind(run: Run) -> UsageError:
    """Return the error that a run is undone by another command, or by none."""
    if run.kind == "erase":
        return UsageError(
            f"run {run.number} has erased contacts, and nothing brings back what was erased",
            hint="funnelflow add CONTACT --readmit takes the same person as somebody new",
        )
    return UsageError(
        f"run {run.number} is of the kind {run.kind}, which another command undoes",
        hint="adopt what the contacts are to be under: funnelflow adopt FILE --instead-of FUNNEL",
    )


_REGROUPING: Final = frozenset({"merge", "unmerge"})
"""The kinds of runs whose rows are not taken back: each is the other's inverse."""


def _regroup(context: Context, plan: _Plan, reason: str, *, actor: str, dry_run: bool) -> Undone:
    """Take two stories apart again that a run has put together, or put them together again.

    Raises:
        ConflictError: That was done already.
    """
    number, base = plan.target.number, plan.base
    if plan.target.undone_by is not None:
        raise _undone_already(number, plan.target.undone_by)
    with reading(context.engine) as connection:
        contact, into = (_id_of(connection, base.details[name]) for name in ("contact", "into"))
    again = (base.kind == "merge") is plan.is_restoring
    regroup = partial(run_merge if again else run_unmerge, context, contact, into)
    done = regroup(reason=reason, actor=actor, dry_run=dry_run, undoes=number)
    apart = (done.stage, "") if again else ("", done.stage)
    ways = _Ways()
    ways.count([(into, done.restated.before, done.restated.stage), (contact, *apart)])
    return Undone(number, done.run, 2, 1, ways.elsewhere(), dry_run)


def _id_of(connection: Connection, number: int) -> str:
    """Return the id of a contact.

    Raises:
        ConflictError: It was erased.
    """
    found = connection.execute(select(contacts.c.id).where(contacts.c.number == number)).scalar()
    if found is None:
        raise ConflictError("whom the run is about was erased", hint="nothing brings that back")
    return str(found)


def _undone_already(number: int, by: int) -> ConflictError:
    return ConflictError(
        f"run {number} is taken back already, by run {by}",
        hint=f"to restore it, take that back: funnelflow undo {by}",
    )


def _with_contacts(context: Context, plan: _Plan) -> _Plan:
    """Read about whom a run was."""
    wanted = select(evidence.c.contact).where(evidence.c.run == plan.target.number).distinct()
    with reading(context.engine) as connection:
        found = array("q", connection.execute(wanted.order_by(evidence.c.contact)).scalars())
        if plan.is_restoring and plan.base.kind == "import":
            found = array("q", sorted({*found, *noted_by(connection, plan.base.number)}))
        return evolve(plan, left=found)


def _begin(unit: UnitOfWork, *, plan: _Plan, run: OpenRun) -> dict[str, int]:
    """Say that a run is being taken back: from here on it brings nothing more.

    Returns:
        What was counted where this was begun before.

    Raises:
        ConflictError: It is taken back already, or its file was applied again since.
    """
    connection, number = unit.connection, plan.target.number
    connection.execute(select(runs.c.id).where(runs.c.id == number).with_for_update())
    target, counts = find_run(connection, number), {}
    if target.undone_by is not None:
        before = find_run(connection, target.undone_by)
        if before.is_finished:
            raise _undone_already(number, before.number)
        run.number, run.reason, run.actor = before.number, before.reason, before.actor
        counts = before.counts
    if plan.base.kind == "adopt":
        _refuse_adopted_since(unit, plan)
    elif plan.is_restoring:
        _refuse_applied_again(connection, plan)
    run.begin(unit)
    run.save(unit, counts, keep=True)
    return counts


def _undo_some(
    unit: UnitOfWork, *, plan: _Plan, run: OpenRun, done: Undone, numbers: Iterable[int]
) -> tuple[Undone, list[_Way]]:
    """Take back what a run has brought of some contacts, unless that is done."""
    connection, target = unit.connection, plan.target.number
    run.begin(unit)
    ids = connection.execute(select(contacts.c.id).where(contacts.c.number.in_(list(numbers))))
    unit.load(name for name in ids.scalars() if name is not None)
    if plan.is_restoring:
        unit.snapshots.record_run(plan.base.number)
        unit.write()
    asked = evidence.c.contact.in_(list(numbers))
    of_undo = select(evidence.c.contact).where(asked, evidence.c.run == run.begun)
    told = connection.execute(
        select(contacts.c.id, evidence.c.contact, evidence.c.sequence)
        .join(contacts, contacts.c.number == evidence.c.contact)
        .where(asked, evidence.c.run == target, contacts.c.id.is_not(None))
        .where(evidence.c.contact.not_in(of_undo))
        .order_by(evidence.c.contact, evidence.c.sequence)
    ).all()
    if not told:
        return done, []
    of = {name: list(rows) for name, rows in groupby(told, attrgetter("id"))}
    before = {name: _stage(unit, name) for name in of}
    for name, rows in of.items():
        about = tuple(row.sequence for row in rows)
        unit.take(Change(name, VOID, actor=run.actor, reason=run.reason, about=about))
    ways = [(name, was, _stage(unit, name)) for name, was in before.items()]
    unit.write()
    _turn_keys(connection, plan, {row.contact for row in told})
    done = evolve(done, contacts=done.contacts + len(of), rows=done.rows + len(told))
    run.save(unit, {"contacts": done.contacts, "rows": done.rows})
    return done, ways


def _stage(unit: UnitOfWork, name: str) -> str:
    """Return where a contact stands now, as time has moved it; empty for nowhere."""
    tracked = unit.contact(name)
    if tracked is None or tracked.contact.clock is None:
        return ""
    contact = tracked.contact.copy()
    if contact.clock is not None and contact.clock < unit.now:
        tracked.loaded.funnel.step(contact, Event("tick", unit.now))
    return contact.stage


def _finish(unit: UnitOfWork, *, plan: _Plan, run: OpenRun, done: Undone) -> None:
    """Free the place up to which a file was applied, or take it again."""
    connection = unit.connection
    run.begin(unit)
    if plan.is_restoring:
        kept = plan.target.details.get("checkpoint")
        if kept is not None and not connection.execute(_same_file(kept)).first():
            connection.execute(insert(checkpoints).values(kept))
    else:
        columns = [column for column in checkpoints.c if column.name != "id"]
        mine = checkpoints.c.run == plan.base.number
        found = connection.execute(select(*columns).where(mine)).first()
        if found is not None:
            run.details["checkpoint"] = {str(name): v for name, v in found._asdict().items()}
            connection.execute(delete(checkpoints).where(mine))
    counts = {"contacts": done.contacts, "rows": done.rows}
    run.save(unit, counts, is_finished=True, keep=True)


def _turn_keys(connection: Connection, plan: _Plan, numbers: Iterable[int]) -> None:
    """Free the keys of what is taken back, or take them again."""
    mine = (
        evidence.c.contact.in_(list(numbers)),
        evidence.c.run == plan.base.number,
        evidence.c.key.is_not(None),
    )
    columns = evidence.c.key, evidence.c.contact, evidence.c.sequence
    for key, contact, sequence in connection.execute(select(*columns).where(*mine)).all():
        row = {"key": key, "contact": contact, "sequence": sequence}
        if not plan.is_restoring:
            connection.execute(delete(keys).where(*(keys.c[n] == v for n, v in row.items())))
        elif not connection.execute(select(keys.c.key).where(keys.c.key == key)).first():
            connection.execute(insert(keys).values(row))


def _refuse_applied_again(connection: Connection, plan: _Plan) -> None:
    """Refuse to let count again what has come again since.

    Raises:
        ConflictError: The file was applied again, or a key of it was used again.
    """
    kept = plan.target.details.get("checkpoint")
    again = connection.execute(_same_file(kept)).first() if kept else None
    if again is not None and again.run != plan.base.number:
        hint = f"take that back first: funnelflow undo {again.run}" if again.run else ""
        raise ConflictError(
            f"the file of run {plan.base.number} was applied again since", hint=hint
        )
    used = (
        select(keys.c.key, evidence.c.run)
        .join(evidence, evidence.c.key == keys.c.key)
        .where(evidence.c.run == plan.base.number)
        .where(or_(*(keys.c[name] != evidence.c[name] for name in ("contact", "sequence"))))
    )
    key = connection.execute(used.limit(1)).first()
    if key is not None:
        raise ConflictError(
            f"the key {key.key!r} of run {plan.base.number} was used again since",
            hint="take back first what used it: funnelflow runs, funnelflow history",
        )


def _same_file(kept: Mapping[str, Any]) -> Any:
    """Ask for the checkpoint of the content of one."""
    return select(checkpoints.c.run).where(
        checkpoints.c.kind == kept["kind"], checkpoints.c.identity == kept["identity"]
    )


class _Ways:
    """Counts who stands elsewhere."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], tuple[str, ...]] = {}

    def count(self, ways: Iterable[_Way]) -> None:
        """Count where some contacts stood, and stand now."""
        for name, before, after in ways:
            if before != after:
                way = before, after
                self._counts[way] += 1
                self._examples[way] = (*self._examples.get(way, ()), name)[:_EXAMPLES]

    def elsewhere(self) -> tuple[StandsElsewhere, ...]:
        """Return who stands elsewhere, the most contacts first."""
        ways = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return tuple(StandsElsewhere(*way, count, self._examples[way]) for way, count in ways)
