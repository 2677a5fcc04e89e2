"""What a workspace costs as it grows: one record, one filtered list, one verification.

One `record` is measured on a workspace of a few contacts and of a million, and `list --where`
beside the bare SQL that a person would write for it. The ratios of the medians count.

``python -m benchmarks store``            a million contacts on SQLite and on PostgreSQL
``python -m benchmarks store CONTACTS``   the same for another number of contacts
"""

import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.apply import DEFINITION, server
from funnelflow.storage.changes import Change
from funnelflow.storage.unit_of_work import UnitOfWork
from funnelflow.workspace.workspace import Workspace

CONTACTS = 1_000_000
FEW = 100
CHUNK = 20_000
RECORDS = 200
REPEATS = 5
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

WHERE = "contact.budget >= 9500.0 && has(contact.email)"
BARE = {
    "sqlite": (
        "SELECT * FROM contact_positions WHERE json_extract(fields, '$.budget') >= 9500.0 "
        "AND json_extract(fields, '$.email') IS NOT NULL ORDER BY id"
    ),
    "postgresql": (
        "SELECT * FROM contact_positions WHERE (fields::json ->> 'budget')::float8 >= 9500.0 "
        "AND (fields::json ->> 'email') IS NOT NULL ORDER BY id"
    ),
}


def run(contacts: str = "") -> None:
    """Print the ratios."""
    many = int(contacts.replace("_", "")) if contacts else CONTACTS
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place, server() as schema:
        for kind, database in (("sqlite", lambda: "funnelflow.db"), ("postgresql", schema)):
            print(f"{kind}:")
            _measure(Path(place) / kind, kind, database, many)


def _measure(place: Path, kind: str, database: Callable[[], str], many: int) -> None:
    """Fill two workspaces, and compare."""
    with (
        _workspace(place / "few", database()) as few,
        _workspace(place / "many", database()) as all_,
    ):
        _fill(few, FEW)
        taken = _fill(all_, many)
        print(f"  adding {many:,} contacts took {taken:,.0f} s")
        small, large = _records(few), _records(all_)
        for _ in range(RECORDS):
            next(small)
            next(large)
        _compare_records(small, large, many)
        _compare_lists(all_, kind)
        start = time.perf_counter()
        result = all_.verify()
        assert result.is_sound
        taken = time.perf_counter() - start
        print(f"  verify: {result.rows / taken:,.0f} rows of the history a second")


WHOLE = (("list", None, ""), ("list --limit 20", 20, " LIMIT 20"))


def _compare_whole(workspace: Workspace) -> None:
    """Take turns with the bare SQL for everybody and for a page of them, and print both medians."""
    for name, limit, more in WHOLE:
        ours, bare = [], []
        for _ in range(REPEATS):
            start = time.perf_counter()
            found = sum(1 for _ in workspace.list(limit=limit))
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            with workspace.engine.connect() as connection:
                sql = f"SELECT * FROM contact_positions ORDER BY id{more}"
                rows = connection.exec_driver_sql(sql).all()
            bare.append(time.perf_counter() - start)
            assert len(rows) == found
        mine, least = statistics.median(ours), statistics.median(bare)
        print(f"  {name}: {mine:.3f} s; bare SQL {least:.3f} s   ratio {mine / least:.2f}")


def _workspace(directory: Path, database: str) -> Workspace:
    directory.mkdir(parents=True)
    (directory / "bench.yaml").write_text(DEFINITION)
    return Workspace.create(directory, "bench", database=database)


def _fill(workspace: Workspace, contacts: int) -> float:
    """Add contacts, and give how long that took."""
    start = time.perf_counter()
    for first in range(0, contacts, CHUNK):
        workspace.context.transact(partial(_add, first=first, contacts=contacts))
    return time.perf_counter() - start


def _add(chunk: UnitOfWork, *, first: int, contacts: int) -> None:
    for number in range(first, min(first + CHUNK, contacts)):
        facts = {"budget": float(number * 7919 % 10_000), "email": f"c{number}@example.com"}
        chunk.take(Change(f"contact-{number:08}", "add", START, facts))
    chunk.write()


def _records(workspace: Workspace) -> Iterator[float]:
    """Record events on contacts all over the workspace, and give how long each took."""
    contacts = sum(workspace.counts().values())
    number = 0
    while True:
        number += 1
        name = f"contact-{number * 7919 % contacts:08}"
        start = time.perf_counter()
        workspace.record(name, "form_submitted")
        yield time.perf_counter() - start


def _compare_records(small: Iterator[float], large: Iterator[float], many: int) -> None:
    """Take turns, and print both medians."""
    pairs = [(next(small), next(large)) for _ in range(RECORDS)]
    few, lots = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"  one record among {FEW:,} contacts       {few * 1e3:7.2f} ms")
    print(f"  one record among {many:,} contacts {lots * 1e3:7.2f} ms   ratio {lots / few:.2f}")


def _compare_lists(workspace: Workspace, kind: str) -> None:
    """Take turns with the bare SQL, and print both medians."""
    ours, bare, found = [], [], 0
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = sum(1 for _ in workspace.list(WHERE))
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        with workspace.engine.connect() as connection:
            rows = connection.exec_driver_sql(BARE[kind]).all()
        bare.append(time.perf_counter() - start)
        assert len(rows) == found
    _compare_whole(workspace)
    mine, least = statistics.median(ours), statistics.median(bare)
    print(f"  list --where, {found:,} found: {mine:.2f} s; bare SQL {least:.2f} s   "
          f"ratio {mine / least:.2f}")  # fmt: skip
