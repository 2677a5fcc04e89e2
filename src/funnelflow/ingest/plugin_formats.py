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
from pathlib import Path
from typing import Any

from funnelflow.criteria.value_forms import dump_value
from funnelflow.errors import UnknownNameError
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.input import FORMATS, Form
from funnelflow.ingest.source import STDIN
from funnelflow.plugins import FormatProvider, PluginHost
from funnelflow.plugins.isolation import Fault, attempt, describe_error


@contextmanager
def readable(host: PluginHost, name: str, form: Form) -> Iterator[tuple[str, Form]]:
    """Yield a file that is CSV or JSON Lines, and its form: what was given, or a plugin's rows.

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
            attempt(provider.provider, what, _write_rows, provider.read, Path(name), path)
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


def _write_rows(read: Callable[[Path], Any], source: Path, target: Path) -> None:
    """Write the rows that a plugin reads from a file as JSON Lines."""
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
    """Return why a plugin could not read a file."""
    error = fault.error
    if isinstance(error, FileNotFoundError):
        return FileError(name, "there is no such file")
    return FileError(
        name,
        f"plugin {provider.provider} cannot read it as {provider.name}: {describe_error(error)}",
        hint=f"is it a file of this kind? {provider.about}".strip(),
    )
