"""How far a file has been applied, kept in the same transactions as what it brought."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

from attrs import asdict, define, evolve, field, frozen
from sqlalchemy import Connection, Row, select, text

from funnelflow.errors import ConflictError, StoreError
from funnelflow.storage.changes import ChangeResult
from funnelflow.storage.row_format import checksum, encode, to_text
from funnelflow.storage.tables import checkpoints

State: TypeAlias = str
"""``running``, ``finished``, or ``sorted N DIGEST``: the rows behind the offset are applied in the
order of time, N of them are done, and the digest is that of their lines."""


class FileOffset(NamedTuple):
    """A place in a source from which reading can go on.

    Attributes:
        position: Bytes of plain UTF-8 before the next record.
        lines: Physical lines before it.
        digest: sha256 of those bytes, which proves that what stood before is unchanged.
    """

    position: int
    lines: int
    digest: str


_IN_JSON = {"in_future": "ahead", "same_contact": "doubled"}
"""The counts that have other names as data, which databases keep."""
_FROM_JSON = {name: count for count, name in _IN_JSON.items()}


@define
class Counts:
    """Counts of rows.

    Attributes:
        rows: All that were read.
        moved: The contact moved; by time alone if the row is among the refused, too.
        stayed: It stayed where it was.
        refused: A move was refused; that is kept in the history, too.
        repeated: They had been applied before, under the same key.
        unchanged: They said nothing new, so nothing was recorded.
        rejected: They could not be used, and are in the rejects file.
        created: Contacts that were added.
        in_future: Their time lies more than a day in the future.
        late: They happened before what was known of their contact already.
        restated: Late ones that changed where the contact stands, or a later answer.
        untold: Messages that are not sent, for what they tell of is older than `fresh`.
        erased: They were about contacts that were erased, and nothing was taken of them.
        left_out: The mapping leaves them out, and nothing was taken of them.
        same_contact: An earlier row of the same run was about the same contact.
        stages: Stage to how many rows moved a contact into it.
        reasons: Criterion to how many refusals it was a reason of.
    """

    rows: int = 0
    moved: int = 0
    stayed: int = 0
    refused: int = 0
    repeated: int = 0
    unchanged: int = 0
    rejected: int = 0
    created: int = 0
    in_future: int = 0
    late: int = 0
    restated: int = 0
    untold: int = 0
    erased: int = 0
    left_out: int = 0
    same_contact: int = 0
    stages: Counter[str] = field(factory=Counter)
    reasons: Counter[str] = field(factory=Counter)

    def count(self, entry: ChangeResult) -> None:
        """Count what became of a row."""
        if entry.duplicate:
            self.repeated += 1
            return
        if entry.created:
            self.created += 1
        if entry.restated is not None:
            self.late += 1
            self.restated += entry.restated.is_change
        if entry.path:
            self.moved += 1
            self.stages[entry.after] += 1
        if entry.outcome == "refused":
            self.refused += 1
            self.reasons.update(label for label, _ in entry.unmet)
        elif not entry.path:
            self.stayed += 1

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum with other counts."""
        mine, theirs = asdict(self, recurse=False), asdict(other, recurse=False)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})

    def to_json(self) -> dict[str, Any]:
        """Return the counts as data, the commonest stages and reasons first."""
        counts = asdict(self, recurse=False)
        counted = {_IN_JSON.get(name, name): count for name, count in counts.items()}
        for name in ("stages", "reasons"):
            counted[name] = dict(
                sorted(counted[name].items(), key=lambda pair: (-pair[1], pair[0]))
            )
        return counted

    @classmethod
    def from_json(cls, counted: Mapping[str, Any]) -> "Counts":
        """Read what `to_json` gave."""
        maps = {name: Counter(counted[name]) for name in ("stages", "reasons")}
        plain = {_FROM_JSON.get(name, name): count for name, count in counted.items()}
        return cls(**{**plain, **maps})


START = FileOffset(0, 0, "")

_COLUMNS = tuple(column.name for column in checkpoints.c if column.name != "id")
_INSERT = text(
    f"INSERT INTO checkpoints ({', '.join(_COLUMNS)}) "  # noqa: S608  # only names of columns
    f"VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) "
    "ON CONFLICT (kind, identity) DO NOTHING"
)
_UPDATE = text(
    f"UPDATE checkpoints SET {', '.join(f'{name} = :{name}' for name in _COLUMNS)} "  # noqa: S608
    "WHERE id = :held_id AND position = :held_position AND state = :held_state"
)


