"""Making again what is derived: positions, from the evidence.

What was told is not touched. Whose evidence has been altered, or ends too early, is left as it is:
a position made from that would only hide it.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from attrs import asdict, frozen
from sqlalchemy import Connection, delete, insert, select, update

from funnelflow.maintenance.verify_contacts import Finding, Verification
from funnelflow.storage.connect import reading, writing
from funnelflow.storage.context import Context
from funnelflow.storage.replay import (
    EvidenceReader,
    merged_by,
    open_story,
    read_merges,
    read_told,
    rows_of,
    united,
)
from funnelflow.storage.row_format import to_text
from funnelflow.storage.tables import contacts, positions
from funnelflow.storage.told import memberships
from funnelflow.storage.tracked_contacts import FunnelPosition, TrackedContact, position_columns

CHUNK = 100

Verify = Callable[[Callable[[Finding], None]], Verification]
"""Verifies a workspace, and calls what it is given with every finding."""


@frozen
class Repaired:
    """What was made again.

    Attributes:
        contacts: How many contacts have positions made again.
        left: How many have wrong ones still, as their evidence itself is not as it was written.
        dry_run: Nothing was stored.
    """

    contacts: int
    left: int
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what was made again as data."""
        return asdict(self)


def run_repair(context: Context, verify: Verify, *, dry_run: bool = False) -> Repaired:
    """Make the positions again that are not what their evidence gives.

    Args:
        context: The workspace.
        verify: Verifies it.
        dry_run: Store nothing.

    Returns:
        What was done; verifying again then finds what is left.
    """
    derived: set[int] = set()
    harmed: set[int] = set()

    def note(finding: Finding) -> None:
        if finding.contact is not None:
            (derived if finding.fault == "derived" else harmed).add(finding.contact)

    verify(note)
    with reading(context.engine) as connection:
        sound = sorted(n for n in derived if harmed.isdisjoint(_story_of(connection, n)))
    for start in range(0, len(sound), CHUNK):
        some = sound[start : start + CHUNK]
        context.retrying(partial(_repair, context, some, dry_run=dry_run))
    return Repaired(len(sound), len(derived) - len(sound), dry_run)


def _story_of(connection: Connection, number: int) -> set[int]:
    """Return the numbers of the contacts whose evidence makes the positions of one."""
    found, left = {number}, [number]
    while left:
        others = set(merged_by(rows_of(connection, left.pop()))) - found
        found |= others
        left += others
    return found


def _repair(context: Context, numbers: Iterable[int], *, dry_run: bool) -> None:
    """Make the positions of some contacts again, in one transaction."""
    with writing(context.engine, dry_run=dry_run) as connection:
        merges = read_merges(connection)
        for number in numbers:
            known = select(contacts).where(contacts.c.number == number).with_for_update()
            contact = connection.execute(known).one_or_none()
            if contact is None or contact.id is None:
                continue
            last = merges[number][-1] if number in merges else None
            into = last.contact if last is not None and last.event == "merge" else None
            own = update(contacts).where(contacts.c.number == number)
            connection.execute(own.values(merged_into=into))
            connection.execute(delete(positions).where(positions.c.contact == number))
            rows = _positions(context, connection, contact.id, number, is_merged=into is not None)
            connection.execute(insert(positions), rows)


def _positions(
    context: Context, connection: Connection, contact_id: str, number: int, *, is_merged: bool
) -> list[dict[str, Any]]:
    """Return the positions that the evidence gives a contact, as rows of the table."""
    store = context.definitions
    own = list(rows_of(connection, number))
    rows = own if is_merged else united(connection, number)
    first = store.by_id(connection, own[0].definition)
    told = read_told(connection, store, EvidenceReader(first), rows)
    chain = TrackedContact(first.funnel.new_contact(contact_id), first, first.name, number=number)
    chain.sequence, chain.digest = own[-1].sequence, own[-1].digest
    found = []
    for place, funnel in enumerate([first.name] if is_merged else memberships(told, number)):
        loaded = store.current(connection, funnel) or first
        story = open_story(connection, store, EvidenceReader(loaded), rows, contact_id)
        stands = loaded.funnel.new_contact(contact_id) if is_merged else story.stands()
        counts = bool(story.rows) and not is_merged
        chain.created_at = to_text(story.rows[0].event.at) if counts else own[0].at
        position = FunnelPosition(stands, loaded, funnel, place)
        found.append((number, *position_columns(position, chain)))
    names = [column.name for column in positions.c]
    return [dict(zip(names, row, strict=True)) for row in found]
