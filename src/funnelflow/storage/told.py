"""What was told about a contact, as a story for a definition to fold; knows no database."""

import datetime as dt
from collections.abc import Iterable, Sequence
from shlex import quote
from typing import NamedTuple

from funnelflow.engine import Event
from funnelflow.engine.story import ENTER, LEAVE, MERGE, UNMERGE, VOID, StoryRow, taken_back
from funnelflow.errors import ConflictError, UsageError
from funnelflow.storage.tracked_contacts import TrackedContact

PENDING = 1 << 62
"""What the arrivals of evidence that is not stored yet begin with."""


class Told(NamedTuple):
    """A piece of evidence as the database knows it.

    Attributes:
        contact: The number of the contact to whom it was addressed.
        sequence: Its place among what was addressed to that contact.
        arrival: Its place among all evidence.
        event: What it says.
    """

    contact: int
    sequence: int
    arrival: int
    event: Event


def as_story(told: Sequence[Told], funnel: str) -> tuple[list[StoryRow], dt.datetime | None]:
    """Return what was told as the story of a funnel.

    Args:
        told: The evidence, in any order.
        funnel: The funnel.

    Returns:
        The story, and when the contact entered the funnel; None for where the story begins.
    """
    joined = [o.event.at for o in told if o.event.name == ENTER and o.event.about == (funnel,)]
    arrivals = _arrivals(told) if any(one.event.name == VOID for one in told) else {}
    return [_row(one, arrivals) for one in told], max(joined, default=None)


def as_row(one: Told, told: Iterable[Told]) -> StoryRow:
    """Return one piece of evidence as a row of the story that it comes into."""
    return _row(one, _arrivals(told))


_OTHERWISE = {
    "adopt": "take the version before into use: funnelflow adopt FILE",
    MERGE: "take the stories apart again: funnelflow unmerge",
    UNMERGE: "put the stories together again: funnelflow merge",
    ENTER: "let the contact leave the funnel: funnelflow leave",
    LEAVE: "let the contact enter the funnel again: funnelflow enter",
}
"""What is not taken back by a void, with how it is."""


def require_voidable(
    told: Sequence[Told], chain: TrackedContact, event: Event, *, is_run: bool
) -> None:
    """Refuse to take back what is not there, or not in force.

    Args:
        told: The story that the contact's evidence is part of.
        chain: The contact.
        event: The void.
        is_run: Whether it is part of taking back a run, all of which it may be about: also what
            is taken back already, which then stays so.

    Raises:
        UsageError: There is no such row, or it is taken back in another way.
        ConflictError: It has been taken back.
    """
    name, rows = chain.contact.id, {o.sequence: o for o in told if o.contact == chain.number}
    look = f"funnelflow history {quote(name)} --as-known"
    if not event.about:
        raise UsageError("no row is named that is to be taken back", hint=f"{look} numbers them")
    arrivals = _arrivals(told)
    by = {} if is_run else taken_back(_row(one, arrivals) for one in told)
    voids = {one.arrival: one.sequence for one in rows.values()}
    for sequence in event.about:
        one = rows.get(sequence) if isinstance(sequence, int) else None
        if one is None:
            length = f"its history has {chain.sequence:,}"
            raise UsageError(f"{name} has no row {sequence}: {length}", hint=f"{look} numbers them")
        if one.event.name in _OTHERWISE and not is_run:
            what = f"row {sequence} of {name} is {one.event.name}, which no void takes back"
            raise UsageError(what, hint=_OTHERWISE[one.event.name])
        if one.arrival in by:
            void = voids[by[one.arrival]]
            raise ConflictError(
                f"row {sequence} of {name} is taken back already, by row {void}",
                hint=f"to restore it, take that back: funnelflow void {quote(name)} {void}",
            )


def _arrivals(told: Iterable[Told]) -> dict[tuple[int, int], int]:
    return {(one.contact, one.sequence): one.arrival for one in told}


def _row(one: Told, arrivals: dict[tuple[int, int], int]) -> StoryRow:
    event = one.event
    voids: tuple[int, ...] = ()
    if event.name == VOID:
        places = [(one.contact, sequence) for sequence in event.about if isinstance(sequence, int)]
        voids = tuple(arrivals[place] for place in places if place in arrivals)
    return StoryRow(one.arrival, event, voids, event.asserted)
