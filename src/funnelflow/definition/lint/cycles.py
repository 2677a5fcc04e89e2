"""Transitions that need nobody and lead back to where they began."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from attrs import frozen

from funnelflow.criteria import MORE
from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.guard_implication import GuardConditions, exclude_each_other
from funnelflow.definition.lint.reachability import shortest_path
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import transition_location

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
        location = transition_location(transition.index, written)
        leaves = [leaf for leaf, _ in transition.sources]
        if transition.to in leaves:
            problems.report("F414", location.part("to").span(), stage=transition.to)
        passed = [leaf for leaf in leaves if leaf != transition.to and leaf not in reported]
        if written.after is None and transition.rule is None and passed:
            reported.update(passed)
            stages = (*passed[:3], *([MORE] if passed[3:] else []))
            problems.report("F413", location.span(), stages=stages)


@frozen
class _Step:
    """A transition out of one leaf."""

    source: str
    transition: LinkedTransition

    @property
    def to(self) -> str:
        return self.transition.to


def check_cycles(linked: Linked, guards: Sequence[GuardConditions], problems: Problems) -> None:
    """Report cycles of automatic transitions, and cycles that time alone goes round."""
    automatic = _steps(linked, lambda t: t.transition.is_automatic)
    reported = _check(automatic, guards, "F406", problems, set())
    unattended = _steps(linked, lambda t: not t.transition.on)
    _check(unattended, guards, "F407", problems, reported)


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
    guards: Sequence[GuardConditions],
    code: str,
    problems: Problems,
    reported: set[str],
) -> set[str]:
    """Report cycles that have no leaf in common; return the leaves they go through."""
    edges: dict[str, dict[str, _Step]] = {}
    for step in steps:
        edges.setdefault(step.source, {}).setdefault(step.to, step)
    knot = _in_cycles(edges)
    successors = {leaf: [to for to in edges[leaf] if to in knot] for leaf in knot}
    through: set[str] = set()
    for step in [s for s in steps if s.source in knot and s.to in knot][:_MOST_TRIED]:
        if step.source in through or step.source in reported:
            continue
        back = shortest_path([step.to], [step.source], successors)
        cycle = [step, *(edges[a][b] for a, b in pairwise(back))]
        if back and _can_hold(guards[s.transition.index] for s in cycle):
            through.update(s.source for s in cycle)
            _report(cycle, code, problems)
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


def _report(cycle: list[_Step], code: str, problems: Problems) -> None:
    sources = [step.source for step in cycle]
    path = (*sources[:_MOST_SHOWN], MORE if sources[_MOST_SHOWN:] else sources[0])
    first = cycle[0].transition
    span = transition_location(first.index, first.transition).span()
    problems.report(code, span, path=path)
