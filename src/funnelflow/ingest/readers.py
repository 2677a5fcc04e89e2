"""The records of an input, some thousands at a time: CSV, and JSON Lines (RFC 8259)."""

import csv
import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from funnelflow.ingest.file_errors import FileError, Rejection, RowError
from funnelflow.ingest.json_text import WHITE, read_object
from funnelflow.ingest.lines import MAX_BLANK, Lines
from funnelflow.storage.checkpoints import FileOffset

if TYPE_CHECKING:
    import _csv

MAX_BATCH = 1 << 23
"""Bytes of a batch, whatever its number of rows: what bounds the memory."""

UNREADABLE = re.compile("[\0\ud800-\udfff]")
"""NUL, and what a byte that is not UTF-8 has become."""

_ESCAPED = 0xDC00


class Batch(NamedTuple):
    """Records that follow each other in the input.

    Attributes:
        rows: The sound ones as (line on which it begins, record); a record is the list of
            cells in a CSV file and the object in a JSON Lines file.
        rejected: Those that are no record.
        offset: Where the next record begins.
        bytes_read: The bytes of the file read so far, as stored.
        last: Whether nothing comes behind them.
        sorted: Where records come in the order of time, and not all have come: how many have,
            and a digest that proves which. All of them stand before `offset`.
    """

    rows: list[tuple[int, Any]]
    rejected: list[Rejection]
    offset: FileOffset
    bytes_read: int
    last: bool
    sorted: str = ""


