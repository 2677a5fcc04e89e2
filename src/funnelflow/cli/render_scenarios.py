"""The scenarios of a definition, run, drawn: what held, what did not, what none exercises."""

from collections.abc import Sequence

from funnelflow.cli.layout import paragraph
from funnelflow.cli.render_decision import open_count
from funnelflow.cli.text import Line, Page, Span, line
from funnelflow.definition import Linked, LinkedTransition, takes
from funnelflow.engine import Coverage, Decision, ScenarioResult, coverage_of

__all__ = ["scenarios_lines"]

MOST = 10
"""How many of the things that no scenario exercises are named."""


def scenarios_lines(linked: Linked, results: Sequence[ScenarioResult], page: Page) -> list[Line]:
    """Draw what came of a definition's scenarios.

    Args:
        linked: The definition.
        results: What came of each scenario.
        page: What it is drawn on.
    """
    return [
        line(Span(linked.definition.name, "strong")),
        *(drawn for result in results for drawn in _result(result, page)),
        *_coverage(coverage_of(linked, results), page),
    ]


def _result(result: ScenarioResult, page: Page) -> list[Line]:
    mark = Span("✓", "good") if result.passed else Span("✗", "bad")
    story = paragraph(result.scenario.story, page, indent=4)
    lines = [line("  ", mark, " ", *story[0][1:]), *story[1:]]
    return lines if result.passed else [*lines, *_failure(result, page)]


def _failure(result: ScenarioResult, page: Page) -> list[Line]:
    """Say where a story went instead, step by step."""
    position = result.scenario.position
    where = f" ({position.path}:{position.line})" if position else ""
    ended = result.error or f"ended in {result.actual}, not in {result.expected}"
    lines = paragraph(ended + where, page, indent=6)
    for decision in result.decisions:
        lines += paragraph(_step(decision), page, indent=6, first="· ")
    return lines


def _step(decision: Decision) -> str:
    """Tell one step of a story, with what kept the transitions closed."""
    event = decision.event
    said = f"{event.name} {event.to}".strip()
    if decision.outcome == "moved":
        return f"{said}: moved to {decision.after}"
    blocked = "; ".join(open_count(way) for way in decision.blocking)
    stays = "refused, stays" if decision.outcome == "refused" else "stays"
    return f"{said}: {stays} {decision.after}" + (f" ({blocked})" if blocked else "")


def _coverage(coverage: Coverage, page: Page) -> list[Line]:
    """Say in one line what no scenario exercises, then name it."""
    if not coverage.untaken and not coverage.unseen:
        return paragraph(
            f"every transition ({coverage.transitions}) is taken and every criterion "
            f"({coverage.criteria}) is looked at",
            page,
            indent=2,
        )
    untaken = [f"never taken: {_arrow(t)}" for t in coverage.untaken]
    unseen = [f"never looked at: {label} ({_arrow(t)})" for t, label in coverage.unseen]
    head = (
        f"no scenario exercises {len(untaken)} of {coverage.transitions} transitions, "
        f"{len(unseen)} of {coverage.criteria} criteria"
    )
    named = [*untaken, *unseen]
    more = [f"and {len(named) - MOST} more"] if len(named) > MOST else []
    return [
        *paragraph(head, page, indent=2),
        *(drawn for text in [*named[:MOST], *more] for drawn in paragraph(text, page, indent=4)),
    ]


def _arrow(linked: LinkedTransition) -> str:
    written = linked.transition
    return f"{', '.join(written.sources)} → {written.to}, {takes(written)}"
