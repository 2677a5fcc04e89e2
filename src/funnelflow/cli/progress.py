"""How far a long run has come: on stderr, and only while somebody is looking."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from funnelflow.cli.output import page_for
from funnelflow.cli.text import printable

__all__ = ["Step", "watching"]

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
