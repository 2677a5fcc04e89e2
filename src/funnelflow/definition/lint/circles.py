"""Transitions that need nobody and lead back to where they began."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.demands import Demands, exclude_each_other
from funnelflow.definition.lint.sites import transition_site
from funnelflow.definition.problems import Problems

__all__ = ["check_circles"]

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


def check_circles(linked: Linked, demands: Sequence[Demands], problems: Problems) -> None:
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
    steps: list[_Step], demands: Sequence[Demands], code: str, problems: Problems, told: set[str]
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
            _tell(circle, code, problems)
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


def _can_hold(demands: Iterable[Demands]) -> bool:
    """Tell whether the demands of a circle could all be met at one time."""
    listed = list(demands)
    return not any(
        exclude_each_other(one, other) for at, one in enumerate(listed) for other in listed[:at]
    )


def _tell(circle: list[_Step], code: str, problems: Problems) -> None:
    first = circle[0].transition
    way = " -> ".join(
        [*(step.source for step in circle[:6]), "…"]
        if circle[6:]
        else [*(step.source for step in circle), circle[0].source]
    )
    site = transition_site(first.index, first.transition)
    problems.add(code, site.span(), f"{_WHAT[code]}: {way}", "let one of them wait for an event")
