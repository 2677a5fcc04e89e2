"""Rejects files that an erasure reaches: rows about somebody are blanked where they stand.

Records that came from other systems are files of their own: such a file goes with its record.

A row becomes as many line ends as it had bytes, which every reader of such files passes over. So
the file keeps its length, by which a run that goes on knows where it was, and a run that has it
open writes on behind it; and nothing of the row is left where it was on the disk.
"""

import csv
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from funnelflow.errors import StoreError
from funnelflow.storage.changes import plain_name
from funnelflow.storage.tables import checkpoints, runs

_MARK = "_rejected"
_DELIMITERS = ",;\t|"
_REJECTS = "rejects"
_RECEIVED = "received"


class RejectsPart(NamedTuple):
    """A rejects file, and the column of its rows that says whom they are about, if one does."""

    path: Path
    column: str

    @property
    def is_record(self) -> bool:
        """Whether it is the file of one record that another system sent."""
        return self.path.parent.parent.name == _RECEIVED


def rejects_files(connection: Connection, directory: Path) -> list[RejectsPart]:
    """Return the rejects files that are known of, and those in their usual place.

    Checkpoints know of them; an undo keeps the checkpoint of the file whose rows it took back.
    """
    columns = checkpoints.c.rejects, checkpoints.c.contact_column
    found = [row._asdict() for row in connection.execute(select(*columns))]
    undone = select(runs.c.details).where(runs.c.kind == "undo")
    found += [
        kept
        for details in connection.execute(undone).scalars()
        if (kept := json.loads(details).get("checkpoint")) is not None
    ]
    known = {Path(one["rejects"]): one["contact_column"] for one in found if one["rejects"]}
    usual = directory / _REJECTS
    if usual.is_dir():
        known |= {path: "" for path in usual.rglob("*") if path.is_file() and path not in known}
    return [RejectsPart(path, column) for path, column in sorted(known.items()) if path.is_file()]


def blank_rows(
    files: Iterable[RejectsPart],
    ids: Collection[str],
    values: Collection[str] = (),
    *,
    dry_run: bool = False,
) -> dict[str, int]:
    """Blank the rows about some contacts.

    Args:
        files: The files.
        ids: Who is meant.
        values: What they are named by besides, as `plain_name` has it: records of other systems
            may know no id.
        dry_run: Count them only.

    Returns:
        How many rows there were, by file; files without any are left out.

    Raises:
        StoreError: A file cannot be read or written.
    """
    counts: dict[str, int] = {}
    for part in files:
        try:
            count = _blank(part, ids, values, dry_run=dry_run)
        except (OSError, csv.Error) as error:
            raise StoreError(
                f"rows about a contact cannot be removed from {part.path}: "
                f"{getattr(error, 'strerror', None) or error}",
                hint="make it writable, or delete it, and give the same command again",
            ) from error
        if count:
            counts[str(part.path)] = count
    return counts


def _blank(
    part: RejectsPart, ids: Collection[str], values: Collection[str], *, dry_run: bool
) -> int:
    content = part.path.read_bytes()
    named = values if part.is_record else ()
    spans = [
        span
        for span, row in _records(content)
        if _is_about(row, part.column, ids) or _is_named(row, named)
    ]
    if not spans or dry_run:
        return len(spans)
    before = part.path.stat()
    with part.path.open("r+b") as file:
        for start, end in spans:
            file.seek(start)
            file.write(b"\n" * (end - start))
        file.flush()
        os.fsync(file.fileno())
    os.utime(part.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    if part.is_record:
        part.path.unlink()
    return len(spans)


class _Row(NamedTuple):
    """A rejected row: its cells by their columns, or its text where it could not be read."""

    cells: Mapping[str, str]
    text: str = ""


_Span = tuple[int, int]


def _records(content: bytes) -> Iterator[tuple[_Span, _Row]]:
    """Yield the rows of a file, each with the bytes in which it stands."""
    first = content.lstrip()[:1]
    yield from _json_records(content) if first == b"{" else _csv_records(content)


def _json_records(content: bytes) -> Iterator[tuple[_Span, _Row]]:
    start = 0
    for raw in content.splitlines(keepends=True):
        end = start + len(raw)
        text = raw.decode("utf-8", "surrogateescape")
        if text.strip():
            yield (start, end), _json_row(text)
        start = end


def _json_row(text: str) -> _Row:
    try:
        said = json.loads(text)
        unread = said.get(_MARK, {}).get("text", "")
        cells = {
            path: text
            for name, value in said.items()
            if name != _MARK
            for path, text in _leaves(name, value)
        }
    except (ValueError, AttributeError):
        return _Row({}, text)
    return _Row(cells, str(unread))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield what a member says, with what is within it by its path."""
    if isinstance(value, dict):
        inner: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        yield path, str(value)
        return
    for name, one in inner:
        yield from _leaves(f"{path}.{name}", one)


def _csv_records(content: bytes) -> Iterator[tuple[_Span, _Row]]:
    raw = content.splitlines(keepends=True)
    sizes = list(map(len, raw))
    lines = [line.decode("utf-8", "surrogateescape") for line in raw]
    head = next((line for line in lines if line.strip()), "")
    reader = csv.reader(lines, delimiter=max(_DELIMITERS, key=head.count))
    names: list[str] = []
    start = line = 0
    for cells in reader:
        end = start + sum(sizes[line : reader.line_num])
        if cells and not names:
            names = [cell.strip() for cell in cells]
        elif cells:
            more = (str(number) for number in range(len(names), len(cells)))
            yield (start, end), _Row(dict(zip([*names, *more], cells, strict=False)))
        start, line = end, reader.line_num


def _is_about(row: _Row, column: str, ids: Collection[str]) -> bool:
    """Whether a row is about one of some contacts: by its column, or by any if none is known."""
    if column in row.cells:
        cells: Iterable[str] = [row.cells[column]]
    else:
        cells = row.cells.values()
    if any(cell.strip() in ids for cell in cells):
        return True
    return bool(row.text) and any(_names(one)(row.text) for one in ids)


def _is_named(row: _Row, values: Collection[str]) -> bool:
    """Whether a cell of a row is one of some values."""
    return bool(values) and any(plain_name(cell) in values for cell in row.cells.values())


def _names(contact_id: str) -> Callable[[str], Any]:
    """Return what finds an id as a word of its own."""
    spelt = {contact_id, json.dumps(contact_id)[1:-1]}
    either = "|".join(map(re.escape, sorted(spelt)))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)").search
