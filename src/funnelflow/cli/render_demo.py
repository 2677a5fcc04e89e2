"""What became of the sample contacts, drawn: stages with bars, reasons, and one story."""

import datetime as dt
from collections.abc import Mapping, Sequence

from funnelflow.cli.layout import grid, paragraph
from funnelflow.cli.render_history import what_happened
from funnelflow.cli.render_summary import commonest
from funnelflow.cli.text import Line, Look, Page, Span, line
from funnelflow.definition import Linked
from funnelflow.store import HistoryRow, Summary

__all__ = ["bars", "demo_lines", "tells_a_story"]

BAR = 40
REASONS = 3
SHORTEST, LONGEST = 6, 12
"""How many rows a story has that is neither too short to say anything nor too long to read."""


def demo_lines(
    summary: Summary,
    counts: Mapping[str, int],
    story: Sequence[HistoryRow],
    linked: Linked,
    page: Page,
) -> list[Line]:
    """Draw what became of the contacts.

    Args:
        summary: What came of the file of events.
        counts: Contacts by stage.
        story: The history of one contact.
        linked: The definition of the funnel.
        page: What it is drawn on.
    """
    return [
        *paragraph(_opening(summary), page),
        (),
        line(Span("Where they are now", "strong")),
        *bars(counts, linked, page),
        (),
        line(Span("Why moves were refused", "strong")),
        *_reasons(summary, page),
        (),
        *_story(story, page),
    ]


def bars(counts: Mapping[str, int], linked: Linked, page: Page) -> list[Line]:
    """Draw how many contacts are in each stage, as bars."""
    most = max(counts.values(), default=0) or 1
    room = max(10, min(BAR, page.width - 40))
    width = max(len(f"{count:,}") for count in counts.values())
    rows = [
        [
            Span(stage),
            Span(f"{count:{width},}"),
            Span(_bar(count, most, room), _look(stage, linked)),
        ]
        for stage, count in counts.items()
    ]
    return grid(rows, page, indent=2)


def tells_a_story(rows: Sequence[HistoryRow]) -> bool:
    """Tell whether a history is short enough to read, has a refusal in it, and ends well."""
    return (
        SHORTEST <= len(rows) <= LONGEST
        and rows[-1].after == "customer"
        and any(row.outcome == "refused" for row in rows)
    )


def _bar(count: int, most: int, room: int) -> str:
    """Draw a bar; one that would vanish is drawn half as wide as the narrowest."""
    return "█" * round(room * count / most) or ("▌" if count else "")


def _look(stage: str, linked: Linked) -> Look:
    looks: dict[str, Look] = {"won": "good", "lost": "bad"}
    return looks.get(linked.type_of(stage), "")


def _opening(summary: Summary) -> str:
    tally = summary.tally
    return (
        f"{tally.rows:,} events about {tally.created:,} contacts were applied in "
        f"{summary.seconds:.1f} seconds: {tally.moved:,} moved somebody on, {tally.stayed:,} "
        f"told something and moved nobody, {tally.refused:,} moves were refused, and "
        f"{tally.repeated:,} had been delivered twice and were taken once."
    )


def _reasons(summary: Summary, page: Page) -> list[Line]:
    rows = [
        [Span(f"{count:,}"), Span(label)]
        for label, count in commonest(summary.tally.reasons, REASONS)
    ]
    return grid(rows, page, indent=2)


def _story(rows: Sequence[HistoryRow], page: Page) -> list[Line]:
    """Tell one contact's story, in days from its beginning."""
    if not rows:
        return []
    told = [[Span(f"day {_day(row, rows[0])}", "dim"), *what_happened(row)] for row in rows]
    return [line(Span(f"The story of {rows[0].contact_id}", "strong")), *grid(told, page, indent=2)]


def _day(row: HistoryRow, first: HistoryRow) -> int:
    return (row.at - first.at) // dt.timedelta(days=1) + 1
