"""Where text goes: answers to stdout, all else to stderr, JSON, and the progress of a run."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import IO, Any, ClassVar, TypeAlias

import click

from funnelflow.cli.text import Line, Page, TextSpan, dim, line, printable
from funnelflow.errors import UsageError

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
    """Return the stream for answers; what plugins print meanwhile does not get there."""
    return sys.stdout


def say(lines: Iterable[Line]) -> None:
    """Write an answer to stdout."""
    _write(lines, answers())


def say_text(text: str) -> None:
    """Write text that is laid out already to stdout, cleaned line by line."""
    if text:
        say(line(part) for part in text.removesuffix("\n").split("\n"))


def write_notes(lines: Iterable[Line]) -> None:
    """Write what is not the answer to stderr."""
    _write(lines, sys.stderr)


def _write(lines: Iterable[Line], stream: IO[str] | None) -> None:
    if _ProgressLine.shown is not None:
        _ProgressLine.shown.wipe()
    page = page_for(stream)
    click.echo(page.paint(lines), file=stream, nl=False, color=page.colour)


def note(message: str) -> None:
    """Write a remark to stderr."""
    write_notes(line(part) for part in message.split("\n"))


def note_dry_run(done: str = "stored") -> None:
    """Write that a dry run has changed nothing."""
    note(f"dry run: nothing was {done}")


def agreed(question: str) -> bool:
    """Ask a person whether to do what was said.

    Raises:
        UsageError: There is nobody to ask.
    """
    if not (sys.stdin and sys.stdin.isatty()):
        raise UsageError("nothing was stored, as nobody can be asked", hint="--yes does it")
    return click.confirm(question, err=True)


def note_merged(asked: str, found: str) -> None:
    """Write whom an answer is about, where that is not the contact that was named."""
    if asked != found:
        note(f"{asked} is merged into {found}: this is about {found}")


def hint(message: str) -> None:
    """Write what to do next to stderr; nothing when there is nothing to say."""
    if message:
        first, *rest = message.split("\n")
        write_notes([line(dim("hint: "), first), *(line("      ", part) for part in rest)])


def write_failure(
    code: str, message: str, next_step: str, data: Mapping[str, Any] | None = None
) -> None:
    """Write an error to stderr: a message and a hint, or for a program `data` as JSON."""
    if data is not None:
        click.echo(json_text({"error": data}), err=True)
        return
    first, *rest = message.split("\n")
    write_notes(
        [line(TextSpan("error: ", "bad") if code != "help" else "", first), *map(line, rest)]
    )
    hint(next_step)


def write_json(data: Any) -> None:
    """Write data as one JSON document to stdout, indented when somebody is looking."""
    stream = answers()
    terminal = stream is not None and stream.isatty()
    click.echo(json_text(data, indent=2 if terminal else None), file=stream)


_DRAWN = b"<!-- drawn by funnelflow -->"


def write_document(path: Path, text: str, *, force: bool = False) -> None:
    """Write a picture or a page to a file, whole or not at all.

    What is new is readable by its owner alone: it may hold values of fields, and names. What is
    there already keeps its permissions.

    Args:
        path: The file. One that is there is replaced if it is a document of ours.
        text: What it is to hold; says near its beginning that it was drawn by funnelflow.
        force: Replace a file of any other kind too.

    Raises:
        UsageError: There is something else at `path`.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory", hint="name a file in it")
    if path.exists() and not path.is_file():  # a pipe or a device: nothing of it is lost
        path.write_text(text, encoding="utf-8")
        return
    if path.is_file() and not (force or _is_ours(path)):
        raise UsageError(
            f"{path} is there, and funnelflow has not drawn it",
            hint="name another file, or add --force to replace it",
        )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        if path.is_file():
            draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    """Whether a file is empty or a document that funnelflow has drawn."""
    with path.open("rb") as file:
        beginning = file.read(1024)
    return not beginning or _DRAWN in beginning


def counted(count: int, what: str) -> str:
    """Count things in words: ``1 error``, ``2 errors``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def json_text(data: Any, indent: int | None = None) -> str:
    """Return `data` as JSON that any terminal and any encoding can carry."""
    encoding = getattr(answers(), "encoding", None) or "utf-8"
    text = json.dumps(data, ensure_ascii=not encoding.lower().startswith("utf"), indent=indent)
    return _OUTSIDE_ASCII.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    """Write a character as JSON does when it must not reach a terminal as it is."""
    character = match.group()
    return character if printable(character) == character else json.dumps(character)[1:-1]


def _width_of_pipe() -> int:
    wanted = os.environ.get("COLUMNS", "")
    return max(20, int(wanted)) if wanted.isdecimal() else 100


Step: TypeAlias = Callable[..., None]
"""Called with how many things are done, the size of the whole, and how much of it is behind."""


class _ProgressLine:
    """One line on a terminal that says how far a run has come, wiped before anything else.

    Args:
        page: What it is drawn on.
        name: What is running.
        things: What is counted.
    """

    shown: ClassVar["_ProgressLine | None"] = None
    """The one that stands on the terminal now."""

    def __init__(self, page: Page, name: str, things: str) -> None:
        self.page, self.name, self.things = page, name, things
        self.start = monotonic()
        self.next = self.start
        self.used = 0

    def step(self, done: int, size: int | None = None, behind: int = 0) -> None:
        """Draw how far the run has come, ten times a second at most."""
        now = monotonic()
        if now < self.next:
            return
        self.next = now + 0.1
        text = self.page.cut(self._words(done, size, behind, now - self.start), self.page.width - 1)
        self.wipe()
        _ProgressLine.shown, self.used = self, self.page.columns(text)
        click.echo(self.page.fitting(text), file=sys.stderr, nl=False)

    def wipe(self) -> None:
        """Take the line off the terminal."""
        if _ProgressLine.shown is self:
            click.echo(f"\r{' ' * self.used}\r", file=sys.stderr, nl=False)
            _ProgressLine.shown = None

    def _words(self, done: int, size: int | None, behind: int, spent: float) -> str:
        counts = f"{self.name} {done:,} {self.things}"
        if not size:
            return counts
        share = min(1.0, behind / size)
        full = round(share * _BAR)
        bar = "█" * full + "·" * (_BAR - full)
        left = f", {spent / share - spent:,.0f} s left" if share and spent > 1 else ""
        return f"{self.name} {bar} {share:.0%} {done:,} {self.things}{left}"


_BAR = 30
"""Columns of a whole bar."""


@contextmanager
def watching(name: str, things: str) -> Iterator[Step]:
    """Show on a terminal how far the block has come; it leaves nothing behind.

    Args:
        name: What is running.
        things: What is counted ("rows").

    Yields:
        What to call with the count of things that are done, the size of the whole, None where
        nobody knows, and how much of that is behind.
    """
    page = page_for(sys.stderr)
    if not page.terminal or os.environ.get("TERM") == "dumb":
        yield lambda _done, _size=None, _behind=0: None
        return
    progress = _ProgressLine(page, name, things)
    try:
        yield progress.step
    finally:
        progress.wipe()
