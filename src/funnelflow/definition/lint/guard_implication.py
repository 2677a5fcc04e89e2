"""Guard implication: what a transition requires, what follows from it, and what it shadows.

Conditions are compared as they are written: an answer of yes is certain, one of no means that
nothing can be seen.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from attrs import define, field, frozen

from funnelflow.criteria import AllOf, AnyOf, AtLeast, Custom, Leaf, Roles, Rule
from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.model import Transition
from funnelflow.definition.problems import Problems

Condition: TypeAlias = str

_COMPARISON = re.compile(
    r"((?:contact|event)\.\w+) *(==|!=|<=|>=|<|>) *"
    r"(-?\d+(?:\.\d+)?|\"[^\"\\]*\"|'[^'\\]*'|true|false)"
)
_KNOWN = re.compile(r"has\(((?:contact|event)\.\w+)\)")
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_NOT_SPLIT = re.compile(r"[\"'?]|\|\|")


@frozen
class GuardConditions:
    """What must be met: conditions that all hold, and roles of which one must be held."""

    conditions: frozenset[Condition]
    roles: frozenset[str] = frozenset()

    def are_weaker_than(self, other: "GuardConditions") -> bool:
        """Whether these are met wherever the others are."""
        if self.roles and not (other.roles and other.roles <= self.roles):
            return False
        return self.conditions <= other.conditions


def guard_conditions(rule: Rule | None) -> GuardConditions:
    """Return what a transition's rule requires."""
    if rule is None:
        return GuardConditions(frozenset())
    roles = [inner.by for inner in getattr(rule, "rules", ()) if isinstance(inner, Roles)]
    conditions = frozenset(_conditions(rule))
    return GuardConditions(conditions, frozenset(roles[0]) if roles else frozenset())


def exclude_each_other(first: GuardConditions, second: GuardConditions) -> bool:
    """Whether no contact can meet both at one time, as far as comparisons show."""
    return any(_exclude(one, other) for one in first.conditions for other in second.conditions)


def follows_from(needed: GuardConditions, given: GuardConditions) -> bool:
    """Whether what is needed holds wherever what is given does, as far as can be seen."""
    return all(
        any(_implies(condition, other) for condition in given.conditions)
        for other in needed.conditions
    )


def _implies(one: Condition, other: Condition) -> bool:
    """Whether a condition that is met makes another be met.

    A comparison that is met is about a fact that is known, and excludes what the other
    comparison excludes.
    """
    if one == other:
        return True
    known = _KNOWN.fullmatch(other)
    if known:
        return re.match(rf"!?{re.escape(known[1])}\b", one) is not None and "||" not in one
    comparison = _COMPARISON.fullmatch(other)
    if comparison is None:
        return False
    opposite = _OPPOSITE[comparison[2]]
    return _exclude(one, f"{comparison[1]} {opposite} {comparison[3]}")


def _conditions(rule: Rule) -> Iterator[Condition]:
    """Yield the conditions of a rule, those of `all` one by one."""
    if isinstance(rule, AllOf):
        for inner in rule.rules:
            yield from _conditions(inner)
    elif isinstance(rule, Leaf):
        source = " ".join(rule.expression.source.split())
        yield from [source] if _NOT_SPLIT.search(source) else _clauses(source)
    elif isinstance(rule, Custom):
        yield f"{rule.provider}:{rule.name}({sorted(rule.arguments.items())!r})"
    elif isinstance(rule, AnyOf | AtLeast):
        count = rule.count if isinstance(rule, AtLeast) else 1
        inner_conditions = [sorted(_conditions(inner)) for inner in rule.rules]
        yield f"{count} of {sorted(inner_conditions)!r}"


def _clauses(source: str) -> Iterator[Condition]:
    """Split ``a && b`` that stands outside of brackets."""
    if "&&" not in source:
        yield source
        return
    if "(" not in source:
        yield from (clause.strip() for clause in source.split("&&"))
        return
    depth, start = 0, 0
    for at, character in enumerate(source):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and source.startswith("&&", at):
            yield source[start:at].strip()
            start = at + 2
    yield source[start:].strip()


def _exclude(one: Condition, other: Condition) -> bool:
    if one in (f"!{other}", f"!({other})") or other in (f"!{one}", f"!({one})"):
        return True
    first, second = _COMPARISON.fullmatch(one), _COMPARISON.fullmatch(other)
    if first is None or second is None or first[1] != second[1]:
        return False
    return _values_exclude(first[2], first[3], second[2], second[3])


