"""`apply` beside the peer a user would pick: Django, `django-fsm-2` and a log table.

Everybody reads the file that `benchmarks.apply` writes, with the same definition, on SQLite
(WAL, ``synchronous = FULL``, as funnelflow has it) and on PostgreSQL, and must end with as many
contacts in each stage. Django does it with one transaction for each chunk of as many rows as
funnelflow takes, by `bulk_update` and by an upsert of the contacts, and with one for each event.
funnelflow also checks every value, chains digests, keeps its place in the file and tells
repeated keys; Django's code does not.

``python -m benchmarks apply_django``          30,000 events
``python -m benchmarks apply_django EVENTS``   another number

A transaction for each event waits for the disk each time, so those take a file of a tenth
of the events. Each run is a process of its own; they take turns, and the medians count. The
CPU is that of the process; PostgreSQL's own comes on top.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import frozen
from sqlalchemy import make_url

from benchmarks.apply import DEFINITION, server, write_events
from funnelflow.ingest.file_options import FileOptions
from funnelflow.workspace.workspace import Workspace

EVENTS = 30_000
SHARE = 10
REPEATS = 3

BY_CHUNK: Final = {
    "apply": "funnelflow apply",
    "chunk": "Django, bulk_update",
    "upsert": "Django, upsert",
}
BY_EVENT: Final = {
    "apply-event": "funnelflow apply, chunks of 1",
    "event": "Django, save()",
}

Stages: TypeAlias = dict[str, int]


@frozen
class Done:
    """What one run, or the median of some, came to.

    Attributes:
        seconds: How long it took.
        cpu: The CPU seconds of its process.
        stages: Stage to the number of contacts in it.
    """

    seconds: float
    cpu: float
    stages: Stages


def run(what: str = "", *arguments: str) -> None:
    """Print the tables; or do one run, and print what it took and came to as JSON."""
    if what == "one":
        way, database, path = arguments
        done = _one(way, database, Path(path))
        print(json.dumps([done.seconds, done.cpu, done.stages]))
    else:
        _tables(int(what.replace("_", "")) if what else EVENTS)


def _tables(events: int) -> None:
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as name, server() as schema:
        place, numbers = Path(name), count(1)
        many, few = place / "many.csv", place / "few.csv"
        write_events(many, events)
        write_events(few, events // SHARE)
        for kind, database in (
            ("SQLite", lambda: str(place / f"{next(numbers)}.db")),
            ("PostgreSQL", schema),
        ):
            chunks = _measure(list(BY_CHUNK), database, many)
            ours = chunks["apply"].seconds / events
            _print(f"{kind}, a transaction a chunk", BY_CHUNK, chunks, events, ours)
            singles = _measure(list(BY_EVENT), database, few)
            _print(f"{kind}, a transaction an event", BY_EVENT, singles, events // SHARE, ours)


def _measure(ways: list[str], database: Callable[[], str], path: Path) -> dict[str, Done]:
    """Give the median of each way, in turns; all must come to the same stages."""
    runs: dict[str, list[Done]] = {way: [] for way in ways}
    for _ in range(REPEATS):
        for way, taken in runs.items():
            taken.append(_in_a_process(way, database(), path))
    agreed = runs[ways[0]][0].stages
    for way, taken in runs.items():
        for done in taken:
            assert done.stages == agreed, f"{way} came to {done.stages}, not {agreed}"
    return {way: _median(taken) for way, taken in runs.items()}


def _median(taken: list[Done]) -> Done:
    return Done(
        statistics.median(done.seconds for done in taken),
        statistics.median(done.cpu for done in taken),
        taken[0].stages,
    )


def _print(
    title: str, names: dict[str, str], done: dict[str, Done], events: int, ours: float
) -> None:
    """Print a table; `ours` is what `apply` takes for an event, which the ratios are to."""
    stages = next(iter(done.values())).stages
    print(f"\n{title}; {events:,} events, ending in {_listed(stages)}")
    print(f"{'':32}{'s':>8}{'µs/event':>12}{'CPU µs':>10}{'x apply':>10}")
    for way, got in done.items():
        wall, cpu = got.seconds / events, got.cpu / events
        figures = f"{wall * 1e6:>12,.0f}{cpu * 1e6:>10,.0f}{wall / ours:>10.2f}"
        print(f"{names[way]:32}{got.seconds:>8.2f}{figures}")


def _listed(stages: Stages) -> str:
    return ", ".join(f"{stage} {count:,}" for stage, count in sorted(stages.items()))


def _in_a_process(way: str, database: str, path: Path) -> Done:
    command = [sys.executable, "-m", "benchmarks", "apply_django", "one", way, database, str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Done(*json.loads(done.stdout))


def _one(way: str, database: str, path: Path) -> Done:
    """Apply the file."""
    if way == "apply":
        return _funnelflow(database, path, FileOptions())
    if way == "apply-event":
        return _funnelflow(database, path, FileOptions(chunk=1))
    return _django(way, database, path)


def _timed(action: Callable[[], object]) -> tuple[float, float]:
    """Give the seconds and the CPU seconds that something takes."""
    start, cpu = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - start, time.process_time() - cpu


def _funnelflow(database: str, path: Path, options: FileOptions) -> Done:
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as name:
        directory = Path(name)
        (directory / "bench.yaml").write_text(DEFINITION)
        with Workspace.create(directory, "bench", database=database) as workspace:
            taken = _timed(lambda: workspace.apply(str(path), options))
            stages = {stage: n for stage, n in workspace.counts().items() if n}
    return Done(*taken, stages)


def _django(way: str, database: str, path: Path) -> Done:
    import django
    from django.conf import settings

    settings.configure(DATABASES={"default": _settings(database)}, INSTALLED_APPS=[], USE_TZ=True)
    django.setup()
    from benchmarks import django_contacts

    django_contacts.make_tables()
    taken = _timed(lambda: django_contacts.WAYS[way](path, FileOptions().chunk))
    return Done(*taken, django_contacts.counts())


def _settings(database: str) -> dict[str, Any]:
    """Give the database as Django's documentation sets it up for many writers."""
    if "://" not in database:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": database,
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                "transaction_mode": "IMMEDIATE",
            },
        }
    url = make_url(database)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username,
        "HOST": url.host or url.query.get("host"),
        "OPTIONS": {name: value for name, value in url.query.items() if name != "host"},
    }
