"""Running over a file in chunks, so that it can be killed at any moment and gone on with.

Each chunk is one transaction that holds what the rows brought, and the place behind them.
Whatever happens, the database knows exactly which rows are done: the same command goes on
behind them. The rejects file is written, and on the disk, before the transaction ends; what
is in it beyond what the database knows of is cut off when a run goes on.
"""

import datetime as dt
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeAlias

from attrs import evolve
from sqlalchemy import Connection

from funnelflow.errors import (
    ConflictError,
    FieldError,
    FunnelflowError,
    UnknownNameError,
    UsageError,
)
from funnelflow.store.bulk import Chunk
from funnelflow.store.checkpoints import Checkpoint, save_checkpoint
from funnelflow.store.connecting import writing
from funnelflow.store.faults import RetryError
from funnelflow.store.files import (
    Batch,
    FileError,
    Input,
    Rejection,
    RejectsFile,
    RowError,
    Survey,
    is_regular,
    open_input,
    survey,
)
from funnelflow.store.formats import readable
from funnelflow.store.mapping import Matched, Told, bind, field_target
from funnelflow.store.names import is_id
from funnelflow.store.options import FileOptions
from funnelflow.store.preparing import match, open_rejects, store_for
from funnelflow.store.remembered import Remembered
from funnelflow.store.starting import absolute, find_start
from funnelflow.store.tally import EXAMPLES, Progress, Summary, Tally

if TYPE_CHECKING:
    from funnelflow.store.opened import OpenWorkspace

__all__ = ["Task", "run_file"]

_COLLECT_AFTER = 1_000_000
"""New objects after which Python looks for cycles in a run."""

Watch: TypeAlias = Callable[[Progress], None]


Line: TypeAlias = tuple[int, Any, Told]
"""A row on its way: the line on which it began, what was read, and what it says."""


class Task(Protocol):
    """What rows are taken for."""

    kind: str
    """What checkpoints call it."""

    targets: tuple[str, ...]
    """What columns can be, besides fields."""

    def digest(self) -> str:
        """Give a digest of everything that decides what a row becomes."""

    def prepare(self, matched: Matched, timezone: dt.tzinfo | None) -> None:
        """Get ready for the columns there are; raises UsageError if a needed one is not."""

    def begin(self) -> None:
        """Get ready for the rows of a chunk; those of one that was not kept are forgotten."""

    def take(self, chunk: Chunk, told: Told, tally: Tally) -> None:
        """Take one row; raises RowError or FunnelflowError if it cannot be used."""

    def keep(self) -> None:
        """Take note that the rows since `begin` are stored."""


