"""Runs: what brings, or takes back, more than one piece of evidence at a time.

A run has a row from the transaction on in which it stores something for the first time; whatever
it stores names it. A run that stores nothing leaves no row.
"""

import datetime as dt
import json
from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen
from sqlalchemy import Connection, delete, insert, select, update

from funnelflow.errors import ConflictError, StoreError, UnknownNameError
from funnelflow.storage.import_runs import undone_by
from funnelflow.storage.json_form import value_json
from funnelflow.storage.row_format import UNREADABLE, checksum, encode, from_text, to_text
from funnelflow.storage.tables import runs
from funnelflow.storage.unit_of_work import UnitOfWork

RunKind: TypeAlias = Literal[
    "apply", "import", "record", "set", "move", "tick", "adopt", "undo", "merge", "unmerge", "erase"
]

_COLUMNS = tuple(column.name for column in runs.c if column.name not in {"id", "checksum"})


@frozen
class Run:
    """A run as the database holds it.

    Attributes:
        number: What it is known by.
        kind: What was done.
        file: The file that was read, absolute; empty for none.
        started_at: When it first stored something.
        actor: Who did it.
        reason: Why, where that was said.
        undoes: The run that it took back; None for none.
        details: What came of it: its ``counts``, whether it is ``finished``, and what its kind
            keeps to go on, or to be undone.
        undone_by: The run that took it back; None where it counts.
    """

    number: int
    kind: RunKind
    file: str
    started_at: dt.datetime
    actor: str
    reason: str
    undoes: int | None
    details: Mapping[str, Any] = field(repr=False)
    undone_by: int | None = None

    @property
    def counts(self) -> dict[str, Any]:
        """What came of it, counted."""
        return dict(self.details["counts"])

    @property
    def is_finished(self) -> bool:
        """Whether nothing of it is left to do."""
        return bool(self.details["finished"])

    def to_json(self) -> dict[str, Any]:
        """Return the run as data."""
        return {
            "run": self.number,
            "kind": self.kind,
            "file": self.file,
            "when": value_json(self.started_at),
            "who": self.actor,
            "reason": self.reason,
            "undoes": self.undoes,
            "finished": self.is_finished,
            "counts": self.counts,
            "undone": self.undone_by is not None,
            "undone_by": self.undone_by,
        }


@define(eq=False)
class OpenRun:
    """A run while it goes on, transaction by transaction.

    Attributes:
        kind: What is done.
        file: As `Run` has it, as are the others.
        actor: Who does it.
        reason: Why.
        undoes: The run that it takes back.
        details: What is kept of it besides the counts.
        number: What it is known by; None before a transaction that stored something is committed.
        begun: What it is known by in the transaction that goes on.
        started_at: When it was begun, in that transaction.
    """

    kind: RunKind
    file: str = ""
    actor: str = ""
    reason: str = ""
    undoes: int | None = None
    details: dict[str, Any] = field(factory=dict)
    number: int | None = None
    begun: int | None = field(default=None, init=False)
    started_at: dt.datetime | None = field(default=None, init=False)

    def begin(self, unit: UnitOfWork) -> None:
        """Let all that a unit of work records be the run's, which gets its row if it has none."""
        self.begun = self.number
        if self.begun is not None and self.started_at is None:
            self.started_at = find_run(unit.connection, self.begun).started_at
        if self.begun is None:
            self.started_at = unit.now
            values = self._values(unit, {}, is_finished=False)
            written = insert(runs).values(values).returning(runs.c.id)
            self.begun = unit.connection.execute(written).scalar_one()
        unit.join_run(self.begun, self.started_at)

    def save(
        self,
        unit: UnitOfWork,
        counts: Mapping[str, Any],
        *,
        is_finished: bool = False,
        keep: bool = False,
    ) -> int | None:
        """Write what came of the run so far, with what the unit of work has written.

        Args:
            unit: The unit of work, written.
            counts: What came of all of it.
            is_finished: Whether nothing is left to do.
            keep: Whether it leaves a row though nothing of it was recorded or noted.

        Returns:
            What it is known by; None where it leaves no row.

        Raises:
            ConflictError: Somebody takes the run back meanwhile.
        """
        connection, begun = unit.connection, self.begun
        if self.number is None and not (unit.recorded or unit.snapshots.noted or keep):
            connection.execute(delete(runs).where(runs.c.id == begun))
            self.begun = None
            return None
        values = self._values(unit, counts, is_finished=is_finished)
        if self.number is not None:
            stored = connection.execute(select(runs.c.started_at).where(runs.c.id == begun))
            values = _signed({**values, "started_at": stored.scalar_one()})
        connection.execute(update(runs).where(runs.c.id == begun).values(values))
        if self.number is not None and (by := undone_by(connection).get(self.number)):
            raise being_undone(self.number, by)
        return begun

    def committed(self) -> None:
        """Note that the last transaction is stored."""
        self.number = self.begun

    def _values(
        self, unit: UnitOfWork, counts: Mapping[str, Any], *, is_finished: bool
    ) -> dict[str, Any]:
        details = {**self.details, "counts": counts, "finished": is_finished}
        return _signed(
            {
                "kind": self.kind,
                "file": self.file,
                "started_at": to_text(unit.now),
                "actor": self.actor,
                "reason": self.reason,
                "undoes": self.undoes,
                "details": encode(details),
            }
        )