@frozen
class Checkpoint:
    """How far a file has been applied.

    Attributes:
        kind: What is read from it: ``events`` or ``contacts``.
        path: The file, absolute; ``-`` for a stream.
        identity: Tells the content.
        asked: Digest of how it was to be applied.
        state: Whether all of it is done.
        offset: Behind the last row that is done; `START` before the first.
        rejects: The file with the rejected rows.
        rejects_size: The bytes of it that belong to rows that are done.
        counts: What came of the rows that are done.
        contact_column: The column that says whom a row is about; empty where none does.
        run: The run that applies it; None before it has brought anything.
        id: Its number in the database; None before it is stored.
        started_at: When the file was begun.
        updated_at: When the last of it was done.
    """

    kind: str
    path: str
    identity: str
    asked: str
    state: State = "running"
    offset: FileOffset = START
    rejects: str = ""
    rejects_size: int = 0
    counts: Counts = Counts()  # noqa: RUF009  # never changed in place
    contact_column: str = ""
    run: int | None = None
    id: int | None = None
    started_at: str = ""
    updated_at: str = ""

    @property
    def sorted(self) -> str:
        """What of the rows behind the offset is done, in the order of time; empty for nothing."""
        return self.state if self.state.startswith("sorted ") else ""


def find_checkpoint(connection: Connection, kind: str, identity: str) -> Checkpoint | None:
    """Return how far a content has been applied; None if it never was."""
    wanted = select(checkpoints).where(
        checkpoints.c.kind == kind, checkpoints.c.identity == identity
    )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _read(row)


def find_latest(connection: Connection, kind: str, path: str = "") -> Checkpoint | None:
    """Return the checkpoint of what was applied last from a path, or from any.

    Args:
        connection: The transaction to read in.
        kind: What was read.
        path: The file, whatever it contains now; empty for any.
    """
    wanted = (
        select(checkpoints)
        .where(checkpoints.c.kind == kind)
        .order_by(checkpoints.c.updated_at.desc(), checkpoints.c.id.desc())
        .limit(1)
    )
    if path:
        wanted = wanted.where(checkpoints.c.path == path)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _read(row)


def save_checkpoint(
    connection: Connection, held: Checkpoint | None, now: Checkpoint, at: dt.datetime
) -> Checkpoint:
    """Write how far a file has come, if it still is where this run left it.

    Args:
        connection: The transaction that holds what the rows brought.
        held: The checkpoint as this run last read or wrote it; None if there was none.
        now: What it becomes.
        at: The time it is.

    Raises:
        ConflictError: Another process applies the same file.
    """
    written = evolve(
        now, started_at=held.started_at if held else to_text(at), updated_at=to_text(at)
    )
    values = _values(written)
    if held is None:
        done = connection.execute(_INSERT, values)
    else:
        was = {"held_id": held.id, "held_position": held.offset.position, "held_state": held.state}
        done = connection.execute(_UPDATE, {**values, **was})
    if done.rowcount != 1:
        raise ConflictError(
            "another process is applying the same file",
            hint="let it finish; nothing of what it does is done twice",
        )
    return evolve(written, id=held.id) if held else _stored(connection, written)


def _stored(connection: Connection, checkpoint: Checkpoint) -> Checkpoint:
    found = find_checkpoint(connection, checkpoint.kind, checkpoint.identity)
    assert found is not None
    return found


def _values(checkpoint: Checkpoint) -> dict[str, Any]:
    position, lines, prefix = checkpoint.offset
    said = {name: getattr(checkpoint, name, None) for name in _COLUMNS}
    values = said | {
        "position": position,
        "lines": lines,
        "prefix": prefix,
        "counts": encode(checkpoint.counts.to_json()),
    }
    return values | {"checksum": checkpoint_checksum(values)}


def checkpoint_checksum(columns: Mapping[str, Any]) -> int:
    """Return the checksum of a checkpoint over all its other columns but its number."""
    return checksum(*(columns[name] for name in _COLUMNS if name != "checksum"))


def _read(row: Row[Any]) -> Checkpoint:
    held = dict(row._mapping)  # noqa: SLF001  # the public name of it
    if held.pop("checksum") != checkpoint_checksum(held):
        raise StoreError(
            f"what the database knows of {held['path']} has been altered",
            hint="`funnelflow verify` says what else is; restore a backup",
        )
    offset = FileOffset(held.pop("position"), held.pop("lines"), held.pop("prefix"))
    counts = Counts.from_json(json.loads(held.pop("counts")))
    return Checkpoint(**held, offset=offset, counts=counts)
