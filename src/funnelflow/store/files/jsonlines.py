"""JSON Lines files: one JSON object a line, read strictly (RFC 8259)."""

import json
import re
from itertools import islice
from typing import Any, NoReturn

from funnelflow.store.files.batches import MAX_BATCH, UNREADABLE, Reader, unreadable
from funnelflow.store.files.lines import Lines
from funnelflow.store.files.problems import FileError, RowError

__all__ = ["JsonLinesReader", "read_object"]

_WHITE = " \t\r\n"


class JsonLinesReader(Reader):
    """Reads a JSON Lines file.

    Raises:
        FileError: When the file is empty, or one JSON document over many lines.
    """

    format = "jsonl"

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.columns = self._members()

    def _fill(self, size: int) -> None:
        rows, lines = self._rows, self.lines
        for text in islice(lines.after(self._line), size):
            self._line += 1
            if text.strip(_WHITE):
                try:
                    rows.append((self._line, read_object(text)))
                except RowError as error:
                    self._reject(self._line, error.column, error.reason, text)
                if lines.damaged and (found := UNREADABLE.search(text)):
                    self._set_last_aside(text, found)
            if lines.waiting > MAX_BATCH:
                break

    def _set_last_aside(self, text: str, found: re.Match[str]) -> None:
        """Set the line aside that has just been read: part of it is not UTF-8, or NUL."""
        if self._rows and self._rows[-1][0] == self._line:
            self._rows.pop()
            column = found.start() + 1
            self._reject(self._line, column, unreadable(found.group(), self._line), text)

    def _members(self) -> tuple[str, ...]:
        """Look at the first line without using it up."""
        for text in self.lines.after(self._line):
            if not text.strip(_WHITE):
                continue
            if text.lstrip(_WHITE).startswith("["):
                raise FileError(
                    self.lines.name,
                    "this is one JSON list, not JSON Lines",
                    line=1,
                    hint="write one object a line; jq -c '.[]' FILE does it",
                )
            return _member_names(text)
        raise FileError(self.lines.name, "the file is empty")


def read_object(text: str) -> dict[str, Any]:
    """Read one line as a JSON object.

    Raises:
        RowError: When it is something else, with the character where it goes wrong.
    """
    line = text.strip(_WHITE)
    try:
        value, end = _scan(line, 0)
    except StopIteration as stop:
        raise _no_json(text, line, stop.value, "a value should stand here") from None
    except json.JSONDecodeError as error:
        raise _no_json(text, line, error.pos, error.msg[0].lower() + error.msg[1:]) from None
    except RecursionError:
        raise RowError("", "the object is nested too deeply") from None
    except ValueError:
        raise RowError("", "a number in it is far too long") from None
    if end != len(line):
        raise _no_json(text, line, end, "something stands behind the object")
    if type(value) is not dict:
        raise RowError("1", "a line must be one JSON object: {…}")
    found: dict[str, Any] = value
    return found


def _no_json(text: str, line: str, position: int, why: str) -> RowError:
    column = text.index(line) + position + 1
    return RowError(str(column), f"this is no JSON, from character {column} on: {why}")


def _members_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, refusing a member that comes twice: which one would count?"""
    built = dict(pairs)
    if len(built) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RowError(twice, f"the member {twice!r} comes twice")
    return built


def _no_constant(name: str) -> NoReturn:
    raise RowError("", f"{name} is no JSON value; leave the member out, or write null")


_decoder: Any = json.JSONDecoder(object_pairs_hook=_members_once, parse_constant=_no_constant)
_scan = _decoder.scan_once


def _member_names(text: str) -> tuple[str, ...]:
    try:
        return tuple(read_object(text))
    except RowError:
        return ()
