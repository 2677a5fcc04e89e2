"""Where a run over a file begins: at its start, behind what is done, or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from funnelflow.store.checkpoints import START, Checkpoint, find_checkpoint, find_latest
from funnelflow.store.connecting import reading
from funnelflow.store.files import STDIN, FileError, Input, Place, Survey
from funnelflow.store.options import Changed

if TYPE_CHECKING:
    from funnelflow.store.opened import OpenWorkspace

__all__ = ["Start", "absolute", "find_start"]


@frozen
class Start:
    """Where a run begins.

    Attributes:
        checkpoint: What it goes on from; a new one at the beginning.
        held: The checkpoint in the database that it takes the place of; None for none.
        already: Everything is done.
    """

    checkpoint: Checkpoint
    held: Checkpoint | None = None
    already: bool = False


def find_start(
    workspace: "OpenWorkspace",
    opened: Input,
    fresh: Checkpoint,
    known: Survey | None,
    changed: Changed,
    *,
    keyed: bool,
) -> Start:
    """Find out how far the content of an input is done, and bring its reader there.

    Args:
        workspace: Where it is applied.
        opened: The input, at its first record.
        fresh: The checkpoint of a run from the beginning.
        known: What a survey of the file found; None for a stream, which can be read once.
        changed: What to do about a file that has changed since.
        keyed: Rows have a key, by which one that was applied before is known again.

    Raises:
        FileError: It has changed since, or is asked for in another way than it was begun.
    """
    with reading(workspace.engine) as connection:
        same = find_checkpoint(connection, fresh.kind, fresh.identity)
        latest = None if fresh.path == STDIN else find_latest(connection, fresh.kind, fresh.path)
    if changed == "restart":
        return Start(fresh, same)
    if same is not None and same.asked != fresh.asked and _is_void(same):
        return Start(evolve(fresh, rejects=same.rejects), same)
    again = _all_again(fresh.kind, keyed=keyed)
    if same is not None:
        return _same(opened, fresh, same, changed, again, stream=known is None)
    if latest is not None:
        return _changed(opened, fresh, latest, changed, again)
    return Start(fresh)


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
        begun = "begun" if same.state == "running" else "applied"
        raise FileError(
            name,
            f"this file was {begun} in another way: another mapping, actor, zone or mode",
            hint=f"give the same command as before; {again}",
        )
    unchanged = _skip(opened, same.place)
    if not unchanged:
        raise _differs(name, same, again)
    if same.state == "finished":
        if not stream or opened.reader.lines.at_end():
            return Start(same, same, already=True)
        if changed != "continue":
            raise _grown(name, same, again)
    return Start(evolve(same, state="running", path=fresh.path), same)


def _changed(
    opened: Input, fresh: Checkpoint, latest: Checkpoint, changed: Changed, again: str
) -> Start:
    """Refuse a path whose content is another than it was, or go on as somebody said."""
    name = opened.source.name
    if not _skip(opened, latest.place):
        raise _differs(name, latest, again)
    if changed != "continue":
        raise _grown(name, latest, again)
    going_on = evolve(latest, state="running", identity=fresh.identity, asked=fresh.asked)
    return Start(going_on, latest)


def _is_void(before: Checkpoint) -> bool:
    """Tell whether a run stored nothing, so that the file can be taken in another way."""
    return before.tally.rows == before.tally.rejected


def _skip(opened: Input, place: Place) -> bool:
    """Bring the reader behind what is done; False when that is not what it was."""
    return place == START or opened.reader.lines.skip(place)


def _all_again(kind: str, *, keyed: bool) -> str:
    """Say what ``--restart`` does; without a key nobody knows a row again."""
    if kind != "events":
        return "--restart takes all of it again"
    if keyed:
        return "--restart applies all of it; rows with a key that was applied are skipped"
    return (
        "--restart applies all of it, and records every event that was applied a second time: "
        "no column is taken for the key. A file of only the new rows does not"
    )


def _differs(name: str, before: Checkpoint, again: str) -> FileError:
    return FileError(
        name,
        f"the file has changed since {_when(before)}: the {before.tally.rows:,} rows that were "
        "applied are not the same any more",
        hint=again,
    )


def _grown(name: str, before: Checkpoint, again: str) -> FileError:
    return FileError(
        name,
        f"the file has changed since {_when(before)}, behind the {before.tally.rows:,} rows that "
        "were applied",
        hint=f"--continue applies what comes behind them; {again}",
    )


def _when(before: Checkpoint) -> str:
    return f"{before.updated_at[:16].replace('T', ' ')} UTC"


def absolute(name: str, known: Survey | None) -> str:
    """Give the path under which a file is remembered; a stream has none."""
    return STDIN if known is None else str(Path(name).absolute())
