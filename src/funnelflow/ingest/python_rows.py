"""Rows from Python instead of a file: written out as JSON Lines, then read as a file is.

So everything holds for them that holds for a file: the same checks, the same answer, bad rows set
aside with their number, and the same content applied once. In a mapping None takes a fact back, as
null does in JSON Lines; in a table a cell with nothing in it says nothing, as in CSV.
"""

import datetime as dt
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from attrs import evolve, frozen

from funnelflow.errors import UsageError
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.input import Form
from funnelflow.ingest.plugin_formats import json_line


class PandasFrame(Protocol):
    """A table that gives its rows as pandas does."""

    def to_dict(self, orient: Any, /) -> Any:
        """Return the rows, for ``records``."""


class PolarsFrame(Protocol):
    """A table that gives its rows as Polars does."""

    def iter_rows(self, *, named: Any) -> Any:
        """Yield the rows."""


class ArrowTable(Protocol):
    """A table that gives its rows as Arrow does."""

    def to_pylist(self) -> Any:
        """Return the rows."""


Rows: TypeAlias = Iterable[Mapping[str, Any]] | PandasFrame | PolarsFrame | ArrowTable
"""Mappings of column to value, or a DataFrame."""

_NAME = "rows"


@frozen
class SourceFile:
    """What is to be applied, as a file.

    Attributes:
        path: The file; ``-`` for standard input.
        options: How it is to be applied.
        name: What answers call it.
        shown: What its run is called, if not by its path.
    """

    path: str
    options: FileOptions
    name: str
    shown: str = ""


@contextmanager
def as_file(source: Path | str | Rows, options: FileOptions) -> Iterator[SourceFile]:
    """Yield a source as a file; rows are written out as one, which is removed in the end.

    Args:
        source: A file; or rows, whose lines are their numbers, from 1.
        options: How it is to be applied.

    Raises:
        UsageError: They are no rows, there are none, or one holds what is no value.
        FileError: As it is raised within, about the rows where there is no file.
    """
    if isinstance(source, str | Path):
        yield SourceFile(str(source), options, str(source))
        return
    with tempfile.TemporaryDirectory(prefix="funnelflow-") as directory:
        path = Path(directory) / "rows.jsonl"
        _write_rows(source, path)
        try:
            yield SourceFile(str(path), evolve(options, form=Form("jsonl", "utf-8")), _NAME, _NAME)
        except FileError as error:
            again = FileError(_NAME, error.reason, line=error.line, hint=error.hint)
            again.summary = error.summary
            raise again from None


def _write_rows(rows: Rows, path: Path) -> None:
    """Write rows as JSON Lines."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_line(number, row) for number, row in enumerate(_records(rows), 1))
    if not path.stat().st_size:
        raise UsageError("there are no rows", hint="apply something else than nothing")


def _records(rows: Any) -> Iterator[Any]:
    """Yield the rows of anything that has some."""
    if isinstance(rows, Mapping | str | bytes):
        hint = "give a list of them: [row]"
        raise UsageError(f"rows are wanted, and this is {type(rows).__name__}", hint=hint)
    table = _table_rows(rows)
    if table is None:
        yield from rows
        return
    for row in table:
        yield {name: cell for name, cell in row.items() if cell is not None and not _is_nan(cell)}


def _table_rows(rows: Any) -> Iterable[Any] | None:
    """Return the rows of a table; None for what is no table."""
    if hasattr(rows, "iter_rows"):
        return rows.iter_rows(named=True)  # type: ignore[no-any-return]
    if hasattr(rows, "to_batches"):
        return chain.from_iterable(batch.to_pylist() for batch in rows.to_batches())
    if hasattr(rows, "to_pylist"):
        return rows.to_pylist()  # type: ignore[no-any-return]
    return rows.to_dict("records") if hasattr(rows, "to_dict") else None


def _is_nan(cell: Any) -> bool:
    """Whether a cell is a number or a time that is none, as tables have them for nothing."""
    return isinstance(cell, float | dt.datetime) and cell != cell  # noqa: PLR0124


def _line(number: int, row: Any) -> str:
    """Return a row as a line of JSON."""
    if not isinstance(row, Mapping):
        hint = 'give mappings: {"contact": "ada", "event": "called", "at": "…"}'
        raise UsageError(f"row {number} is {type(row).__name__}, no mapping", hint=hint)
    try:
        return json_line(dict(row))
    except (TypeError, ValueError) as error:
        hint = "a cell is text, a number, a time, a list of these or None"
        raise UsageError(f"row {number} holds what is no value: {error}", hint=hint) from None
