"""Which stages can be entered, left and told apart, and which transitions go round.

Paths through the stages are taken as they are written, whatever their criteria ask for.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from attrs import frozen

from funnelflow.criteria import MORE
from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.guard_implication import (
    GuardConditions,
    exclude_each_other,
)
from funnelflow.definition.model import ANY, parent_of
from funnelflow.definition.problems import Problems, place_of

Successors: TypeAlias = Mapping[str, Sequence[str]]
"""The leaves to which some transition leads, for each leaf."""


def successors_of(linked: Linked, *, resumed: bool = False, automatic: bool = False) -> Successors:
    """Return the leaves to which some transition leads, for each leaf, in file order.

    Args:
        linked: The definition.
        resumed: Whether to count those to which somebody only comes back.
        automatic: Whether to count only what neither an event nor a wait takes.
    """
    found: dict[str, dict[str, None]] = {leaf: {} for leaf in linked.leaves}
    for transition in linked.transitions:
        if automatic and not transition.transition.is_automatic:
            continue
        for leaf, _ in transition.sources:
            targets = transition.targets if resumed or automatic else (transition.to,)
            found[leaf] |= dict.fromkeys(targets)
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
        place_of(problems, linked.stages[name], name).report("F403", name=name)
    for leaf in linked.leaves:
        is_left = any(other != leaf for other in successors[leaf])
        if leaf in reached and linked.type_of(leaf) == "open" and not is_left:
            place_of(problems, linked.stages[leaf], leaf).report("F404", name=leaf)


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
            place = transition.place(problems)
            stage, kind = closed[0], linked.type_of(closed[0])
            place.part("from").report("F408", _how(transition), stage=stage, type=kind)


def _is_accident(leaf: str, transition: LinkedTransition, linked: Linked) -> bool:
    """Whether a closed leaf is left with no event, or without being named as closed."""
    if not transition.transition.on:
        return True
    named = [s for s in transition.transition.sources if s != ANY and leaf in linked.leaves_of(s)]
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
    sets = frozenset(written.sets.items())
    when = (frozenset(written.on), written.after, written.since, written.resume, sets, guard)
    sources = [leaf for leaf, _ in transition.sources]
    others = frozenset(leaf for leaf in sources if leaf != transition.to)
    if others:
        yield transition.to, True, ("in", others, when)
    for leaf in others:
        yield leaf, False, ("out", transition.to, when)


def _report_indistinguishable(first: str, second: str, linked: Linked, problems: Problems) -> None:
    place = place_of(problems, linked.stages[second], second)
    there = linked.stages[first].position
    if there:
        place.report("F409", "placed", stage=second, other=first, line=there.line)
    else:
        place.report("F409", "alike", stage=second, other=first)


_MOST_TRIED = 200
"""From how many transitions of one kind a cycle is looked for."""
_MOST_SHOWN = 6
"""How many stages of a cycle are shown."""


def check_passages(linked: Linked, problems: Problems) -> None:
    """Report stages left at once, and transitions that lead by themselves to where they begin."""
    reported: set[str] = set()
    for transition in linked.transitions:
        written = transition.transition
        if written.on:
            continue
        place = transition.place(problems)
        leaves = [leaf for leaf, _ in transition.sources]
        if transition.to in leaves:
            place.part("to").report("F414", stage=transition.to)
        passed = [leaf for leaf in leaves if leaf != transition.to and leaf not in reported]
        if written.after is None and transition.rule is None and passed:
            reported.update(passed)
            stages = (*passed[:3], *([MORE] if passed[3:] else []))
            place.report("F413", stages=stages)


@frozen
class _Step:
    """A transition out of one leaf."""

    source: str
    transition: LinkedTransition
    to: str


def check_cycles(linked: Linked, guards: Sequence[GuardConditions], problems: Problems) -> None:
    """Report cycles of automatic transitions, and cycles that time alone goes round."""
    automatic = _steps(linked, lambda t: t.transition.is_automatic)
    reported = _check_steps(automatic, guards, "F406", problems, set())
    at_once = _steps(linked, lambda t: _is_dated(t) or t.transition.is_automatic)
    reported |= _check_steps(at_once, guards, "F417", problems, set(), _is_dated)
    unattended = _steps(linked, lambda t: not t.transition.on)
    _check_steps(unattended, guards, "F407", problems, reported)


def _is_dated(transition: LinkedTransition) -> bool:
    """Whether a date takes a transition, which may have passed before the stage is entered."""
    return transition.date is not None


def _steps(linked: Linked, wanted: Callable[[LinkedTransition], bool]) -> list[_Step]:
    return [
        _Step(leaf, transition, to)
        for transition in linked.transitions
        if wanted(transition)
        for leaf, _ in transition.sources
        for to in transition.targets
        if leaf != to or _is_dated(transition)
    ]


def _check_steps(
    steps: list[_Step],
    guards: Sequence[GuardConditions],
    code: str,
    problems: Problems,
    reported: set[str],
    begins: Callable[[LinkedTransition], bool] = lambda _: True,
) -> set[str]:
    """Report cycles that have no leaf in common; return the leaves they go through."""
    edges: dict[str, dict[str, _Step]] = {}
    for step in steps:
        edges.setdefault(step.source, {}).setdefault(step.to, step)
    knot = _in_cycles(edges)
    successors = {leaf: [to for to in edges[leaf] if to in knot] for leaf in knot}
    through: set[str] = set()
    for step in [s for s in steps if s.source in knot and s.to in knot and begins(s.transition)][
        :_MOST_TRIED
    ]:
        if step.source in through or step.source in reported:
            continue
        back = shortest_path([step.to], [step.source], successors)
        cycle = [step, *(edges[a][b] for a, b in pairwise(back))]
        changed = {name for s in cycle for name, _ in s.transition.sets}
        if back and _can_hold(guards[s.transition.index].without(changed) for s in cycle):
            through.update(s.source for s in cycle)
            _report_cycle(cycle, code, problems)
    return through


def _in_cycles(edges: Mapping[str, Mapping[str, _Step]]) -> set[str]:
    """Return what is left when leaves that end or begin nowhere are taken away."""
    left = set(edges)
    while True:
        entered = {to for leaf in left for to in edges[leaf]}
        kept = {leaf for leaf in left & entered if not left.isdisjoint(edges[leaf])}
        if kept == left:
            return left
        left = kept


def _can_hold(guards: Iterable[GuardConditions]) -> bool:
    """Whether the guards of a cycle could all be met at one time."""
    listed = list(guards)
    return not any(
        exclude_each_other(one, other) for at, one in enumerate(listed) for other in listed[:at]
    )


def _report_cycle(cycle: list[_Step], code: str, problems: Problems) -> None:
    sources = [step.source for step in cycle]
    path = (*sources[:_MOST_SHOWN], MORE if sources[_MOST_SHOWN:] else sources[0])
    first = cycle[0].transition
    first.place(problems).report(code, path=path)
