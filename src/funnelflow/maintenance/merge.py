"""Two records of one person: the story of one becomes part of the other's, and is given back."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from attrs import asdict, evolve, frozen

from funnelflow.criteria import Value
from funnelflow.engine.story import MERGE, UNMERGE
from funnelflow.storage.changes import Change, Restatement, check_id
from funnelflow.storage.contacts import unknown_contact
from funnelflow.storage.context import Context
from funnelflow.storage.json_form import value_json
from funnelflow.storage.replay import first_answers
from funnelflow.storage.retelling import not_merged
from funnelflow.storage.runs import OpenRun
from funnelflow.storage.tracked_contacts import TrackedContact
from funnelflow.storage.unit_of_work import UnitOfWork


@frozen
class Conflict:
    """A field of which two contacts that are merged know different values.

    Attributes:
        field: Its name.
        contact: The value of the one that is merged.
        into: That of the one that it is merged into.
        together: What the whole story gives; None where that has taken the fact back.
    """

    field: str
    contact: Value
    into: Value
    together: Value | None

    def to_json(self) -> dict[str, Any]:
        """Return the conflict as data."""
        return {name: value_json(value) for name, value in asdict(self).items()}


@frozen
class Merged:
    """What became of two contacts that were merged, or of one that was given back.

    Attributes:
        contact: Who was merged, or given back.
        into: Into whom, or by whom.
        sequence: The row of the latter's history that says so.
        stage: Where the one given back stands now; where the one merged stood before. Empty for
            nowhere.
        restated: Where the other one stood, and stands now.
        conflicts: Of which fields they knew different values.
        dry_run: Nothing was stored.
        run: The number of the run; None for a dry run, and for a duplicate.
        duplicate: It had been recorded before, under the same key.
    """

    contact: str
    into: str
    sequence: int
    stage: str
    restated: Restatement
    conflicts: tuple[Conflict, ...] = ()
    dry_run: bool = False
    run: int | None = None
    duplicate: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what became of them as data."""
        return {
            "contact": self.contact,
            "into": self.into,
            "sequence": self.sequence,
            "stage": self.stage,
            "restated": self.restated.to_json(),
            "conflicts": [conflict.to_json() for conflict in self.conflicts],
            "dry_run": self.dry_run,
            "run": self.run,
            "duplicate": self.duplicate,
        }


def run_merge(  # noqa: PLR0913  # all that can be said, by keyword
    context: Context,
    contact_id: str,
    into: str,
    *,
    reason: str = "",
    actor: str = "",
    roles: tuple[str, ...] | None = None,
    at: dt.datetime | None = None,
    key: str | None = None,
    dry_run: bool = False,
    undoes: int | None = None,
) -> Merged:
    """Make the story of one contact part of another one's; see `Workspace.merge`.

    Args:
        context: The workspace.
        contact_id: Who is merged.
        into: Into whom.
        reason: Why.
        actor: Who merges.
        roles: The roles of the actor; None for those that the settings give.
        at: When it was found out; None for now. It decides nothing.
        key: Makes it happen once.
        dry_run: Store nothing.
        undoes: The run that is taken back by it; None for none.
    """
    change = Change(into, MERGE, at, reason=reason, actor=actor, roles=roles, key=key)
    run = OpenRun("merge", actor=actor, reason=reason, undoes=undoes)
    return _regroup(context, contact_id, change, run, dry_run=dry_run)


def run_unmerge(  # noqa: PLR0913  # as above
    context: Context,
    contact_id: str,
    into: str = "",
    *,
    reason: str = "",
    actor: str = "",
    roles: tuple[str, ...] | None = None,
    at: dt.datetime | None = None,
    key: str | None = None,
    dry_run: bool = False,
    undoes: int | None = None,
) -> Merged:
    """Give a contact that was merged its own story back; see `Workspace.unmerge`.

    For the arguments see `run_merge`; `into` is empty for whoever it was merged into.
    """
    change = Change(into, UNMERGE, at, reason=reason, actor=actor, roles=roles, key=key)
    run = OpenRun("unmerge", actor=actor, reason=reason, undoes=undoes)
    return _regroup(context, contact_id, change, run, dry_run=dry_run)