def _values_exclude(first_sign: str, first: str, second_sign: str, second: str) -> bool:
    """Whether two comparisons of one field with constants never hold together."""
    signs = {first_sign, second_sign}
    if not (first[0] in "-0123456789" and second[0] in "-0123456789"):
        same = first[1:-1] == second[1:-1] if first[0] in "\"'" else first == second
        return (signs == {"=="} and not same) or (signs == {"==", "!="} and same)
    if "!=" in signs:
        return signs == {"==", "!="} and float(first) == float(second)
    return _apart(_interval(first_sign, float(first)), _interval(second_sign, float(second)))


Interval: TypeAlias = tuple[float, bool, float, bool]
"""Lower end, whether it belongs to it, upper end, whether it belongs to it."""


def _interval(sign: str, value: float) -> Interval:
    if sign == "==":
        return value, True, value, True
    if sign in (">", ">="):
        return value, sign == ">=", math.inf, False
    return -math.inf, False, value, sign == "<="


def _apart(one: Interval, other: Interval) -> bool:
    """Whether two intervals have no number in common."""
    lower, is_beyond = max((one[0], not one[1]), (other[0], not other[1]))
    upper, upper_belongs = min((one[2], one[3]), (other[2], other[3]))
    return lower > upper or (lower == upper and (is_beyond or not upper_belongs))


Exit: TypeAlias = tuple[str, str]
"""A leaf, and what takes a contact out of it: an event's name, time, or nothing."""

_AUTOMATIC, _TIMED = "(automatic)", "(timed)"
_MOST_COMPARED = 100


@frozen
class _Candidate:
    """A transition at one leaf: what it requires, and the stage whose entry its wait counts."""

    transition: LinkedTransition
    guard: GuardConditions
    waits_in: str


@define
class _Tried:
    """The transitions that one exit is known to try."""

    free: _Candidate | None = None
    guarded: list[_Candidate] = field(factory=list)


def check_shadows(linked: Linked, guards: Sequence[GuardConditions], problems: Problems) -> None:
    """Report transitions that an earlier one always comes before, at every exit they have."""
    tried: dict[Exit, _Tried] = {}
    reachable: set[int] = set()
    shadowed_by: dict[int, LinkedTransition] = {}
    for leaf, depth, transition in _in_order_tried(linked):
        waits_in = transition.waits_in(leaf, depth)
        candidate = _Candidate(transition, guards[transition.index], waits_in)
        for trigger in _triggers(transition.transition):
            before = tried.setdefault((leaf, trigger), _Tried())
            shadow = _shadow(candidate, trigger, before)
            if shadow is None:
                reachable.add(transition.index)
                _remember(candidate, before)
            else:
                shadowed_by.setdefault(transition.index, shadow)
    for index, shadow in sorted(shadowed_by.items()):
        if index not in reachable:
            _report(linked.transitions[index], shadow, problems)


def _in_order_tried(linked: Linked) -> Iterator[tuple[str, int, LinkedTransition]]:
    """Yield each leaf with each transition that leaves it, innermost named first."""
    pairs = [(-depth, t.index, leaf) for t in linked.transitions for leaf, depth in t.sources]
    for depth, index, leaf in sorted(pairs):
        yield leaf, -depth, linked.transitions[index]


def _triggers(transition: Transition) -> tuple[str, ...]:
    if transition.is_automatic:
        return (_AUTOMATIC,)
    return transition.on if transition.after is None else (*transition.on, _TIMED)


def _shadow(one: _Candidate, trigger: str, before: _Tried) -> LinkedTransition | None:
    """Return a transition tried before that is taken wherever this one could be."""
    if before.free is not None and _comes_first(before.free, one, trigger):
        return before.free.transition
    for other in before.guarded[-_MOST_COMPARED:]:
        if other.guard.are_weaker_than(one.guard) and _comes_first(other, one, trigger):
            return other.transition
    return None


def _comes_first(first: _Candidate, second: _Candidate, trigger: str) -> bool:
    """Whether of two that time takes, the first is due no later than the second."""
    if trigger != _TIMED:
        return True
    one, other = first.transition.transition, second.transition.transition
    if one.after is None or other.after is None or first.waits_in != second.waits_in:
        return False
    return one.since == other.since and one.after <= other.after


def _remember(one: _Candidate, before: _Tried) -> None:
    if one.transition.rule is None and before.free is None:
        before.free = one
    else:
        before.guarded.append(one)


def _report(transition: LinkedTransition, shadow: LinkedTransition, problems: Problems) -> None:
    """Report a transition, unless one of another file was meant to come before it."""
    here, there = transition.transition.position, shadow.transition.position
    if here and there and here.path != there.path:
        return
    place = transition.place(problems)
    if there:
        place.report("F405", "placed", line=there.line)
    else:
        place.report("F405", "shadowed", number=shadow.index + 1)
