"""Transitions that need nobody and lead back to where they began."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.names import stage_site
from funnelflow.definition.lint.shadowing import GuardConditions, exclude_each_other
from funnelflow.definition.model import parent_of
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import transition_site


def check_reach(linked: Linked, problems: Problems) -> None:
    """Check that every stage can be entered, and left unless it is an end."""
    leaving: dict[str, list[LinkedTransition]] = {leaf: [] for leaf in linked.leaves}
    for transition in linked.transitions:
        for leaf, _ in transition.sources:
            leaving[leaf].append(transition)
    reached = _reached(linked.initial, leaving)
    for name in _outermost(linked, set(linked.leaves) - reached):
        site = stage_site(name, linked.stages[name])
        message = f"nothing leads to the stage {name!r}"
        help_text = "add a transition to it, or make it part of what is reached"
        problems.add("F403", site.key(), message, help_text)
    for leaf in linked.leaves:
        if leaf in reached:
            _check_way_out(leaf, linked, leaving[leaf], problems)
    _check_passages(linked, problems)


def _reached(initial: str, leaving: Mapping[str, list[LinkedTransition]]) -> set[str]:
    """Give the leaves to which some chain of transitions leads."""
    found, ahead = {initial}, [initial]
    while ahead:
        for transition in leaving[ahead.pop()]:
            if transition.to not in found:
                found.add(transition.to)
                ahead.append(transition.to)
    return found


def _outermost(linked: Linked, missed: set[str]) -> Iterator[str]:
    """Yield the stages none of whose leaves is reached, without those nested in them."""
    told: set[str] = set()
    for name in linked.stages:
        if parent_of(name) in told or missed.issuperset(linked.leaves_of(name)):
            told.add(name)
            if parent_of(name) not in told:
                yield name


def _check_way_out(
    leaf: str, linked: Linked, leaving: list[LinkedTransition], problems: Problems
) -> None:
    """Check that a contact can leave an open stage."""
    if linked.type_of(leaf) != "open" or any(t.to != leaf for t in leaving):
        return
    message = f"nothing leads out of the open stage {leaf!r}"
    help_text = "add a transition, or `type: won` or `type: lost` if it is an end"
    problems.add("F404", stage_site(leaf, linked.stages[leaf]).key(), message, help_text)


def _check_passages(linked: Linked, problems: Problems) -> None:
    """Find stages left at once, and transitions that lead by themselves to where they begin."""
    told: set[str] = set()
    for transition in linked.transitions:
        written = transition.transition
        if written.on:
            continue
        site = transition_site(transition.index, written)
        leaves = [leaf for leaf, _ in transition.sources]
        if transition.to in leaves:
            message = f"a contact in {transition.to!r} would only go round here"
            problems.add("F414", site.part("to").span(), message, "name another stage in `to`")
        if written.after is None and transition.rule is None:
            passed = [leaf for leaf in leaves if leaf != transition.to and leaf not in told]
            told.update(passed)
            _tell_passed(passed, transition, problems)


def _tell_passed(passed: list[str], transition: LinkedTransition, problems: Problems) -> None:
    if not passed:
        return
    names = ", ".join([*map(repr, passed[:3]), *(["…"] if passed[3:] else [])])
    site = transition_site(transition.index, transition.transition)
    message = f"nobody stays in {names}: this transition needs nothing to be taken"
    problems.add("F413", site.span(), message, "add `on`, `after` or `require`")


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


def check_twins(linked: Linked, demands: Sequence[GuardConditions], problems: Problems) -> None:
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


def _ways(
    transition: LinkedTransition, demands: GuardConditions
) -> Iterator[tuple[str, bool, Hashable]]:
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


_WHAT = {"F406": "automatic transitions go round", "F407": "waiting goes round"}
_MOST_TRIED = 200
"""In how many places of a knot of transitions a circle is looked for."""


@frozen
class _Step:
    """A transition out of one leaf."""

    source: str
    transition: LinkedTransition

    @property
    def to(self) -> str:
        return self.transition.to


def check_circles(linked: Linked, demands: Sequence[GuardConditions], problems: Problems) -> None:
    """Find circles of automatic transitions, and circles that time alone goes round."""
    automatic = _steps(linked, lambda t: t.transition.is_automatic)
    told = _check(automatic, demands, "F406", problems, set())
    unattended = _steps(linked, lambda t: not t.transition.on)
    _check(unattended, demands, "F407", problems, told)


def _steps(linked: Linked, wanted: Callable[[LinkedTransition], bool]) -> list[_Step]:
    return [
        _Step(leaf, transition)
        for transition in linked.transitions
        if wanted(transition)
        for leaf, _ in transition.sources
        if leaf != transition.to
    ]


def _check(
    steps: list[_Step],
    demands: Sequence[GuardConditions],
    code: str,
    problems: Problems,
    told: set[str],
) -> set[str]:
    """Report one circle for each knot of transitions; give the leaves it goes through."""
    leaving: dict[str, list[_Step]] = {}
    for step in steps:
        leaving.setdefault(step.source, []).append(step)
    knots = _in_circles(leaving)
    through: set[str] = set()
    for step in [s for s in steps if s.source in knots and s.to in knots][:_MOST_TRIED]:
        if step.source in through or step.source in told:
            continue
        circle = _circle(step, leaving)
        if circle and _can_hold([demands[s.transition.index] for s in circle]):
            through.update(s.source for s in circle)
            _tell_cycle(circle, code, problems)
    return through


def _in_circles(leaving: dict[str, list[_Step]]) -> set[str]:
    """Give what is left when leaves that end or begin nowhere are taken away."""
    left = set(leaving)
    while True:
        entered = {step.to for leaf in left for step in leaving[leaf]}
        kept = {leaf for leaf in left & entered if any(s.to in left for s in leaving[leaf])}
        if kept == left:
            return left
        left = kept


def _circle(first: _Step, leaving: dict[str, list[_Step]]) -> list[_Step]:
    """Give the shortest way that begins with a step and ends where it began; else nothing."""
    came: dict[str, _Step] = {first.to: first}
    ahead = deque([first.to])
    while ahead and first.source not in came:
        for step in leaving.get(ahead.popleft(), ()):
            if step.to not in came:
                came[step.to] = step
                ahead.append(step.to)
    if first.source not in came:
        return []
    way = [came[first.source]]
    while way[-1] is not first:
        way.append(came[way[-1].source])
    return way[::-1]


def _can_hold(demands: Iterable[GuardConditions]) -> bool:
    """Tell whether the demands of a circle could all be met at one time."""
    listed = list(demands)
    return not any(
        exclude_each_other(one, other) for at, one in enumerate(listed) for other in listed[:at]
    )


def _tell_cycle(circle: list[_Step], code: str, problems: Problems) -> None:
    first = circle[0].transition
    way = " -> ".join(
        [*(step.source for step in circle[:6]), "…"]
        if circle[6:]
        else [*(step.source for step in circle), circle[0].source]
    )
    site = transition_site(first.index, first.transition)
    problems.add(code, site.span(), f"{_WHAT[code]}: {way}", "let one of them wait for an event")
