"""What was told about a contact, as a story for a definition to fold; knows no database."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from funnelflow.engine import Event
from funnelflow.engine.story import ENTER, VOID, StoryRow

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
    arrivals = _arrivals(told)
    return [_row(one, arrivals) for one in told], max(joined, default=None)


def as_row(one: Told, told: Iterable[Told]) -> StoryRow:
    """Return one piece of evidence as a row of the story that it comes into."""
    return _row(one, _arrivals(told))


def _arrivals(told: Iterable[Told]) -> dict[tuple[int, int], int]:
    return {(one.contact, one.sequence): one.arrival for one in told}


def _row(one: Told, arrivals: dict[tuple[int, int], int]) -> StoryRow:
    event = one.event
    voids: tuple[int, ...] = ()
    if event.name == VOID:
        places = [(one.contact, sequence) for sequence in event.about if isinstance(sequence, int)]
        voids = tuple(arrivals[place] for place in places if place in arrivals)
    return StoryRow(one.arrival, event, voids, event.asserted)
