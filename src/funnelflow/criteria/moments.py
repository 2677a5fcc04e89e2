"""When the answer of a criterion that reads ``now`` changes by time alone, to the microsecond.

For whoever schedules transitions: between two pieces of evidence the facts of a contact stay
as they are, and only ``now`` moves. Build a `Schedule` of each rule once; for a contact it
lists the moments at which the rule's answer (met, not met, unknown) can be another. Between
them nothing has to be asked again:

* ``contact.close_date < now`` becomes true one microsecond after the date;
* ``now - contact.asked_at >= duration("72h")`` becomes true 72 hours later exactly;
* ``now < timestamp("9999-12-31T00:00:00Z") && has(contact.x)`` with ``x`` unknown: never.

The answer is exact because each comparison with ``now`` is one of ``±now + a`` with ``b``,
where ``a`` and ``b`` follow from the facts. It changes only where both are equal and one
microsecond later, and where a calculation on its way enters or leaves the range in which CEL
knows its result. Those are the moments at which the whole rule has to be asked. So ``&&``,
``||``, ``!``, ``?:`` and unknown facts need no rules of their own here.

`unschedulable` reports what does not have that form: ``now`` on both sides of an operator, in
lists, or in the condition of a choice between times. Functions of the calendar, like CEL's
``getMonth()``, are not part of the language. A plugin's criterion is taken to answer the same
until there is new evidence.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from attrs import frozen

from funnelflow.criteria.evaluate import Known, evaluate
from funnelflow.criteria.expression import Expression
from funnelflow.criteria.expression_problems import CriterionError, ExpressionProblem
from funnelflow.criteria.rules import Leaf, Rule, rule_expressions
from funnelflow.criteria.times import LONGEST, SECONDS
from funnelflow.criteria.tree import (
    Apply,
    Arithmetic,
    Compare,
    Conditional,
    Has,
    In,
    ListOf,
    Node,
    Now,
    Quantified,
    Read,
    children,
    walk,
)
from funnelflow.criteria.value_forms import DURATION, TIMESTAMP, Facts, Fields

EARLIEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)
_SECOND: Final = 1_000_000
_TIMES: Final = (TIMESTAMP, DURATION)


def micros(value: dt.datetime | dt.timedelta) -> int:
    """Return a duration, or a time since the first of all, in microseconds."""
    length = value - EARLIEST if isinstance(value, dt.datetime) else value
    return length // MICROSECOND


_NO_FACTS: Final[Facts] = {}
LAST: Final = micros(dt.datetime.max.replace(tzinfo=dt.UTC))
_LONGEST: Final = micros(LONGEST)
_SECONDS: Final = micros(SECONDS)


class Line(NamedTuple):
    """``sign * what moves + offset``, in microseconds; times count from the first of all.

    What moves is ``now``, or a field. The sign is 1 or -1, or 0 for what does not move.
    """

    sign: int
    offset: int

    def at(self, value: int) -> int:
        """Return where it has a value; anywhere if it does not move."""
        return self.sign * (value - self.offset)


Limits: TypeAlias = list[tuple[Line, int, int]]
"""Calculations with the least and the greatest value for which CEL knows the result."""


def line_of(node: Node, moving: type[Now | Read], known: Known, limits: Limits) -> Line | None:
    """Return a time or a duration as a line; None where it is unknown.

    Args:
        node: The time or the duration.
        moving: What moves; all other facts are those that are known.
        known: What is known.
        limits: Where the limits are added of each calculation on the way; see `evaluate`.
    """
    if isinstance(node, moving):
        return Line(1, 0)
    if isinstance(node, Conditional):
        test = evaluate(node.test, known)
        branch = node.then if test else node.other
        return None if test is None else line_of(branch, moving, known, limits)
    if not isinstance(node, Arithmetic):
        value = evaluate(node, known)
        return None if value is None else Line(0, micros(value))
    left = line_of(node.left, moving, known, limits)
    right = line_of(node.right, moving, known, limits)
    if left is None or right is None:
        return None
    turn = 1 if node.operator == "+" else -1
    line = Line(left.sign + turn * right.sign, left.offset + turn * right.offset)
    limits.append((line, 0, LAST) if node.type == TIMESTAMP else (line, -_LONGEST, _LONGEST))
    if node.type == DURATION and node.left.type == TIMESTAMP:
        time, fixed = (left, right) if left.sign else (right, left)
        second = fixed.offset // _SECOND * _SECOND
        limits.append((time, second - _SECONDS, second + _SECONDS + _SECOND - 1))
    return line


def reads_now(node: Node) -> bool:
    """Whether ``now`` stands anywhere in a node."""
    return any(isinstance(part, Now) for part in walk(node))


def unschedulable(
    expression: Expression, *, automatic: bool = False
) -> tuple[ExpressionProblem, ...]:
    """Return what keeps the moments at which a condition changes from being computed.

    Args:
        expression: The condition.
        automatic: Whether it is of a transition that time alone may open. It can then read
            no ``event.x`` beside ``now``, as there is no event when it opens.

    Returns:
        The problems, in the order of their places; none for a condition without ``now``.
    """
    if not reads_now(expression.tree):
        return ()
    found = list(_obstacles(expression.tree))
    if automatic:
        found += reads_of_event(expression)
    return tuple(sorted(found, key=lambda problem: (problem.start, problem.end)))


def reads_of_event(expression: Expression) -> tuple[ExpressionProblem, ...]:
    """Return what a condition reads of an event, as problems where time alone opens something."""
    return tuple(
        ExpressionProblem("E161", node.start, node.end, {"field": f"event.{node.field.name}"})
        for node in walk(expression.tree)
        if isinstance(node, Read | Has) and node.root == "event"
    )


def next_change(
    expression: Expression, fields: Fields, facts: Facts, after: dt.datetime
) -> dt.datetime | None:
    """Return the first moment after one at which a condition is another of true, false, unknown.

    Args:
        expression: The condition.
        fields: What is known about the contact.
        facts: What the event brought.
        after: The moment, in UTC.

    Returns:
        The moment, in UTC; None if time alone changes nothing any more.

    Raises:
        CriterionError: The moment cannot be computed; see `unschedulable`.
    """
    before = expression.value(fields, facts, after)
    moments = schedule(Leaf("", expression)).moments(fields, after, facts=facts)
    later = (now for now in moments if expression.value(fields, facts, now) is not before)
    return next(later, None)


def schedule(rule: Rule) -> "Schedule":
    """Return the schedule of a rule.

    Raises:
        CriterionError: An expression of the rule is `unschedulable`.
    """
    timed: list[Compare] = []
    for expression in rule_expressions(rule):
        if "now" not in expression.source:  # it need not be compiled
            continue
        if problems := unschedulable(expression):
            raise CriterionError(expression.source, problems)
        timed += _timed(expression.tree)
    return Schedule(rule, tuple(timed))


@frozen
class Schedule:
    """When the answer of one rule changes by time alone, for any contact; made by `schedule`.

    Attributes:
        rule: The rule.
    """

    rule: Rule
    _timed: tuple[Compare, ...]

    @property
    def changes(self) -> bool:
        """Whether the rule reads ``now``; if not, time changes nothing."""
        return bool(self._timed)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the rule; the other side makes the schedule again."""
        return schedule, (self.rule,)

    def moments(
        self,
        fields: Fields,
        after: dt.datetime,
        until: dt.datetime | None = None,
        *,
        facts: Facts = _NO_FACTS,
    ) -> list[dt.datetime]:
        """List the moments after one at which the answer can change; at no other does it.

        Args:
            fields: What is known about the contact.
            after: The moment, in UTC.
            until: The last moment of interest; None for all that come.
            facts: What the event brought.
        """
        known = Known(fields, facts, after)
        found: set[int] = set()
        for comparison in self._timed:
            _add_moments(comparison, known, found)
        first, last = micros(after), LAST if until is None else micros(until)
        return [
            EARLIEST + moment * MICROSECOND for moment in sorted(found) if first < moment <= last
        ]


