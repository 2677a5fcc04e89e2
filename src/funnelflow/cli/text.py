"""Text for people: cleaned of control characters, measured in columns, laid out and coloured."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Final, Literal, NamedTuple, TypeAlias

Look: TypeAlias = Literal["", "good", "bad", "unknown", "dim", "strong"]

_UNSAFE: Final = (
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"  # lone surrogates, tags
)
_COLOURS: Final[dict[Look, str]] = {
    "good": "32",
    "bad": "31",
    "unknown": "33",
    "dim": "2",
    "strong": "1",
}
# What stands in where an output encoding lacks the character we draw with.
_PLAINER: Final = {
    "✓": "+",
    "✗": "-",
    "→": "->",
    "…": "...",
    "•": "*",
    "·": "-",
    "█": "#",
    "▌": "#",
    "—": "-",
    "\N{EN DASH}": "-",
    "“": '"',
    "”": '"',
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "≥": ">=",
    "≤": "<=",
    "\N{NO-BREAK SPACE}": " ",
}
_NARROW: Final = re.compile(f"[ -~\u00a1-\u00ac\u00ae-\u024f{''.join(_PLAINER)}]*")
"""ASCII, Latin letters and what we draw with: one column each, as wcwidth knows too."""


class TextSpan(NamedTuple):
    """A piece of text and how it looks."""

    text: str
    look: Look = ""


Line: TypeAlias = Sequence[TextSpan]


class Page(NamedTuple):
    """What the text is drawn on.

    Attributes:
        width: Columns to wrap at.
        colour: Whether to add colours.
        encoding: What the output can carry.
        terminal: Whether somebody is looking at it.
    """

    width: int = 100
    colour: bool = False
    encoding: str = "utf-8"
    terminal: bool = False


PLAIN: Final = Page()


def line(*pieces: str | TextSpan) -> Line:
    """Make a line of spans from spans and plain strings."""
    return tuple(p if isinstance(p, TextSpan) else TextSpan(p) for p in pieces)


def printable(text: str, *, newlines: bool = False) -> str:
    r"""Show control, bidirectional and invisible characters as escapes (``\x1b``).

    Args:
        text: Any text, data included.
        newlines: Let line breaks through; for whole messages, not for data.
    """
    if newlines:
        return "\n".join(printable(part) for part in text.split("\n"))
    # Nothing of that is printable to Python, and compiling the pattern takes milliseconds.
    return text if text.isprintable() else re.sub(_UNSAFE, _escape, text)


def moment(at: dt.datetime | None) -> str:
    """Write a time for people, in UTC to the minute: ``2026-03-01 09:30``; empty for None."""
    return "" if at is None else at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M")


def fitting(text: str, page: Page) -> str:
    """Return `text` as it will stand on `page`: cleaned, and carried by its encoding."""
    text = printable(text)
    if text.isascii():
        return text
    try:
        text.encode(page.encoding)
    except UnicodeEncodeError:
        text = "".join(_carried(character, page.encoding) for character in text)
    return text


def columns(text: str, page: Page) -> int:
    """Count the terminal columns `text` takes on `page`, wide characters as two."""
    shown = fitting(text, page)
    if _NARROW.fullmatch(shown):
        return len(shown)
    from wcwidth import wcswidth  # noqa: PLC0415  # as slow to load as all that is ours here

    return wcswidth(shown)


def pad(text: str, width: int, page: Page) -> str:
    """Fill `text` with spaces to `width` columns."""
    return text + " " * (width - columns(text, page))


def cut(text: str, width: int, page: Page) -> str:
    """Shorten `text` to `width` columns, with an ellipsis where something was left out."""
    if columns(text, page) <= width:
        return text
    while text and columns(text + "…", page) > width:
        text = text[:-1]
    return text + "…"


def wrap(text: str, width: int, page: Page) -> list[str]:
    """Break `text` at spaces into lines of at most `width` columns; at least one line."""
    lines = [""]
    for word in text.split(" "):
        candidate = f"{lines[-1]} {word}" if lines[-1] else word
        if columns(candidate, page) <= width:
            lines[-1] = candidate
        elif lines[-1]:
            lines.append(word)
        else:
            lines[-1] = word
        lines[-1:] = _broken(lines[-1], width, page)
    return lines


def paint(lines: Iterable[Line], page: Page) -> str:
    """Turn lines into text for `page`: the only way to an output, and where data is cleaned."""
    return "".join(_painted(spans, page).rstrip(" ") + "\n" for spans in lines)


def _painted(spans: Line, page: Page) -> str:
    return "".join(_coloured(fitting(text, page), look, page) for text, look in spans)


def _coloured(text: str, look: Look, page: Page) -> str:
    if not page.colour or not look or not text.strip():
        return text
    return f"\x1b[{_COLOURS[look]}m{text}\x1b[0m"


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def _carried(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        plainer = _PLAINER.get(character)
        return plainer or character.encode("ascii", "backslashreplace").decode("ascii")
    return character


def _broken(word: str, width: int, page: Page) -> list[str]:
    """Break one word that is wider than a line."""
    pieces = []
    while columns(word, page) > width > 0:
        head = next(
            n for n in range(len(word), 0, -1) if n == 1 or columns(word[:n], page) <= width
        )
        pieces.append(word[:head])
        word = word[head:]
    return [*pieces, word]


GAP = 2
_PIECES = re.compile(r" *[^ ]+| +")
NARROWEST = 8


def grid(
    rows: Sequence[Sequence[TextSpan]],
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
    lines: list[list[TextSpan]] = [[]]
    used = 0
    for text, look in spans:
        for piece in _PIECES.findall(text):
            width = columns(piece, page)
            if used + width > page.width and lines[-1]:
                lines.append([TextSpan(" " * hang)])
                piece, used = piece.lstrip(" "), hang  # noqa: PLW2901  # the blank was the break
                width = columns(piece, page)
            used += width
            lines[-1].append(TextSpan(piece, look))
    return [_joined(one) for one in lines]


def paragraph(text: str, page: Page, *, indent: int = 0, first: str = "") -> list[Line]:
    """Wrap running text, indented; `first` hangs before it (a bullet, a label)."""
    lead = " " * indent + first
    lines = wrap(text, max(NARROWEST, page.width - columns(lead, page)), page)
    blank = " " * columns(lead, page)
    return [(TextSpan(lead if n == 0 else blank), TextSpan(part)) for n, part in enumerate(lines)]


def bullets(texts: Sequence[str], page: Page, *, indent: int = 0) -> list[Line]:
    """Return a list of texts, each behind a bullet."""
    return [drawn for text in texts for drawn in paragraph(text, page, indent=indent, first="• ")]


def section(title: str, lines: Sequence[Line]) -> list[Line]:
    """Return lines below a title, with a blank line above it; nothing where there are none."""
    return [(), line(TextSpan(title, "strong")), *lines] if lines else []


def heads(*titles: str) -> list[TextSpan]:
    """Return the heads of the columns of a table."""
    return [TextSpan(title, "dim") for title in titles]


def _joined(spans: Sequence[TextSpan]) -> Line:
    """Put neighbours that look alike together."""
    joined: list[TextSpan] = []
    for text, look in spans:
        if joined and joined[-1].look == look:
            joined[-1] = TextSpan(joined[-1].text + text, look)
        else:
            joined.append(TextSpan(text, look))
    return joined


def _row(
    row: Sequence[TextSpan], widths: Sequence[int], page: Page, indent: int, gap: int
) -> list[Line]:
    """Draw one row on as many lines as its tallest cell needs."""
    if all(columns(cell.text, page) <= width for cell, width in zip(row, widths, strict=False)):
        cells = [[cell.text] for cell in row]
    else:
        cells = [wrap(cell.text, width, page) for cell, width in zip(row, widths, strict=False)]
    return [
        (
            TextSpan(" " * indent),
            *(
                TextSpan(pad(text, width + gap, page) if n < len(row) - 1 else text, cell.look)
                for n, (text, width, cell) in enumerate(zip(texts, widths, row, strict=False))
            ),
        )
        for texts in zip_longest(*cells, fillvalue="")
    ]


def _shrunk(widths: list[int], space: int) -> list[int]:
    """Take columns from the widest until they fit, none below `NARROWEST`."""
    widths = list(widths)
    while sum(widths) > space and max(widths, default=0) > NARROWEST:
        widest = widths.index(max(widths))
        runner_up = max([NARROWEST, *(w for n, w in enumerate(widths) if n != widest)])
        excess = sum(widths) - space
        widths[widest] -= max(1, min(excess, widths[widest] - runner_up))
    return widths
