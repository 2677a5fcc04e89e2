"""Which stages can be entered, left, and told apart."""

from collections import deque
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import TypeAlias

from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.guard_implication import GuardConditions
from funnelflow.definition.model import parent_of
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import stage_location, transition_location

Successors: TypeAlias = Mapping[str, Sequence[str]]
"""The leaves to which some transition leads, for each leaf."""


def successors_of(linked: Linked) -> Successors:
    """Return the leaves to which some transition leads, for each leaf, in file order."""
    found: dict[str, dict[str, None]] = {leaf: {} for leaf in linked.leaves}
    for transition in linked.transitions:
        for leaf, _ in transition.sources:
            found[leaf][transition.to] = None
    return {leaf: list(others) for leaf, others in found.items()}


def shortest_path(
    starts: Sequence[str],
    goals: Collection[str],
    successors: Successors,
    without: Collection[str] = (),
) -> list[str]:
    """Return the shortest path from one of some leaves to one of others; empty if there is none.

    Args:
        starts: Where it may begin.
        goals: Where it may end.
        successors: Where it may go on from each leaf.
        without: The leaves that it may not touch.
    """
    came = {start: "" for start in starts if start not in without}
    pending = deque(came)
    while pending:
        leaf = pending.popleft()
        if leaf in goals:
            return _path_to(leaf, came)
        for other in successors.get(leaf, ()):
            if other not in came and other not in without:
                came[other] = leaf
                pending.append(other)
    return []


def _path_to(leaf: str, came: Mapping[str, str]) -> list[str]:
    path = [leaf]
    while came[path[-1]]:
        path.append(came[path[-1]])
    return path[::-1]


def check_reachability(linked: Linked, successors: Successors, problems: Problems) -> None:
    """Check that every stage can be entered, and left unless it is terminal."""
    reached = _reached(linked.initial, successors)
    for name in _outermost(linked, set(linked.leaves) - reached):
        problems.report("F403", stage_location(name, linked.stages[name]).key(), name=name)
    for leaf in linked.leaves:
        is_left = any(other != leaf for other in successors[leaf])
        if leaf in reached and linked.type_of(leaf) == "open" and not is_left:
            problems.report("F404", stage_location(leaf, linked.stages[leaf]).key(), name=leaf)


def _reached(initial: str, successors: Successors) -> set[str]:
    """Return the leaves to which some path leads."""
    found, pending = {initial}, [initial]
    while pending:
        further = [leaf for leaf in successors[pending.pop()] if leaf not in found]
        found.update(further)
        pending += further
    return found


def _outermost(linked: Linked, missed: set[str]) -> Iterator[str]:
    """Yield the stages none of whose leaves is reached, without those nested in them."""
    covered: set[str] = set()
    for name in linked.stages:
        if parent_of(name) in covered or missed.issuperset(linked.leaves_of(name)):
            covered.add(name)
            if parent_of(name) not in covered:
                yield name


def check_terminal_stages(linked: Linked, problems: Problems) -> None:
    """Report stages of type won or lost that are left without anybody meaning to."""
    for transition in linked.transitions:
        closed = [
            leaf
            for leaf, _ in transition.sources
            if linked.type_of(leaf) != "open" and _is_accident(leaf, transition, linked)
        ]
        if closed and linked.type_of(transition.to) != linked.type_of(closed[0]):
            span = transition_location(transition.index, transition.transition).part("from").span()
            stage, kind = closed[0], linked.type_of(closed[0])
            problems.report("F408", span, _how(transition), stage=stage, type=kind)


def _is_accident(leaf: str, transition: LinkedTransition, linked: Linked) -> bool:
    """Whether a closed leaf is left with no event, or without being named as closed."""
    if not transition.transition.on:
        return True
    named = [s for s in transition.transition.sources if leaf in linked.leaves_of(s)]
    return all(linked.type_of(source) == "open" for source in named)


def _how(transition: LinkedTransition) -> str:
    if transition.transition.on:
        return "outer"
    return "timed" if transition.transition.after else "automatic"


def check_indistinguishable_stages(
    linked: Linked, guards: Sequence[GuardConditions], problems: Problems
) -> None:
    """Report pairs of stages that are entered and left in the same ways."""
    uses: dict[str, set[Hashable]] = {leaf: set() for leaf in linked.leaves}
    entered: set[str] = {linked.initial}
    for transition in linked.transitions:
        for leaf, is_in, use in _uses(transition, guards[transition.index]):
            uses[leaf].add(use)
            if is_in:
                entered.add(leaf)
    seen: dict[Hashable, str] = {}
    for leaf in linked.leaves:
        if leaf not in entered or leaf == linked.initial:
            continue
        known = (linked.type_of(leaf), frozenset(uses[leaf]))
        first = seen.setdefault(known, leaf)
        if first != leaf:
            _report_indistinguishable(first, leaf, linked, problems)


def _uses(
    transition: LinkedTransition, guard: GuardConditions
) -> Iterator[tuple[str, bool, Hashable]]:
    """Yield for each leaf concerned how it is left or entered, without its own name."""
    written = transition.transition
    when = (frozenset(written.on), written.after, written.since, guard)
    sources = [leaf for leaf, _ in transition.sources]
    others = frozenset(leaf for leaf in sources if leaf != transition.to)
    if others:
        yield transition.to, True, ("in", others, when)
    for leaf in others:
        yield leaf, False, ("out", transition.to, when)


def _report_indistinguishable(first: str, second: str, linked: Linked, problems: Problems) -> None:
    span = stage_location(second, linked.stages[second]).key()
    there = linked.stages[first].position
    if there:
        problems.report("F409", span, "placed", stage=second, other=first, line=there.line)
    else:
        problems.report("F409", span, "alike", stage=second, other=first)
