"""What the rows of a file are taken for: an event each, or a contact each.

A handler turns what a row says into the change that it asks for, has the unit of work decide
it, and counts the answer; a row that cannot be used becomes a `Rejection`.
"""

import datetime as dt
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from funnelflow.criteria import Field
from funnelflow.engine import Event
from funnelflow.engine.events import EventParser
from funnelflow.errors import (
    ConflictError,
    Error,
    FieldError,
    StoreError,
    UnknownNameError,
    UsageError,
)
from funnelflow.ingest.cell_readers import CellReader, cell_reader, is_written
from funnelflow.ingest.column_matching import Matched
from funnelflow.ingest.file_errors import Rejection, RowError, RowFault, reject
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping import CRM_STAGE, FIELD, HISTORY, TARGETS, field_target, target_label
from funnelflow.ingest.row_parser import ParsedRow
from funnelflow.storage.changes import (
    Change,
    ChangeResult,
    ErasedContactError,
    check_id,
    check_key,
    is_id,
    plain_name,
)
from funnelflow.storage.checkpoints import Counts
from funnelflow.storage.database_errors import RetryError
from funnelflow.storage.row_format import to_text
from funnelflow.storage.unit_of_work import UnitOfWork

Mode: TypeAlias = Literal["create", "update", "both"]
MODES: tuple[Mode, ...] = get_args(Mode)


ReadRow: TypeAlias = tuple[int, Any, ParsedRow]
"""A row that could be read: the line on which it begins, the record, and what it says."""