def note_run(
    connection: Connection, kind: RunKind, at: str, actor: str, counts: Mapping[str, int]
) -> None:
    """Keep that a run was, which began and ended in the transaction that is going on.

    Args:
        connection: The transaction.
        kind: What was done.
        at: When, as the database has it.
        actor: Who did it.
        counts: What came of it.
    """
    said = dict.fromkeys(("file", "reason"), "")
    details = encode({"counts": counts, "finished": True})
    values = {**said, "kind": kind, "started_at": at, "actor": actor, "undoes": None}
    connection.execute(insert(runs).values(_signed({**values, "details": details})))


def forget_reasons(connection: Connection, numbers: Collection[int]) -> None:
    """Forget why runs were, where that may say something of somebody who is erased."""
    wanted = select(runs).where(runs.c.id.in_(numbers), runs.c.reason != "")
    for row in connection.execute(wanted).all():
        values = _signed({name: getattr(row, name) for name in _COLUMNS} | {"reason": ""})
        connection.execute(update(runs).where(runs.c.id == row.id).values(values))


def being_undone(number: int, by: int) -> ConflictError:
    """Return the error that a run goes on no longer, since another takes it back."""
    return ConflictError(
        f"what run {number} has brought is being taken back, by run {by}",
        hint=f"let that finish: funnelflow undo {number} --reason '…' goes on with it",
    )


def _signed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {**values, "checksum": run_checksum(values)}


def run_checksum(columns: Mapping[str, Any]) -> int:
    """Return the checksum of a run over all its other columns but its number."""
    return checksum(*(columns[name] for name in _COLUMNS))


def read_runs(connection: Connection, limit: int | None = None) -> list[Run]:
    """Read the runs, the newest first.

    Raises:
        StoreError: One has been altered.
    """
    by = undone_by(connection)
    wanted = select(runs).order_by(runs.c.id.desc()).limit(limit)
    return [_read(row, by) for row in connection.execute(wanted)]


def find_run(connection: Connection, number: int) -> Run:
    """Read a run.

    Raises:
        UnknownNameError: There is none of that number.
        StoreError: It has been altered.
    """
    row = connection.execute(select(runs).where(runs.c.id == number)).one_or_none()
    if row is None:
        raise UnknownNameError("run", str(number), hint="`funnelflow runs` lists them")
    return _read(row, undone_by(connection))


def find_unfinished(connection: Connection, kind: RunKind, **details: Any) -> Run | None:
    """Find the run of a kind that was broken off, by what its details say; None for none."""
    for run in read_runs(connection):
        of_it = run.kind == kind and not run.is_finished and run.undone_by is None
        if of_it and all(run.details.get(name) == value for name, value in details.items()):
            return run
    return None


def _read(row: Any, by: Mapping[int, int]) -> Run:
    values = row._asdict()
    try:
        if values["checksum"] != run_checksum(values):
            raise ValueError
        return Run(
            row.id,
            row.kind,
            row.file,
            from_text(row.started_at),
            row.actor,
            row.reason,
            row.undoes,
            json.loads(row.details),
            by.get(row.id),
        )
    except UNREADABLE:
        raise StoreError(
            f"what the database knows of run {row.id} has been altered",
            hint="`funnelflow verify` says what else is; restore a backup",
        ) from None
