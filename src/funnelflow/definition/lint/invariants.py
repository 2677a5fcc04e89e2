"""The invariants of a definition, under `always`, held against its own transitions.

Paths through the stages are taken as they are written, whatever their criteria ask for, so an
invariant that passes here holds for every contact whom nobody forces; one that fails may still
hold for all of them, for reasons that the criteria know.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeAlias

from funnelflow.criteria import MORE, Leaf
from funnelflow.definition.linked import Linked, LinkedInvariant, LinkedTransition
from funnelflow.definition.lint.guard_implication import (
    GuardConditions,
    follows_from,
    guard_conditions,
)
from funnelflow.definition.lint.reachability import Successors, shortest_path
from funnelflow.definition.model import Invariant
from funnelflow.definition.problems import Problems, place_of_invariant

_LONGEST = 8
"""How many stages of a path are shown."""

Violation: TypeAlias = tuple[str, dict[str, Any]]
"""The variant of the problem, and its parameters."""


def check_invariants(
    linked: Linked,
    guards: Sequence[GuardConditions],
    successors: Successors,
    problems: Problems,
) -> None:
    """Report every invariant that the transitions of the definition break."""
    for number, checked in enumerate(linked.always):
        invariant = checked.invariant
        place = place_of_invariant(problems, number, invariant)
        broken = _misplaced(invariant, linked, successors) or _not_required(
            checked, linked, guards, problems
        )
        if broken:
            variant, parameters = broken
            place.report("F415", variant, label=invariant.label, **parameters)


def _misplaced(invariant: Invariant, linked: Linked, successors: Successors) -> Violation | None:
    """Return how an invariant about the order or the nesting of stages is broken, if it is."""
    leaves = linked.leaves_of(invariant.stage)
    if invariant.inside and not set(leaves) <= set(linked.leaves_of(invariant.inside)):
        return "inside", {"stage": invariant.stage, "inside": invariant.inside}
    if invariant.after:
        before = _leaves(invariant.after, linked) - set(leaves)
        path = shortest_path([linked.initial], leaves, successors, before)
        return ("after", {"after": invariant.after, "path": _shown(path)}) if path else None
    if invariant.never_after:
        path = _path_back(invariant, linked, successors)
        return ("never_after", {"path": _shown(path)}) if path else None
    return None


def _path_back(invariant: Invariant, linked: Linked, successors: Successors) -> list[str]:
    """Return the path on which somebody comes back who must not; empty if there is none."""
    leaves = linked.leaves_of(invariant.stage)
    reached = [
        leaf
        for leaf in _leaves(invariant.never_after, linked) - set(leaves)
        if shortest_path([linked.initial], [leaf], successors)
    ]
    return shortest_path(sorted(reached, key=linked.leaves.index), leaves, successors)


def _leaves(names: tuple[str, ...], linked: Linked) -> set[str]:
    return {leaf for name in names for leaf in linked.leaves_of(name)}


def _shown(path: list[str]) -> tuple[str, ...]:
    return (*path[:_LONGEST], *([MORE] if len(path) > _LONGEST else []))


def _not_required(
    checked: LinkedInvariant,
    linked: Linked,
    guards: Sequence[GuardConditions],
    problems: Problems,
) -> Violation | None:
    """Return how a stage is entered without what the invariant needs, if it is."""
    if checked.needs is None:
        return None
    needed = guard_conditions(Leaf(checked.invariant.label, checked.needs))
    leaves = linked.leaves_of(checked.invariant.stage)
    if linked.initial in leaves:
        return "initial", {"stage": linked.initial}
    for transition in _entering(leaves, linked):
        if not follows_from(needed, guards[transition.index]):
            position = transition.transition.position
            if position:
                return "placed", {"line": position.line}
            about = transition.place(problems).about
            return "transition", {"transition": about}
    return None


def _entering(leaves: Collection[str], linked: Linked) -> Iterator[LinkedTransition]:
    """Yield the transitions that lead into some leaves from outside."""
    for transition in linked.transitions:
        outside = any(leaf not in leaves for leaf, _ in transition.sources)
        if transition.to in leaves and outside:
            yield transition
