"""CSV files: RFC 4180, with the delimiter found out and mixed line ends allowed."""

import csv
import re
from collections.abc import Iterator
from itertools import islice

from funnelflow.store.files.batches import MAX_BATCH, Batch
from funnelflow.store.files.lines import Lines
from funnelflow.store.files.problems import FileError, Rejection

__all__ = ["DELIMITERS", "CsvReader"]

DELIMITERS = ",;\t|"
_UNREADABLE = re.compile("[\0\ud800-\udfff]")
_SEPARATOR_LINE = re.compile(r"(?i)\ufeff?sep=(.)\r?\n?$")
_QUOTED = re.compile(r'"[^"]*"')
_CELL = re.compile(r'"(?:[^"]|"")*+"')
_DAMAGED_BYTE = 0xDC00


class CsvReader:
    """Reads a CSV file whose first record names the columns.

    Attributes:
        columns: The names in the header.
        delimiter: What separates the cells.
        lines: The lines it reads.

    Raises:
        FileError: When there is no header that can be used.
    """

    format = "csv"

    def __init__(self, lines: Lines, *, delimiter: str = "") -> None:
        self.lines = lines
        self.delimiter = delimiter or self._separator_line() or self._find_delimiter()
        self._line = lines.place.lines
        self.columns = self._header()
        self._width = len(self.columns)
        self._rejected: list[Rejection] = []
        self._rows: list[tuple[int, list[str]]] = []

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all that follows, at most `size` rows at a time, the last one marked."""
        self._line = self.lines.place.lines
        last = False
        while not last:
            self._rows, self._rejected = [], []
            problem = self._fill(size)
            last = self.lines.ended and problem is None
            self.lines.settle(self._line)
            if self._rows or self._rejected or last:
                yield Batch(
                    self._rows, self._rejected, self.lines.place, self.lines.bytes_read, last
                )
            if problem is not None:
                raise problem

    def _fill(self, size: int) -> FileError | None:
        """Read up to `size` records; gives what stopped the reading early."""
        try:
            while size > 0 and not self.lines.ended and self.lines.waiting < MAX_BATCH:
                size = self._read(size)
        except FileError as problem:
            return problem
        return None

    def _read(self, size: int) -> int:
        """Read up to `size` records, or up to one that is none; gives how many are left."""
        start = self._line
        reader = self._reader(start)
        rows, width, lines = self._rows, self._width, self.lines
        known = len(rows)
        try:
            for cells in islice(reader, size):
                size -= 1
                if len(cells) == width:
                    rows.append((self._line + 1, cells))
                elif cells:
                    self._reject_width(cells)
                self._line = start + reader.line_num
                if lines.waiting > MAX_BATCH:
                    break
        except csv.Error as error:
            size -= 1
            self._recover(error, start + reader.line_num)
        if lines.damaged:
            self._set_unreadable_aside(known)
        return size

    def _recover(self, error: csv.Error, last: int) -> None:
        """Set one broken line aside; a record broken over several lines ends the reading."""
        first = self._line + 1
        text = "".join(self.lines.text(first, last))
        if last > first or "unexpected end" in str(error):
            raise self._unclosed(text, first)
        if "field limit" in str(error):
            raise FileError(
                self.lines.name,
                f"a cell here is longer than {csv.field_size_limit():,} characters",
                line=first,
                column=1,
            )
        column = _last_opened(text, self.delimiter) + 1
        self._rejected.append(
            Rejection(
                first,
                str(column),
                f"the quote that opens at character {column} closes in the middle of the cell; "
                'write a quote inside a quoted cell twice ("")',
                text,
            )
        )
        self._line = last

    def _unclosed(self, text: str, first: int) -> FileError:
        before = text[: _last_opened(text, self.delimiter)]
        return FileError(
            self.lines.name,
            "the quote that opens here is not closed, or not at the end of its cell",
            line=first + len(before.splitlines()) - (not before.endswith(("\n", "\r", ""))),
            column=len(before) - max(before.rfind("\n"), before.rfind("\r")),
            hint="correct that line; what stands before it has been read",
        )

    def _reject_width(self, cells: list[str]) -> None:
        if not any(cells):
            return
        reason = f"{len(cells)} cells, but the header names {self._width} columns"
        self._rejected.append(Rejection(self._line + 1, "", reason, cells))

    def _set_unreadable_aside(self, since: int) -> None:
        """Set the rows aside that hold NUL or bytes that are not UTF-8."""
        rows, self._rows[since:] = self._rows[since:], []
        for line, cells in rows:
            if any(map(_UNREADABLE.search, cells)):
                self._rejected.append(self._unreadable(line, cells))
            else:
                self._rows.append((line, cells))

    def _unreadable(self, line: int, cells: list[str]) -> Rejection:
        for text in self.lines.text(line, line + "".join(cells).count("\n") + len(cells)):
            if found := _UNREADABLE.search(text):
                return Rejection(line, str(found.start() + 1), _what(found.group(), line), cells)
            line += 1
        return Rejection(line, "", "NUL or a byte that is not UTF-8", cells)

    def _reader(self, line: int) -> "csv._reader":
        return csv.reader(self.lines.after(line), delimiter=self.delimiter, strict=True)

    def _separator_line(self) -> str:
        """Read the line ``sep=;`` that spreadsheets write to name the delimiter."""
        found = _SEPARATOR_LINE.match(self._first_line())
        if found is None:
            return ""
        self.lines.settle(1)
        return found[1]

    def _first_line(self) -> str:
        """Give the first line that is not blank."""
        lines = self.lines.after(self.lines.place.lines)
        return next((line for line in lines if line.strip()), "")

    def _find_delimiter(self) -> str:
        line = _QUOTED.sub("", self._first_line())
        return max(DELIMITERS, key=line.count)

    def _header(self) -> tuple[str, ...]:
        """Read the first record that is not blank, and hold it to what a header must be."""
        start = self._line
        reader = self._reader(start)
        try:
            cells = next((cells for cells in reader if cells), None)
        except csv.Error:
            text = "".join(self.lines.text(start + 1, start + reader.line_num))
            raise self._unclosed(text, start + 1) from None
        if cells is None:
            raise FileError(self.lines.name, "the file is empty", hint="a header comes first")
        self._line = start + reader.line_num
        self.lines.settle(self._line)
        names = tuple(cell.strip() for cell in cells)
        self._check_header(names)
        return names

    def _check_header(self, names: tuple[str, ...]) -> None:
        seen: dict[str, int] = {}
        for number, name in enumerate(names, 1):
            if not name:
                raise self._header_error(f"column {number} has no name", "name every column")
            if not name.isprintable():
                raise self._header_error(f"the name of column {number} is not readable: {name!r}")
            if name in seen:
                raise self._header_error(
                    f"columns {seen[name]} and {number} are both named {name!r}",
                    "give every column a name of its own",
                )
            seen[name] = number

    def _header_error(self, message: str, hint: str = "") -> FileError:
        return FileError(self.lines.name, message, line=self._line, hint=hint)


def _last_opened(text: str, delimiter: str) -> int:
    """Give the offset of the last quote that opens a cell, up to where the text goes wrong."""
    ends = delimiter + "\r\n"
    position = opened = 0
    while position < len(text):
        if text[position] == '"':
            opened = position
            found = _CELL.match(text, position)
            if found is None or text[found.end() : found.end() + 1] not in ends:
                break
            position = found.end()
        while position < len(text) and text[position] not in ends:
            position += 1
        position += 1
    return opened


def _what(character: str, line: int) -> str:
    if character == "\0":
        return f"NUL stands in line {line}"
    return f"the byte 0x{ord(character) - _DAMAGED_BYTE:02x} in line {line} is not UTF-8"
