"""The fold over Arrow tables, beside the engine's own fold of the same rows.

``python -m benchmarks arrow``          a million events of 100,000 contacts
``python -m benchmarks arrow EVENTS``   another number of them, ten a contact

The floor reads each row from a dictionary that was decoded before, makes the event of it as every
input is read, and takes the step. Each figure is the median of three runs (of one, of more than two
million events), in CPU seconds of this process; what Arrow and DuckDB do in threads of theirs is in
it. Memory is the peak of a process of its own that reads a Parquet file; it is read where Linux
says it.
"""

import datetime as dt
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

import funnelflow.arrow
from funnelflow.arrow.evidence_batches import EvidenceColumns, PreparedEvidence, open_evidence
from funnelflow.arrow.fold_batches import read_rows
from funnelflow.engine import Funnel
from funnelflow.engine.events import EventParser

EVENTS = 1_000_000
EACH = 10
REPEATS = 3
FEW = 2_000_000
"""More events than these are folded once."""
CHUNK = 500_000
"""So many rows are dictionaries at once."""
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NAMES = ("form_submitted", "content_viewed", "message", "call", "meeting", "assessed", "scored")
FACTS = (*[None] * 12, '{"budget": 1000}', '{"budget": 9000}', '{"authority": "decides"}')


def run(events: str = "", only: str = "") -> None:
    """Print the fold's time beside the floor's, with decoding and sorting apart, and memory."""
    count = int(events.replace("_", "")) if events else EVENTS
    if only:
        _fold_file(Path(only))
        return
    runs = REPEATS if count <= FEW else 1
    (funnel,) = funnelflow.arrow.funnels_of("standard")
    table = make_evidence(count)
    floor = 0.0
    for first in range(0, count, CHUNK):
        rows = _decoded(table.slice(first, CHUNK))
        floor += _median(lambda rows=rows: _floor(funnel, rows), runs)  # type: ignore[misc]
    del rows
    decoding = _median(lambda: _decode(table), runs)
    print(f"{count:,} events, {count // EACH:,} contacts, by `standard`")
    print(f"  floor: parse and step    {floor:8.2f} s  {count / floor:10,.0f} events a second")
    print(f"  decoding of columns      {decoding:8.2f} s  x{decoding / floor:.2f}")
    for name in ("stays", "positions", "decisions"):
        taken = _median(lambda name=name: _fold(name, funnel, table, ordered=True), runs)  # type: ignore[misc]
        without = (taken - decoding) / floor
        print(f"  {name:<24} {taken:8.2f} s  x{taken / floor:.2f}, x{without:.2f} without decoding")
    taken = _median(lambda: _fold("stays", funnel, table, ordered=False), runs)
    print(f"  stays, sorted before     {taken:8.2f} s  x{taken / floor:.2f}")
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place:
        for rows_in_file in (count // 10, count):
            path = Path(place) / f"{rows_in_file}.parquet"
            pa.parquet.write_table(table.slice(0, rows_in_file), path, row_group_size=65_536)
            command = [sys.executable, "-m", "benchmarks", "arrow", "1", str(path)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            print(f"  peak memory of {rows_in_file:,} events from Parquet: {said.strip()} MB")


def make_evidence(count: int, first: int = 0) -> pa.Table:
    """Return evidence sorted by contact and time: ten rows a contact, facts in one of five.

    Args:
        count: How many rows.
        first: How many stand before them.
    """
    chance = random.Random(first)
    start = int(BEGIN.timestamp() * 1e6)
    contacts, moments = [], []
    for contact in range(first // EACH, (first + count) // EACH):
        moment = start
        for _ in range(EACH):
            moment += chance.randrange(1, 3 * 86_400_000_000)
            contacts.append(f"c{contact:08}")
            moments.append(moment)
    return pa.table(
        {
            "contact": contacts,
            "event": [chance.choice(NAMES) for _ in contacts],
            "at": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "facts": pa.array([chance.choice(FACTS) for _ in contacts], pa.string()),
        }
    )


def _decoded(table: pa.Table) -> list[dict[str, Any]]:
    return [
        {**row, "facts": json.loads(row["facts"]) if row["facts"] else {}}
        for row in table.to_pylist()
    ]


def _floor(funnel: Funnel, rows: list[dict[str, Any]]) -> None:
    parser, current = EventParser(funnel.linked), None
    contact = funnel.new_contact("")
    for row in rows:
        if row["contact"] != current:
            current = row["contact"]
            contact = funnel.new_contact(current)
        event = parser.read(
            row["event"], row["at"], row["facts"], actor="", roles=(), to="", reason="",
            force=False, timezone=None, text=False,
        )  # fmt: skip
        funnel.step(contact, event)


def _decode(table: pa.Table) -> None:
    for batch in PreparedEvidence(open_evidence(table), EvidenceColumns({})):
        for _ in read_rows(batch):
            pass


def _fold(name: str, funnel: Funnel, table: pa.Table, *, ordered: bool) -> None:
    for _ in funnelflow.arrow.fold(funnel, table, (name,), ordered=ordered):
        pass


def _fold_file(path: Path) -> None:
    """Fold a sorted file, and print this process's peak memory in MB."""
    for _ in funnelflow.arrow.fold("standard", path, ("stays",), ordered=True):
        pass
    status = Path("/proc/self/status").read_text()  # `getrusage` counts the parent's, too
    print(round(int(status.partition("VmHWM:")[2].split()[0]) / 1024))


def _median(run_once: Callable[[], None], runs: int) -> float:
    """Return the median of some runs, in CPU seconds."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        run_once()
        taken.append(time.process_time() - start)
    return statistics.median(taken)
