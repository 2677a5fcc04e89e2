"""Guards: what a transition requires, what follows from it, what it shadows, and when it opens.

What is said to follow, or to exclude, is certain; of the rest nothing can be seen.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from funnelflow.criteria import (
    AllOf,
    AnyOf,
    AtLeast,
    Custom,
    Expression,
    ExpressionProblem,
    Leaf,
    Roles,
    Rule,
    reads_of_event,
    rule_expressions,
    unschedulable,
)
from funnelflow.criteria.constant_conditions import follows, never_both
from funnelflow.criteria.tree import And, Has, Node, Now, Read, walk
from funnelflow.definition.expressions import Written, report_expression
from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.model import ANY, Criterion, Group, Requirement, Transition
from funnelflow.definition.problems import Place, Problems

Condition: TypeAlias = Hashable
"""What a criterion means, or a plugin's criterion or a group of criteria, for what it is."""


@frozen
class GuardConditions:
    """What must be met: conditions that all hold, and roles of which one must be held."""

    conditions: frozenset[Condition]
    roles: frozenset[str] = frozenset()

    def without(self, fields: Collection[str]) -> "GuardConditions":
        """Return these without what reads one of some fields of the contact."""
        if not fields:
            return self
        kept = [
            one
            for one in self.conditions
            if isinstance(one, Node)
            and not any(isinstance(p, Read | Has) and p.field.name in fields for p in walk(one))
        ]
        return evolve(self, conditions=frozenset(kept))

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
    """Whether no contact can meet both at one time, as far as can be seen."""
    return any(
        isinstance(one, Node) and isinstance(other, Node) and never_both(one, other)
        for one in first.conditions
        for other in second.conditions
    )


def follows_from(needed: GuardConditions, given: GuardConditions) -> bool:
    """Whether what is needed holds wherever what is given does, as far as can be seen."""
    return all(
        any(_follows(condition, other) for other in given.conditions)
        for condition in needed.conditions
    )


def _follows(one: Condition, other: Condition) -> bool:
    if isinstance(one, Node) and isinstance(other, Node):
        return follows(one, other)
    return one == other


def _conditions(rule: Rule) -> Iterator[Condition]:
    """Yield the conditions of a rule, those of `all` and of ``&&`` one by one."""
    if isinstance(rule, AllOf):
        for inner in rule.rules:
            yield from _conditions(inner)
    elif isinstance(rule, Leaf):
        tree = rule.expression.tree
        yield from tree.items if isinstance(tree, And) else (tree,)
    elif isinstance(rule, Custom):
        yield rule.provider, rule.name, repr(sorted(rule.arguments.items()))
    elif isinstance(rule, AnyOf | AtLeast):
        count = rule.count if isinstance(rule, AtLeast) else 1
        groups = Counter(frozenset(_conditions(inner)) for inner in rule.rules)
        yield count, frozenset(groups.items())


Exit: TypeAlias = tuple[str, str]
"""A leaf, and what takes a contact out of it: an event's name, time, or nothing."""

_AUTOMATIC, _TIMED = "(automatic)", "(timed)"
_MOST_COMPARED = 100
_MOST_ASKED = 3_000
"""Of how many pairs of transitions it is asked whether one's criteria follow from the other's."""


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
    weaker = _Weaker()
    for leaf, depth, transition in _in_order_tried(linked):
        waits_in = transition.waits_in(leaf, depth)
        candidate = _Candidate(transition, guards[transition.index], waits_in)
        for trigger in _triggers(transition.transition):
            before = tried.setdefault((leaf, trigger), _Tried())
            shadow = _shadow(candidate, trigger, before, weaker)
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


@define
class _Weaker:
    """Finds out whether the guard of one transition is met wherever another's is, each pair once.

    Where there are very many pairs, only guards with the same conditions are seen to be weaker.
    """

    known: dict[tuple[int, int], bool] = field(factory=dict)

    def than(self, first: _Candidate, second: _Candidate) -> bool:
        """Whether the first one's guard is met wherever the second one's is."""
        one, other = first.guard, second.guard
        if one.are_weaker_than(other):
            return True
        pair = first.transition.index, second.transition.index
        if pair not in self.known and len(self.known) < _MOST_ASKED:
            bare = evolve(one, conditions=frozenset())
            self.known[pair] = bare.are_weaker_than(other) and follows_from(one, other)
        return self.known.get(pair, False)


