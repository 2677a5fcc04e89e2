"""A story as a table over time: a row for each event, a column for each definition."""

from collections.abc import Sequence

from funnelflow.cli.layout import grid, paragraph
from funnelflow.cli.text import Line, Page, Span, line
from funnelflow.compare import Moment, Reading
from funnelflow.criteria import duration_words
from funnelflow.definition import ScenarioStep, Story

__all__ = ["step_words", "story_lines"]


def story_lines(told: Story, readings: Sequence[Reading], page: Page) -> list[Line]:
    """Draw where each definition puts the person after each event.

    Args:
        told: The story.
        readings: What the definitions make of it.
        page: What it is drawn on.
    """
    head = [Span(""), *(Span(reading.name, "strong") for reading in readings)]
    steps = ["(begins)", *map(step_words, told.told.when)]
    rows = [
        [Span(step), *(_stage(reading.moments[number]) for reading in readings)]
        for number, step in enumerate(steps)
    ]
    return [
        line(Span(told.told.story, "strong")),
        *(paragraph(told.about, page, indent=2) if told.about else []),
        (),
        *grid([head, *rows], page),
        *(drawn for reading in readings for drawn in _unread(reading, page)),
    ]


def step_words(step: ScenarioStep) -> str:
    """Say what happens in a step, with the facts it brings."""
    what = step.event or (f"move to {step.to}" if step.to else "")
    if step.wait is not None:
        what = f"{duration_words(step.wait)} pass"
    facts = " ".join(f"{name}={value}" for name, value in step.facts.items())
    return " ".join(filter(None, (what or "it turns out:", facts)))


def _stage(moment: Moment) -> Span:
    return Span(moment.stage, "strong" if moment.has_moved else "dim")


def _unread(reading: Reading, page: Page) -> list[Line]:
    return [
        d for text in reading.unread for d in paragraph(f"{reading.name}: {text}", page, indent=2)
    ]
