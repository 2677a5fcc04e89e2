"""Which runs are taken back, and when imports were begun: what marks of snapshots are read by."""

import datetime as dt
from typing import NamedTuple

from sqlalchemy import Connection, select

from funnelflow.storage.row_format import from_text
from funnelflow.storage.tables import runs


class ImportRun(NamedTuple):
    """An import, which said something at one time.

    Attributes:
        number: What it is known by.
        at: When it was begun.
        actor: Who did it.
        counts: Whether it is in force: not taken back.
    """

    number: int
    at: dt.datetime
    actor: str
    counts: bool


def undone_by(connection: Connection) -> dict[int, int]:
    """Find the runs that are taken back, each by which run that is not taken back itself."""
    wanted = select(runs.c.id, runs.c.undoes).where(runs.c.undoes.is_not(None))
    by: dict[int, int] = {}
    for number, undoes in connection.execute(wanted.order_by(runs.c.id.desc())):
        if number not in by:
            by.setdefault(undoes, number)
    return by


def read_import_runs(connection: Connection) -> tuple[ImportRun, ...]:
    """Read the imports that there were, in their order."""
    undone = undone_by(connection)
    wanted = select(runs.c.id, runs.c.started_at, runs.c.actor).where(runs.c.kind == "import")
    return tuple(
        ImportRun(number, from_text(at), actor, number not in undone)
        for number, at, actor in connection.execute(wanted.order_by(runs.c.id))
    )
