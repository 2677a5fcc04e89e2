"""Importing a file of contacts: every row is a contact with what is known about it.

What a row says is evidence like any other: ``add`` for a contact that is new, ``set`` for
one that is known, and nothing where it says nothing new, so that the same export can be
imported every night.
"""

import datetime as dt
from collections.abc import Mapping
from typing import IO, Any, Literal, TypeAlias, get_args

from funnelflow.criteria import Field
from funnelflow.errors import FieldError, UnknownNameError, UsageError
from funnelflow.ingest.column_matching import Matched
from funnelflow.ingest.file_errors import RowError
from funnelflow.ingest.mapping import TARGETS, field_target
from funnelflow.ingest.row_parser import ParsedRow
from funnelflow.ingest.run import Watch, run_file
from funnelflow.ingest.summary import FileOptions, Summary
from funnelflow.storage.changes import Change
from funnelflow.storage.checkpoints import Counts
from funnelflow.storage.context import Context
from funnelflow.storage.definition_store import LoadedDefinition
from funnelflow.storage.unit_of_work import UnitOfWork


class CellReader:
    """Reads cells as facts.

    Args:
        matched: Which column is which field.
        timezone: The zone of times without an offset; None refuses them.
    """

    def __init__(self, matched: Matched, timezone: dt.tzinfo | None) -> None:
        self._mapping = matched.mapping
        self._timezone = timezone
        self._known: dict[tuple[int, str], Mapping[str, Field]] = {}

    def facts(self, running: LoadedDefinition, told: ParsedRow) -> Mapping[str, Any]:
        """Give all facts of a row, those that are text by the type of their field.

        Raises:
            RowError: A cell is no value of its field, or the contact's funnel has no such field.
        """
        if not told.cells:
            return told.facts
        fields = self._fields(running, told.event)
        return {**told.facts, **{n: self._read(n, t, fields) for n, t in told.cells.items()}}

    def _read(self, name: str, text: str, fields: Mapping[str, Field]) -> Any:
        field = fields.get(name)
        if field is None:
            raise RowError(self._column(name), f"there is no field {name!r} for this event")
        try:
            return field.parse(text, self._timezone)
        except FieldError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise RowError(self._column(name), f"{error.message}{hint}") from None

    def _column(self, name: str) -> str:
        return self._mapping.column(field_target(name)) or self._mapping.column("facts")

    def _fields(self, running: LoadedDefinition, event: str) -> Mapping[str, Field]:
        """Give the fields that facts of an event can be about."""
        fields = self._known.get((running.id, event))
        if fields is None:
            linked = running.funnel.linked
            own = linked.events[event].event.fields if event in linked.events else {}
            fields = self._known[running.id, event] = {**linked.fields, **own}
        return fields


def require(matched: Matched, target: str, what: str) -> None:
    """Refuse a file in which nothing says what every row must say.

    Raises:
        UsageError: No column and no constant is the target.
    """
    if not matched.mapping.named(target):
        unread = ", ".join(matched.ignored[:8])
        more = f"; nothing is read from {unread}" if unread else ""
        others = "\nfunnelflow import reads files of contacts" if target == "event" else ""
        raise UsageError(f"no column says {what}", hint=f"--map {target}=COLUMN{more}{others}")


def apply_file(
    workspace: Context,
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
        Error: As `streaming.run_file`.
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

    def take(self, chunk: UnitOfWork, told: ParsedRow, counts: Counts) -> None:
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
            Change(  # by position, which takes half the time
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
        counts.count(entry)

    def _silent(self, target: str, what: str) -> RowError:
        return RowError(self._mapping.column(target), f"the row does not say {what}")


Mode: TypeAlias = Literal["create", "update", "both"]
MODES: tuple[Mode, ...] = get_args(Mode)


def import_file(
    workspace: Context,
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
        Error: As `streaming.run_file`.
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

    def take(self, chunk: UnitOfWork, told: ParsedRow, counts: Counts) -> None:
        request = self._request(chunk, told)
        if request is None:
            counts.unchanged += 1
            return
        entry = chunk.take(request)
        if entry.duplicate:
            counts.repeated += 1
        elif entry.outcome == "moved" or not entry.created:
            counts.count(entry)
        else:
            counts.created += 1

    def _request(self, chunk: UnitOfWork, told: ParsedRow) -> Change | None:
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
        return Change(
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
