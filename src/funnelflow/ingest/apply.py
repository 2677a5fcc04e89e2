"""Applying a file in chunks, so that it can be killed at any moment and gone on with.

Each chunk is one transaction that holds what its rows brought and the offset behind them.
Whatever happens, the database knows exactly which rows are done: the same command goes on
behind them. The rejects file is written, and on the disk, before the transaction ends; what
is in it beyond what the database knows of is cut off when a run goes on.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from attrs import evolve, frozen
from sqlalchemy import Connection, func, select

from funnelflow.engine.events import TimestampCache
from funnelflow.errors import UnknownNameError
from funnelflow.gc_pause import gc_paused
from funnelflow.ingest.column_matching import Matched, counted_fields, match_columns
from funnelflow.ingest.contact_matching import (
    ContactIndex,
    LookAlikes,
    check_match,
    find_look_alikes,
)
from funnelflow.ingest.file_errors import FileError, Rejection, RowError, reject
from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.input import Input, open_input
from funnelflow.ingest.plugin_formats import readable
from funnelflow.ingest.readers import Batch
from funnelflow.ingest.record_parsers import bind_parser
from funnelflow.ingest.resume import Start, find_snapshot_start, find_start, open_rejects
from funnelflow.ingest.row_handlers import (
    MODES,
    ContactHandler,
    EventHandler,
    Mode,
    ReadRow,
    RowHandler,
)
from funnelflow.ingest.row_parser import RowParser
from funnelflow.ingest.source import STDIN, Survey, is_regular, survey
from funnelflow.ingest.summary import EXAMPLES, Progress, Summary, Watch
from funnelflow.ingest.time_order import SORTING, RowClock, is_in_order, sorted_batches
from funnelflow.storage.checkpoints import Checkpoint, Counts, save_checkpoint
from funnelflow.storage.connect import reading, writing
from funnelflow.storage.contact_cache import ContactCache
from funnelflow.storage.context import Context
from funnelflow.storage.runs import OpenRun, RunKind
from funnelflow.storage.tables import contacts
from funnelflow.storage.unit_of_work import Store, UnitOfWork

_BATCHES_PAUSED = 10
"""Batches between two chances for the garbage collector: with one after each, a run of 100,000
rows took 5 % longer, and a third longer where it was never paused."""


_RUNS: Final[dict[str, RunKind]] = {"events": "apply", "contacts": "import"}
"""What runs are called, by what is read."""


def apply_file(
    context: Context,
    name: str,
    options: FileOptions,
    *,
    create: bool = True,
    progress: Watch | None = None,
    stdin: IO[bytes] | None = None,
    shown: str = "",
) -> Summary:
    """Record the events of a file; a run that was broken off goes on.

    A regular file that is not in the order of time is sorted first, on the disk; a stream is
    taken as it comes.

    Args:
        context: The workspace.
        name: The file: CSV or JSON Lines, packed with gzip or not; ``-`` for standard input.
        options: How it is to be applied. What has the time ``now`` happens when it is read.
        create: Add contacts that nobody knows yet; else their rows are rejected.
        progress: Called before the first row and after every chunk with how far the run is.
        stdin: What ``-`` reads, the process's own unless given.
        shown: What the run is called, if not by the path of the file.

    Returns:
        What came of the rows.

    Raises:
        FileError: The file cannot be read, or not beyond some line; the rows before it are
            applied, and ``summary`` of the error says what came of them.
        UsageError: What was asked for does not fit the file.
        ConflictError: Another process applies the same file.
        StoreError: The database cannot go on; what was committed stays.
    """
    handler = EventHandler(options, create=create)
    return _run_file(context, name, handler, progress, stdin, shown)


def import_file(
    context: Context,
    name: str,
    options: FileOptions,
    *,
    mode: Mode = "both",
    progress: Watch | None = None,
    stdin: IO[bytes] | None = None,
    shown: str = "",
) -> Summary:
    """Add or update the contacts of a file; a run that was broken off goes on.

    A file is a snapshot: it is read whole whether it came before or not, and what is recorded
    is what differs from what is known.

    Args:
        context: The workspace.
        name: As `apply_file` has it.
        options: How it is to be applied. Rows without a time, or with the time ``now``, say
            what is known now.
        mode: Add contacts that nobody knows, update those that somebody does, or both; rows
            about others are rejected.
        progress: As `apply_file` has it.
        stdin: As `apply_file` has it.
        shown: As `apply_file` has it.

    Returns:
        What came of the rows.

    Raises:
        UnknownNameError: There is no such mode.
        Error: As `apply_file` does.
    """
    if mode not in MODES:
        raise UnknownNameError("mode", mode, MODES)
    return _run_file(context, name, ContactHandler(options, mode), progress, stdin, shown)


def _run_file(
    context: Context,
    name: str,
    handler: RowHandler,
    progress: Watch | None,
    stdin: IO[bytes] | None,
    shown: str,
) -> Summary:
    if handler.options.quiet:
        context = context.quiet()
    mapping, form = handler.options.mapping, handler.options.form
    form = evolve(
        form,
        encoding=form.encoding or mapping.encoding,
        delimiter=form.delimiter or mapping.delimiter,
    )
    with readable(context.plugins, name, form) as file:
        if file.table:
            mapping = evolve(mapping, text_facts=True)
            handler.options = evolve(handler.options, mapping=mapping)
        known = survey(file.path) if is_regular(file.path) else None
        reopen = partial(
            open_input,
            file.path,
            file.form,
            stdin=stdin,
            known=known,
            shown=name,
            table=file.table,
        )
        with reopen() as opened:
            setup = _prepare(context, opened, handler, known)
            return _FileRun(setup, progress, shown, reopen).run()


@frozen(eq=False)
class _Setup:
    """What a run works with: found out once, before its first row.

    Attributes:
        began: When it was begun, by the clock of `time.monotonic`.
        context: The workspace.
        opened: The input, standing behind what earlier runs have done.
        handler: What its rows are taken for, bound to its columns.
        known: What a survey of the file found; None for a stream.
        matched: Which column was taken for what.
        parser: Reads its rows.
        store: The workspace's store, with the zone in which the file's times are meant.
        start: Where the run begins.
    """

    began: float
    context: Context
    opened: Input
    handler: RowHandler
    known: Survey | None
    matched: Matched
    parser: RowParser
    store: Store
    start: Start


def _prepare(context: Context, opened: Input, handler: RowHandler, known: Survey | None) -> _Setup:
    """Match the columns of an input, and find how far it is done.

    Raises:
        Error: As `apply_file` does.
    """
    began, options, reader = time.monotonic(), handler.options, opened.reader
    matched = match_input(context, reader.columns, reader.format, handler)
    parser = bind_parser(matched, reader.columns, reader.format)
    store = store_for(context, options)
    handler.bind(matched, store.settings.timezone)
    fresh, changed = _fresh(opened, handler, known, matched), options.changed
    if handler.is_snapshot:
        start = find_snapshot_start(context, opened, fresh, known, changed)
    else:
        has_keys = matched.mapping.named("key")
        start = find_start(context, opened, fresh, known, changed, has_keys=has_keys)
    return _Setup(began, context, opened, handler, known, matched, parser, store, start)


def _fresh(
    opened: Input, handler: RowHandler, known: Survey | None, matched: Matched
) -> Checkpoint:
    """Return the checkpoint of a run from the beginning."""
    return Checkpoint(
        kind=handler.kind,
        path=str(Path(opened.source.name).absolute()) if known else STDIN,
        identity=known.digest if known else opened.head,
        asked=handler.digest,
        contact_column=matched.mapping.column("contact"),
    )


class _FileRun:
    """One run over an open input, from where an earlier run left it."""

    def __init__(
        self, setup: _Setup, progress: Watch | None, shown: str, reopen: Callable[[], Input]
    ) -> None:
        self._setup = setup
        self._reopen = reopen
        self._options = setup.handler.options
        self._progress = progress
        self._saved = setup.start.saved
        self._checkpoint = setup.start.checkpoint
        self._run = OpenRun(
            _RUNS[setup.handler.kind],
            file=shown or self._checkpoint.path,
            actor=self._options.actor,
            number=self._checkpoint.run,
        )
        self._examples: list[Rejection] = []
        self._index: ContactIndex | None = None
        self._look_alikes = LookAlikes()
        self._cache = ContactCache()

    def run(self) -> Summary:
        """Apply what is left to apply."""
        setup, options = self._setup, self._options
        if setup.start.is_done:
            return self._summary()
        self._rejects = open_rejects(setup.context, setup.opened, options, setup.start)
        self._report(0, begun=self._summary())
        newest = self._look_around()
        try:
            with self._outer() as outer:
                batches = self._batches()
                while self._checkpoint.state != "finished":
                    with gc_paused():
                        for batch in islice(batches, _BATCHES_PAUSED):
                            self._refuse_changed(batch)
                            self._apply(batch, outer)
        except FileError as error:
            error.summary = self._summary()
            raise
        finally:
            self._rejects.close()
            setup.handler.close()
            if self._index is not None:
                self._index.close()
        if self._checkpoint.counts.created and not options.dry_run:
            with reading(setup.context.engine) as connection:
                identifying = setup.handler.identifying
                self._look_alikes = find_look_alikes(connection, identifying, newest)
        return self._summary()

    def _look_around(self) -> int:
        """Find out whom there is, as far as rows ask; give the number of the newest contact."""
        setup = self._setup
        match = setup.matched.mapping.match
        with reading(setup.context.engine) as connection:
            if match:
                self._index = ContactIndex(match, setup.matched.mapping.column("contact"))
                self._index.fill(connection)
            return connection.execute(select(func.max(contacts.c.number))).scalar() or 0

    @contextmanager
    def _outer(self) -> Iterator[Connection | None]:
        """Run everything in one transaction that is undone, for a dry run."""
        if not self._options.dry_run:
            yield None
            return
        with writing(self._setup.context.engine, dry_run=True) as connection:
            yield connection

    def _batches(self) -> Iterator[Batch]:
        """Return what is left to apply, sorted by time first where that is called for."""
        setup, saved, size = self._setup, self._checkpoint, self._options.chunk
        batches, name = setup.opened.reader.batches(size), setup.opened.source.name
        if setup.known is None or setup.handler.is_snapshot:
            return batches
        clock = RowClock(setup.parser, TimestampCache(setup.store.settings.timezone))
        if not saved.sorted and is_in_order(self._reopen, saved.offset, clock):
            return batches
        return sorted_batches(batches, clock, size, saved.sorted, name, self._watch_sorting)

    def _watch_sorting(self, batch: Batch) -> None:
        self._refuse_changed(batch)
        self._report(round(batch.bytes_read * SORTING))

    def _refuse_changed(self, batch: Batch) -> None:
        """Raise `FileError` where a file was cut short or written to while it was read."""
        known = self._setup.known
        if batch.last and known is not None and batch.bytes_read != known.size:
            going_on = "" if self._setup.handler.is_snapshot else " with --continue"
            raise FileError(
                self._setup.opened.source.name,
                f"the file has changed while it was read: it had {known.size:,} bytes, and then "
                f"{batch.bytes_read:,}",
                line=self._checkpoint.offset.lines + 1,
                hint=f"let whoever writes it finish, then give the same command{going_on}",
            )

    def _apply(self, batch: Batch, outer: Connection | None) -> None:
        """Decide a batch and store it in one transaction, again if another writer was first."""
        setup, (rows, unreadable, left_out) = self._setup, self._parse(batch)
        if self._index is not None:
            found = self._index.find(rows)
            rows, unreadable = found.rows, unreadable + found.rejected
        ids, keys = {row.contact for _, _, row in rows}, {row.key for _, _, row in rows}
        ids |= {self._contact_of(rejection) for rejection in unreadable}

        def attempt() -> None:
            cache, self._cache = self._cache, ContactCache()
            counts = Counts(rows=len(batch.rows) + len(batch.rejected), left_out=left_out)
            transaction = nullcontext(outer) if outer else writing(setup.context.engine)
            with transaction as connection:
                unit = UnitOfWork(connection, setup.store, cache)
                if not self._options.dry_run:
                    self._run.begin(unit)
                unit.load(ids, keys)
                unit.load_names(setup.handler.identifying_values(rows))
                rejected = [r for r in unreadable if not unit.is_erased(self._contact_of(r))]
                counts.erased = len(unreadable) - len(rejected)
                rejected += setup.handler.handle_rows(unit, rows, counts)
                rejected.sort(key=lambda rejection: rejection.line)
                counts.rejected, counts.in_future = len(rejected), unit.ahead
                counts.untold = unit.untold
                unit.write()
                reached = self._save(unit, batch, rejected, counts)
                unit.remember()
            self._cache = cache
            self._committed(batch, rejected, reached)

        setup.context.retrying(attempt)

    def _parse(self, batch: Batch) -> tuple[list[ReadRow], list[Rejection], int]:
        """Return what rows say, those that say it badly, and how many the mapping leaves out."""
        parse, rejected = self._setup.parser.parse, list(batch.rejected)
        rows: list[ReadRow] = []
        left_out = 0
        for line, record in batch.rows:
            try:
                row = parse(record)
            except RowError as error:
                rejected.append(reject(line, record, error.faults))
                continue
            if row is None:
                left_out += 1
            else:
                rows.append((line, record, row))
        return rows, rejected, left_out

    def _contact_of(self, rejection: Rejection) -> str:
        """Return whom a row that cannot be read is about, if that can be read."""
        record, column = rejection.record, self._checkpoint.contact_column
        if isinstance(record, dict):
            return str(record.get(column, ""))
        columns = self._setup.opened.reader.columns
        if isinstance(record, str) or column not in columns:
            return ""
        return "".join(record[columns.index(column) :][:1]).strip()

    def _save(
        self, unit: UnitOfWork, batch: Batch, rejected: list[Rejection], counts: Counts
    ) -> Checkpoint:
        """Write which rows were rejected, and how far the file is applied."""
        before = self._checkpoint
        reached = evolve(
            before,
            state="finished" if batch.last else batch.sorted or "running",
            offset=before.offset if batch.sorted else batch.offset,
            counts=before.counts.plus(counts),
        )
        if self._options.dry_run:
            return reached
        rejects = self._rejects
        rejects.cut(before.rejects_size)
        rejects.write(rejected)
        run = self._run.save(unit, reached.counts.to_json(), is_finished=batch.last)
        reached = evolve(reached, rejects=rejects.name, rejects_size=rejects.size, run=run)
        return save_checkpoint(unit.connection, self._saved, reached, self._setup.store.clock())

    def _committed(self, batch: Batch, rejected: list[Rejection], reached: Checkpoint) -> None:
        """Note that a batch is stored."""
        self._checkpoint = self._saved = reached
        self._run.committed()
        self._setup.handler.committed()
        self._examples += rejected[: EXAMPLES - len(self._examples)]
        self._report(batch.bytes_read)

    def _report(self, bytes_read: int, begun: Summary | None = None) -> None:
        if self._progress is not None:
            known = self._setup.known
            size = known.size if known else None
            self._progress(Progress(self._checkpoint.counts.rows, bytes_read, size, begun=begun))

    def _summary(self) -> Summary:
        setup, opened, checkpoint = self._setup, self._setup.opened, self._checkpoint
        return Summary(
            path=opened.source.name,
            counts=checkpoint.counts,
            matched=setup.matched,
            ignored=tuple(setup.parser.ignored),
            format=opened.format,
            delimiter=opened.reader.delimiter,
            encoding=opened.source.encoding,
            rejects=checkpoint.rejects,
            examples=tuple(self._examples),
            resumed=setup.start.checkpoint.counts.rows,
            applied_before=setup.start.is_done,
            look_alikes=self._look_alikes,
            dry_run=self._options.dry_run,
            seconds=time.monotonic() - setup.began,
        )


def match_input(
    context: Context,
    columns: Sequence[str],
    format: str,  # noqa: A002
    handler: RowHandler,
) -> Matched:
    """Return what the columns of an input are, of all fields that a fact can be about.

    Args:
        context: The workspace.
        columns: The names in the header; for JSON the members of the first object.
        format: ``csv`` or ``jsonl``: what a record is.
        handler: What the rows are taken for.

    Raises:
        UnknownNameError: The mapping names a column, a field or a stage that there is not.
        UsageError: It gives one target two meanings.
    """
    options = handler.options
    linked = context.funnel(options.funnel or None, dry_run=options.dry_run).linked
    for stage in options.mapping.stages.values():
        linked.resolve_stage(stage)
    of_events = {
        name: field
        for event in linked.events.values()
        for name, field in event.event.fields.items()
    }
    fields = {**of_events, **linked.fields}
    matched = match_columns(
        columns,
        fields,
        options.mapping,
        targets=handler.targets,
        open_ended=format == "jsonl",
        unguessed=counted_fields(linked) if handler.is_snapshot else (),
    )
    check_match(matched.mapping.match, fields)
    return matched


def store_for(context: Context, options: FileOptions) -> Store:
    """Return the workspace's store with the file's zone, and with who records its rows."""
    settings = evolve(context.store.settings, recorder=options.actor, from_file=True)
    if options.actor and context.file_roles == "recorder":
        settings.roles_of = partial(_same_roles, context.roles_of(options.actor))
    name = options.timezone or options.mapping.timezone
    try:
        if name:
            settings = evolve(settings, timezone=ZoneInfo(name))
        return evolve(context.store, settings=settings)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownNameError("time zone", name, sorted(available_timezones())) from None


def _same_roles(roles: tuple[str, ...], _actor: str) -> tuple[str, ...]:
    """Return the roles of who records, whoever the actor is."""
    return roles
