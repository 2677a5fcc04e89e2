"""Where things stand in a TOML file: the place of every key, and of the value behind it.

`tomllib` reads a file and keeps no positions. What is here goes over the same text once more,
when something in it has to be shown; it expects a text that `tomllib` has accepted.
"""

import itertools
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeAlias

from attrs import define, field, frozen

Way: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys, and numbers of items: ``("notify", 0, "fields", 1)``."""

Stretch: TypeAlias = tuple[int, int, int | None]
"""Line and column (from 1), and the column after the last character if that is in the line."""

_BLANK: Final = re.compile(r"(?:\s|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_EQUALS: Final = re.compile(r"[ \t]*=[ \t]*")
_BARE_VALUE: Final = re.compile(r"[^,\]}#\n]*")
_STRINGS: Final = (
    r'"""(?:[^\\]|\\.)*?"{3,5}',
    r"'''.*?'{3,5}",
    r'"(?:[^"\\\n]|\\.)*"',
    r"'[^'\n]*'",
)
_STRING: Final = re.compile("|".join(_STRINGS), re.DOTALL)
_KEY: Final = re.compile("|".join((*_STRINGS, "[A-Za-z0-9_-]+")), re.DOTALL)
_PIECE: Final = re.compile(r"\\u.{4}|\\U.{8}|\\[ \t]*\n\s*|\\.|.", re.DOTALL)


@frozen
class TomlEntry:
    """Where a key stands, as offsets into the text; for an item of a list, the item itself.

    Attributes:
        start: Where the key begins; the header, for a table that has one.
        end: Where it ends.
        value: Where the value begins and ends; None for a table with a header.
    """

    start: int
    end: int
    value: tuple[int, int] | None = None


def toml_places(text: str) -> dict[Way, TomlEntry]:
    """Give the place of everything in a TOML file, by the way to it."""
    return _Walk(text).file()


def stretch(text: str, start: int, end: int) -> Stretch:
    """Give line and columns of a stretch of a text."""
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    is_one_line = "\n" not in text[start:end]
    return line, column, column + end - start if is_one_line else None


def text_offsets(text: str, value: tuple[int, int]) -> list[int]:
    """Give for each character of a TOML string where it stands in the file.

    Args:
        text: The file.
        value: Where the string begins and ends in it, quotes included.

    Returns:
        An offset for each character, and one more for the end.
    """
    start, end = value
    quotes = 3 if text[start : start + 3] in ('"""', "'''") else 1
    begin, until = start + quotes, end - quotes
    if quotes > 1 and text[begin] == "\n":  # a line break right behind the quotes is none
        begin += 1
    if text[start] == "'":
        return list(range(begin, until + 1))
    pieces = _PIECE.finditer(text, begin, until)
    kept = [piece.start() for piece in pieces if not _is_continuation(piece.group())]
    return [*kept, until]


def _is_continuation(piece: str) -> bool:
    """Tell whether a piece is a line that goes on in the next: no character of the string."""
    return piece[0] == "\\" and piece[1:].lstrip(" \t")[:1] == "\n"


@define
class _Walk:
    """One way through a text."""

    text: str
    at: int = 0
    places: dict[Way, TomlEntry] = field(factory=dict)
    tables: Counter[Way] = field(factory=Counter)

    def file(self) -> dict[Way, TomlEntry]:
        """Go over all of it."""
        table: Way = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.places

    def _header(self) -> Way:
        """Read ``[name]`` or ``[[name]]``; a list of tables gets one more."""
        start = self.at
        is_list = self.text.startswith("[[", start)
        self.at += 1 + is_list
        *outer, last = self._keys()
        self._skip(_SPACE)
        self.at += 1 + is_list
        path = (*self._resolved(outer), last)
        if is_list:
            self.tables[path] += 1
        path = self._resolved([last], path[:-1])
        self.places[path] = TomlEntry(start, self.at)
        return path

    def _resolved(self, keys: list[str], path: Way = ()) -> Way:
        """Give the way to a table: through a list of tables it leads to the last one."""
        for key in keys:
            path = (*path, key)
            if self.tables[path]:
                path = (*path, self.tables[path] - 1)
        return path

    def _pair(self, table: Way) -> None:
        """Read ``key = value``."""
        start = self.at
        path = (*table, *self._keys())
        end = self.at
        self._skip(_EQUALS)
        self.places[path] = TomlEntry(start, end, self._value(path))

    def _keys(self) -> list[str]:
        """Read a key with its dots; gives its parts, and stops behind the last of them."""
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(_unquoted(self._take(_KEY)))
            ahead = self.at
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                self.at = ahead
                return keys
            self.at += 1

    def _value(self, path: Way) -> tuple[int, int]:
        """Read a value, and what is in it; gives where it begins and ends."""
        start = self.at
        match self.text[start]:
            case '"' | "'":
                self._take(_STRING)
            case "[":
                self._inside("]", lambda number: self._item((*path, number)))
            case "{":
                self._inside("}", lambda _: self._pair(path))
            case _:
                self.at = start + len(self._take(_BARE_VALUE).rstrip())
        return start, self.at

    def _inside(self, closing: str, read: Callable[[int], None]) -> None:
        """Read what stands between brackets, with commas between."""
        self.at += 1
        for number in itertools.count():
            self._skip(_BLANK)
            if self.text[self.at] == closing:
                break
            read(number)
            self._skip(_BLANK)
            self.at += self.text[self.at] == ","
        self.at += 1

    def _item(self, path: Way) -> None:
        """Read an item of a list."""
        start, end = self._value(path)
        self.places[path] = TomlEntry(start, end, (start, end))

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Go over what a pattern matches here, and give it."""
        found = pattern.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return found.group()


def _unquoted(key: str) -> str:
    """Give the name that a key says, as `tomllib` reads it."""
    if key[0] not in "\"'":
        return key
    (name,) = tomllib.loads(f"{key} = 0")
    return name