def run_file(
    workspace: "OpenWorkspace",
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
            return _Run(workspace, opened, task, options, known).run(progress)


class _Run:
    def __init__(
        self,
        workspace: "OpenWorkspace",
        opened: Input,
        task: Task,
        options: FileOptions,
        known: Survey | None,
    ) -> None:
        self._began = time.monotonic()
        self._workspace = workspace
        self._opened = opened
        self._task = task
        self._options = options
        self._size = known.size if known else None
        reader = opened.reader
        self._matched = match(workspace, opened, task.targets, options)
        self._teller = bind(self._matched, reader.columns, reader.format)
        self._store = store_for(workspace, options)
        task.prepare(self._matched, self._store.timezone)
        fresh = self._fresh(known)
        keyed = any(match.target == "key" for match in self._matched.matches)
        self._start = find_start(workspace, opened, fresh, known, options.changed, keyed=keyed)
        self._held = self._start.held
        self._checkpoint = self._start.checkpoint
        self._examples: list[Rejection] = []
        self._remembered = Remembered()

    def run(self, progress: Watch | None) -> Summary:
        """Do what is left to do."""
        if self._start.already:
            return self._summary()
        rejects = open_rejects(self._workspace, self._opened, self._options, self._checkpoint)
        if progress is not None:
            rows = self._checkpoint.tally.rows
            progress(Progress(rows, 0, self._size, begun=self._summary()))
        try:
            with self._outer() as connection, _rarely_collected():
                for batch in self._opened.reader.batches(self._options.chunk):
                    self._refuse_changed(batch)
                    self._commit(batch, connection, rejects)
                    if progress is not None:
                        rows = self._checkpoint.tally.rows
                        progress(Progress(rows, batch.bytes_read, self._size))
        except FileError as error:
            error.summary = self._summary()
            raise
        finally:
            rejects.close()
        return self._summary()

    def _refuse_changed(self, batch: Batch) -> None:
        """Notice that a file was cut short or written to while it was read."""
        if batch.last and self._size is not None and batch.bytes_read != self._size:
            raise FileError(
                self._opened.source.name,
                f"the file has changed while it was read: it had {self._size:,} bytes, and then "
                f"{batch.bytes_read:,}",
                line=self._checkpoint.place.lines + 1,
                hint="let whoever writes it finish, then give the same command with --continue",
            )

    @contextmanager
    def _outer(self) -> Iterator[Connection | None]:
        """Hold everything in one transaction that is undone, for a dry run."""
        if not self._options.dry_run:
            yield None
            return
        with writing(self._workspace.engine, dry_run=True) as connection:
            yield connection

    def _commit(self, batch: Batch, outer: Connection | None, rejects: RejectsFile) -> None:
        """Do a chunk in a transaction of its own, again if another writer was first."""

        def attempt() -> tuple[Checkpoint, Checkpoint | None, list[Rejection]]:
            inner = nullcontext(outer) if outer else writing(self._workspace.engine)
            remembered, self._remembered = self._remembered, Remembered()
            with inner as connection:
                chunk = Chunk(connection, self._store, remembered)
                tally, rejected = self._take(chunk, batch)
                reached = self._reached(batch, tally)
                stored = None
                if outer is None:
                    rejects.cut(self._checkpoint.rejects_size)
                    rejects.write(rejected)
                    reached = evolve(reached, rejects=rejects.name, rejects_size=rejects.size)
                    stored = save_checkpoint(connection, self._held, reached, self._store.clock())
                    reached = stored
                chunk.remember()
            self._remembered = remembered
            return reached, stored, rejected

        self._checkpoint, self._held, rejected = self._workspace.retrying(attempt)
        self._task.keep()
        self._examples += rejected[: EXAMPLES - len(self._examples)]

    def _take(self, chunk: Chunk, batch: Batch) -> tuple[Tally, list[Rejection]]:
        """Take the rows of a batch; gives what came of them, and those that cannot be used."""
        rejected = list(batch.rejected)
        lines = self._tell(batch, rejected)
        tally = Tally(rows=len(batch.rows) + len(batch.rejected))
        chunk.load({told.contact for _, _, told in lines}, {told.key for _, _, told in lines})
        take = self._task.take
        self._task.begin()
        for line in lines:
            try:
                take(chunk, line[2], tally)
            except RowError as error:
                rejected.append(Rejection(line[0], error.column, error.reason, line[1]))
            except (UsageError, FieldError, ConflictError) as error:
                if isinstance(error, RetryError):
                    raise
                rejected.append(self._rejection(line, error))
        chunk.write()
        tally.rejected, tally.ahead = len(rejected), chunk.ahead
        return tally, sorted(rejected, key=lambda rejection: rejection.line)

    def _tell(self, batch: Batch, rejected: list[Rejection]) -> list[Line]:
        """Read what the rows of a batch say, and set those aside that say it badly."""
        tell = self._teller.tell
        lines: list[Line] = []
        for line, record in batch.rows:
            try:
                lines.append((line, record, tell(record)))
            except RowError as error:
                rejected.append(Rejection(line, error.column, error.reason, record))
        return lines

    def _rejection(self, line: Line, error: FunnelflowError) -> Rejection:
        number, record, told = line
        column = self._column(_target(told, error))
        return Rejection(number, column, _words(error), record)

    def _column(self, target: str) -> str:
        """Give the column that a target is read from; empty when there is none."""
        mapping = self._matched.mapping
        if not target or target in self._task.targets:
            return mapping.column(target)
        return mapping.column(field_target(target)) or mapping.column("facts")

    def _reached(self, batch: Batch, tally: Tally) -> Checkpoint:
        """Give the checkpoint behind a batch."""
        return evolve(
            self._checkpoint,
            state="finished" if batch.last else "running",
            place=batch.place,
            tally=self._checkpoint.tally.plus(tally),
        )

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
            tally=checkpoint.tally,
            matched=self._matched,
            ignored=tuple(self._teller.ignored),
            format=opened.reader.format,
            delimiter=opened.reader.delimiter,
            encoding=opened.source.encoding,
            rejects=checkpoint.rejects,
            examples=tuple(self._examples),
            resumed=self._start.checkpoint.tally.rows,
            already=self._start.already,
            dry_run=self._options.dry_run,
            seconds=time.monotonic() - self._began,
        )


def _words(error: FunnelflowError) -> str:
    """Say what is wrong with a row and what to do, in one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _target(told: Told, error: FunnelflowError) -> str:
    """Tell which target an error is about."""
    if isinstance(error, UnknownNameError):
        return {"stage": "to", "field": "facts"}.get(error.kind, error.kind)
    if isinstance(error, FieldError):
        return error.message.partition(":")[0]
    if not is_id(told.contact):
        return "contact"
    return "key" if told.key and not is_id(told.key) else ""


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Keep Python from looking for cycles all the time.

    A chunk makes hundreds of thousands of objects at once and no cycles among them; looking
    for some after every few hundred took a quarter of a run.
    """
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
