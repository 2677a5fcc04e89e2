"""What a definition promises under `always`, held against its own transitions.

Ways through the stages are taken as they are written, whatever their criteria ask for, so a
promise that passes here is kept by every contact whom nobody forces; one that fails may
still be kept by all of them, for reasons that the criteria know.
"""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence

from funnelflow.criteria import Leaf
from funnelflow.definition.linked import Linked, LinkedInvariant, LinkedTransition
from funnelflow.definition.lint.shadowing import GuardConditions, follows_from, guard_conditions
from funnelflow.definition.model import Invariant
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import invariant_site, transition_site

_LONGEST = 8
"""How many stages of a way are shown."""


def check_always(linked: Linked, demands: Sequence[GuardConditions], problems: Problems) -> None:
    """Report every promise that the transitions of the definition break.

    Args:
        linked: The definition.
        demands: What each transition demands, in order.
        problems: Where broken promises are reported.
    """
    leads = _leads(linked)
    for number, promise in enumerate(linked.always):
        fault = _fault(promise, linked, leads) or _unneeded(promise, linked, demands)
        if fault:
            site = invariant_site(number, promise.invariant)
            message = f"{promise.invariant.label!r} is promised, and {fault}"
            help_text = "change what leads there, or do not promise it"
            problems.add("F415", site.key(), message, help_text)


def _leads(linked: Linked) -> dict[str, list[str]]:
    """Map each leaf to those that some transition leads to."""
    found: dict[str, dict[str, None]] = {leaf: {} for leaf in linked.leaves}
    for transition in linked.transitions:
        for leaf, _ in transition.sources:
            found[leaf][transition.to] = None
    return {leaf: list(others) for leaf, others in found.items()}


def _fault(promise: LinkedInvariant, linked: Linked, leads: Mapping[str, list[str]]) -> str:
    """Say how a promise about the order or the place of stages is broken; empty if it is not."""
    said = promise.invariant
    leaves = linked.leaves_of(said.stage)
    if said.inside and not set(leaves) <= set(linked.leaves_of(said.inside)):
        return f"{said.stage!r} is not nested in {said.inside!r}"
    if said.after:
        before = _leaves(said.after, linked) - set(leaves)
        way = _way([linked.initial], leaves, leads, before)
        return f"this way leads around {' and '.join(said.after)}: {_shown(way)}" if way else ""
    if said.never_after:
        return _returned(said, linked, leads)
    return ""


def _returned(said: Invariant, linked: Linked, leads: Mapping[str, list[str]]) -> str:
    """Say on which way somebody comes back who must not."""
    leaves = linked.leaves_of(said.stage)
    reached = [
        leaf
        for leaf in _leaves(said.never_after, linked) - set(leaves)
        if _way([linked.initial], [leaf], leads, ())
    ]
    way = _way(sorted(reached, key=linked.leaves.index), leaves, leads, ())
    return f"this way leads there: {_shown(way)}" if way else ""


def _leaves(names: tuple[str, ...], linked: Linked) -> set[str]:
    return {leaf for name in names for leaf in linked.leaves_of(name)}


def _way(
    starts: Sequence[str],
    goals: Collection[str],
    leads: Mapping[str, list[str]],
    without: Collection[str],
) -> list[str]:
    """Give the shortest way from one of some leaves to one of others; nothing if there is none."""
    came: dict[str, str] = {start: "" for start in starts if start not in without}
    ahead = deque(came)
    while ahead:
        leaf = ahead.popleft()
        if leaf in goals:
            return _back(leaf, came)
        for other in leads[leaf]:
            if other not in came and other not in without:
                came[other] = leaf
                ahead.append(other)
    return []


def _back(leaf: str, came: Mapping[str, str]) -> list[str]:
    way = [leaf]
    while came[way[-1]]:
        way.append(came[way[-1]])
    return way[::-1]


def _shown(way: list[str]) -> str:
    more = ["…"] if len(way) > _LONGEST else []
    return " -> ".join([*way[:_LONGEST], *more])


def _unneeded(promise: LinkedInvariant, linked: Linked, demands: Sequence[GuardConditions]) -> str:
    """Say which way into a stage does not require what is promised; empty if each does."""
    if promise.needs is None:
        return ""
    needed = guard_conditions(Leaf(promise.invariant.label, promise.needs))
    leaves = linked.leaves_of(promise.invariant.stage)
    if linked.initial in leaves:
        return f"contacts start in {linked.initial!r}"
    for transition in _entering(leaves, linked):
        if not follows_from(needed, demands[transition.index]):
            place = transition.transition.position
            about = transition_site(transition.index, transition.transition).about
            where = f"the transition in line {place.line}" if place else about
            return f"{where} does not require it"
    return ""


def _entering(leaves: Collection[str], linked: Linked) -> Iterator[LinkedTransition]:
    """Yield the transitions that lead into some leaves from outside."""
    for transition in linked.transitions:
        outside = any(leaf not in leaves for leaf, _ in transition.sources)
        if transition.to in leaves and outside:
            yield transition
