"""An input: what is known of its format, and how it is opened at its first record."""

from pathlib import PurePath
from typing import IO, Self

from attrs import frozen

from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.lines import Lines
from funnelflow.ingest.readers import CsvReader, JsonLinesReader, RecordReader
from funnelflow.ingest.source import Source, Survey, open_source

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
        table: The format of a table of which it holds the cells; empty for another file.
    """

    reader: RecordReader
    source: Source
    head: str
    table: str = ""

    @property
    def format(self) -> str:
        """What the file is: ``csv``, ``jsonl``, or the format of a table."""
        return self.table or self.reader.format

    def __enter__(self) -> Self:
        """Return the input itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.source.close()


def open_input(  # all that is known of a file
    name: str,
    form: Form = Form(),
    *,
    stdin: IO[bytes] | None = None,
    known: Survey | None = None,
    shown: str = "",
    table: str = "",
) -> Input:
    """Open a file, or standard input for ``-``, at its first record.

    Args:
        name: The path.
        form: What is known of its format.
        stdin: What ``-`` reads, the process's own unless given.
        known: What a survey of the file found.
        shown: The file as the person named it, where it is another one that is read.
        table: The format of a table of which it holds the cells.

    Raises:
        FileError: When it cannot be opened, or holds nothing of the kind.
    """
    _check(form)
    source = open_source(name, encoding=form.encoding or None, stdin=stdin, shown=shown)
    try:
        multibyte = known is not None and known.multibyte and not source.compressed
        lines = Lines(source, multibyte=multibyte)
        head = "" if known else lines.head_digest()
        if (form.format or _format(name, lines)) == "jsonl":
            return Input(JsonLinesReader(lines), source, head, table)
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
    first = next(lines.written_after(0), "")
    return "jsonl" if first.lstrip().startswith(("{", "[")) else "csv"
