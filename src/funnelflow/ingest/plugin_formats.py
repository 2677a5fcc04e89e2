"""Files in the format of a plugin: their rows are written out as JSON Lines, then read as such.

So everything holds for them that holds for any file: a run that was broken off goes on, bad
rows are set aside with their number, and the same content is applied once.
"""

import datetime as dt
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import frozen

from funnelflow.criteria.value_forms import dump_value
from funnelflow.errors import Error, UnknownNameError, UsageError
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.input import FORMATS, Form
from funnelflow.ingest.source import STDIN
from funnelflow.plugins import FormatProvider, PluginHost
from funnelflow.plugins.isolation import Fault, attempt, came_back, describe_error
from funnelflow.plugins.registry import OWN_SUFFIXES


@frozen
class ReadableFile:
    """A file that is CSV or JSON Lines.

    Attributes:
        path: Where it is.
        form: Its form.
        table: The format of a table whose texts are cells; empty for another file.
    """

    path: str
    form: Form
    table: str = ""


@contextmanager
def readable(host: PluginHost, name: str, form: Form) -> Iterator[ReadableFile]:
    """Yield a file that is CSV or JSON Lines: what was given, or the rows of another format.

    Args:
        host: The plugins, whose formats are looked at.
        name: The file; ``-`` for standard input.
        form: What is known of its format.

    Raises:
        UnknownNameError: There is no such format.
        FileError: The plugin cannot read the file, or it is standard input.
    """
    provider = find_format(host, name, form.format)
    if provider is None:
        yield ReadableFile(name, form)
        return
    if name == STDIN:
        raise FileError(name, f"the format {provider.name!r} is read from a file", hint="name one")
    with tempfile.TemporaryDirectory(prefix="funnelflow-") as directory:
        path = Path(directory) / "rows.jsonl"
        what = f"format {provider.name}"
        try:
            attempt(provider.provider, what, _write_rows, provider, Path(name), path)
        except Fault as fault:
            if isinstance(fault.error, Error):
                raise fault.error from None
            raise _unreadable(name, provider, fault) from fault.error
        table = provider.name if provider.cells else ""
        yield ReadableFile(str(path), Form("jsonl", "utf-8"), table)


_PARQUET_ROWS = 4_096


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a Parquet file."""
    try:
        from pyarrow import parquet  # noqa: PLC0415  # slow, and only this format needs it
    except ImportError:
        hint = "pip install 'funnelflow[arrow]'"
        raise UsageError("reading Parquet needs pyarrow", hint=hint) from None
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS):
            yield from batch.to_pylist()


PARQUET = FormatProvider(
    "parquet",
    (".parquet",),
    _parquet_rows,
    "Tables of Apache Parquet.",
    provider="funnelflow",
    cells=True,
)
"""The format that the extra ``arrow`` reads; it comes in batches, so that memory is bounded."""


def find_format(host: PluginHost, name: str, format_: str) -> FormatProvider | None:
    """Return the format that is asked for, or that a file's name ends in; None for our own two.

    Raises:
        UnknownNameError: There is no such format.
        FileError: The name ends as those of several.
    """
    if format_ in FORMATS or not (format_ or Path(name).suffix):
        return None
    formats = {PARQUET.name: PARQUET, **host.formats}
    if format_:
        if format_ not in formats:
            raise UnknownNameError("format", format_, (*FORMATS, *formats))
        return formats[format_]
    suffix = Path(name).suffix.lower()
    if suffix in OWN_SUFFIXES - set(PARQUET.suffixes):
        return None
    found = [p for p in formats.values() if suffix in p.suffixes]
    if len(found) > 1:
        names = " or ".join(provider.name for provider in found)
        raise FileError(name, f"several formats end in {suffix}", hint=f"say --format {names}")
    return found[0] if found else None


def _write_rows(provider: FormatProvider, source: Path, target: Path) -> None:
    """Write the rows that a plugin reads from a file as JSON Lines, one a line."""
    to_line = _line_of_cells if provider.cells else _line_of_values
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for row in provider.read(source):
            came_back()
            file.write(to_line(row) if row else "\n")


def _line_of_values(row: Mapping[str, Any]) -> str:
    """Return a row as a line of JSON; what is nothing is left out, and NaN has its row rejected."""
    values = {name: value for name, value in row.items() if value is not None}
    return json.dumps(values, default=_plain) + "\n"


def _line_of_cells(row: Mapping[str, Any]) -> str:
    """Return a row of cells as a line of JSON; a row that says nothing is none."""
    cells = {str(name): _cell(value) for name, value in row.items()}
    return json.dumps(cells, default=_plain) + "\n" if any(cells.values()) else "\n"


def _cell(value: Any) -> Any:
    """Return a value as the text of a cell; NaN as it is, for it is none."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, float):
        is_whole = value.is_integer() and abs(value) < _EXACT
        return str(int(value)) if is_whole else repr(value) if math.isfinite(value) else value
    if isinstance(value, Decimal | dt.time):
        return str(value)
    if isinstance(value, dt.date | dt.timedelta):
        return _plain(value)
    return json.dumps(value, default=_plain, ensure_ascii=False)


_EXACT = 1e15


def json_line(row: Mapping[str, Any]) -> str:
    """Return a row as a line of JSON.

    Raises:
        TypeError: A cell is of no type that a cell can be of.
        ValueError: A number is not finite.
    """
    return json.dumps(row, default=_plain, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Return the JSON form of what spreadsheets and the like have besides."""
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return dump_value(value)
    if isinstance(value, Decimal):
        return float(value)
    if hasattr(value, "item"):  # a number of NumPy
        return value.item()
    raise TypeError(f"a cell is {type(value).__name__}; give text, a number, a time or None")


def _unreadable(name: str, provider: FormatProvider, fault: Fault) -> FileError:
    """Return why a plugin could not read a file."""
    error = fault.error
    if isinstance(error, FileNotFoundError):
        return FileError(name, "there is no such file")
    return FileError(
        name,
        f"plugin {provider.provider} cannot read it as {provider.name}: {describe_error(error)}",
        hint=f"is it a file of this kind? {provider.about}".strip(),
    )