class RowHandler:
    """Handles the rows of one file.

    Args:
        options: How the file is to be applied.
        asked: What else decides what a row becomes.

    Attributes:
        kind: What checkpoints call it.
        is_snapshot: Whether rows say what is the case, so that the same ones may come again.
        targets: What columns can be, besides fields.
        digest: Digest of everything that decides what a row becomes.
        identifying: The fields that name people.
        column: Returns the column that a target is read from, once it is bound.
    """

    kind: ClassVar[str]
    is_snapshot: ClassVar[bool]
    targets: ClassVar[tuple[str, ...]]

    def __init__(self, options: FileOptions, **asked: Any) -> None:
        self.options = options
        self.digest = options.digest(**asked)

    def bind(self, matched: Matched, timezone: dt.tzinfo | None) -> None:
        """Prepare for the columns that there are.

        Args:
            matched: Which column is what.
            timezone: The zone of times without an offset; None refuses them.

        Raises:
            UsageError: No column says what every row must say.
        """
        self.column = matched.mapping.column
        self._timezone = timezone
        self._mapping = mapping = matched.mapping
        fields = (target_label(t) for t in mapping.columns if t.startswith(FIELD))
        self._brought = frozenset([*fields, *mapping.facts.values()])
        self._is_written = bool(mapping.decimal or mapping.date_formats or mapping.separator)
        self._sifts = self._is_written or bool(self._brought)
        self._known_fields = matched.fields
        self._readers: dict[int, tuple[Mapping[str, Field], dict[str, CellReader]]] = {}
        self.identifying = frozenset(f.name for f in matched.fields.values() if f.identifying)
        match = matched.mapping.match
        if not (match and matched.mapping.named(field_target(match))):
            _require(matched, "contact", "whom it is about")

    def handle(self, unit: UnitOfWork, row: ParsedRow, counts: Counts) -> None:
        """Decide one row, and count what became of it.

        Raises:
            RowError: It cannot be used.
            Error: What it asks for cannot be recorded.
        """
        raise NotImplementedError

    def handle_rows(
        self, unit: UnitOfWork, rows: Sequence[ReadRow], counts: Counts
    ) -> list[Rejection]:
        """Decide rows, and return those that cannot be used; the unit has loaded their contacts."""
        handle, rejected = self.handle, list[Rejection]()
        refuses = unit.knows_erased and not self.options.readmit
        for line, record, row in rows:
            if refuses and unit.is_erased(row.contact, row.key):
                counts.erased += 1
                continue
            try:
                handle(unit, row, counts)
            except RetryError:
                raise
            except ErasedContactError:
                counts.erased += 1
            except (RowError, UsageError, FieldError, ConflictError) as error:
                rejected.append(reject(line, record, self._faults(unit, row, error)))
        return rejected

    def identifying_values(self, rows: Sequence[ReadRow]) -> set[str]:
        """Return what rows name people by, besides ids, in the form that is compared."""
        found: set[str] = set()
        for name in self.identifying:
            said = {row.cells.get(name) or row.facts.get(name) for _, _, row in rows}
            found |= {plain_name(text) for text in said if text and isinstance(text, str)}
        return found

    def committed(self) -> None:
        """Note that the rows handled last are stored."""

    def close(self) -> None:
        """Release what is held for the run."""

    def _facts(self, parser: EventParser, row: ParsedRow) -> Mapping[str, Any]:
        """Return all facts of a row, those in cells read by the type of their field.

        Raises:
            RowError: Cells are no values of their fields.
        """
        if not (row.cells or (row.facts and self._sifts)):
            return row.facts
        fields = parser.fields_of(row.event)
        readers = self._readers_for(fields)
        facts, texts = self._sifted(row.facts, fields) if self._sifts else (row.facts, {})
        facts, faults = dict(facts), []
        for name, text in ({**texts, **row.cells} if texts else row.cells).items():
            reader = readers.get(name)
            if reader is None:
                if name not in self._known_fields:
                    reason = f"there is no field {name!r} for this event"
                    faults.append(RowFault(self._field_column(name), reason))
                continue
            try:
                value = reader(text)
            except FieldError as error:
                faults.append(RowFault(self._field_column(name), _in_one_line(error)))
                continue
            if value is not None:
                facts[name] = value
        if faults:
            raise RowError(*faults[0], faults[1:])
        return facts

    def _sifted(
        self, facts: Mapping[str, Any], fields: Mapping[str, Field]
    ) -> tuple[Mapping[str, Any], dict[str, str]]:
        """Return the facts that fields can be, and apart from them what is to be read as a cell.

        What a column or the mapping brings counts for the events that have the field.
        """
        if not self._is_written and fields.keys() >= facts.keys():
            return facts, {}
        known, texts = {}, {}
        for name, value in facts.items():
            field = fields.get(name)
            if field is None:
                if name not in self._brought or name not in self._known_fields:
                    known[name] = value
            elif self._is_written and is_written(field, value):
                texts[name] = str(value)
            else:
                known[name] = value
        return known, texts

    def _readers_for(self, fields: Mapping[str, Field]) -> dict[str, CellReader]:
        """Return what reads the cells of fields, put together once for all rows."""
        known = self._readers.get(id(fields))
        if known is None:
            readers = {
                name: cell_reader(field, self._mapping, self._timezone)
                for name, field in fields.items()
            }
            known = self._readers[id(fields)] = (fields, readers)  # the key lives as long
        return known[1]

    def _faults(self, unit: UnitOfWork, row: ParsedRow, error: Exception) -> list[RowFault]:
        """Return all that is wrong with a row that was refused: each part of it is looked at."""
        faults: list[RowFault] = []
        for part in self._parts(unit, row):
            try:
                part()
            except (RowError, UsageError, FieldError, ConflictError) as another:
                faults += self._faults_of(row, another)
        return faults + self._faults_of(row, error)

    def _faults_of(self, row: ParsedRow, error: Exception) -> list[RowFault]:
        if isinstance(error, RowError):
            return list(error.faults)
        assert isinstance(error, Error)
        return [RowFault(self._column_at_fault(row, error), _in_one_line(error))]

    def _parts(self, unit: UnitOfWork, row: ParsedRow) -> Iterator[Callable[[], object]]:
        """Yield what looks at a part of a row by itself, and raises what is wrong with it."""
        parser = unit.parser_for(row.contact, self.options.funnel)
        now, contact = unit.now, row.contact

        def read(event: str, at: str | None, facts: Mapping[str, Any], to: str = "") -> object:
            return parser.parse(Change(contact, event, at, facts, to=to), now)

        yield partial(check_id, contact)
        if row.key:
            yield partial(check_key, row.key)
        event = row.event or ("move" if row.to else "set")
        yield partial(read, event, None, {}, row.to)
        if row.at and row.at != "now":
            yield partial(read, "set", row.at, {})
        yield partial(self._facts, parser, row)
        for name, value in row.facts.items():
            yield partial(read, event, None, {name: value}, row.to)

    def _place(
        self, unit: UnitOfWork, row: ParsedRow, result: ChangeResult, facts: Mapping[str, Any]
    ) -> ChangeResult:
        """Put a contact where the mapping says that its stage in the words of the file is.

        That is a forced move of its own, right behind the evidence of their word. It is refused,
        and counted so, where whoever records has no role that may force.
        """
        word = facts.get(CRM_STAGE)
        stage = self._mapping.stages.get(word, "") if isinstance(word, str) else ""
        if not stage or result.duplicate:
            return result
        moved = unit.take(
            Change(
                contact_id=row.contact,
                event="move",
                at=self._when(row),
                actor=row.actor or self.options.actor,
                to=stage,
                reason=f"{self._known_fields[CRM_STAGE].label}: {word}",
                force=True,
                future=self.options.future,
            )
        )
        moved.created = result.created
        return moved

    def _when(self, row: ParsedRow) -> dt.datetime | str | None:
        """Return when it happened; None for now."""
        return None if row.at in {"", "now"} else row.at

    def _field_column(self, name: str) -> str:
        """Return the column that a field is read from; empty when there is none."""
        return self.column(field_target(name)) or self.column("facts")

    def _column_at_fault(self, row: ParsedRow, error: Error) -> str:
        """Return the column that an error is about; empty when it is not one column."""
        if isinstance(error, FieldError):
            name = error.field
            return self.column(name) if name in self.targets else self._field_column(name)
        if isinstance(error, UnknownNameError):
            return self.column({"stage": "to", "field": "facts"}.get(error.kind, error.kind))
        if not is_id(row.contact):
            return self.column("contact")
        return self.column("key") if row.key and not is_id(row.key) else ""


