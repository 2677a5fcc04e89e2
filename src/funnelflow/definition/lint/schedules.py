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
from funnelflow.definition.model import Criterion, Group, Requirement, Transition
from funnelflow.definition.problems import Place, Problems


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
        if written.after is not None and written.since == "stage":
            _say_from_when(transition.transition, linked, place)


def _say_from_when(transition: Transition, linked: Linked, place: Place) -> None:
    """Say what a wait counts from that leaves a stage with nested ones."""
    for number, stage in enumerate(transition.sources):
        if linked.leaves_of(stage) != (stage,):
            variant = "inner" if transition.to.startswith(f"{stage}.") else "outer"
            place.part("from", number).report("F416", variant, stage=stage)


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
