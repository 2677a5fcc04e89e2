"""Running over a file in chunks, so that it can be killed at any moment and gone on with.

Each chunk is one transaction that holds what the rows brought, and the place behind them.
Whatever happens, the database knows exactly which rows are done: the same command goes on
behind them. The rejects file is written, and on the disk, before the transaction ends; what
is in it beyond what the database knows of is cut off when a run goes on.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import IO, Any, NamedTuple, TypeAlias

from attrs import evolve
from sqlalchemy import Connection

from funnelflow.ingest.batches import Batch
from funnelflow.ingest.file_errors import FileError, Rejection, RowError
from funnelflow.ingest.input import Input, open_input, readable
from funnelflow.ingest.row_handler import Decided, RowHandler, Task
from funnelflow.ingest.row_parser import ParsedRow, bind
from funnelflow.ingest.seen_ids import SeenIds
from funnelflow.ingest.source import Survey, is_regular, survey
from funnelflow.ingest.start import absolute, find_start, match, open_rejects, store_for
from funnelflow.ingest.summary import EXAMPLES, FileOptions, Progress, Summary
from funnelflow.storage.changes import ContactCache
from funnelflow.storage.checkpoints import Checkpoint, save_checkpoint
from funnelflow.storage.connect import writing
from funnelflow.storage.context import Context
from funnelflow.storage.unit_of_work import UnitOfWork

_COLLECT_AFTER = 1_000_000
"""New objects after which Python looks for cycles in a run."""

_collecting = threading.Lock()
_runs: list[tuple[int, int, int]] = []
"""The thresholds that the runs of this process found when they began."""


@contextmanager
def gc_seldom() -> Iterator[None]:
    """Keep Python from looking for cycles all the time, until the last run has ended.

    A chunk makes hundreds of thousands of objects at once and no cycles among them; looking
    for some after every few hundred took a quarter of a run.
    """
    with _collecting:
        _runs.append(_runs[0] if _runs else gc.get_threshold())
        gc.set_threshold(_COLLECT_AFTER)
    try:
        yield
    finally:
        with _collecting:
            before = _runs.pop()
            if not _runs:
                gc.set_threshold(*before)


Watch: TypeAlias = Callable[[Progress], None]


def run_file(
    workspace: Context,
    name: str,
    task: Task,
    options: FileOptions,
    *,
    progress: Watch | None = None,
    stdin: IO[bytes] | None = None,
) -> Summary:
    """Run a task over a file, from where an earlier run left it.

    Args:
        workspace: Where to.
        name: The file; ``-`` for standard input.
        task: What rows are taken for.
        options: How.
        progress: Told before the first row and after every chunk how far it has come.
        stdin: What ``-`` reads, the process's own unless given.

    Raises:
        FileError: The file cannot be read, or not beyond some place; the rows before it are
            applied, and ``summary`` of the error says what came of them.
        UsageError: What was asked for does not fit the file.
        ConflictError: Another process applies the same file.
        StoreError: The database cannot go on; what was committed stays.
    """
    with readable(workspace.plugins, name, options.form) as (path, form):
        known = survey(path) if is_regular(path) else None
        with open_input(path, form, stdin=stdin, known=known) as opened:
            opened.source.name = name
            return _Run(workspace, opened, task, options, known, progress).run()


class _Rows(NamedTuple):
    """The rows of a batch.

    Attributes:
        batch: It.
        sound: Those that say something, as (line on which it begins, record).
        told: What each of them says.
        rejected: Those that are set aside.
    """

    batch: Batch
    sound: list[tuple[int, Any]]
    told: list[ParsedRow]
    rejected: list[Rejection]

    def all_rejected(self, decided: Decided) -> list[Rejection]:
        """Give all the rows that cannot be used, in the order of the file."""
        refused = [
            Rejection(self.sound[row][0], column, reason, self.sound[row][1])
            for row, column, reason in decided.refused
        ]
        return sorted([*self.rejected, *refused], key=lambda rejection: rejection.line)


class _Run:
    def __init__(
        self,
        workspace: Context,
        opened: Input,
        task: Task,
        options: FileOptions,
        known: Survey | None,
        progress: Watch | None,
    ) -> None:
        self._began = time.monotonic()
        self._workspace = workspace
        self._opened = opened
        self._task = task
        self._options = options
        self._known = known
        self._watch = progress
        reader = opened.reader
        self._matched = match(workspace, opened, task.targets, options)
        self._teller = bind(self._matched, reader.columns, reader.format)
        self._store = store_for(workspace, options)
        task.prepare(self._matched, self._store.timezone)
        self._taker = RowHandler(task, self._matched.mapping)
        fresh = self._fresh(known)
        keyed = any(match.target == "key" for match in self._matched.matches)
        self._start = find_start(workspace, opened, fresh, known, options.changed, keyed=keyed)
        self._held = self._start.held
        self._checkpoint = self._start.checkpoint
        self._examples: list[Rejection] = []
        self._remembered = ContactCache()
        self._doubles = SeenIds()

    def run(self) -> Summary:
        """Do what is left to do."""
        if self._start.already:
            return self._summary()
        self._rejects = open_rejects(self._workspace, self._opened, self._options, self._checkpoint)
        self._report(0, begun=self._summary())
        try:
            with gc_seldom(), self._outer() as outer:
                for batch in self._opened.reader.batches(self._options.chunk):
                    self._refuse_changed(batch)
                    self._commit(self._tell(batch), outer)
        except FileError as error:
            error.summary = self._summary()
            raise
        finally:
            self._rejects.close()
        return self._summary()

    @contextmanager
    def _outer(self) -> Iterator[Connection | None]:
        """Hold everything in one transaction that is undone, for a dry run."""
        if not self._options.dry_run:
            yield None
            return
        with writing(self._workspace.engine, dry_run=True) as connection:
            yield connection

    def _refuse_changed(self, batch: Batch) -> None:
        """Notice that a file was cut short or written to while it was read."""
        known = self._known
        if batch.last and known is not None and batch.bytes_read != known.size:
            raise FileError(
                self._opened.source.name,
                f"the file has changed while it was read: it had {known.size:,} bytes, and then "
                f"{batch.bytes_read:,}",
                line=self._checkpoint.offset.lines + 1,
                hint="let whoever writes it finish, then give the same command with --continue",
            )

    def _tell(self, batch: Batch) -> _Rows:
        """Read what the rows of a batch say, and set those aside that say it badly."""
        tell = self._teller.tell
        rows = _Rows(batch, [], [], list(batch.rejected))
        for row in batch.rows:
            try:
                rows.told.append(tell(row[1]))
            except RowError as error:
                rows.rejected.append(Rejection(row[0], error.column, error.reason, row[1]))
            else:
                rows.sound.append(row)
        return rows

    def _commit(self, rows: _Rows, outer: Connection | None) -> None:
        """Decide a batch and store it in one transaction, again if another writer was first."""

        def attempt() -> None:
            inner = nullcontext(outer) if outer else writing(self._workspace.engine)
            remembered, self._remembered = self._remembered, ContactCache()
            with inner as connection:
                chunk = UnitOfWork(connection, self._store, remembered)
                self._taker.load(chunk, rows.told)
                decided = self._taker.decide(chunk, rows.told)
                chunk.write()
                reached = self._save(connection, rows, decided)
                chunk.remember()
            self._remembered = remembered
            self._reach(rows, decided, reached)

        self._workspace.retrying(attempt)

    def _save(self, connection: Connection, rows: _Rows, decided: Decided) -> Checkpoint:
        """Write which rows were rejected, and how far the file has come."""
        reached = self._behind(rows, decided)
        if self._options.dry_run:
            return reached
        rejects = self._rejects
        rejects.cut(self._checkpoint.rejects_size)
        rejects.write(rows.all_rejected(decided))
        reached = evolve(reached, rejects=rejects.name, rejects_size=rejects.size)
        return save_checkpoint(connection, self._held, reached, self._store.clock())

    def _behind(self, rows: _Rows, decided: Decided) -> Checkpoint:
        """Give the checkpoint behind a batch."""
        batch, before = rows.batch, self._checkpoint
        counts = before.counts.plus(decided.counts)
        counts.rows += len(batch.rows) + len(batch.rejected)
        counts.rejected += len(rows.rejected) + len(decided.refused)
        counts.doubled += self._doubled(rows, decided)
        return evolve(
            before,
            state="finished" if batch.last else "running",
            offset=batch.offset,
            counts=counts,
        )

    def _doubled(self, rows: _Rows, decided: Decided) -> int:
        """Count the rows whose contact had a row before; of what both say, the last one counts."""
        if not self._task.once:
            return 0
        self._doubles.forget()
        refused = {refusal.row for refusal in decided.refused}
        taken = (told for number, told in enumerate(rows.told) if number not in refused)
        return sum(self._doubles.has(told.contact) for told in taken)

    def _reach(self, rows: _Rows, decided: Decided, reached: Checkpoint) -> None:
        """Take note that what came of a batch is stored."""
        self._checkpoint = self._held = reached
        self._doubles.keep()
        missing = EXAMPLES - len(self._examples)
        if missing > 0:
            self._examples += rows.all_rejected(decided)[:missing]
        self._report(rows.batch.bytes_read)

    def _report(self, bytes_read: int, begun: Summary | None = None) -> None:
        """Tell how far it has come."""
        if self._watch is not None:
            size = self._known.size if self._known else None
            self._watch(Progress(self._checkpoint.counts.rows, bytes_read, size, begun=begun))

    def _fresh(self, known: Survey | None) -> Checkpoint:
        """Give the checkpoint of a run from the beginning."""
        return Checkpoint(
            kind=self._task.kind,
            path=absolute(self._opened.source.name, known),
            identity=known.digest if known else self._opened.head,
            asked=self._task.digest(),
        )

    def _summary(self) -> Summary:
        opened, checkpoint = self._opened, self._checkpoint
        return Summary(
            path=opened.source.name,
            counts=checkpoint.counts,
            matched=self._matched,
            ignored=tuple(self._teller.ignored),
            format=opened.reader.format,
            delimiter=opened.reader.delimiter,
            encoding=opened.source.encoding,
            rejects=checkpoint.rejects,
            examples=tuple(self._examples),
            resumed=self._start.checkpoint.counts.rows,
            already=self._start.already,
            dry_run=self._options.dry_run,
            seconds=time.monotonic() - self._began,
        )
