"""Text for people: made of spans, cleaned and coloured at one place.

Everything that a command shows is a list of lines, a line a list of spans, and only
`paint` turns them into characters for a terminal. Data is cleaned there, without
exception, so that no fact, name or error text can move the cursor, change colours or
reverse the writing direction; colours are added after that.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

__all__ = [
    "PLAIN",
    "Line",
    "Look",
    "Page",
    "Span",
    "columns",
    "cut",
    "line",
    "pad",
    "paint",
    "printable",
    "wrap",
]

Look: TypeAlias = Literal["", "good", "bad", "unknown", "dim", "strong"]

_UNSAFE: Final = re.compile(
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


class Span(NamedTuple):
    """A piece of text and how it looks."""

    text: str
    look: Look = ""


Line: TypeAlias = Sequence[Span]


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


def line(*pieces: str | Span) -> Line:
    """Make a line of spans from spans and plain strings."""
    return tuple(p if isinstance(p, Span) else Span(p) for p in pieces)


def printable(text: str, *, newlines: bool = False) -> str:
    r"""Show control, bidirectional and invisible characters as escapes (``\x1b``).

    Args:
        text: Any text, data included.
        newlines: Let line breaks through; for whole messages, not for data.
    """
    if newlines:
        return "\n".join(printable(part) for part in text.split("\n"))
    return _UNSAFE.sub(_escape, text)


def fitting(text: str, page: Page) -> str:
    """Give `text` as it will stand on `page`: cleaned, and carried by its encoding."""
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
    if shown.isascii():
        return len(shown)
    from rich.cells import cell_len  # noqa: PLC0415  # loaded only where it is needed

    return cell_len(shown)


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
