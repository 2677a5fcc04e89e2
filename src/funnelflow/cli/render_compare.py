"""Two definitions, stage by stage and in words."""

from collections.abc import Mapping, Sequence

from funnelflow.cli.facts import facts_words
from funnelflow.cli.layout import grid, paragraph
from funnelflow.cli.text import Line, Page, Span, line
from funnelflow.compare import Crosswalk, Difference
from funnelflow.definition import Linked
from funnelflow.engine import Event

__all__ = ["compare_lines"]

_MARKS = {"always": "always", "sometimes": "sometimes", "never": "·"}


def compare_lines(one: Crosswalk, linked: Mapping[str, Linked], page: Page) -> list[Line]:
    """Draw the crosswalk of two definitions, and the words that they use differently.

    Args:
        one: The crosswalk.
        linked: The definitions, by name.
        page: What it is drawn on.
    """
    differences = [
        drawn for d in one.differences for drawn in ((), *_difference(d, linked[d.first], page))
    ]
    return [
        line(Span(f"What {one.first} calls … {one.second} calls …", "strong")),
        (),
        *_table(one, page),
        (),
        line(Span(_how_far(one), "dim")),
        *([(), line(Span("In words", "strong")), *differences] if differences else []),
        (),
    ]


def _table(one: Crosswalk, page: Page) -> list[Line]:
    head = [Span(f"{one.first} \\ {one.second}", "dim"), *(Span(c, "strong") for c in one.columns)]
    rows = [
        [Span(row, "strong"), *(Span(_MARKS[one.cells[row, c].often]) for c in one.columns)]
        for row in one.rows
    ]
    return grid([head, *rows], page)


def _how_far(one: Crosswalk) -> str:
    if one.is_complete:
        return f"Every story was looked at that criteria can tell apart ({one.states:,} states)."
    return f"As far as {one.states:,} states of stories show; there are more."


def _difference(one: Difference, linked: Linked, page: Page) -> list[Line]:
    """Say it in one sentence: after what the first uses the word, and what the second waits for."""
    waits = f"; it waits for: {', '.join(one.waits_for)}" if one.waits_for else ""
    text = (
        f"{one.first} says {one.word!r} after {_told(one.story, linked)}. "
        f"{one.second} says {one.stage}{waits}."
    )
    return paragraph(text, page, indent=2, first="• ")


def _told(story: Sequence[Event], linked: Linked) -> str:
    """Tell a story in a line."""
    return ", then ".join(_happened(event, linked) for event in story) or "nothing at all"


def _happened(event: Event, linked: Linked) -> str:
    known = linked.events.get(event.name)
    title = known.event.title if known is not None else ""
    name = {"set": "it turns out", "tick": "time passes"}.get(event.name, title or event.name)
    facts = facts_words(event.facts, linked, event.name) if event.facts else ""
    return f"{name} ({facts})" if facts else name
