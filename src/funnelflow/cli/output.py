"""How far a long run has come: on stderr, and only while somebody is looking."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any, TypeAlias

import click

from funnelflow.cli.text import Line, Page, TextSpan, line, paint, printable

_OUTSIDE_ASCII = re.compile("[^\x00-\x7e]")


def page_for(stream: IO[str] | None) -> Page:
    """Describe what stands behind `stream`: its width, colours and encoding.

    Colours need a terminal that knows them, and are off wherever ``NO_COLOR`` says so.
    Text that no terminal shows wraps at ``COLUMNS`` or 100.
    """
    terminal = stream is not None and stream.isatty()
    return Page(
        width=max(20, shutil.get_terminal_size((100, 24)).columns)
        if terminal
        else _width_of_pipe(),
        colour=terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        encoding=getattr(stream, "encoding", None) or "utf-8",
        terminal=terminal,
    )


def answers() -> IO[str] | None:
    """Give the stream for answers: stdout, also while a plugin runs and that is led elsewhere."""
    guard = sys.modules.get("funnelflow.plugins.isolation")
    stream: IO[str] | None = sys.stdout if guard is None else guard.real_stdout()
    return stream


def say(lines: Iterable[Line]) -> None:
    """Write an answer to stdout."""
    page = page_for(answers())
    click.echo(paint(lines, page), file=answers(), nl=False, color=page.colour)


def say_text(text: str) -> None:
    """Write text that is laid out already to stdout, cleaned line by line."""
    if text:
        say(line(part) for part in text.removesuffix("\n").split("\n"))


def tell(lines: Iterable[Line]) -> None:
    """Write what is not the answer to stderr."""
    page = page_for(sys.stderr)
    click.echo(paint(lines, page), nl=False, err=True, color=page.colour)


def note(message: str) -> None:
    """Write a remark to stderr."""
    tell(line(part) for part in message.split("\n"))


def hint(message: str) -> None:
    """Write what to do next to stderr; nothing when there is nothing to say."""
    if message:
        first, *rest = message.split("\n")
        tell([line(TextSpan("hint: ", "dim"), first), *(line("      ", part) for part in rest)])


def tell_failure(
    code: str, message: str, next_step: str, data: Mapping[str, Any] | None = None
) -> None:
    """Write an error to stderr: a message and a hint, or for a program `data` as JSON."""
    if data is not None:
        click.echo(json_text({"error": data}), err=True)
        return
    first, *rest = message.split("\n")
    tell([line(TextSpan("error: ", "bad") if code != "help" else "", first), *map(line, rest)])
    hint(next_step)


def write_json(data: Any) -> None:
    """Write data as one JSON document to stdout, indented when somebody is looking."""
    stream = answers()
    terminal = stream is not None and stream.isatty()
    click.echo(json_text(data, indent=2 if terminal else None), file=stream)


def counted(count: int, what: str) -> str:
    """Count things in words: ``1 error``, ``2 errors``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def json_text(data: Any, indent: int | None = None) -> str:
    """Give `data` as JSON that any terminal and any encoding can carry."""
    encoding = getattr(answers(), "encoding", None) or "utf-8"
    text = json.dumps(data, ensure_ascii=not encoding.lower().startswith("utf"), indent=indent)
    return _OUTSIDE_ASCII.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    """Write a character as JSON does when it must not reach a terminal as it is."""
    character = match.group()
    return character if printable(character) == character else json.dumps(character)[1:-1]


def _width_of_pipe() -> int:
    columns = os.environ.get("COLUMNS", "")
    return max(20, int(columns)) if columns.isdecimal() else 100


Step: TypeAlias = Callable[..., None]
"""Called with how many things are done, and with how much of the whole: (done, size, read)."""


@contextmanager
def watching(name: str, things: str) -> Iterator[Step]:
    """Show a bar while the block runs; it leaves nothing behind.

    Args:
        name: What is running.
        things: What is counted ("rows").

    Yields:
        What to call with the count of things that are done, the size of the whole, None where
        nobody knows, and how much of that is behind.
    """
    if not page_for(sys.stderr).terminal:
        yield lambda _done, _size=None, _behind=0: None
        return
    from rich.console import Console  # noqa: PLC0415  # only a terminal pays for it
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[done]:,} {task.fields[things]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(name), total=None, done=0, things=things)
        yield lambda done, size=None, behind=0: bar.update(
            task, total=size, completed=behind, done=done
        )
