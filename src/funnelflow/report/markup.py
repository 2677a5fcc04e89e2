"""Elements of HTML and SVG, in which all text is escaped, and text that is safe to show."""

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # control, not characters of XML
    "|[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
    "|[\U000e0000-\U000e007f]"  # tags
)
"""What must not reach a document as it is: some of it is no XML, the rest changes unseen how the
text around it reads."""
_ENTITIES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
)
_VOID: Final = frozenset(["meta", "link", "br", "circle", "line", "path", "rect"])
LONGEST_TEXT: Final = 160
"""How many characters of a text of the data are shown."""


class Markup(str):
    """Text that is markup already, and is not escaped again."""

    __slots__ = ()


def clean(text: str) -> str:
    r"""Show control, bidirectional and invisible characters as escapes (``\x1b``).

    Args:
        text: Any text, data included.
    """
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def shortened(text: str, most: int = LONGEST_TEXT) -> str:
    """Return a text, with an ellipsis where it is longer than `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def escaped(text: str) -> Markup:
    """Return text as markup; what is markup already stays as it is."""
    return text if isinstance(text, Markup) else Markup(clean(text).translate(_ENTITIES))


def joined(*parts: str) -> Markup:
    """Return parts one after the other, those escaped that are no markup yet."""
    return Markup("".join(map(escaped, parts)))


def element(tag: str, *children: str, **attributes: str | float | None) -> Markup:
    """Return an element of HTML or SVG.

    Args:
        tag: Its name.
        children: What it holds, one after the other; escaped where it is no `Markup`.
        attributes: Its attributes: ``_`` stands for ``-``, and one at the end for nothing
            (``class_``); None leaves one out. Numbers are written to a tenth.
    """
    said = "".join(
        f' {_attribute(name)}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{said}/>")
    return Markup(f"<{tag}{said}>{joined(*children)}</{tag}>")


def _attribute(name: str) -> str:
    return name if name == "viewBox" else name.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return escaped(value)
    return f"{value:.1f}".removesuffix(".0")