class RecordReader:
    """Reads one input; there is one class a format.

    Attributes:
        format: ``csv`` or ``jsonl``.
        columns: The names in the header; for JSON Lines, the members of the first object.
        delimiter: What separates the cells; empty for JSON Lines.
        lines: The lines it reads.
    """

    format: ClassVar[str]
    columns: tuple[str, ...]
    delimiter: str = ""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._line = lines.offset.lines
        self._rows: list[tuple[int, Any]] = []
        self._rejected: list[Rejection] = []

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all that follows, at most `size` rows at a time, the last one marked.

        Raises:
            FileError: When reading cannot go on; the records before have been yielded.
        """
        self._line = self.lines.offset.lines
        last, position = False, self.lines.offset.position
        while not last:
            self._rows, self._rejected = [], []
            problem = self._until_problem(size)
            last = self.lines.ended and problem is None
            self.lines.settle(self._line)
            if self._rows or self._rejected or last:
                position = self.lines.offset.position
                yield self._batch(last=last)
            if problem is not None:
                raise problem
            if self.lines.offset.position - position > MAX_BLANK:
                raise self.lines.too_blank()

    def record(self, line: str) -> Any:
        """Read a line that is a record by itself.

        Raises:
            RowError: It is none.
        """
        raise NotImplementedError

    def _batch(self, *, last: bool) -> Batch:
        lines = self.lines
        return Batch(self._rows, self._rejected, lines.offset, lines.bytes_read, last)

    def _until_problem(self, size: int) -> FileError | None:
        try:
            self._fill(size)
        except FileError as problem:
            return problem
        return None

    def _fill(self, size: int) -> None:
        """Read up to `size` records, or about `MAX_BATCH` bytes of them."""
        raise NotImplementedError

    def _reject(self, line: int, column: int | str, reason: str, record: Any) -> None:
        self._rejected.append(Rejection(line, str(column), reason, record))


def unreadable(character: str, line: int) -> str:
    """Return what a character is that `UNREADABLE` found."""
    if character == "\0":
        return f"NUL stands in line {line}"
    return f"the byte 0x{ord(character) - _ESCAPED:02x} in line {line} is not UTF-8"


DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"(?i)sep=(.)\r?\n?$")
_QUOTED = re.compile(r'"[^"]*"')
_CELL = re.compile(r'"(?:[^"]|"")*+"')
_LINE_END = re.compile(r"\r\n?|\n")


class CsvReader(RecordReader):
    """Reads a CSV file whose first record names the columns.

    Raises:
        FileError: When there is no header that can be used.
    """

    format = "csv"

    def __init__(self, lines: Lines, *, delimiter: str = "") -> None:
        super().__init__(lines)
        self.delimiter = delimiter or self._separator_line() or self._find_delimiter()
        self.columns = self._header()
        self._width = len(self.columns)

    def record(self, line: str) -> list[str]:
        """Return the cells of a line, which are as many as the header has."""
        try:
            cells = next(csv.reader([line], delimiter=self.delimiter, strict=True), [])
        except csv.Error:
            cells = []
        if len(cells) != self._width:
            raise RowError("", "this is no row")
        return cells

    def _fill(self, size: int) -> None:
        while size > 0 and not self.lines.ended and self.lines.waiting < MAX_BATCH:
            size = self._read(size)

    def _read(self, size: int) -> int:
        """Read up to `size` records, or up to one that is none; gives how many are left."""
        start = line = self._line
        reader = self._reader(start)
        rows, width, lines = self._rows, self._width, self.lines
        known = len(rows)
        try:
            for cells in islice(reader, size):
                size -= 1
                if len(cells) == width:
                    rows.append((line + 1, cells))
                elif cells:
                    self._reject_width(line + 1, cells)
                line = start + reader.line_num
                if lines.waiting > MAX_BATCH:
                    break
        except csv.Error as error:
            size -= 1
            self._line = line
            self._recover(error, start + reader.line_num)
        finally:
            self._line = max(self._line, line)
            if lines.damaged:
                self._reject_unreadable(known)
        return size

    def _recover(self, error: csv.Error, last: int) -> None:
        """Reject one broken line; a record broken over several lines ends the reading."""
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
        self._reject(
            first,
            column,
            f"the quote that opens at character {column} closes in the middle of the cell; "
            'write a quote inside a quoted cell twice ("")',
            text,
        )
        self._line = last

    def _unclosed(self, text: str, first: int) -> FileError:
        before = text[: _last_opened(text, self.delimiter)]
        return FileError(
            self.lines.name,
            "the quote that opens here is not closed, or not at the end of its cell",
            line=first + len(_LINE_END.findall(before)),
            column=len(before) - max(before.rfind("\n"), before.rfind("\r")),
            hint="correct that line; what stands before it has been read",
        )

    def _reject_width(self, line: int, cells: list[str]) -> None:
        if not any(cells):
            return
        if len(cells) > self._width and not any(cells[self._width :]):  # commas at the end
            self._rows.append((line, cells[: self._width]))
            return
        reason = f"{len(cells)} cells, but the header names {self._width} columns"
        self._reject(line, "", reason, cells)

    def _reject_unreadable(self, since: int) -> None:
        """Reject the rows that hold NUL or bytes that are not UTF-8."""
        rows, self._rows[since:] = self._rows[since:], []
        for line, cells in rows:
            if any(map(UNREADABLE.search, cells)):
                self._rejected.append(self._unreadable(line, cells))
            else:
                self._rows.append((line, cells))

    def _unreadable(self, first: int, cells: list[str]) -> Rejection:
        texts = self.lines.text(first, first + len(_LINE_END.findall("".join(cells))))
        for line, text in enumerate(texts, first):
            if found := UNREADABLE.search(text):
                column = str(found.start() + 1)
                return Rejection(first, column, unreadable(found.group(), line), cells)
        return Rejection(first, "", "NUL or a byte that is not UTF-8", cells)

    def _reader(self, line: int) -> "_csv.Reader":
        return csv.reader(self.lines.after(line), delimiter=self.delimiter, strict=True)

    def _separator_line(self) -> str:
        """Read the line ``sep=;`` that spreadsheets write to name the delimiter."""
        found = _SEPARATOR_LINE.match(next(self.lines.after(0), ""))
        if found is None:
            return ""
        self.lines.settle(1)
        return found[1]

    def _first_line(self) -> str:
        """Return the first line that is not blank."""
        return next(self.lines.written_after(self.lines.offset.lines), "")

    def _find_delimiter(self) -> str:
        line = _QUOTED.sub("", self._first_line())
        return max(DELIMITERS, key=line.count)

    def _header(self) -> tuple[str, ...]:
        """Read the first record that is not blank, and hold it to what a header must be."""
        start = self.lines.offset.lines
        self._first_line()  # refuses a file of nothing but blank lines
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
        if any(map(UNREADABLE.search, cells)):
            name = next(cell for cell in cells if UNREADABLE.search(cell))
            message = f"the name of a column is not readable: {name!r}"
            raise FileError(self.lines.name, message, line=self._line)
        return tuple(" ".join(cell.split()) for cell in cells)


def _last_opened(text: str, delimiter: str) -> int:
    """Return the offset of the last quote that opens a cell, up to where the text goes wrong."""
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


_FIRST_LINES = 100
"""Lines of which one must be an object, for its members to be known before the first row."""


class JsonLinesReader(RecordReader):
    """Reads a JSON Lines file.

    Raises:
        FileError: When the file is empty, or one JSON document over many lines.
    """

    format = "jsonl"

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.columns = self._members()

    def record(self, line: str) -> dict[str, Any]:
        """Return the object that a line is."""
        return read_object(line)

    def _fill(self, size: int) -> None:
        rows, lines = self._rows, self.lines
        for text in islice(lines.after(self._line), size):
            self._line += 1
            if text.strip(WHITE):
                try:
                    rows.append((self._line, read_object(text)))
                except RowError as error:
                    self._reject(self._line, error.column, error.reason, text)
                if lines.damaged and (found := UNREADABLE.search(text)):
                    self._reject_last(text, found)
            if lines.waiting > MAX_BATCH:
                break

    def _reject_last(self, text: str, found: re.Match[str]) -> None:
        """Reject the line that has just been read: part of it is not UTF-8, or NUL."""
        if self._rows and self._rows[-1][0] == self._line:
            self._rows.pop()
            column = found.start() + 1
            self._reject(self._line, column, unreadable(found.group(), self._line), text)

    def _members(self) -> tuple[str, ...]:
        """Return the members of the first object that can be read, among the first lines."""
        lines = islice(self.lines.written_after(self._line), _FIRST_LINES)
        first = next(lines, None)
        if first is None:
            raise FileError(self.lines.name, "the file is empty")
        if first.lstrip(WHITE).startswith("["):
            raise FileError(
                self.lines.name,
                "this is one JSON list, not JSON Lines",
                line=1,
                hint="write one object a line; jq -c '.[]' FILE does it",
            )
        return next((names for text in chain([first], lines) if (names := _member_names(text))), ())


def _member_names(text: str) -> tuple[str, ...]:
    try:
        return tuple(read_object(text))
    except RowError:
        return ()
