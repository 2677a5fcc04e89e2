"""`apply` of the same rows in the order of time, newest first, and shuffled.

Every contact has a hundred events, and those of all contacts alternate, so that no contact's
are near each other in any of the files. Each run has a new workspace and a process of its own,
in turn, on SQLite and on PostgreSQL; the ratio of the medians counts. That of the processor's
time says more on a busy machine.

``python -m benchmarks apply order [ROWS [ROUNDS]]``
"""

import json
import multiprocessing
import random
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from benchmarks.apply import HEADER, apply_once, clock_time, server

ROWS = 2_000_000
A_CONTACT = 100
ROUNDS = 3
SEED = 20260301
IN_ORDER = "in order"
Result: TypeAlias = tuple[float, float, float]
"""Seconds, seconds of the processor in this process, and megabytes at the peak."""


def run(rows: str = "", rounds: str = "") -> None:
    """Print how long each order takes, its ratio to the order of time, and the peak memory."""
    count = int(rows.replace("_", "")) if rows else ROWS
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as name, server() as schema:
        place = Path(name)
        orders = _write_files(place, count)
        databases: dict[str, Callable[[], str]] = {
            "sqlite": lambda: "funnelflow.db",
            "postgresql": schema,
        }
        for kind, database in databases.items():
            print(f"{kind}: {count:,} rows, {A_CONTACT} a contact", flush=True)
            results: dict[str, list[Result]] = {order: [] for order in orders}
            for _ in range(int(rounds or ROUNDS)):
                for order, path in orders.items():
                    results[order].append(_in_a_process(place / "work", database(), path))
                    shutil.rmtree(place / "work")
            _print(results)


def _print(results: dict[str, list[Result]]) -> None:
    seconds, processor = _medians(results, 0), _medians(results, 1)
    for order, found in results.items():
        taken = f"{seconds[order]:7.1f} s  ratio {seconds[order] / seconds[IN_ORDER]:.2f}"
        used = f"{processor[order]:7.1f} s  ratio {processor[order] / processor[IN_ORDER]:.2f}"
        peak = max(megabytes for _, _, megabytes in found)
        print(f"  {order:<12} {taken}   processor {used}   peak {peak:.0f} MB", flush=True)


def _medians(results: dict[str, list[Result]], number: int) -> dict[str, float]:
    return {o: statistics.median(result[number] for result in results[o]) for o in results}


def _write_files(place: Path, count: int) -> dict[str, Path]:
    """Write the same rows in each order."""
    numbers = list(range(count))
    random.Random(SEED).shuffle(numbers)
    orders: dict[str, Iterable[int]] = {
        IN_ORDER: range(count),
        "newest first": reversed(range(count)),
        "shuffled": numbers,
    }
    paths = {order: place / f"{order.replace(' ', '-')}.csv" for order in orders}
    for order, order_of_rows in orders.items():
        with paths[order].open("w") as file:
            file.write(HEADER)
            file.writelines(_row(n, count) for n in order_of_rows)
    return paths


def _row(number: int, count: int) -> str:
    """Return a row of the file, each a second later than the one before."""
    contacts = max(count // A_CONTACT, 1)
    turn, contact = divmod(number, contacts)
    event = "form_submitted" if turn % 10 == 0 else "call"
    facts = {"email": f"c{contact}@example.com"} if turn % 10 == 0 else {"budget": 40 * turn}
    quoted = json.dumps(facts).replace('"', '""')
    at = clock_time(number)
    return f'contact-{contact:07d},{event},{at},rep{contact % 9},"{quoted}"\n'


def _in_a_process(directory: Path, database: str, path: Path) -> Result:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_apply, (directory, database, path))


def _apply(directory: Path, database: str, path: Path) -> Result:
    begun = time.process_time()
    taken = apply_once(directory, database, path)
    used = time.process_time() - begun
    return taken, used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
