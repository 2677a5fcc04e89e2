"""Escape sequences in texts, as CEL defines them (cel-spec, "String and Bytes Values")."""

import re
from typing import Final

__all__ = ["EscapeError", "unescape"]

_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|(.?))",
    re.DOTALL,
)
_NAMED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HELP = "write \\\\ for a backslash, or \\n, \\t, \\u20AC"
_LAST_CODE_POINT = 0x10FFFF


class EscapeError(ValueError):
    """A backslash with something after it that means nothing; offsets within the text."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start = start
        self.end = end
        self.help = _HELP


def unescape(body: str) -> str:
    """Replace the escape sequences of a text by what they stand for.

    Raises:
        EscapeError: One of them is unknown, incomplete, or no character.
    """
    return _ESCAPE.sub(_meant, body)


def _meant(found: re.Match[str]) -> str:
    """Give the character that an escape sequence stands for."""
    named, short, medium, long, octal, _ = found.groups()
    if named is not None:
        return _NAMED.get(named, named)
    digits = short or medium or long
    if digits is None and octal is None:
        raise EscapeError(f"{found[0]} is no escape sequence", found.start(), found.end())
    code = int(digits, 16) if digits is not None else int(octal, 8)
    if code > _LAST_CODE_POINT or 0xD800 <= code < 0xE000:  # noqa: PLR2004  # surrogates
        raise EscapeError(f"{found[0]} is no character", found.start(), found.end())
    return chr(code)
