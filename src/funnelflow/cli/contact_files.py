"""``funnelflow export contacts``: a file that ``import`` reads back."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from funnelflow.cli.listing import csv_cell
from funnelflow.cli.output import json_text
from funnelflow.errors import UnknownNameError, UsageError
from funnelflow.ingest.input import FORMATS
from funnelflow.ingest.plugin_formats import find_format
from funnelflow.plugins import FormatProvider
from funnelflow.plugins.isolation import Fault, attempt, describe_error
from funnelflow.storage.contacts import StoredContact
from funnelflow.storage.json_form import value_json
from funnelflow.workspace.workspace import Workspace

_WHO: Final = ("contact", "funnel", "stage", "since")
"""The columns before those of fields; `import` reads the first of them."""

Rows = Iterable[Sequence[Any]]
_Write = Callable[[Path, Sequence[str], Rows], None]


def write_contacts(
    workspace: Workspace,
    file: Path,
    *,
    force: bool = False,
    funnel: str | None = None,
    where: str | None = None,
    stage: str | None = None,
) -> int:
    """Write contacts to a file that `import` reads back, and return how many there are.

    Args:
        workspace: Where they are.
        file: A file that only its owner will be able to read; its name says the format.
        force: Whether it replaces a file that is there.
        funnel: Only this funnel; None for all.
        where: Only those for whom it is true; None for all.
        stage: Only those in this stage; None for all.

    Raises:
        UsageError: The file is there already, or cannot be written.
        UnknownNameError: Nobody writes files of that format.
    """
    write = _writer(workspace, file)
    if file.exists() and not force:
        raise UsageError(f"{file} is there already", hint="name another file, or --force")
    fields = _fields(workspace, funnel)
    found = workspace.list(where, stage=stage, funnel=funnel)
    written = _Counted(_row(stored, fields) for stored in found)
    with _replacing(file) as draft:
        write(draft, [*_WHO, *fields], written)
    return written.count


class _Counted:
    """Rows, and how many there were."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.count = 0
        self._rows = rows

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self._rows:
            self.count += 1
            yield row


def _fields(workspace: Workspace, funnel: str | None) -> list[str]:
    """Name the fields that have a column: those of the funnel, or of all funnels here."""
    names = [funnel] if funnel else workspace.funnels()
    fields = (name for one in names for name in workspace.funnel(one).linked.fields)
    return list(dict.fromkeys(fields))


def _row(stored: StoredContact, fields: Sequence[str]) -> list[Any]:
    contact = stored.contact
    facts = (contact.fields.get(name) for name in fields)
    return [stored.id, stored.funnel, contact.stage, contact.since, *facts]


def _writer(workspace: Workspace, file: Path) -> _Write:
    """Return what writes a file of the format that its name ends in.

    Raises:
        UsageError: Files of that format are only read.
    """
    provider = find_format(workspace.context.plugins, str(file), "")
    if provider is not None and provider.write is not None:
        return _by_plugin(provider, provider.write)
    own: Mapping[str, _Write] = {"csv": _write_csv, "jsonl": _write_jsonl}
    suffixes = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
    name = suffixes.get(file.suffix.lower(), "")
    if provider is None and name in own:
        return own[name]
    if provider is not None:
        raise UsageError(f"files of the format {provider.name} are only read", hint="write a .csv")
    writing = [one for one in workspace.context.plugins.formats.values() if one.write]
    raise UnknownNameError(
        "format", file.suffix or str(file), (*FORMATS, *(w.name for w in writing))
    )


def _by_plugin(provider: FormatProvider, write: _Write) -> _Write:
    """Return what lets a plugin write plain values: texts, numbers and truth."""

    def run(path: Path, columns: Sequence[str], rows: Rows) -> None:
        plain = ([_plain(value) for value in row] for row in rows)
        try:
            attempt(provider.provider, f"format {provider.name}", write, path, columns, plain)
        except Fault as fault:
            why = f"plugin {provider.provider} cannot write it: {describe_error(fault.error)}"
            raise UsageError(why, hint="write a .csv") from fault.error

    return run


def _plain(value: Any) -> Any:
    """Return a value as a number, truth or text; None for nothing."""
    if isinstance(value, tuple):
        return json_text([value_json(item) for item in value])
    return value if value is None or isinstance(value, bool | int | float) else value_json(value)


def _write_csv(path: Path, columns: Sequence[str], rows: Rows) -> None:
    with _text_file(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([csv_cell(value) for value in row] for row in rows)


def _write_jsonl(path: Path, columns: Sequence[str], rows: Rows) -> None:
    with _text_file(path) as file:
        for row in rows:
            known = zip(columns, row, strict=True)
            said = {name: value_json(value) for name, value in known if value is not None}
            file.write(json_text(said) + "\n")


def _text_file(path: Path) -> IO[str]:
    return path.open("w", encoding="utf-8", newline="")


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """Yield a file beside another that takes its place once it is whole; only its owner reads it.

    Raises:
        UsageError: It cannot be written.
    """
    draft = file.with_name(f".{file.stem}.{os.getpid()}{file.suffix}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
        draft.replace(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)
