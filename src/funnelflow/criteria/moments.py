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
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from attrs import frozen

from funnelflow.criteria.codegen import Writer, compile_function
from funnelflow.criteria.evaluate import Known
from funnelflow.criteria.expression import Expression
from funnelflow.criteria.expression_problems import CriterionError, ExpressionProblem
from funnelflow.criteria.rules import Leaf, Rule, rule_expressions
from funnelflow.criteria.times import LONGEST, SECONDS
from funnelflow.criteria.tree import (
    Arithmetic,
    Compare,
    Conditional,
    Has,
    In,
    ListOf,
    Node,
    Now,
    Read,
    children,
    walk,
)
from funnelflow.criteria.value_forms import DURATION, TIMESTAMP, Facts, Fields, Type

Candidates: TypeAlias = Callable[[Known, set[int]], None]
"""Adds the moments at which one comparison can change, for the facts of a contact."""

_MICROSECOND: Final = dt.timedelta(microseconds=1)
_EARLIEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_SECOND: Final = 1_000_000
_TIMES: Final = (TIMESTAMP, DURATION)


def _micros(value: dt.datetime | dt.timedelta) -> int:
    """Return a duration, or a time since the first of all, in microseconds."""
    length = value - _EARLIEST if isinstance(value, dt.datetime) else value
    return length // _MICROSECOND


_NO_FACTS: Final[Facts] = {}
_LAST: Final = _micros(dt.datetime.max.replace(tzinfo=dt.UTC))
_LONGEST: Final = _micros(LONGEST)
_SECONDS: Final = _micros(SECONDS)


@frozen
class _Line:
    """``sign * now + offset``, in microseconds; times count from the first of all.

    The sign is 1 or -1; 0 where a choice has taken a branch without ``now``, and then the
    moments that it gives are superfluous, but not wrong.
    """

    sign: int
    offset: int

    def around(self, value: int) -> tuple[int, int]:
        """Return when it has a value, and one microsecond later."""
        moment = self.sign * (value - self.offset)
        return moment, moment + 1


_NOW: Final = _Line(1, 0)
LineOf: TypeAlias = Callable[[Known, list[int]], _Line | None]
"""Returns a line for the facts of a contact, or None where it is always unknown; to the list it
adds the moments at which a calculation on the way enters or leaves CEL's range."""


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
    candidates: list[Candidates] = []
    for expression in rule_expressions(rule):
        if "now" not in expression.source:  # it need not be compiled
            continue
        if problems := unschedulable(expression):
            raise CriterionError(expression.source, problems)
        candidates += [_candidates(node) for node in _timed(expression.tree)]
    return Schedule(rule, tuple(candidates))


@frozen
class Schedule:
    """When the answer of one rule changes by time alone, for any contact; made by `schedule`.

    Attributes:
        rule: The rule.
    """

    rule: Rule
    _candidates: tuple[Candidates, ...]

    @property
    def changes(self) -> bool:
        """Whether the rule reads ``now``; if not, time changes nothing."""
        return bool(self._candidates)

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
        for find in self._candidates:
            find(known, found)
        first, last = _micros(after), _LAST if until is None else _micros(until)
        return [
            _EARLIEST + moment * _MICROSECOND for moment in sorted(found) if first < moment <= last
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


def _candidates(node: Compare) -> Candidates:
    """Return the function that finds the moments at which a comparison can change."""
    moving, fixed = (node.left, node.right) if reads_now(node.left) else (node.right, node.left)
    line_of, value_of = _line(moving), _value(fixed)

    def _find(known: Known, moments: set[int]) -> None:
        limits: list[int] = []
        line = line_of(known, limits)
        value = value_of(known)
        if line is not None and value is not None:
            moments.update(limits, line.around(_micros(value)))

    return _find


def _value(node: Node) -> Callable[[Known], Any]:
    """Return the function that computes what does not read ``now``."""
    writer = Writer()
    body = writer.value(node)
    compiled = compile_function("fixed", "f, e, now", body, writer.names)
    return lambda known: compiled(known.contact, known.event, known.now)


def _line(node: Node) -> LineOf:
    """Return the function that gives what reads ``now`` as a line."""
    if isinstance(node, Conditional):
        return _chosen_line(node)
    return _moved_line(node) if isinstance(node, Arithmetic) else _line_of_now


def _line_of_now(known: Known, limits: list[int]) -> _Line:  # noqa: ARG001  # as the others
    return _NOW


def _constant_line(node: Node) -> LineOf:
    """Return the function that gives what does not read ``now`` as a line."""
    value_of = _value(node)

    def _find(known: Known, limits: list[int]) -> _Line | None:  # noqa: ARG001  # as the others
        value = value_of(known)
        return None if value is None else _Line(0, _micros(value))

    return _find


def _chosen_line(node: Conditional) -> LineOf:
    """Return the function that gives the branch that is taken as a line."""
    test_of = _value(node.test)
    then, other = (
        _line(branch) if reads_now(branch) else _constant_line(branch)
        for branch in (node.then, node.other)
    )

    def _find(known: Known, limits: list[int]) -> _Line | None:
        test = test_of(known)
        return None if test is None else (then if test else other)(known, limits)

    return _find


def _moved_line(node: Arithmetic) -> LineOf:
    """Return the function that gives a sum, or a difference, with a constant as a line."""
    is_left = reads_now(node.left)
    line_of = _line(node.left if is_left else node.right)
    value_of = _value(node.right if is_left else node.left)

    def _find(known: Known, limits: list[int]) -> _Line | None:
        moving, fixed = line_of(known, limits), value_of(known)
        if moving is None or fixed is None:
            return None
        line = _moved(moving, _micros(fixed), node.operator, is_left=is_left)
        _add_limits(limits, node.type, moving, line, fixed)
        return line

    return _find


def _moved(line: _Line, fixed: int, operator: str, *, is_left: bool) -> _Line:
    """Return the sum or difference of a line and a constant; the line is the left side, or not."""
    if operator == "+":
        return _Line(line.sign, line.offset + fixed)
    if is_left:
        return _Line(line.sign, line.offset - fixed)
    return _Line(-line.sign, fixed - line.offset)


def _add_limits(
    limits: list[int], kind: Type, moving: _Line, line: _Line, fixed: dt.datetime | dt.timedelta
) -> None:
    """Add the moments at which a calculation enters or leaves CEL's range; see `evaluate`."""
    if kind == TIMESTAMP:
        limits += (*line.around(0), *line.around(_LAST))
        return
    limits += (*line.around(_LONGEST), *line.around(-_LONGEST))
    if isinstance(fixed, dt.datetime):
        second = _micros(fixed) // _SECOND * _SECOND
        limits += moving.around(second - _SECONDS)
        limits += moving.around(second + _SECONDS + _SECOND)
