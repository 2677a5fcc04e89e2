"""Ends that can be left by accident, and stages that nothing tells apart."""

from collections.abc import Hashable, Iterator, Sequence

from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.demands import Demands
from funnelflow.definition.lint.names import stage_site
from funnelflow.definition.lint.sites import transition_site
from funnelflow.definition.problems import Problems

__all__ = ["check_ends", "check_twins"]


def check_ends(linked: Linked, problems: Problems) -> None:
    """Find stages of type won or lost that are left without anybody meaning to."""
    for transition in linked.transitions:
        closed = [
            leaf
            for leaf, _ in transition.sources
            if linked.type_of(leaf) != "open" and _is_accident(leaf, transition, linked)
        ]
        if not closed or linked.type_of(transition.to) == linked.type_of(closed[0]):
            continue
        how = _how(transition)
        message = f"{closed[0]!r} is {linked.type_of(closed[0])}, and {how}"
        site = transition_site(transition.index, transition.transition)
        problems.add("F408", site.part("from").span(), message, "name the stage and an event")


def _is_accident(leaf: str, transition: LinkedTransition, linked: Linked) -> bool:
    """Tell whether a closed leaf is left with no event, or without being named as closed."""
    if not transition.transition.on:
        return True
    named = [s for s in transition.transition.sources if leaf in linked.leaves_of(s)]
    return all(linked.type_of(source) == "open" for source in named)


def _how(transition: LinkedTransition) -> str:
    written = transition.transition
    if written.on:
        return "this transition names only a stage around it"
    return "time alone leads out" if written.after else "this leads out by itself"


def check_twins(linked: Linked, demands: Sequence[Demands], problems: Problems) -> None:
    """Find pairs of stages that are entered and left in the same ways."""
    ways: dict[str, set[Hashable]] = {leaf: set() for leaf in linked.leaves}
    entered: set[str] = {linked.initial}
    for transition in linked.transitions:
        for leaf, is_in, way in _ways(transition, demands[transition.index]):
            ways[leaf].add(way)
            if is_in:
                entered.add(leaf)
    seen: dict[Hashable, str] = {}
    for leaf in linked.leaves:
        if leaf not in entered or leaf == linked.initial:
            continue
        known = (linked.type_of(leaf), frozenset(ways[leaf]))
        first = seen.setdefault(known, leaf)
        if first != leaf:
            _tell(first, leaf, linked, problems)


def _ways(transition: LinkedTransition, demands: Demands) -> Iterator[tuple[str, bool, Hashable]]:
    """Yield for each leaf concerned how it is left or entered, without its own name."""
    written = transition.transition
    when = (frozenset(written.on), written.after, written.since, demands)
    sources = [leaf for leaf, _ in transition.sources]
    others = frozenset(leaf for leaf in sources if leaf != transition.to)
    if others:
        yield transition.to, True, ("in", others, when)
    for leaf in others:
        yield leaf, False, ("out", transition.to, when)


def _tell(first: str, second: str, linked: Linked, problems: Problems) -> None:
    there = linked.stages[first].position
    where = f" (line {there.line})" if there else ""
    message = f"nothing tells {second!r} from {first!r}{where}"
    site = stage_site(second, linked.stages[second])
    help_text = "both are entered and left in the same ways: merge them, or say what differs"
    problems.add("F409", site.key(), message, help_text)
