"""Transitions that are never taken, because another is tried first and asks for no more."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from attrs import define, field

from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.lint.guard_implication import GuardConditions
from funnelflow.definition.model import Transition
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import transition_location

Exit: TypeAlias = tuple[str, str]
"""A leaf, and what takes a contact out of it: an event's name, time, or nothing."""

_AUTOMATIC, _TIMED = "(automatic)", "(timed)"
_MOST_COMPARED = 100


@define
class _Tried:
    """The transitions that one exit is known to try, with what they require."""

    free: LinkedTransition | None = None
    guarded: list[tuple[LinkedTransition, GuardConditions]] = field(factory=list)


def check_shadows(linked: Linked, guards: Sequence[GuardConditions], problems: Problems) -> None:
    """Report transitions that an earlier one always comes before, at every exit they have."""
    tried: dict[Exit, _Tried] = {}
    reachable: set[int] = set()
    shadowed_by: dict[int, LinkedTransition] = {}
    for leaf, transition in _in_order_tried(linked):
        for trigger in _triggers(transition.transition):
            before = tried.setdefault((leaf, trigger), _Tried())
            shadow = _shadow(transition, guards[transition.index], trigger, before)
            if shadow is None:
                reachable.add(transition.index)
                _remember(transition, guards[transition.index], before)
            else:
                shadowed_by.setdefault(transition.index, shadow)
    for index, shadow in sorted(shadowed_by.items()):
        if index not in reachable:
            _report(linked.transitions[index], shadow, problems)


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
    transition: LinkedTransition, guard: GuardConditions, trigger: str, before: _Tried
) -> LinkedTransition | None:
    """Return a transition tried before that is taken wherever this one could be."""
    if before.free is not None and _comes_first(before.free, transition, trigger):
        return before.free
    for other, weaker in before.guarded[-_MOST_COMPARED:]:
        if weaker.are_weaker_than(guard) and _comes_first(other, transition, trigger):
            return other
    return None


def _comes_first(first: LinkedTransition, second: LinkedTransition, trigger: str) -> bool:
    """Whether of two that time takes, the first is due no later than the second."""
    if trigger != _TIMED:
        return True
    one, other = first.transition, second.transition
    if one.after is None or other.after is None:
        return False
    return one.since == other.since and one.after <= other.after


def _remember(transition: LinkedTransition, guard: GuardConditions, before: _Tried) -> None:
    if transition.rule is None and before.free is None:
        before.free = transition
    else:
        before.guarded.append((transition, guard))


def _report(transition: LinkedTransition, shadow: LinkedTransition, problems: Problems) -> None:
    """Report a transition, unless one of another file was meant to come before it."""
    here, there = transition.transition.position, shadow.transition.position
    if here and there and here.path != there.path:
        return
    span = transition_location(transition.index, transition.transition).span()
    if there:
        problems.report("F405", span, "placed", line=there.line)
    else:
        problems.report("F405", span, "shadowed", number=shadow.index + 1)