def _regroup(
    context: Context, contact_id: str, change: Change, run: OpenRun, *, dry_run: bool
) -> Merged:
    """Merge a contact or give it back, in one transaction, which is a run.

    Args:
        context: The workspace.
        contact_id: Who is merged, or given back.
        change: The evidence of it; addressed to nobody where the contact is given back by
            whoever it was merged into.
        run: The run.
        dry_run: Store nothing.
    """
    work = partial(_decide, run=run, contact_id=contact_id, change=change, dry_run=dry_run)
    return context.transact(work, dry_run=dry_run)


def _decide(
    unit: UnitOfWork, *, run: OpenRun, contact_id: str, change: Change, dry_run: bool
) -> Merged:
    """Merge a contact or give it back, and write it; see `_regroup`."""
    unit.load(filter(None, (contact_id, change.contact_id)), [change.key])
    other, earlier = _known(unit, contact_id), unit.recorded_under(change.key)
    if earlier is not None:
        return _decided_before(unit, change, other, earlier.contact_id, dry_run=dry_run)
    above = _known(unit, change.contact_id) if change.contact_id else unit.above(other)
    if above is None:
        raise not_merged(contact_id)
    target = above.root or above
    theirs, stood = other.contact, target.contact
    ours = {**stood.fields}
    into = above.contact.id
    run.details = {"contact": other.number, "into": above.number}
    run.begin(unit)
    result = unit.take(evolve(change, contact_id=into, about=(other.number,)))
    unit.write()
    number = run.save(unit, {"contacts": 2}, is_finished=True)
    answers = [result.restated, *(answer.restated for answer in result.others)]
    now = target.contact
    restated = _restated(answers, (stood.stage, stood.since), (now.stage, now.since))
    conflicts: tuple[Conflict, ...] = ()
    if change.event == MERGE:
        told = theirs.fields.keys() - target.loaded.funnel.derived
        values = theirs.fields, ours, target.contact.fields
        conflicts = tuple(_conflicts(told, *values))
    one = theirs if change.event == MERGE else other.contact
    stage = "" if one.since is None else one.stage
    said = (contact_id, into, result.sequence, stage, restated)
    return Merged(*said, conflicts, dry_run, None if dry_run else number)


def _decided_before(
    unit: UnitOfWork, change: Change, other: TrackedContact, into: str, *, dry_run: bool
) -> Merged:
    """Answer what was asked before under the same key.

    Raises:
        ConflictError: It is not the same that is asked for.
    """
    unit.load([into])
    above = _known(unit, into)
    asked = evolve(change, contact_id=change.contact_id or into, about=(other.number,))
    sequence = unit.take(asked).sequence
    answers = first_answers(unit.connection, unit.definitions, above.number, sequence)
    first, _ = answers[0]
    now = first.contact_after
    before, after = (first.before, now.since), (first.after, now.since)
    restated = _restated((restated for _, restated in answers), before, after)
    stage = "" if other.contact.since is None else other.contact.stage
    name = other.contact.id
    return Merged(name, into, sequence, stage, restated, dry_run=dry_run, duplicate=True)


def _restated(
    answers: Iterable[Restatement | None],
    before: tuple[str, dt.datetime | None],
    after: tuple[str, dt.datetime | None],
) -> Restatement:
    """Return what became of somebody: in the first funnel in which that is told otherwise.

    Args:
        answers: What was changed in each funnel; None for one that is entered or stays as it is.
        before: Where it stood and since when, for whoever is in other funnels now altogether.
        after: Where it stands.
    """
    found = next((one for one in answers if one is not None), None)
    return found or Restatement(dt.timedelta(0), *before, *after, 0)


def _known(unit: UnitOfWork, contact_id: str) -> TrackedContact:
    """Return to whom evidence for an id is addressed.

    Raises:
        UnknownContactError: To nobody.
        UsageError: It can be nobody's id.
    """
    found = unit.chain(check_id(contact_id))
    if found is None:
        raise unknown_contact(unit.connection, contact_id)
    return found


def _conflicts(
    names: Iterable[str],
    theirs: Mapping[str, Value],
    ours: Mapping[str, Value],
    together: Mapping[str, Value],
) -> Iterator[Conflict]:
    """Yield the fields of which both know a value, and not the same."""
    for name in sorted(names):
        if name in ours and ours[name] != theirs[name]:
            yield Conflict(name, theirs[name], ours[name], together.get(name))
