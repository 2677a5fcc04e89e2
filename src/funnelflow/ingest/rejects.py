"""The rejects file: bad rows in the input's own format, to be corrected and applied again.

A CSV file has the input's columns and ``rejected_line``, ``rejected_column`` and
``rejected_reason`` behind them; a JSON Lines file has the objects with a member
``_rejected``. Readers of files leave both alone, so that corrected rows need no cleaning.
It is always UTF-8.

It is on the disk before the chunk that rejects the rows is committed, and cut back to what
the last commit knew of when a broken run goes on: no row is in it twice, and none is lost.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any

from funnelflow.errors import StoreError
from funnelflow.ingest.file_errors import Rejection

JSON_MARK = "_rejected"
CSV_MARKS = ("rejected_line", "rejected_column", "rejected_reason")


def _private(path: Path) -> int:
    """Open a new file that its owner alone can read: it holds people's data."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def is_mark(name: str) -> bool:
    """Whether a column or member is one that a rejects file adds."""
    return name == JSON_MARK or name in CSV_MARKS


class RejectsFile:
    """Writes rejected rows; the file is made with the first of them.

    Args:
        path: Where.
        columns: The input's columns.
        format: ``csv`` or ``jsonl``, as the input is.
        delimiter: The input's.
        size: The bytes that the last commit knew of; whatever is behind them is cut off.

    Raises:
        StoreError: The file is shorter than that, so somebody has changed it meanwhile.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        *,
        format: str,  # noqa: A002
        delimiter: str = ",",
        size: int = 0,
    ) -> None:
        self.path = path
        self.size = size
        self._columns = [name for name in columns if not is_mark(name)]
        self._kept = [number for number, name in enumerate(columns) if not is_mark(name)]
        self._all = columns
        self._width = len(columns)
        self._format = format
        self._delimiter = delimiter or ","
        self._file: IO[bytes] | None = None
        if size:
            self._file = self._cut_back()

    def write(self, rejections: Iterable[Rejection]) -> None:
        """Append rows and see that they are on the disk.

        Raises:
            StoreError: The file cannot be written.
        """
        text = self._text(sorted(rejections, key=lambda r: r.line))
        if not text:
            return
        try:
            self._append(text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise self._unwritable(error) from error

    @property
    def name(self) -> str:
        """The path once there is something in the file; empty before."""
        return str(self.path) if self.size else ""

    def cut(self, size: int) -> None:
        """Undo what was written behind the first `size` bytes."""
        if self._file is not None and size < self.size:
            self._file.truncate(size)
            self._file.seek(size)
            self.size = size

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _append(self, data: bytes) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(_private(self.path), "wb")
        self._file.write(data)
        self._file.flush()
        os.fsync(self._file.fileno())
        self.size += len(data)

    def _cut_back(self) -> IO[bytes]:
        """Open what is there, and undo what no commit knows of."""
        try:
            file = self.path.open("r+b")
        except OSError as error:
            raise self._unwritable(error) from error
        if file.seek(0, os.SEEK_END) < self.size:
            file.close()
            raise StoreError(
                f"{self.path} is shorter than it was when rows were last written to it",
                hint="put it back as it was, or start again with --restart",
            )
        file.truncate(self.size)
        file.seek(self.size)
        return file

    def _unwritable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self.path} cannot be written: {error.strerror or error}",
            hint="name another file for bad rows: --rejects FILE",
        )

    def _text(self, rejections: list[Rejection]) -> str:
        if self._format == "jsonl":
            return "".join(map(_json_line, rejections))
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self._delimiter)
        if rejections and not self.size:
            writer.writerow([*self._columns, *CSV_MARKS])
        writer.writerows(map(self._cells, rejections))
        return text.getvalue()

    def _cells(self, rejection: Rejection) -> list[str]:
        """Return a row with the same columns, and what is more than they behind all others."""
        cells = rejection.record
        if isinstance(cells, dict):
            cells = [str(cells.get(name, "")) for name in self._all]
        if isinstance(cells, str):
            cells = _split(cells, self._delimiter)
        kept = [cells[number] if number < len(cells) else "" for number in self._kept]
        marks = [str(rejection.line), rejection.column, rejection.reason]
        return [*kept, *marks, *cells[self._width :]]


def _split(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, as far as that can be done, for somebody to put it right."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return [line]


def _json_line(rejection: Rejection) -> str:
    mark: dict[str, Any] = {
        "line": rejection.line,
        "column": rejection.column,
        "reason": rejection.reason,
    }
    if isinstance(rejection.record, str):
        mark["text"] = rejection.record.rstrip("\r\n")
        return json.dumps({JSON_MARK: mark}) + "\n"
    return json.dumps({**rejection.record, JSON_MARK: mark}) + "\n"
