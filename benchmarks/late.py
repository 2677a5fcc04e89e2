"""One late row about a contact with a long story, beside one that comes in order.

``python -m benchmarks late``        a story of 100,000 rows, on SQLite and on PostgreSQL
``python -m benchmarks late ROWS``   the same for another number of rows
"""

import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.apply import DEFINITION, server
from funnelflow.workspace.workspace import Workspace

ROWS = 100_000
BEGIN = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
REPEATS = 3


def run(rows: str = "") -> None:
    """Print how long one row takes that comes in order, and one of before all but the first."""
    count = int(rows.replace("_", "")) if rows else ROWS
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place, server() as schema:
        for kind, database in (("sqlite", "funnelflow.db"), ("postgresql", schema())):
            _measure(kind, Path(place) / kind, database, count)


def _measure(kind: str, directory: Path, database: str, count: int) -> None:
    directory.mkdir()
    (directory / "bench.yaml").write_text(DEFINITION)
    with Workspace.create(directory, "bench", database=database) as workspace:
        step = dt.timedelta(minutes=20)
        workspace.apply(
            {"contact": "ada", "event": "form_submitted", "at": BEGIN + number * step}
            for number in range(count)
        )
        end = BEGIN + count * step
        in_order = _median(lambda n: _record(workspace, end + n * HOUR))
        late = _median(lambda n: _record(workspace, BEGIN + n * HOUR + step / 2))
    print(f"{kind}: a contact with {count:,} rows")
    print(f"  one more in order   {in_order * 1e3:8.1f} ms")
    print(f"  one that comes late {late * 1e3:8.1f} ms")


def _record(workspace: Workspace, at: dt.datetime) -> None:
    workspace.record("ada", "form_submitted", at=at)


def _median(run_once: Callable[[int], None]) -> float:
    """Return the median time of some runs, in seconds."""
    taken = []
    for number in range(1, REPEATS + 1):
        start = time.perf_counter()
        run_once(number)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
