"""What can be wrong with a file, and with one row of it.

A bad file (not readable from some line on) is a `FileError`, which stops the reading; what
stood before that line has been read and stays read. A bad row is a `Rejection`: it is set
aside with its line, column and reason, and the reading goes on.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from funnelflow.errors import UsageError


class FileError(UsageError):
    """A file that cannot be read, or not beyond some line.

    Args:
        path: The file as the person named it.
        message: What is wrong.
        line: The physical line, from 1; 0 when the file as a whole is meant.
        column: The character in that line, from 1; 0 when the whole line is meant.
        hint: What to do next.

    Attributes:
        reason: The message without path, line and column.
        summary: What came of the rows before that line, where they were applied.
    """

    summary: Any = None
    code = "file"

    def __init__(
        self, path: str, message: str, *, line: int = 0, column: int = 0, hint: str = ""
    ) -> None:
        self.path = path
        self.reason = message
        self.line = line
        self.column = column
        place = ":".join([path, *(str(number) for number in (line, column) if number)])
        super().__init__(f"{place}: {message}", hint=hint)

    def to_json(self) -> dict[str, Any]:
        """Return the error as data, with its line and column."""
        return super().to_json() | {"path": self.path, "line": self.line, "column": self.column}


class Rejection(NamedTuple):
    """A row that was set aside.

    Attributes:
        line: The physical line on which the row begins, from 1.
        column: The name of the column or member at fault (of several, with commas), or the number
            of the character in the line (from 1) where the row cannot be read; empty when the
            whole row is.
        reason: What is wrong, for a person: everything, with semicolons.
        record: The row as it was read: the cells, the object, or the text of the line where
            neither could be made of it.
    """

    line: int
    column: str
    reason: str
    record: Any


class RowFault(NamedTuple):
    """One thing that is wrong with a row.

    Attributes:
        column: As in `Rejection`.
        reason: What is wrong, for a person.
    """

    column: str
    reason: str


class RowError(Exception):
    """A row that cannot be used; caught where rows are read and made a `Rejection`.

    Args:
        column: As in `Rejection`.
        reason: As in `Rejection`.
        more: What else is wrong with it.

    Attributes:
        faults: Everything that is wrong with it.
    """

    def __init__(self, column: str, reason: str, more: Iterable[RowFault] = ()) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = reason
        self.faults = (RowFault(column, reason), *more)


def reject(line: int, record: Any, faults: Iterable[RowFault]) -> Rejection:
    """Return a row with everything that is wrong with it, in one text."""
    once = list(dict.fromkeys(faults))
    columns = dict.fromkeys(fault.column for fault in once if fault.column)
    return Rejection(line, ", ".join(columns), "; ".join(f.reason for f in once), record)
