"""TOML files, and where things stand in them: found by the keys that lead there, never by text.

`load_toml` reads a file and gives its content and a `TomlSource`, which says where in the file a
key stands::

    content, source = load_toml(path)
    source.where("plugins", "webhook", "url")        # funnelflow.toml:12
    source.table("notify", 0).where("fields", 1)     # an item of a list

`tomllib` keeps no positions. What is here goes over the same text once more, when something in
it has to be shown; it expects a text that `tomllib` has accepted.
"""

import itertools
import re
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import define, evolve, field, frozen

from funnelflow.errors import ConfigurationError

KeyPath: TypeAlias = tuple[str | int, ...]
"""What leads to a value: keys, and numbers of items: ``("notify", 0, "fields", 1)``."""

LineSpan: TypeAlias = tuple[int, int, int | None]
"""Line and column (from 1), and the column after the last character if that is in the line."""

Signature: TypeAlias = tuple[int, int, int, int]
"""What changes when a file is written: time of change, of modification, size and inode."""

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


@frozen
class FilePlace:
    """A line of a file; as text, ``path:line``.

    Attributes:
        path: The file.
        line: The line, from 1; 0 if none is known.
    """

    path: Path
    line: int = 0

    def __str__(self) -> str:
        """Return it as messages begin with it."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@frozen
class TomlSource:
    """A TOML file, or a table in it, that says where things stand.

    Attributes:
        path: The file.
        text: Its text.
        keys: What leads to the table; empty for the whole file.
    """

    path: Path
    text: str = field(default="", repr=False)
    keys: KeyPath = ()

    def table(self, *keys: str | int) -> "TomlSource":
        """Return a table within this one, or an item of a list."""
        return evolve(self, keys=(*self.keys, *keys))

    def entry(self, *keys: str | int) -> TomlEntry | None:
        """Return where something stands; None where it does not stand there itself."""
        return toml_places(self.text).get((*self.keys, *keys))

    def nearest(self, *keys: str | int) -> TomlEntry | None:
        """Return where something stands, or else what it is in; None if that has no place."""
        places, path = toml_places(self.text), (*self.keys, *keys)
        while path and len(path) >= len(self.keys):
            found = places.get(path) or _first_within(places, path)
            if found is not None:
                return found
            path = path[:-1]
        return None

    def line(self, *keys: str | int) -> int | None:
        """Return the line of something, or of what it is in; None if that has no place."""
        found = self.nearest(*keys)
        return None if found is None else self.text.count("\n", 0, found.start) + 1

    def where(self, *keys: str | int) -> FilePlace:
        """Return where something stands; the path alone if it has no place."""
        return FilePlace(self.path, self.line(*keys) or 0)

    def error(self, reason: str, *keys: str | int, hint: str = "") -> ConfigurationError:
        """Return an error about something in the file, with its place."""
        return ConfigurationError(reason, hint=hint, path=self.path, line=self.line(*keys) or 0)


def load_toml(path: Path) -> tuple[dict[str, Any], TomlSource]:
    """Read a TOML file; while it does not change, it is read once in the life of a process.

    Args:
        path: The file.

    Returns:
        What it says, which nobody may change, and where.

    Raises:
        ConfigurationError: It cannot be read, is no UTF-8 text, or no TOML.
    """
    try:
        signature, now = file_signature(path), time.time_ns()
        known = _loaded.get(path)
        if known is not None and known[0] == signature:
            return known[1], known[2]
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        hint = "save it as UTF-8 in an editor"
        raise ConfigurationError(f"{path} is not UTF-8 text", hint=hint) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    content = parse_toml(path, text)
    source = TomlSource(path, text)
    if now - signature[0] > _SETTLED:
        _loaded[path] = (signature, content, source)
    return content, source


def parse_toml(path: Path, text: str) -> dict[str, Any]:
    """Return what a text in TOML says.

    Raises:
        ConfigurationError: It is no TOML.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", str(error), re.DOTALL)
        reason, line, column = found.groups() if found else (str(error), 0, 0)
        raise ConfigurationError(
            reason,
            hint='the file is TOML: name = "value"',
            path=path,
            line=int(line),
            column=int(column),
        ) from None


def file_signature(path: Path) -> Signature:
    """Return what tells whether a file has been written meanwhile.

    Raises:
        OSError: There is no such file.
    """
    found = path.stat()
    return found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino


_SETTLED: Final = 100_000_000
"""Nanoseconds after which a change to a file is sure to give it another time."""

_loaded: Final[dict[Path, tuple[Signature, dict[str, Any], TomlSource]]] = {}


@lru_cache(maxsize=4)
def toml_places(text: str) -> Mapping[KeyPath, TomlEntry]:
    """Return the place of everything in a TOML file, by the keys that lead to it."""
    return _Walk(text).file()


def line_span(text: str, start: int, end: int) -> LineSpan:
    """Return the line and the columns of a part of a text."""
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    is_one_line = "\n" not in text[start:end]
    return line, column, column + end - start if is_one_line else None


def _first_within(places: Mapping[KeyPath, TomlEntry], keys: KeyPath) -> TomlEntry | None:
    """Return the first thing of a table that is only implied by the keys in it."""
    inner = (place for path, place in places.items() if path[: len(keys)] == keys)
    return min(inner, key=lambda place: place.start, default=None)


def text_offsets(text: str, value: tuple[int, int]) -> list[int]:
    """Return for each character of a TOML string where it stands in the file.

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
    """Whether a piece is a line that goes on in the next: no character of the string."""
    return piece[0] == "\\" and piece[1:].lstrip(" \t")[:1] == "\n"


@define
class _Walk:
    """One walk over a text."""

    text: str
    at: int = 0
    places: dict[KeyPath, TomlEntry] = field(factory=dict)
    tables: Counter[KeyPath] = field(factory=Counter)

    def file(self) -> dict[KeyPath, TomlEntry]:
        """Go over all of it."""
        table: KeyPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)
        return self.places

    def _header(self) -> KeyPath:
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

    def _resolved(self, keys: list[str], path: KeyPath = ()) -> KeyPath:
        """Return the keys that lead to a table: through a list of tables, to the last one."""
        for key in keys:
            path = (*path, key)
            if self.tables[path]:
                path = (*path, self.tables[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        """Read ``key = value``."""
        start = self.at
        path = (*table, *self._keys())
        end = self.at
        self._skip(_EQUALS)
        self.places[path] = TomlEntry(start, end, self._value(path))

    def _keys(self) -> list[str]:
        """Read a key with its dots, up to behind its last part, and return the parts."""
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

    def _value(self, path: KeyPath) -> tuple[int, int]:
        """Read a value and what is in it, and return where it begins and ends."""
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

    def _item(self, path: KeyPath) -> None:
        """Read an item of a list."""
        start, end = self._value(path)
        self.places[path] = TomlEntry(start, end, (start, end))

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        """Go over what a pattern matches here, and return it."""
        found = pattern.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return found.group()


def _unquoted(key: str) -> str:
    """Return the name that a key says, as `tomllib` reads it."""
    if key[0] not in "\"'":
        return key
    (name,) = tomllib.loads(f"{key} = 0")
    return name