def _require(matched: Matched, target: str, what: str) -> None:
    """Raise `UsageError` where no column and no constant is the target."""
    if not matched.mapping.named(target):
        unread = ", ".join(matched.ignored[:8])
        more = f"; nothing is read from {unread}" if unread else ""
        others = "\nfunnelflow import reads files of contacts" if target == "event" else ""
        raise UsageError(f"no column says {what}", hint=f"--map {target}=COLUMN{more}{others}")


def rows_by_time(
    rows: Sequence[ReadRow], read: Callable[[str], dt.datetime | None]
) -> Sequence[ReadRow]:
    """Put the rows about each contact in the order of time, in the places that they have.

    It decides nothing, and saves folding a contact again for each row of a file that comes
    newest first. Rows of one instant keep their order, as do contacts with a time that is no
    plain one, or with one key in two rows.
    """
    latest: dict[str, str] = {}
    behind: set[str] = set()
    for _, _, row in rows:
        contact, at = row.contact, row.at
        if at < latest.get(contact, ""):
            behind.add(contact)
        latest[contact] = at
    if not behind:
        return rows
    places: dict[str, list[int]] = {}
    for place, (_, _, row) in enumerate(rows):
        if row.contact in behind:
            places.setdefault(row.contact, []).append(place)
    ordered = list(rows)
    for taken in places.values():
        times = [read(rows[place][2].at) for place in taken]
        keys = [key for place in taken if (key := rows[place][2].key)]
        if None in times or len(set(keys)) < len(keys):
            continue
        by_time = sorted(zip(times, taken, strict=True))
        for place, (_, source) in zip(taken, by_time, strict=True):
            ordered[place] = rows[source]
    return ordered


class EventHandler(RowHandler):
    """Records an event for each row.

    Args:
        options: How the file is to be applied.
        create: Add contacts that nobody knows yet; else their rows are rejected.
    """

    kind = "events"
    is_snapshot = False
    targets = (*TARGETS, *HISTORY)

    def __init__(self, options: FileOptions, *, create: bool) -> None:
        super().__init__(options, create=create)
        self._create = create

    def bind(self, matched: Matched, timezone: dt.tzinfo | None) -> None:
        """Prepare for the columns; one must say what happened, and one when."""
        super().bind(matched, timezone)
        if not (matched.mapping.named("to") or matched.mapping.named(HISTORY[0])):
            _require(matched, "event", "what happened")
        _require(matched, "at", "when it happened")

    def handle_rows(
        self, unit: UnitOfWork, rows: Sequence[ReadRow], counts: Counts
    ) -> list[Rejection]:
        """Decide rows, those about one contact in the order in which they happened."""
        return super().handle_rows(unit, rows_by_time(rows, unit.read_time), counts)

    def handle(self, unit: UnitOfWork, row: ParsedRow, counts: Counts) -> None:
        """Record the event of a row."""
        contact, event, at, actor, to, reason, key, facts, cells = row
        name = event or ("move" if to else "")
        if not name:
            raise RowError(self.column("event"), "the row does not say what happened")
        if not at:
            raise RowError(self.column("at"), "the row does not say when it happened")
        options = self.options
        funnel = options.funnel
        if cells or (facts and self._sifts):
            facts = self._facts(unit.parser_for(contact, funnel), row)
        result = unit.take(
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
                options.future,
                options.readmit,
            )
        )
        if result.duplicate and options.on_duplicate == "error":
            raise RowError(self.column("key"), f"the key {key!r} has been applied before")
        if self._mapping.stages:
            result = self._place(unit, row, result, facts)
        counts.count(result)


