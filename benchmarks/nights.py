"""The same import night after night: what an unchanged file costs, and what it writes.

``python -m benchmarks nights``            50,000 contacts, on SQLite and on PostgreSQL
``python -m benchmarks nights CONTACTS``   the same for another number of contacts
"""

import datetime as dt
import tempfile
import time
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.apply import DEFINITION, server
from funnelflow.storage.tables import evidence, runs, sightings
from funnelflow.testing import FrozenClock
from funnelflow.workspace.workspace import Workspace

CONTACTS = 50_000
NIGHTS = 4
BEGIN = dt.datetime(2026, 6, 1, 2, tzinfo=dt.UTC)


def run(contacts: str = "") -> None:
    """Print how long each night takes, in CPU and by the clock, and how many rows there are."""
    count = int(contacts.replace("_", "")) if contacts else CONTACTS
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place, server() as schema:
        for kind, database in (("sqlite", "funnelflow.db"), ("postgresql", schema())):
            _measure(kind, Path(place) / kind, database, count)


def _measure(kind: str, directory: Path, database: str, count: int) -> None:
    directory.mkdir()
    (directory / "bench.yaml").write_text(DEFINITION)
    people, clock = directory / "people.csv", FrozenClock(BEGIN)
    lines = (f"c{number},c{number}@example.com\n" for number in range(count))
    people.write_text("contact,email\n" + "".join(lines))
    print(f"{kind}: {count:,} contacts")
    with Workspace.create(directory, "bench", database=database, clock=clock) as workspace:
        for night in range(NIGHTS):
            clock.now = BEGIN + night * dt.timedelta(days=1)
            start, cpu = time.perf_counter(), time.process_time()
            counts = workspace.import_contacts(people).counts
            cpu, taken = time.process_time() - cpu, time.perf_counter() - start
            with workspace.engine.connect() as connection:
                rows = ", ".join(
                    f"{connection.execute(select(func.count()).select_from(table)).scalar():,} "
                    f"{table.name}"
                    for table in (evidence, sightings, runs)
                )
            unchanged = f"{counts.unchanged:,} unchanged"
            print(f"  night {night + 1}  {taken:6.1f} s, {cpu:5.1f} of CPU  {unchanged}: {rows}")
