"""Applying a file of events: every row is evidence about a contact, recorded in order."""

import datetime as dt
from typing import IO, TYPE_CHECKING

from funnelflow.store.bulk import Chunk
from funnelflow.store.cells import CellReader
from funnelflow.store.files import RowError
from funnelflow.store.mapping import TARGETS, Matched, Told
from funnelflow.store.options import FileOptions
from funnelflow.store.requests import Request
from funnelflow.store.requiring import require
from funnelflow.store.streaming import Watch, run_file
from funnelflow.store.tally import Summary, Tally

if TYPE_CHECKING:
    from funnelflow.store.opened import OpenWorkspace

__all__ = ["apply_file"]


def apply_file(
    workspace: "OpenWorkspace",
    name: str,
    options: FileOptions,
    *,
    create: bool = True,
    progress: Watch | None = None,
    stdin: IO[bytes] | None = None,
) -> Summary:
    """Record the events of a file, in its order; a run that was broken off goes on.

    Args:
        workspace: Where to.
        name: The file: CSV or JSON Lines, packed with gzip or not; ``-`` for standard input.
        options: How.
        create: Add contacts that nobody knows yet; else their rows are rejected.
        progress: Told how far it has come, after every chunk.
        stdin: What ``-`` reads, the process's own unless given.

    Returns:
        What came of the rows.

    Raises:
        FunnelflowError: As `streaming.run_file`.
    """
    task = _Events(options, create=create)
    return run_file(workspace, name, task, options, progress=progress, stdin=stdin)


class _Events:
    """Takes rows for events."""

    kind: str = "events"
    targets: tuple[str, ...] = TARGETS
    once: bool = False

    def __init__(self, options: FileOptions, *, create: bool) -> None:
        self._options = options
        self._create = create

    def digest(self) -> str:
        return self._options.digest(create=self._create)

    def prepare(self, matched: Matched, timezone: dt.tzinfo | None) -> None:
        require(matched, "contact", "whom it is about")
        if not matched.mapping.named("to"):
            require(matched, "event", "what happened")
        require(matched, "at", "when it happened")
        self._mapping = matched.mapping
        self._cells = CellReader(matched, timezone)

    def take(self, chunk: Chunk, told: Told, tally: Tally) -> None:
        contact, event, at, actor, to, reason, key, facts, cells = told
        name = event or ("move" if to else "")
        if not name:
            raise self._silent("event", "what happened")
        if not at:
            raise self._silent("at", "when it happened")
        options = self._options
        funnel = options.funnel
        if cells:
            facts = self._cells.facts(chunk.running(contact, funnel), told)
        entry = chunk.take(
            Request(  # by position, which takes half the time
                contact,
                name,
                None if at == "now" else at,
                facts,
                actor or options.actor,
                to,
                reason,
                key or None,
                funnel,
                self._create,
            )
        )
        if entry.duplicate and options.on_duplicate == "error":
            raise RowError(self._mapping.column("key"), f"the key {key!r} has been applied before")
        tally.count(entry)

    def _silent(self, target: str, what: str) -> RowError:
        return RowError(self._mapping.column(target), f"the row does not say {what}")
