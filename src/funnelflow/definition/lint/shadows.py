"""Transitions that are never taken, because another is tried first and asks for no more."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from attrs import define, field

from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.demands import Demands
from funnelflow.definition.lint.sites import transition_site
from funnelflow.definition.problems import Problems
from funnelflow.definition.records import Transition

__all__ = ["check_shadows"]

Way: TypeAlias = tuple[str, str]
"""A leaf, and what takes a contact out of it: an event's name, time, or nothing."""

_AUTOMATIC, _TIMED = "(automatic)", "(timed)"
_MOST_COMPARED = 100


@define
class _Tried:
    """The transitions that one way has been seen to try, with what they demand."""

    free: LinkedTransition | None = None
    demanding: list[tuple[LinkedTransition, Demands]] = field(factory=list)


def check_shadows(linked: Linked, demands: Sequence[Demands], problems: Problems) -> None:
    """Find transitions that an earlier one always comes before, on every way they have."""
    tried: dict[Way, _Tried] = {}
    open_ways: dict[int, bool] = {}
    shadowed_by: dict[int, LinkedTransition] = {}
    for leaf, transition in _in_order_tried(linked):
        for trigger in _triggers(transition.transition):
            before = tried.setdefault((leaf, trigger), _Tried())
            shadow = _shadow(transition, demands[transition.index], trigger, before)
            if shadow is None:
                open_ways[transition.index] = True
                _remember(transition, demands[transition.index], before)
            else:
                shadowed_by.setdefault(transition.index, shadow)
    for index, shadow in sorted(shadowed_by.items()):
        if not open_ways.get(index):
            _tell(linked.transitions[index], shadow, problems)


def _in_order_tried(linked: Linked) -> Iterator[tuple[str, LinkedTransition]]:
    """Yield each leaf with each transition that leaves it, innermost named first."""
    pairs = [(-depth, t.index, leaf) for t in linked.transitions for leaf, depth in t.sources]
    for _, index, leaf in sorted(pairs):
        yield leaf, linked.transitions[index]


def _triggers(transition: Transition) -> tuple[str, ...]:
    if transition.is_automatic:
        return (_AUTOMATIC,)
    return transition.on if transition.after is None else (*transition.on, _TIMED)


def _shadow(
    transition: LinkedTransition, demands: Demands, trigger: str, before: _Tried
) -> LinkedTransition | None:
    """Find a transition tried before that is taken wherever this one could be."""
    if before.free is not None and _comes_first(before.free, transition, trigger):
        return before.free
    for other, weaker in before.demanding[-_MOST_COMPARED:]:
        if weaker.are_weaker_than(demands) and _comes_first(other, transition, trigger):
            return other
    return None


def _comes_first(first: LinkedTransition, second: LinkedTransition, trigger: str) -> bool:
    """Tell whether of two that time takes, the first is due no later than the second."""
    if trigger != _TIMED:
        return True
    one, other = first.transition, second.transition
    if one.after is None or other.after is None:
        return False
    return one.since == other.since and one.after <= other.after


def _remember(transition: LinkedTransition, demands: Demands, before: _Tried) -> None:
    if transition.rule is None and before.free is None:
        before.free = transition
    else:
        before.demanding.append((transition, demands))


def _tell(transition: LinkedTransition, shadow: LinkedTransition, problems: Problems) -> None:
    """Report a transition, unless one of another file was meant to come before it."""
    here, there = transition.transition.position, shadow.transition.position
    if here and there and here.path != there.path:
        return
    other = f"the one in line {there.line}" if there else f"transition {shadow.index + 1}"
    message = f"this transition is never taken: {other} is tried first and asks for no more"
    site = transition_site(transition.index, transition.transition)
    problems.add("F405", site.span(), message, "put the one that asks for more first")
