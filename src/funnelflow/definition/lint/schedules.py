"""When time opens transitions: at moments that can be computed, without an event."""

from collections.abc import Iterator

from funnelflow.criteria import (
    Expression,
    ExpressionProblem,
    reads_of_event,
    rule_expressions,
    unschedulable,
)
from funnelflow.definition.expressions import Written, report_expression
from funnelflow.definition.linked import Linked, LinkedTransition
from funnelflow.definition.model import Criterion, Group, Requirement
from funnelflow.definition.problems import Problems
from funnelflow.definition.source_locations import transition_location


def check_schedules(linked: Linked, problems: Problems) -> None:
    """Report criteria that cannot be scheduled, of transitions that time opens.

    Those with an event and a wait are held to moments that can be computed alone: what they
    ask of an event is unknown when the wait is over, and may be one of several ways.
    """
    for transition in linked.transitions:
        written = transition.transition
        if transition.rule is not None and (written.after is not None or not written.on):
            _check(transition, problems)
        if written.after is not None and written.since == "stage":
            _say_from_when(transition, linked, problems)


def _say_from_when(transition: LinkedTransition, linked: Linked, problems: Problems) -> None:
    """Say what a wait counts from that leaves a stage with nested ones."""
    written = transition.transition
    location = transition_location(transition.index, written)
    for number, stage in enumerate(written.sources):
        if linked.leaves_of(stage) != (stage,):
            variant = "inner" if written.to.startswith(f"{stage}.") else "outer"
            span = location.part("from", number).span()
            problems.report("F416", span, variant, stage=stage)


def _check(transition: LinkedTransition, problems: Problems) -> None:
    """Report what is wrong with the criteria of one transition, each once."""
    written = transition.transition
    assert transition.rule is not None
    compiled = {found.source: found for found in rule_expressions(transition.rule)}
    location = transition_location(transition.index, written)
    for criterion in _criteria(written.require):
        expression = compiled.get(criterion.expression)
        if expression is None:
            continue
        about = f"{location.about}, criterion {criterion.label!r}"
        where = Written(criterion.expression, about, criterion.expression_position)
        for problem in _problems(transition, expression):
            report_expression(problem, where, problems)


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
