"""One change of many contacts: those for whom an expression is true, as a run of its own."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from attrs import asdict, evolve, field, frozen
from sqlalchemy import Connection, select

from funnelflow.errors import Error
from funnelflow.storage.changes import Change, ChangeResult
from funnelflow.storage.connect import reading
from funnelflow.storage.contact_lists import Wanted, list_contacts
from funnelflow.storage.context import Context
from funnelflow.storage.row_format import encode
from funnelflow.storage.runs import OpenRun, RunKind, find_unfinished
from funnelflow.storage.tables import contacts, evidence
from funnelflow.storage.unit_of_work import UnitOfWork

CHUNK = 500
_KINDS: Final[dict[str, RunKind]] = {"move": "move", "set": "set"}
MOST_ANSWERS = 1_000
"""Of how many contacts who did not move a result says why; the history has them all."""


@frozen
class BulkAnswer:
    """Why one contact of many did not do what was asked.

    Attributes:
        contact: Who.
        outcome: ``refused``, or ``failed`` where the change cannot be made of it.
        stage: Where it stands.
        reasons: Every criterion that is in the way, or what is wrong.
    """

    contact: str
    outcome: str
    stage: str
    reasons: tuple[str, ...]


@frozen
class BulkDone:
    """What a change of many contacts has done so far, or with `dry_run` would do.

    Attributes:
        run: The run, which can be undone; None where nothing was stored.
        contacts: How many contacts were asked for and changed, in this call.
        moved: How many of them are in another stage.
        stayed: How many are where they were, with the change kept.
        refused: How many did not move, with the refusal kept.
        failed: Of how many the change cannot be made; nothing of them was stored.
        before: How many an earlier call that was broken off had done.
        answers: Why, of the first thousand that were refused or failed.
        dry_run: Nothing was stored.
    """

    run: int | None = None
    contacts: int = 0
    moved: int = 0
    stayed: int = 0
    refused: int = 0
    failed: int = 0
    before: int = 0
    answers: tuple[BulkAnswer, ...] = field(default=(), repr=False)
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what was done as data."""
        return asdict(self)

    def counting(self, answer: BulkAnswer | None, outcome: str) -> "BulkDone":
        """Return it with one contact more."""
        more = (answer,) if answer is not None and len(self.answers) < MOST_ANSWERS else ()
        counted = {outcome: getattr(self, outcome) + 1, "contacts": self.contacts + 1}
        return evolve(self, answers=(*self.answers, *more), **counted)


def run_bulk(
    context: Context,
    wanted: Wanted,
    change: Change,
    *,
    limit: int | None = None,
    dry_run: bool = False,
    progress: Callable[[BulkDone, int], None] | None = None,
) -> BulkDone:
    """Make one change of everybody who is asked for; see `Workspace.change_where`.

    Whom it is about is decided before the first of them is changed. Broken off, the same call goes
    on with those who are left.
    """
    kind = _KINDS.get(change.event, "record")
    with reading(context.engine) as connection:
        present = context.present(connection)
        found = list_contacts(connection, context.definitions, present, wanted, limit)
        names = list(dict.fromkeys(stored.id for stored in found))
        asked = _digest(wanted, change)
        begun = None if dry_run else find_unfinished(connection, kind, asked=asked)
    run = OpenRun(kind, actor=change.actor, reason=change.reason, details={"asked": asked})
    done = BulkDone(dry_run=dry_run)
    if begun is not None:
        run.number = begun.number
        done = evolve(done, before=begun.counts["contacts"])
    rest, is_last = iter(names), False
    while not is_last:
        some = list(islice(rest, CHUNK))
        is_last = len(some) < CHUNK
        work = partial(_change_some, names=some, change=change, run=run, done=done, is_last=is_last)
        done = context.transact(work, dry_run=dry_run)
        if not dry_run:
            run.committed()
        if progress is not None:
            progress(done, len(names))
    return evolve(done, run=run.number)


def _digest(wanted: Wanted, change: Change) -> str:
    """Return what tells one request from another, without saying what it is about."""
    said = {name: str(value) for name, value in asdict(change, recurse=False).items()}
    text = encode({**said, "wanted": str(wanted)})
    return hashlib.sha256(text.encode()).hexdigest()


def _change_some(
    unit: UnitOfWork,
    *,
    names: Sequence[str],
    change: Change,
    run: OpenRun,
    done: BulkDone,
    is_last: bool,
) -> BulkDone:
    """Change some contacts, unless that is done, and write them."""
    run.begin(unit)
    changed = _of_run(unit.connection, names, run.number)
    left = [name for name in names if name not in changed]
    unit.load(left)
    for name in left:
        try:
            result = unit.take(evolve(change, contact_id=name))
        except Error as error:
            known = unit.contact(name)
            stage = "" if known is None else known.contact.stage
            answer = BulkAnswer(name, "failed", stage, (error.message,))
            done = done.counting(answer, "failed")
            continue
        done = done.counting(_answer(result), result.outcome)
    unit.write()
    counts = {name: getattr(done, name) for name in ("moved", "refused", "failed")}
    told = {"contacts": done.before + done.contacts - done.failed, **counts}
    run.save(unit, told, is_finished=is_last)
    return done


def _of_run(connection: Connection, names: Sequence[str], number: int | None) -> set[str]:
    """Return which of some contacts a run has changed before it was broken off."""
    if number is None:
        return set()
    told = select(contacts.c.id).join(evidence, evidence.c.contact == contacts.c.number)
    wanted = told.where(contacts.c.id.in_(names), evidence.c.run == number)
    return {str(name) for name in connection.execute(wanted).scalars()}


def _answer(result: ChangeResult) -> BulkAnswer | None:
    """Return why a contact did not move; None where it was not refused."""
    if result.outcome != "refused":
        return None
    labels = tuple(label for label, _ in result.unmet) or ("no transition leads there",)
    return BulkAnswer(result.contact_id, result.outcome, result.after, labels)
