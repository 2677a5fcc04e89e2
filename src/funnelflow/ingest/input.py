"""Files in the format of a plugin: their rows are written out as JSON Lines, then read as such.

So everything holds for them that holds for any file: a run that was broken off goes on, bad
rows are set aside with their number, and the same content is applied once.
"""

import datetime as dt
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path, PurePath
from typing import IO, Any, Self

from attrs import frozen

from funnelflow.criteria.value_forms import dump_value
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.lines import Lines
from funnelflow.ingest.readers import CsvReader, JsonLinesReader, RecordReader
from funnelflow.ingest.source import STDIN, Source, Survey, open_source
from funnelflow.plugins import FormatProvider, PluginHost
from funnelflow.plugins.isolation import Fault, attempt, describe_error

FORMATS = ("csv", "jsonl")
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


@frozen
class Form:
    """What an input looks like; whatever is empty is found out.

    Attributes:
        format: ``csv`` or ``jsonl``; else the name or the first character tells.
        encoding: The encoding; else a byte order mark tells, or it is UTF-8.
        delimiter: What separates the cells of a CSV file; else the header tells.
    """

    format: str = ""
    encoding: str = ""
    delimiter: str = ""


@frozen
class Input:
    """An open input: its reader, and what it stands on; a context that closes it.

    Attributes:
        reader: Gives the records.
        source: The file underneath.
        head: Digest of the first tens of kilobytes, which tells a stream from others.
    """

    reader: RecordReader
    source: Source
    head: str

    def __enter__(self) -> Self:
        """Return the input itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.source.close()


def open_input(
    name: str,
    form: Form = Form(),
    *,
    stdin: IO[bytes] | None = None,
    known: Survey | None = None,
) -> Input:
    """Open a file, or standard input for ``-``, at its first record.

    Args:
        name: The path.
        form: What is known of its format.
        stdin: What ``-`` reads, the process's own unless given.
        known: What a survey of the file found.

    Raises:
        FileError: When it cannot be opened, or holds nothing of the kind.
    """
    _check(form)
    source = open_source(name, encoding=form.encoding or None, stdin=stdin)
    try:
        multibyte = known is not None and known.multibyte and not source.compressed
        lines = Lines(source, multibyte=multibyte)
        head = "" if known else lines.head_digest()
        if (form.format or _format(name, lines)) == "jsonl":
            return Input(JsonLinesReader(lines), source, head)
        return Input(CsvReader(lines, delimiter=form.delimiter), source, head)
    except FileError:
        source.close()
        raise


def _check(form: Form) -> None:
    """Raise an error for a format or a delimiter that there is not."""
    if form.format and form.format not in FORMATS:
        raise UnknownNameError("format", form.format, FORMATS)
    if form.delimiter and (len(form.delimiter) != 1 or form.delimiter in '"\r\n'):
        raise UsageError(
            f"{form.delimiter!r} cannot separate cells",
            hint="a delimiter is one character, such as , or ; or a tab",
        )


def _format(name: str, lines: Lines) -> str:
    """Return the format by the ending of the name, else by how the content begins."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    for suffix in reversed(suffixes):
        if suffix in _SUFFIXES:
            return _SUFFIXES[suffix]
    first = next((text for text in lines.after(0) if text.strip()), "")
    return "jsonl" if first.lstrip().startswith(("{", "[")) else "csv"


@contextmanager
def readable(host: PluginHost, name: str, form: Form) -> Iterator[tuple[str, Form]]:
    """Yield a file that can be read as it is, and its form.

    Args:
        host: The plugins, whose formats are looked at.
        name: The file; ``-`` for standard input.
        form: What is known of its format.

    Raises:
        UnknownNameError: There is no such format.
        FileError: The plugin cannot read the file, or it is standard input.
    """
    provider = _provider(host, name, form.format)
    if provider is None:
        yield name, form
        return
    if name == STDIN:
        raise FileError(name, f"the format {provider.name!r} is read from a file", hint="name one")
    with tempfile.TemporaryDirectory(prefix="funnelflow-") as directory:
        path = Path(directory) / "rows.jsonl"
        what = f"format {provider.name}"
        try:
            attempt(provider.provider, what, _write, provider.read, Path(name), path)
        except Fault as fault:
            raise _unreadable(name, provider, fault) from fault.error
        yield str(path), Form("jsonl", "utf-8")


def _provider(host: PluginHost, name: str, format_: str) -> FormatProvider | None:
    """Return the format that is asked for, or that the file's name ends in."""
    if format_ in FORMATS or not (format_ or Path(name).suffix):
        return None
    if format_:
        if format_ not in host.formats:
            raise UnknownNameError("format", format_, (*FORMATS, *host.formats))
        return host.formats[format_]
    suffix = Path(name).suffix.lower()
    found = [p for p in host.formats.values() if suffix in p.suffixes]
    if len(found) > 1:
        names = " or ".join(provider.name for provider in found)
        raise FileError(name, f"several formats end in {suffix}", hint=f"say --format {names}")
    return found[0] if found else None


def _write(read: Callable[[Path], Any], source: Path, target: Path) -> None:
    """Write the rows of a file, one a line."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for row in read(source):
            file.write(json_line(dict(row)))


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
    error = fault.error
    if isinstance(error, FileNotFoundError):
        return FileError(name, "there is no such file")
    return FileError(
        name,
        f"plugin {provider.provider} cannot read it as {provider.name}: {describe_error(error)}",
        hint=f"is it a file of this kind? {provider.about}".strip(),
    )
