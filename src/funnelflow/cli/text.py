"""Text for people: cleaned of control characters, measured in columns, laid out and coloured."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Final, Literal, NamedTuple, TypeAlias

from funnelflow.criteria.times import shown

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


GAP = 2
_PIECES = re.compile(r" *[^ ]+| +")
NARROWEST = 8
SHORT = 16
"""Columns of what is not broken at a space either, such as a time."""


class TextSpan(NamedTuple):
    """A piece of text and how it looks."""

    text: str
    look: Look = ""


Text: TypeAlias = str | TextSpan
"""What a table or a line is made of; plain text looks like nothing in particular."""
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

    def fitting(self, text: str) -> str:
        """Return `text` as it will stand here: cleaned, and carried by its encoding."""
        text = printable(text)
        if text.isascii() or self.encoding == "utf-8":  # which carries all that is printable
            return text
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            text = "".join(_carried(character, self.encoding) for character in text)
        return text

    def columns(self, text: str) -> int:
        """Count the terminal columns `text` takes, wide characters as two."""
        if text.isascii() and text.isprintable():
            return len(text)
        shown = self.fitting(text)
        if _NARROW.fullmatch(shown):
            return len(shown)
        from wcwidth import wcswidth  # noqa: PLC0415  # as slow to load as all that is ours here

        return wcswidth(shown)

    def pad(self, text: str, width: int) -> str:
        """Fill `text` with spaces to `width` columns."""
        return text + " " * (width - self.columns(text))

    def cut(self, text: str, width: int) -> str:
        """Shorten `text` to `width` columns, with an ellipsis where something was left out."""
        if self.columns(text) <= width:
            return text
        while text and self.columns(text + "…") > width:
            text = text[:-1]
        return text + "…"

    def wrap(self, text: str, width: int) -> list[str]:
        """Break `text` at spaces into lines of at most `width` columns; at least one line."""
        lines = [""]
        for word in text.split(" "):
            candidate = f"{lines[-1]} {word}" if lines[-1] else word
            if self.columns(candidate) <= width:
                lines[-1] = candidate
            elif lines[-1]:
                lines.append(word)
            else:
                lines[-1] = word
            lines[-1:] = self._broken(lines[-1], width)
        return lines

    def paint(self, lines: Iterable[Line]) -> str:
        """Turn lines into text: the only way to an output, and where data is cleaned."""
        return "".join(self._painted(spans).rstrip(" ") + "\n" for spans in lines)

    def grid(
        self,
        rows: Iterable[Sequence[Text]],
        *,
        heads: Sequence[Text] = (),
        indent: int = 0,
        gap: int = GAP,
        wrapped: bool | None = None,
    ) -> list[Line]:
        """Lay out rows in columns; on a terminal the widest are wrapped until they fit.

        Args:
            rows: Cells, row by row; rows may be shorter than others.
            heads: The heads of the columns; drawn if there is any row.
            indent: Spaces before every row.
            gap: Spaces between columns.
            wrapped: Whether to wrap; None to go by `terminal`: a pipe gets whole rows.
        """
        cells = [line(*row) for row in rows]
        titles = line(*(dim(head) if isinstance(head, str) else head for head in heads))
        cells[:0] = [titles] if titles and cells else []
        widths = [
            max((self.columns(cell.text) for cell in column if cell), default=0)
            for column in zip_longest(*cells)
        ]
        if self.terminal if wrapped is None else wrapped:
            space = self.width - indent - gap * (len(widths) - 1)
            if sum(widths) > space:
                widths = _shrunk(widths, space, self._least_widths(cells))
        return [drawn for row in cells for drawn in self._row(row, widths, indent, gap)]

    def fits(self, rows: Iterable[Sequence[Text]], heads: Sequence[Text] = ()) -> bool:
        """Whether rows can be laid out as a grid without breaking a word; a pipe is wide enough."""
        if not self.terminal:
            return True
        least = self._least_widths([line(*heads), *(line(*row) for row in rows)])
        return sum(least) + GAP * (len(least) - 1) <= self.width

    def columns_that_fit(self, rows: Sequence[Sequence[Text]], heads: Sequence[Text]) -> int:
        """Count the first columns that stand side by side without breaking a word; at least one."""
        kept = len(heads)
        while kept > 1 and not self.fits([row[:kept] for row in rows], heads[:kept]):
            kept -= 1
        return kept

    def _least_widths(self, cells: Iterable[Sequence[TextSpan]]) -> list[int]:
        """Return how narrow each column can be drawn without breaking a word, or what is short."""
        return [
            max((self._least(cell.text) for cell in column if cell), default=0)
            for column in zip_longest(*cells)
        ]

    def _least(self, text: str) -> int:
        width = self.columns(text)
        return width if width <= SHORT else max(map(self.columns, text.split(" ")))

    def named(self, values: Mapping[str, Text], *, indent: int = 0) -> list[Line]:
        """Lay out values behind their names."""
        return self.grid(((dim(name), value) for name, value in values.items()), indent=indent)

    def flow(self, spans: Line, *, hang: int = 4) -> list[Line]:
        """Break one line of spans at spaces where it is too long, the rest indented by `hang`."""
        lines: list[list[TextSpan]] = [[]]
        used = 0
        for text, look in spans:
            for piece in _PIECES.findall(text):
                width = self.columns(piece)
                if used + width > self.width and lines[-1]:
                    lines.append([TextSpan(" " * hang)])
                    piece, used = piece.lstrip(" "), hang  # noqa: PLW2901  # the blank was the break
                    width = self.columns(piece)
                used += width
                lines[-1].append(TextSpan(piece, look))
        return [_joined(one) for one in lines]

    def paragraph(self, text: str, *, indent: int = 0, first: str = "") -> list[Line]:
        """Wrap running text, indented; `first`, such as a bullet, hangs before it."""
        if not text:
            return []
        lead = " " * indent + first
        lines = self.wrap(text, max(NARROWEST, self.width - self.columns(lead)))
        blank = " " * self.columns(lead)
        return [
            (TextSpan(lead if n == 0 else blank), TextSpan(part)) for n, part in enumerate(lines)
        ]

    def bullets(self, texts: Sequence[str], *, indent: int = 0) -> list[Line]:
        """Return a list of texts, each behind a bullet."""
        return stack(self.paragraph(text, indent=indent, first="• ") for text in texts)

    def _painted(self, spans: Line) -> str:
        return "".join(self._coloured(self.fitting(text), look) for text, look in spans)

    def _coloured(self, text: str, look: Look) -> str:
        if not self.colour or not look or not text.strip():
            return text
        return f"\x1b[{_COLOURS[look]}m{text}\x1b[0m"

    def _broken(self, word: str, width: int) -> list[str]:
        """Break one word that is wider than a line."""
        pieces = []
        while self.columns(word) > width > 0:
            head = next(
                n for n in range(len(word), 0, -1) if n == 1 or self.columns(word[:n]) <= width
            )
            pieces.append(word[:head])
            word = word[head:]
        return [*pieces, word]

    def _row(
        self, row: Sequence[TextSpan], widths: Sequence[int], indent: int, gap: int
    ) -> list[Line]:
        """Draw one row on as many lines as its tallest cell needs."""
        if all(self.columns(cell.text) <= width for cell, width in zip(row, widths, strict=False)):
            cells = [[cell.text] for cell in row]
        else:
            cells = [self.wrap(cell.text, width) for cell, width in zip(row, widths, strict=False)]
        return [
            (
                TextSpan(" " * indent),
                *(
                    TextSpan(self.pad(text, width + gap) if n < len(row) - 1 else text, cell.look)
                    for n, (text, width, cell) in enumerate(zip(texts, widths, row, strict=False))
                ),
            )
            for texts in zip_longest(*cells, fillvalue="")
        ]


PLAIN: Final = Page()


def line(*pieces: Text) -> Line:
    """Make a line of spans from spans and plain strings."""
    return tuple(p if isinstance(p, TextSpan) else TextSpan(p) for p in pieces)


def strong(text: str) -> TextSpan:
    """Return what the eye should find first."""
    return TextSpan(text, "strong")


def dim(text: str) -> TextSpan:
    """Return what says more about something else."""
    return TextSpan(text, "dim")


def mark(*, ok: bool) -> TextSpan:
    """Return the mark that says whether something is as it should be."""
    return TextSpan("✓", "good") if ok else TextSpan("✗", "bad")


def stack(blocks: Iterable[Iterable[Line]], *, spaced: bool = False) -> list[Line]:
    """Put blocks of lines below each other; `spaced` with a blank line above each."""
    return [drawn for block in blocks for drawn in (((), *block) if spaced else block)]


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
    """Write a time for people, to the minute: ``2026-03-01 09:30``; empty for None.

    It is that of the workspace's zone, or UTC where that says none.
    """
    return "" if at is None else shown(at).isoformat(" ", "minutes")[:16]


def moment_and_zone(at: dt.datetime) -> str:
    """Write a time for people with the zone in which it is said: ``2026-03-01 09:30 UTC``."""
    return f"{moment(at)} {shown(at).tzname()}"


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape", "surrogatepass").decode("ascii")


def _carried(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        plainer = _PLAINER.get(character)
        return plainer or character.encode("ascii", "backslashreplace").decode("ascii")
    return character


def section(title: str, lines: Sequence[Line]) -> list[Line]:
    """Return lines below a title, with a blank line above it; nothing where there are none."""
    return [(), line(strong(title)), *lines] if lines else []


def _joined(spans: Sequence[TextSpan]) -> Line:
    """Put neighbours that look alike together."""
    joined: list[TextSpan] = []
    for text, look in spans:
        if joined and joined[-1].look == look:
            joined[-1] = TextSpan(joined[-1].text + text, look)
        else:
            joined.append(TextSpan(text, look))
    return joined


def _shrunk(widths: list[int], space: int, least: Sequence[int]) -> list[int]:
    """Take columns from the widest until they fit: none breaks a word unless that is not enough."""
    widths = list(widths)
    for floors in (least, [NARROWEST] * len(widths)):
        while sum(widths) > space:
            spare = [(width, n) for n, width in enumerate(widths) if width > floors[n]]
            if not spare:
                break
            width, widest = max(spare)
            runner_up = max([floors[widest], *(w for w, n in spare if n != widest and w < width)])
            excess = sum(widths) - space
            widths[widest] -= max(1, min(excess, width - runner_up))
    return widths
