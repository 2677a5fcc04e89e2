"""Files in the format of a plugin: their rows are written out as JSON Lines, then read as such.

So everything holds for them that holds for any file: a run that was broken off goes on, bad
rows are set aside with their number, and the same content is applied once.
"""

import datetime as dt
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from funnelflow.errors import UnknownNameError
from funnelflow.plugins import FormatProvider, PluginHost
from funnelflow.plugins.guard import Fault, attempt, describe_error
from funnelflow.store.files import FORMATS, STDIN, FileError, Form

__all__ = ["readable"]


@contextmanager
def readable(host: PluginHost, name: str, form: Form) -> Iterator[tuple[str, Form]]:
    """Give a file that can be read as it is, and its form.

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
    """Find the format that is asked for, or that the file's name ends in."""
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
            file.write(json.dumps(dict(row), default=_plain, allow_nan=False))
            file.write("\n")


def _plain(value: Any) -> Any:
    """Give the JSON form of what spreadsheets and the like have besides."""
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
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