def _shadow(
    one: _Candidate, trigger: str, before: _Tried, weaker: _Weaker
) -> LinkedTransition | None:
    """Return a transition tried before that is taken wherever this one could be."""
    if before.free is not None and _comes_first(before.free, one, trigger):
        return before.free.transition
    for other in before.guarded[-_MOST_COMPARED:]:
        if weaker.than(other, one) and _comes_first(other, one, trigger):
            return other.transition
    return None


def _comes_first(first: _Candidate, second: _Candidate, trigger: str) -> bool:
    """Whether of two that time takes, the first is due no later than the second."""
    if trigger != _TIMED:
        return True
    one, other = first.transition.transition, second.transition.transition
    if first.waits_in != second.waits_in:
        return False
    if not (isinstance(one.after, dt.timedelta) and isinstance(other.after, dt.timedelta)):
        return one.after is not None and one.after == other.after
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


def check_schedules(linked: Linked, problems: Problems) -> None:
    """Report criteria that cannot be scheduled, of transitions that time opens.

    Those with an event and a wait are held to moments that can be computed alone: what they
    ask of an event is unknown when the wait is over, and may be one of several ways.
    """
    for transition in linked.transitions:
        written = transition.transition
        place = transition.place(problems)
        if written.after is not None or not written.on:
            _check(transition, place)
        _check_values(transition, place)
        if isinstance(written.after, dt.timedelta) and written.since == "stage":
            _say_from_when(transition.transition, linked, place)


def _say_from_when(transition: Transition, linked: Linked, place: Place) -> None:
    """Say what a wait counts from that leaves a stage with nested ones."""
    for number, stage in enumerate(transition.sources):
        if stage == ANY:
            place.part("from", number).report("F416", "any")
        elif linked.leaves_of(stage) != (stage,):
            variant = "inner" if transition.to.startswith(f"{stage}.") else "outer"
            place.part("from", number).report("F416", variant, stage=stage)


def _check_values(transition: LinkedTransition, place: Place) -> None:
    """Report a date that is not one of the contact's fields, and what no event is there to set."""
    written, date = transition.transition, transition.date
    if date is not None:
        here = Written(date.source, place.part("after"))
        for problem in reads_of_event(date):
            report_expression(problem, here)
        if any(isinstance(node, Now) for node in walk(date.tree)):
            place.part("after").report("F418")
    for name, value in () if written.on else transition.sets:
        for problem in reads_of_event(value):
            report_expression(problem, Written(value.source, place.part("sets", name)))


def _check(transition: LinkedTransition, place: Place) -> None:
    """Report what is wrong with the criteria of one transition, each once."""
    if transition.rule is None:
        return
    compiled = {found.source: found for found in rule_expressions(transition.rule)}
    for criterion in _criteria(transition.transition.require):
        expression = compiled.get(criterion.expression)
        if expression is None:
            continue
        here = place.inside(criterion, f"criterion {criterion.label!r}").part(criterion.label)
        for problem in _problems(transition, expression):
            report_expression(problem, Written(criterion.expression, here))


def _problems(
    transition: LinkedTransition, expression: Expression
) -> tuple[ExpressionProblem, ...]:
    """Return what keeps the moments from being computed, or an event from being there."""
    written = transition.transition
    if written.on or written.after is None:
        return unschedulable(expression, automatic=not written.on)
    return (*unschedulable(expression), *reads_of_event(expression))


def _criteria(item: Requirement | None) -> Iterator[Criterion]:
    """Yield the criteria themselves that a transition requires."""
    if isinstance(item, Group):
        for inner in item.items:
            yield from _criteria(inner)
    elif item is not None:
        yield item
