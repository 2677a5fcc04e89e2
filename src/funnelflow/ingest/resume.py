"""Where a run over a file begins: behind what earlier runs have done, or not at all.

Events happen once, so a file of them is applied once. Contacts are a snapshot, which may come
again at any time, and after others: it is read whole, but for what was read of it before it was
broken off.
"""

from itertools import count
from pathlib import Path

from attrs import evolve, frozen
from sqlalchemy import Connection

from funnelflow.errors import UsageError
from funnelflow.ingest.file_errors import FileError
from funnelflow.ingest.file_options import Changed, FileOptions
from funnelflow.ingest.input import Input
from funnelflow.ingest.rejects import RejectsFile
from funnelflow.ingest.source import STDIN, Survey
from funnelflow.storage.checkpoints import (
    START,
    Checkpoint,
    FileOffset,
    find_checkpoint,
    find_latest,
)
from funnelflow.storage.connect import reading
from funnelflow.storage.context import Context
from funnelflow.storage.import_runs import undone_by
from funnelflow.storage.row_format import from_text
from funnelflow.storage.runs import being_undone


@frozen
class Start:
    """Where a run begins.

    Attributes:
        checkpoint: What it goes on from; a new one at the beginning.
        saved: The checkpoint in the database that it replaces; None for none.
        is_done: Nothing is left to do.
        before: The checkpoint of what was read last from the same path; None for nothing.
    """

    checkpoint: Checkpoint
    saved: Checkpoint | None = None
    is_done: bool = False
    before: Checkpoint | None = None


def find_start(
    context: Context,
    opened: Input,
    fresh: Checkpoint,
    known: Survey | None,
    changed: Changed,
    *,
    has_keys: bool,
) -> Start:
    """Return how far the content of an input is done, with its reader brought there.

    Args:
        context: The workspace in which it is applied.
        opened: The input, at its first record.
        fresh: The checkpoint of a run from the beginning.
        known: What a survey of the file found; None for a stream, which can be read once.
        changed: What to do about a file that has changed since.
        has_keys: Whether rows have a key, by which one that was applied before is known again.

    Raises:
        FileError: It has changed since, or is asked for in another way than it was begun.
        ConflictError: What it brought is being taken back.
    """
    with reading(context.engine) as connection:
        same = find_checkpoint(connection, fresh.kind, fresh.identity)
        latest = None if fresh.path == STDIN else find_latest(connection, fresh.kind, fresh.path)
        _refuse_being_undone(connection, same, latest)
    if changed == "restart":
        return Start(fresh, same, before=latest)
    if same is not None and same.asked != fresh.asked and _is_void(same):
        return Start(evolve(fresh, rejects=same.rejects), same)
    again = _all_again(has_keys=has_keys)
    if same is not None:
        return _same(opened, fresh, same, changed, again, stream=known is None)
    if latest is not None:
        return _changed(opened, fresh, latest, changed, again)
    return Start(fresh)


def find_snapshot_start(
    context: Context, opened: Input, fresh: Checkpoint, known: Survey | None, changed: Changed
) -> Start:
    """Return where to begin with a snapshot: at the beginning, or where it was broken off.

    It goes on only with a file of the same content, in the same way, of which the last was read
    before anything else was: what came in between may have been about the same contacts.

    Args:
        context: The workspace in which it is imported.
        opened: The input, at its first record.
        fresh: The checkpoint of a run from the beginning.
        known: What a survey of the file found; None for a stream, which can be read once.
        changed: Whether it begins anew in any case, to ``restart``.

    Raises:
        FileError: The file changes while it is read.
        ConflictError: What it brought is being taken back.
    """
    with reading(context.engine) as connection:
        same = find_checkpoint(connection, fresh.kind, fresh.identity)
        last = find_latest(connection, fresh.kind)
        before = find_latest(connection, fresh.kind, fresh.path)
        _refuse_being_undone(connection, same)
    whole = Start(fresh, same, before=before)
    if same is None or same != last or known is None or changed == "restart":
        return whole
    if (same.state, same.asked) != ("running", fresh.asked):
        return whole
    if not _skip(opened, same.offset):
        raise _differs(opened.source.name, same, "give the same command again")
    return Start(evolve(same, path=fresh.path), same, before=before)


def _refuse_being_undone(connection: Connection, *found: Checkpoint | None) -> None:
    """Let nothing of a file be applied while what it brought is being taken back.

    Raises:
        ConflictError: It is.
    """
    undone = undone_by(connection)
    for before in found:
        if before is not None and before.run in undone:
            raise being_undone(before.run, undone[before.run])


