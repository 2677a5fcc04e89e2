"""Tables: cells of spans, aligned by display width, wrapped where somebody is looking."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from funnelflow.cli.text import Line, Page, Span, columns, pad, wrap

__all__ = ["bullets", "flow", "grid", "paragraph"]

GAP = 2
_PIECES = re.compile(r" *[^ ]+| +")
NARROWEST = 8


def grid(
    rows: Sequence[Sequence[Span]],
    page: Page,
    *,
    indent: int = 0,
    gap: int = GAP,
    wrapped: bool | None = None,
) -> list[Line]:
    """Lay out rows in columns; on a terminal the widest are wrapped until they fit.

    Args:
        rows: Cells, row by row; rows may be shorter than others.
        page: What they are drawn on.
        indent: Spaces before every row.
        gap: Spaces between columns.
        wrapped: Whether to wrap; None for what `page` is: a pipe gets whole rows.
    """
    widths = [
        max((columns(cell.text, page) for cell in column if cell), default=0)
        for column in zip_longest(*rows)
    ]
    if page.terminal if wrapped is None else wrapped:
        widths = _shrunk(widths, page.width - indent - gap * (len(widths) - 1))
    return [drawn for row in rows for drawn in _row(row, widths, page, indent, gap)]


def flow(spans: Line, page: Page, *, hang: int = 4) -> list[Line]:
    """Break one line of spans at spaces where it is too long, the rest indented by `hang`."""
    lines: list[list[Span]] = [[]]
    used = 0
    for text, look in spans:
        for piece in _PIECES.findall(text):
            width = columns(piece, page)
            if used + width > page.width and lines[-1]:
                lines.append([Span(" " * hang)])
                piece, used = piece.lstrip(" "), hang  # noqa: PLW2901  # the blank was the break
                width = columns(piece, page)
            used += width
            lines[-1].append(Span(piece, look))
    return [_joined(one) for one in lines]


def paragraph(text: str, page: Page, *, indent: int = 0, first: str = "") -> list[Line]:
    """Wrap running text, indented; `first` hangs before it (a bullet, a label)."""
    lead = " " * indent + first
    lines = wrap(text, max(NARROWEST, page.width - columns(lead, page)), page)
    blank = " " * columns(lead, page)
    return [(Span(lead if n == 0 else blank), Span(part)) for n, part in enumerate(lines)]


def bullets(texts: Sequence[str], page: Page, *, indent: int = 0) -> list[Line]:
    """Give a list of texts, each behind a bullet."""
    return [drawn for text in texts for drawn in paragraph(text, page, indent=indent, first="• ")]


def _joined(spans: Sequence[Span]) -> Line:
    """Put neighbours that look alike together."""
    joined: list[Span] = []
    for text, look in spans:
        if joined and joined[-1].look == look:
            joined[-1] = Span(joined[-1].text + text, look)
        else:
            joined.append(Span(text, look))
    return joined


def _row(
    row: Sequence[Span], widths: Sequence[int], page: Page, indent: int, gap: int
) -> list[Line]:
    """Draw one row on as many lines as its tallest cell needs."""
    if all(columns(cell.text, page) <= width for cell, width in zip(row, widths, strict=False)):
        cells = [[cell.text] for cell in row]
    else:
        cells = [wrap(cell.text, width, page) for cell, width in zip(row, widths, strict=False)]
    return [
        (
            Span(" " * indent),
            *(
                Span(pad(text, width + gap, page) if n < len(row) - 1 else text, cell.look)
                for n, (text, width, cell) in enumerate(zip(texts, widths, row, strict=False))
            ),
        )
        for texts in zip_longest(*cells, fillvalue="")
    ]


def _shrunk(widths: list[int], room: int) -> list[int]:
    """Take columns from the widest until they fit, none below `NARROWEST`."""
    widths = list(widths)
    while sum(widths) > room and max(widths, default=0) > NARROWEST:
        widest = widths.index(max(widths))
        runner_up = max([NARROWEST, *(w for n, w in enumerate(widths) if n != widest)])
        excess = sum(widths) - room
        widths[widest] -= max(1, min(excess, widths[widest] - runner_up))
    return widths
