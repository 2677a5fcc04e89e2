"""Pictures as static SVG: no script, light and dark, with a title and the same in words.

Colours are CSS variables, so that a picture of its own and one in a page look alike, follow
``prefers-color-scheme``, and print in the light ones. Text is laid out without fonts: it is
measured by the widths of DejaVu Sans, the widest of the fonts that browsers commonly take for
``system-ui`` and ``sans-serif``, and shortened where it does not fit.

A library for charts is not used: each picture here is a few rectangles, lines and texts, which
takes less than describing it to one, and stays free of its size, its scripts and its fonts.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from attrs import evolve, frozen

from funnelflow.report.markup import Markup, clean, element, joined

OURS: Final = "<!-- drawn by funnelflow -->"
"""What stands in the first line of every picture, by which it is known again."""

SIZE: Final = 14
"""The size of text, in units of the picture."""
SMALL_SIZE: Final = 12

TYPE_MARKS: Final[Mapping[str, str]] = {"open": "", "won": "✓ ", "lost": "✗ "}
"""What stands before the name of a stage, so that colour is not all that says its type."""

Palette: TypeAlias = Mapping[str, str]

LIGHT: Final[Palette] = {
    "page": "#ffffff",
    "ink": "#1c2126",
    "muted": "#57606a",
    "grid": "#d0d7de",
    "edge": "#6e7781",
    "bar": "#0b6e99",
    "on-bar": "#ffffff",
    "soft": "#d6e9f2",
    "won": "#1a7f4b",
    "lost": "#9b3535",
    "back": "#9a4a00",
    "heat0": "#f0f3f5",
    "heat1": "#d6e9f2",
    "heat2": "#a5d0e3",
    "heat3": "#23708f",
    "heat4": "#0b4a66",
    "on-heat0": "#1c2126",
    "on-heat1": "#1c2126",
    "on-heat2": "#1c2126",
    "on-heat3": "#ffffff",
    "on-heat4": "#ffffff",
}
DARK: Final[Palette] = {
    "page": "#14171a",
    "ink": "#e8eaed",
    "muted": "#a5adb6",
    "grid": "#3a4149",
    "edge": "#8b949e",
    "bar": "#58b4d9",
    "on-bar": "#0b1c24",
    "soft": "#1d3d4d",
    "won": "#5bc98c",
    "lost": "#ee9a9a",
    "back": "#f0a35e",
    "heat0": "#22272c",
    "heat1": "#1d3d4d",
    "heat2": "#24566d",
    "heat3": "#58b4d9",
    "heat4": "#9ad7f0",
    "on-heat0": "#e8eaed",
    "on-heat1": "#e8eaed",
    "on-heat2": "#e8eaed",
    "on-heat3": "#0b1c24",
    "on-heat4": "#0b1c24",
}

_RULES: Final = """\
.picture{font:14px system-ui,sans-serif}
.picture text{fill:var(--ink)}
.picture .small{font-size:12px}
.picture .strong{font-weight:600}
.picture .ink{fill:var(--ink)}
.picture .muted{fill:var(--muted)}
.picture .line{fill:none;stroke:var(--edge)}
.picture .grid{fill:none;stroke:var(--grid)}
.picture .box{fill:var(--page);stroke:var(--edge)}
.picture .group{fill:none;stroke:var(--grid)}
.picture .soft{fill:var(--soft)}
.picture .page{fill:var(--page)}
"""
_LOOKS: Final = ("bar", "won", "lost", "back")


def style(*, page: bool = False) -> str:
    """Return the style sheet of pictures.

    Args:
        page: Whether it is that of a page, which prints; a picture of its own does not know.
    """
    looks = "".join(
        f".picture .{look}{{fill:var(--{look})}}"
        f".picture .{look}-line{{fill:none;stroke:var(--{look})}}"
        for look in _LOOKS
    )
    heat = "".join(
        f".picture .heat{n}{{fill:var(--heat{n})}}.picture .on-heat{n}{{fill:var(--on-heat{n})}}"
        for n in range(5)
    )
    root = ":root" if page else ".picture"
    dark = "screen and (prefers-color-scheme:dark)" if page else "(prefers-color-scheme:dark)"
    return (
        f"{_variables(root, LIGHT)}\n@media {dark}{{{_variables(root, DARK)}}}\n"
        f"{_RULES}{looks}{heat}.picture .on-bar{{fill:var(--on-bar)}}\n"
    )


def _variables(root: str, palette: Palette) -> str:
    said = ";".join(f"--{name}:{colour}" for name, colour in palette.items())
    return f"{root}{{color-scheme:light dark;{said}}}"


@frozen
class Picture:
    """A picture.

    Attributes:
        name: What its file is called, without an ending; unique in a page.
        title: What it shows.
        about: The same in a sentence or two, for who cannot see it.
        width: Its width.
        height: Its height.
        body: What is drawn.
    """

    name: str
    title: str
    about: str
    width: float
    height: float
    body: Markup

    def inline(self, **attributes: str) -> Markup:
        """Return the picture as a part of a page, which brings the style sheet.

        Args:
            attributes: More attributes of the element.
        """
        title, about = f"{self.name}-title", f"{self.name}-about"
        return element(
            "svg",
            element("title", self.title, id=title),
            element("desc", self.about, id=about),
            self.body,
            **attributes,
            viewBox=f"0 0 {self.width:.0f} {self.height:.0f}",
            width=f"{self.width:.0f}",
            height=f"{self.height:.0f}",
            class_="picture",
            role="img",
            aria_labelledby=title,
            aria_describedby=about,
        )

    def file(self) -> str:
        """Return the picture as the text of a file of its own, on its ground, with its title."""
        ground = element("rect", width="100%", height="100%", class_="page")
        lines = wrapped(self.title, self.width - 24, 3)
        heading = [
            write(12, 24 + 18 * place, text, look="strong") for place, text in enumerate(lines)
        ]
        moved = element("g", self.body, transform=f"translate(0 {14 + 18 * len(lines)})")
        body = joined(element("style", Markup(style())), ground, *heading, moved)
        taller = evolve(self, height=self.height + 14 + 18 * len(lines), body=body)
        svg = taller.inline(xmlns="http://www.w3.org/2000/svg")
        return svg.replace(">", f">{OURS}\n", 1) + "\n"


_NARROW: Final = frozenset("ijlI.,:;'|!()[]{} ftr-·")
_BROAD: Final = frozenset("mwMW@%—…")


def width_of(text: str, size: float = SIZE) -> float:
    """Return about how wide a text is, rather too much than too little."""
    return size * sum(map(_advance, text))


def _advance(character: str) -> float:
    """Return how far a character moves what follows it, in units of the size of the text."""
    if character in _NARROW:
        return 0.42
    if character in _BROAD:
        return 1.0
    if character.isascii():
        return 0.72 if character.isupper() else 0.645
    if unicodedata.combining(character):
        return 0.0
    return 1.05 if unicodedata.east_asian_width(character) in "WF" else 0.75


def fitted(text: str, width: float, size: float = SIZE) -> str:
    """Return a text that is at most so wide, with an ellipsis where something was left out."""
    text = clean(text)
    if _fitting(text, width, size) == len(text):
        return text
    return text[: _fitting(text, width - size, size)].rstrip() + "…"


def wrapped(text: str, width: float, most: int) -> list[str]:
    """Break a text at spaces into at most so many lines that are at most so wide."""
    lines = [""]
    for word in clean(text).split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or len(lines) == most or width_of(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [fitted(one, width) for one in lines]


def _fitting(text: str, width: float, size: float) -> int:
    """Count the characters that fit."""
    for place, character in enumerate(text):
        width -= size * _advance(character)
        if width < 0:
            return place
    return len(text)


def write(  # what a text needs to stand somewhere
    x: float,
    y: float,
    text: str,
    *,
    look: str = "",
    anchor: str = "start",
    width: float | None = None,
) -> Markup:
    """Return a text of a picture.

    Args:
        x: Where it begins, ends or has its middle.
        y: Its base line.
        text: The text.
        look: Its classes; `small` and `strong` are known when it is measured.
        anchor: ``start``, ``middle`` or ``end``.
        width: How wide it may be; shortened, it says all of itself when pointed at.
    """
    size = SMALL_SIZE if "small" in look.split() else SIZE
    room = None if width is None else width * (0.92 if "strong" in look.split() else 1)
    whole = clean(text)
    shown = whole if room is None else fitted(whole, room, size)
    tip = [element("title", whole)] if shown != whole else []
    end = None if anchor == "start" else anchor
    return element("text", *tip, shown, x=x, y=y, text_anchor=end, class_=look or None)


def draw(
    name: str, title: str, about: str, size: tuple[float, float], parts: Iterable[Markup]
) -> Picture:
    """Put a picture together; see `Picture`.

    Args:
        name: What its file is called.
        title: What it shows.
        about: The same in words.
        size: Its width and height.
        parts: What is drawn, the lowest first.
    """
    return Picture(name, title, about, *size, joined(*parts))