def _same(
    opened: Input,
    fresh: Checkpoint,
    same: Checkpoint,
    changed: Changed,
    again: str,
    *,
    stream: bool,
) -> Start:
    """Go on with a content that was begun before."""
    name = opened.source.name
    if same.asked != fresh.asked:
        begun = "applied" if same.state == "finished" else "begun"
        raise FileError(
            name,
            f"this file was {begun} in another way: with other options",
            hint=f"give the same command as before; {again}",
        )
    unchanged = _skip(opened, same.offset)
    if not unchanged:
        raise _differs(name, same, again)
    if same.state == "finished":
        if not stream or opened.reader.lines.at_end():
            return Start(same, same, is_done=True)
        if changed != "continue":
            raise _grown(name, same, again)
    return Start(evolve(same, state=same.sorted or "running", path=fresh.path), same)


def _changed(
    opened: Input, fresh: Checkpoint, latest: Checkpoint, changed: Changed, again: str
) -> Start:
    """Raise an error for a path whose content is another than it was, or go on as somebody said."""
    name = opened.source.name
    if latest.sorted:
        raise _changed_while_sorted(name, latest, again)
    if not _skip(opened, latest.offset):
        raise _differs(name, latest, again)
    if changed != "continue":
        raise _grown(name, latest, again)
    going_on = evolve(latest, state="running", identity=fresh.identity, asked=fresh.asked)
    return Start(going_on, latest)


def _is_void(before: Checkpoint) -> bool:
    """Whether a run stored nothing, so that the file can be taken in another way."""
    return before.counts.rows == before.counts.rejected


def _skip(opened: Input, offset: FileOffset) -> bool:
    """Bring the reader behind what is done; False when that is not what it was."""
    return offset == START or opened.reader.lines.skip(offset)


def _all_again(*, has_keys: bool) -> str:
    """Return what ``--restart`` does; without a key nobody knows a row again."""
    if has_keys:
        return "--restart applies all of it; rows with a key that was applied are skipped"
    return (
        "--restart applies all of it, and records every event that was applied a second time: "
        "no column is taken for the key. A file of only the new rows does not"
    )


def _differs(name: str, before: Checkpoint, again: str) -> FileError:
    return FileError(
        name,
        f"the file has changed since {_when(before)}: the {before.counts.rows:,} rows that were "
        "applied are not the same any more",
        hint=again,
    )


def _changed_while_sorted(name: str, before: Checkpoint, again: str) -> FileError:
    return FileError(
        name,
        f"the file has changed since {_when(before)}, when {before.counts.rows:,} of its rows were "
        "applied: those that happened first",
        hint=f"give it once more as it was, under any name, to apply the others; {again}",
    )


def _grown(name: str, before: Checkpoint, again: str) -> FileError:
    return FileError(
        name,
        f"the file has changed since {_when(before)}, behind the {before.counts.rows:,} rows that "
        "were applied",
        hint=f"--continue applies what comes behind them; {again}",
    )


def _when(before: Checkpoint) -> str:
    return f"{before.updated_at[:16].replace('T', ' ')} UTC"


def open_rejects(
    context: Context, opened: Input, options: FileOptions, start: Start
) -> RejectsFile:
    """Open the rejects file where the last commit left it; it is made with the first row.

    Raises:
        UsageError: The file that was named holds something else.
        StoreError: It is not what it was when rows were last written to it.
    """
    checkpoint = start.checkpoint
    last = Path(checkpoint.rejects) if checkpoint.rejects else None
    path = (options.rejects or last or _default_rejects(context, opened, start)).absolute()
    if options.rejects is not None and path != last and not _is_replaceable(path, start):
        raise UsageError(
            f"{options.rejects} exists already, and bad rows would replace what is in it",
            hint="name another file: --rejects FILE",
        )
    reader = opened.reader
    return RejectsFile(
        path,
        reader.columns,
        format=_rejects_format(opened),
        delimiter=reader.delimiter,
        size=checkpoint.rejects_size if path == last else 0,
    )


def _rejects_format(opened: Input) -> str:
    """Return the format of the rejects of an input; cells of a table are corrected as CSV."""
    return "csv" if opened.table else opened.reader.format


def _default_rejects(context: Context, opened: Input, start: Start) -> Path:
    """Return a path named after the input and its content, so that no rejects replace others.

    Where the same content was read before, what somebody may have corrected of it is kept.
    """
    name = opened.source.name
    stem = "stdin" if name == STDIN else Path(name).name.split(".")[0]
    mark = start.checkpoint.identity.removeprefix("head:")[:8]
    ending = f"rejects.{_rejects_format(opened)}"
    path = context.directory / "rejects" / f"{stem}.{mark}.{ending}"
    numbers = count(2)
    while start.saved is not None and start.saved.rejects and not _is_replaceable(path, start):
        path = path.with_name(f"{stem}.{mark}.{next(numbers)}.{ending}")
    return path


def _is_replaceable(path: Path, start: Start) -> bool:
    """Whether there is no such file, or one that is as an earlier run left it."""
    if not path.exists():
        return True
    found = path.stat()
    return any(
        before is not None
        and before.rejects == str(path)
        and before.rejects_size == found.st_size
        and from_text(before.updated_at).timestamp() >= found.st_mtime
        for before in (start.saved, start.before)
    )