def _timed(tree: Node) -> Iterator[Compare]:
    """Yield the comparisons of times and durations that read ``now``."""
    for node in walk(tree):
        if isinstance(node, Compare) and node.left.type in _TIMES and reads_now(node):
            yield node


def _obstacles(node: Node) -> Iterator[ExpressionProblem]:
    """Yield what in a node keeps it from changing at computable moments only."""
    if isinstance(node, Compare) and node.left.type in _TIMES:
        yield from _of_sides(node)
    elif isinstance(node, Apply) and reads_now(node):
        yield ExpressionProblem("E160", node.start, node.end, variant="calendar")
    elif isinstance(node, Quantified) and reads_now(node):
        yield ExpressionProblem("E160", node.start, node.end, {"macro": node.macro}, "macro")
    elif _lists_now(node):
        yield ExpressionProblem("E160", node.start, node.end, variant="list")
    else:
        for child in children(node):
            yield from _obstacles(child)


def _lists_now(node: Node) -> bool:
    """Whether a time that reads ``now`` is an item of a list, or is looked for in one."""
    if isinstance(node, In):
        return node.item.type in _TIMES and reads_now(node.item)
    return isinstance(node, ListOf) and node.type.item in _TIMES and reads_now(node)


def _of_sides(node: Compare | Arithmetic) -> Iterator[ExpressionProblem]:
    """Yield what keeps an operation on times from being ``±now + a``, or such with a constant."""
    if reads_now(node.left) and reads_now(node.right):
        parameters = {"operator": node.operator}
        yield ExpressionProblem("E160", node.start, node.end, parameters, "both_sides")
    for side in (node.left, node.right):
        yield from _of_time(side)


def _of_time(node: Node) -> Iterator[ExpressionProblem]:
    """Yield what keeps a time or a duration from being ``±now + a``."""
    if isinstance(node, Arithmetic):
        yield from _of_sides(node)
    elif isinstance(node, Conditional):
        if reads_now(node.test):
            yield ExpressionProblem("E160", node.start, node.end, variant="choice")
        yield from _of_time(node.then)
        yield from _of_time(node.other)


def _add_moments(node: Compare, known: Known, moments: set[int]) -> None:
    """Add the moments at which a comparison can change: where one ends, and one later."""
    limits: Limits = []
    left, right = line_of(node.left, Now, known, limits), line_of(node.right, Now, known, limits)
    if left is None or right is None:
        return
    limits.append((Line(left.sign - right.sign, left.offset - right.offset), 0, 0))
    for line, least, greatest in limits:
        for moment in (line.at(least), line.at(greatest)):
            moments.update((moment, moment + 1))
