"""Which transition of a new version is which of the old one's."""

from collections.abc import Mapping
from itertools import islice

from attrs import frozen

from funnelflow.definition.records import Transition

__all__ = ["Pair", "matched"]

_LIKE = (7, 5, 3)
"""What two transitions have in common to be taken for one, the most alike first."""
_MOST_COMPARED = 50
"""How many transitions that lead to one stage each is compared with."""


@frozen
class Pair:
    """A transition in both versions; None where one of them has it not.

    Attributes:
        old: As it was.
        new: As it is.
        place: Its number in the old version, from 0; -1 if it is new.
    """

    old: Transition | None
    new: Transition | None
    place: int = -1


def matched(
    old: tuple[Transition, ...], new: tuple[Transition, ...], names: Mapping[str, str]
) -> tuple[Pair, ...]:
    """Match the transitions of two versions: the same first, then those most alike.

    Args:
        old: The transitions as they were.
        new: The transitions as they are.
        names: Stages that were renamed.

    Returns:
        Every transition of the new version in its order, then those that are gone.
    """
    left: dict[str, dict[int, Transition]] = {}
    for number, transition in enumerate(old):
        left.setdefault(names.get(transition.to, transition.to), {})[number] = transition
    found: dict[int, int] = {}
    for least in _LIKE:
        for number, transition in enumerate(new):
            likely = left.get(transition.to, {})
            best = None if number in found else _best(transition, likely, names, least)
            if best is not None:
                found[number] = best
                del likely[best]
    kept = [
        Pair(old[found[n]], t, found[n]) if n in found else Pair(None, t) for n, t in enumerate(new)
    ]
    gone = sorted(number for others in left.values() for number in others)
    return (*kept, *(Pair(old[number], None, number) for number in gone))


def _best(
    transition: Transition, likely: Mapping[int, Transition], names: Mapping[str, str], least: int
) -> int | None:
    """Give the number of the transition that is most like one, the first of several."""
    compared = islice(likely.items(), _MOST_COMPARED)
    scores = {number: _likeness(other, transition, names) for number, other in compared}
    best = max(scores, key=lambda number: scores[number], default=None)
    return best if best is not None and scores[best] >= least else None


def _likeness(old: Transition, new: Transition, names: Mapping[str, str]) -> int:
    """Count what two transitions to one stage have in common; nothing if no source is."""
    before = {names.get(source, source) for source in old.sources}
    sources = 2 * (before == set(new.sources)) + bool(before & set(new.sources))
    events = (set(old.on) == set(new.on)) + bool(set(old.on) & set(new.on) or old.on == new.on)
    rest = (old.require == new.require) + (old.after == new.after)
    return sources + events + rest if sources else 0