class ContactHandler(RowHandler):
    """Adds or updates a contact for each row.

    What a row says is evidence like any other: ``add`` for a contact that is new, ``set`` for
    one that is known. Where it says what was known at its time, that is only noted (see
    `storage.sightings`), so that the same export can be imported every night. The first snapshot
    of a contact is evidence in any case.

    Rows without a time speak of when the run was begun.

    Args:
        options: How the file is to be applied.
        mode: Which contacts rows may be about.
    """

    kind = "contacts"
    is_snapshot = True
    targets = ("contact", "at", "actor", "facts", "key")

    def __init__(self, options: FileOptions, mode: Mode) -> None:
        super().__init__(options, mode=mode)
        self._mode = mode
        self._seen = SeenIds()
        self._begun: dt.datetime | None = None

    def handle_rows(
        self, unit: UnitOfWork, rows: Sequence[ReadRow], counts: Counts
    ) -> list[Rejection]:
        """Decide rows, and count those whose contact had a row before."""
        self._begun = unit.begun_at or self._begun or unit.now
        unit.snapshots.look_for_first()
        rejected = super().handle_rows(unit, rows, counts)
        lines = {rejection.line for rejection in rejected}
        ids = [(row.contact,) for line, _, row in rows if line not in lines]
        counts.same_contact = self._seen.count_repeated(ids)
        return rejected

    def committed(self) -> None:
        """Remember whom the rows handled last were about."""
        self._seen.keep()

    def close(self) -> None:
        """Forget whom the rows were about."""
        self._seen.close()

    def handle(self, unit: UnitOfWork, row: ParsedRow, counts: Counts) -> None:
        """Add or update the contact of a row, unless it says nothing new."""
        contact_id, is_own = row.contact, row.at not in {"", "now"}
        known = unit.contact(contact_id)
        if known is not None and not known.is_in_force:
            known = None  # all that was told of it was taken back
        self._check_mode(contact_id, is_known=known is not None)
        change, said = self._change(unit, row, is_known=known is not None)
        is_known = known is not None and not to_text(said.at) < known.created_at
        is_known = is_known and known is not None and unit.snapshots.knows(known, said)
        if is_known and unit.snapshots.note(contact_id, said, is_own=is_own):
            counts.unchanged += 1
            return
        before = None if known is None else known.contact.fields.get(CRM_STAGE)
        result = unit.take(change)
        unit.snapshots.recorded(contact_id, said)
        if self._mapping.stages and change.facts.get(CRM_STAGE) != before:
            result = self._place(unit, row, result, change.facts)
        if is_known and result.outcome == "stayed" and not result.duplicate:
            counts.unchanged += 1
        elif result.created and result.outcome == "stayed":
            counts.created += 1
        else:
            counts.count(result)

    def _change(self, unit: UnitOfWork, row: ParsedRow, *, is_known: bool) -> tuple[Change, Event]:
        """Return what a row asks for, and what it says."""
        contact_id, options = row.contact, self.options
        parser = unit.parser_for(contact_id, options.funnel)
        facts = self._facts(parser, row)
        at = self._when(row)
        said = parser.parse(Change(contact_id, "set", at, facts), unit.now)
        change = Change(
            contact_id=contact_id,
            event="set" if is_known else "add",
            at=at,
            facts=facts,
            actor=row.actor or options.actor,
            key=row.key or None,
            funnel=options.funnel,
            future=options.future,
            asserted=True,
            readmit=options.readmit,
        )
        return change, said

    def _when(self, row: ParsedRow) -> dt.datetime | str | None:
        """Return when it was so: when the run was begun, unless the row says it."""
        return self._begun if row.at in {"", "now"} else row.at

    def _check_mode(self, contact_id: str, *, is_known: bool) -> None:
        if self._mode == "both" or is_known == (self._mode == "update"):
            return
        what = f"a contact {contact_id!r} already" if is_known else f"no contact {contact_id!r}"
        raise RowError(self.column("contact"), f"there is {what} (--mode both takes it)")


class SeenIds:
    """The ids that rows of a run were about, in a temporary database on the disk.

    Whatever the number of ids, memory stays within the database's page cache. Ids of rows that
    are not committed yet are in an open transaction, as a chunk may be decided again.
    """

    _CACHE_KIB = 16_384

    def __init__(self) -> None:
        self._database: sqlite3.Connection | None = None

    def count_repeated(self, ids: Sequence[tuple[str]]) -> int:
        """Count the ids that came before, in this chunk or in one that is kept."""
        try:
            database = self._database = self._database or self._create()
            if database.in_transaction:
                database.execute("ROLLBACK")
            database.execute("BEGIN")
            before = database.total_changes
            database.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ids)
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"the ids of this import cannot be kept in a temporary file: {error}",
                hint="make room where temporary files go, or name another directory in TMPDIR",
            ) from error
        return len(ids) - (database.total_changes - before)

    def keep(self) -> None:
        """Keep the ids that were counted last."""
        if self._database is not None:
            self._database.execute("COMMIT")

    def close(self) -> None:
        """Delete the database."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _create(self) -> sqlite3.Connection:
        database = sqlite3.connect("", isolation_level=None)  # private, and deleted when closed
        database.execute(f"PRAGMA cache_size = -{self._CACHE_KIB}")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
        return database


def _in_one_line(error: Error) -> str:
    """Return what is wrong with a row and what to do."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
