"""Excel files: ``funnelflow apply`` and ``import`` read them, and ``export`` writes them.

The first sheet is read, from its first row that is not blank, which names the columns; what is
read of a formula is the value that was last computed. Cells are read by the type of their field,
as those of CSV are, so that a telephone number may be stored as a number. Files are read row by
row, whatever their size.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import openpyxl
from openpyxl.cell import WriteOnlyCell

from funnelflow.plugins import FormatProvider, hookimpl

__all__ = ["funnelflow_formats", "read", "write"]

_EXACT: Final = 10**15
"""Whole numbers from here on lose digits in Excel, and are written as text."""
_DIGITS: Final = "%.16g"
"""How openpyxl writes a number; one that has more digits is written as text."""
_NO_CELL: Final = re.compile(r"_x[0-9A-Fa-f]{4}_")
"""What Excel takes for the code of a character; the underscore has one of its own."""
_UNDERSCORE: Final = "_x005F_"


@hookimpl
def funnelflow_formats() -> Iterable[FormatProvider]:
    """Offer the format ``xlsx``."""
    about = "Excel: the first sheet, whose first row names the columns."
    return [FormatProvider("xlsx", (".xlsx", ".xlsm"), read, about, write=write, cells=True)]


def read(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the first sheet of a file, by column; an empty one for a blank row.

    The row that names the columns comes as an empty one, too, so that the number of a row is that
    which Excel shows.
    """
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what some programs write there is less than the sheet has
        names: list[str] = []
        for cells in sheet.iter_rows(values_only=True):
            if names:
                yield _row(names, cells)
            else:
                names = _names(cells)
                yield {}
    finally:
        book.close()


def _names(cells: Sequence[Any]) -> list[str]:
    """Return the names of columns; empty for a blank row. One that comes again has its number."""
    names = ["" if cell is None else " ".join(str(cell).split()) for cell in cells]
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if name and seen[name] > 1:
            names[place] = f"{name} ({seen[name]})"
    return names if any(names) else []


def _row(names: Sequence[str], cells: Sequence[Any]) -> dict[str, Any]:
    """Return a row by the names of its columns; cells without one are left out."""
    padded = chain(cells, [None] * (len(names) - len(cells)))
    row = {n: _read(c) for n, c in zip(names, padded, strict=False) if n}
    return row if any(value is not None for value in row.values()) else {}


def _read(cell: Any) -> Any:
    """Return the value of a cell."""
    if isinstance(cell, str) and "_x" in cell:
        return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), cell)
    return cell


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a file with one sheet; no text becomes a formula, and no number loses a digit."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("contacts")
    sheet.freeze_panes = "A2"
    for row in chain([columns], rows):
        sheet.append([_written(sheet, value) for value in row])
    book.save(path)


def _written(sheet: Any, value: Any) -> Any:
    """Return a value as a cell."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) >= _EXACT:
        value = str(value)
    if isinstance(value, float) and float(_DIGITS % value) != value:
        value = repr(value)
    if not isinstance(value, str):
        return value
    text = _NO_CELL.sub(lambda found: _UNDERSCORE + found[0][1:], value)
    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # whatever it begins with
    return cell
