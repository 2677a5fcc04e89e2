"""The door for files: nothing but text of a sensible size, in UTF-8, without hidden characters."""

import re
from pathlib import Path

from funnelflow.criteria import Position
from funnelflow.definition.places import Span
from funnelflow.definition.problems import Problems

__all__ = ["LARGEST", "UNSAFE", "character_words", "read_text"]

LARGEST = 1024 * 1024
"""How many bytes a file may have."""

UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"  # control, not characters
    "|\r(?!\n)"
    "|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # turn the direction of text
    "|[\u200b\u2028\u2029\u2060\ufeff]"  # not seen, or line breaks to some readers only
)
"""Characters with which a text can look different from what it says."""

_OTHER_ENCODINGS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_SHOWN = 5
"""How many unsafe characters of one file are listed."""


def read_text(path: Path, problems: Problems) -> str | None:
    """Read a file whole, as text with bare line feeds; None when a problem was added.

    Args:
        path: The file.
        problems: Where a file that is missing, too large, no text or unsafe is reported.
    """
    data = _read(path, problems)
    text = _decode(data, str(path), problems) if data is not None else None
    if text is None:
        return None
    if not text.strip():
        problems.add("F001", _at(path), "the file is empty", "a definition begins with `funnel:`")
        return None
    return text.replace("\r\n", "\n") if _is_safe(text, str(path), problems) else None


def character_words(character: str) -> str:
    """Name a character that cannot be shown, as ``U+202E``."""
    return f"U+{ord(character):04X}"


def _read(path: Path, problems: Problems) -> bytes | None:
    """Give the bytes of an ordinary file, never more than a few beyond the largest."""
    try:
        if path.exists() and not path.is_file():
            kind = "a directory" if path.is_dir() else "not an ordinary file"
            problems.add("F001", _at(path), f"this is {kind}", "name a definition file")
            return None
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path cannot be used"
        problems.add("F001", _at(path), f"cannot read the file: {reason.lower()}")
        return None
    if len(data) <= LARGEST:
        return data
    problems.add("F003", _at(path), "the file is larger than 1 MiB")
    return None


def _decode(data: bytes, path: str, problems: Problems) -> str | None:
    """Turn bytes into text, or say which encoding or which byte is in the way."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    for mark, name in _OTHER_ENCODINGS.items():
        if data.startswith(mark):
            problems.add("F002", _at(path), f"the file is in {name}", "save it as UTF-8")
            return None
    if b"\x00" in data:
        problems.add("F002", _at(path), "this is not a text file: it holds NUL bytes")
        return None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        problems.add("F002", _place(path, before), message, "save the file as UTF-8")
        return None


def _is_safe(text: str, path: str, problems: Problems) -> bool:
    """Report the first unsafe characters; tell whether there were none."""
    found = UNSAFE.finditer(text)
    count = 0
    for count, match in enumerate(found, 1):
        if count > _SHOWN:
            break
        message = f"the character {character_words(match[0])} cannot be seen"
        problems.add("F002", _place(path, text[: match.start()]), message, "remove it")
    return count == 0


def _at(path: Path | str) -> Span:
    """Give the beginning of a file."""
    return Span(Position(str(path), 1, 1))


def _place(path: str, before: str) -> Span:
    """Give the place of the character that follows the text `before`."""
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Span(Position(path, line, column), column + 1)
