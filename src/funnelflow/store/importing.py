"""Importing a file of contacts: every row is a contact with what is known about it.

What a row says is evidence like any other: ``add`` for a contact that is new, ``set`` for
one that is known, and nothing where it says nothing new, so that the same export can be
imported every night.
"""

import datetime as dt
from typing import IO, TYPE_CHECKING, Literal, TypeAlias, get_args

from funnelflow.errors import UnknownNameError
from funnelflow.store.bulk import Chunk
from funnelflow.store.cells import CellReader
from funnelflow.store.files import RowError
from funnelflow.store.mapping import Matched, Told
from funnelflow.store.options import FileOptions
from funnelflow.store.requests import Request
from funnelflow.store.requiring import require
from funnelflow.store.streaming import Watch, run_file
from funnelflow.store.tally import Summary, Tally

if TYPE_CHECKING:
    from funnelflow.store.opened import OpenWorkspace

__all__ = ["MODES", "Mode", "import_file"]

Mode: TypeAlias = Literal["create", "update", "both"]
MODES: tuple[Mode, ...] = get_args(Mode)


def import_file(
    workspace: "OpenWorkspace",
    name: str,
    options: FileOptions,
    *,
    mode: Mode = "both",
    progress: Watch | None = None,
    stdin: IO[bytes] | None = None,
) -> Summary:
    """Add or update the contacts of a file; a run that was broken off goes on.

    Args:
        workspace: Where to.
        name: The file: CSV or JSON Lines, packed with gzip or not; ``-`` for standard input.
        options: How. Rows without a time are taken for what is known now.
        mode: Add contacts that nobody knows, update those that somebody does, or both; rows
            about others are rejected.
        progress: Told how far it has come, after every chunk.
        stdin: What ``-`` reads, the process's own unless given.

    Returns:
        What came of the rows.

    Raises:
        UnknownNameError: There is no such mode.
        FunnelflowError: As `streaming.run_file`.
    """
    if mode not in MODES:
        raise UnknownNameError("mode", mode, MODES)
    task = _Contacts(options, mode)
    return run_file(workspace, name, task, options, progress=progress, stdin=stdin)


class _Contacts:
    """Takes rows for contacts."""

    kind: str = "contacts"
    targets: tuple[str, ...] = ("contact", "at", "actor", "facts", "key")
    once: bool = True

    def __init__(self, options: FileOptions, mode: Mode) -> None:
        self._options = options
        self._mode = mode

    def digest(self) -> str:
        return self._options.digest(mode=self._mode)

    def prepare(self, matched: Matched, timezone: dt.tzinfo | None) -> None:
        require(matched, "contact", "which contact it is about")
        self._mapping = matched.mapping
        self._timezone = timezone
        self._cells = CellReader(matched, timezone)

    def take(self, chunk: Chunk, told: Told, tally: Tally) -> None:
        request = self._request(chunk, told)
        if request is None:
            tally.unchanged += 1
            return
        entry = chunk.take(request)
        if entry.duplicate:
            tally.repeated += 1
        elif entry.outcome == "moved" or not entry.created:
            tally.count(entry)
        else:
            tally.created += 1

    def _request(self, chunk: Chunk, told: Told) -> Request | None:
        """Say what a row asks for; None where it says nothing new."""
        options, held = self._options, chunk.held(told.contact)
        self._check_mode(told.contact, known=held is not None)
        running = chunk.running(told.contact, options.funnel)
        facts = self._cells.facts(running, told)
        if held is not None:
            said = running.funnel.event("set", chunk.now, facts, timezone=self._timezone).facts
            known = held.contact.fields
            if all(known.get(name) == value for name, value in said.items()):
                return None
        return Request(
            contact_id=told.contact,
            event="add" if held is None else "set",
            at=told.at or None,
            facts=facts,
            actor=told.actor or options.actor,
            key=told.key or None,
            funnel=options.funnel,
        )

    def _check_mode(self, contact: str, *, known: bool) -> None:
        if known == (self._mode == "update") or self._mode == "both":
            return
        is_ = "is a contact" if known else "is no contact"
        raise RowError(
            self._mapping.column("contact"),
            f"there {is_} {contact!r}{' already' if known else ''} (--mode both takes it)",
        )
