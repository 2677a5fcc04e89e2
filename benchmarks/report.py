"""What a report of many contacts costs: scans of the evidence, time, and peak memory.

Every contact has five rows of evidence, in a workspace with one funnel. The report is made in a
process of its own, so that its peak memory is that of the report; memory is measured beside that
of a tenth of the contacts. A scan is as many rows of evidence read as there are.

``python -m benchmarks report``            a million contacts, five million rows of evidence
``python -m benchmarks report CONTACTS``   the same for another number of contacts
"""

import cProfile
import csv
import datetime as dt
import pstats
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.apply import DEFINITION
from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage.stays import JourneyReader
from funnelflow.workspace.workspace import Workspace

CONTACTS = 1_000_000
EACH = 5
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
SOURCES = ("website", "search", "fair", "list", "referral")
PROFILED = "profile"
SLOWEST = 25


def run(contacts: str = "", *more: str) -> None:
    """Print what a report costs; of a directory in a process of its own, what it cost there."""
    if more:
        _report(Path(contacts), *more)
        return
    many = int(contacts.replace("_", "")) if contacts else CONTACTS
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place:
        for number in (many // 10, many):
            directory = Path(place) / str(number)
            print(f"{number:,} contacts, {number * EACH:,} rows of evidence:")
            started = time.monotonic()
            _fill(directory, number)
            print(f"  applied in {time.monotonic() - started:,.0f} s", flush=True)
            for what in ("report", "counted"):
                command = [sys.executable, "-m", "benchmarks", "report", str(directory), what]
                subprocess.run(command, check=True)


def _fill(directory: Path, number: int) -> None:
    """Make a workspace with contacts."""
    (directory / "definitions").mkdir(parents=True)
    (directory / "definitions" / "bench.yaml").write_text(DEFINITION)
    chance, path = random.Random(1), directory / "events.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["contact", "event", "at", "facts"])
        for contact in range(number):
            at = START + dt.timedelta(minutes=chance.randrange(300 * 1440))
            for event, facts in _story(chance):
                writer.writerow([f"c{contact}", event, at.isoformat(), facts])
                at += dt.timedelta(minutes=chance.randrange(20 * 1440))
    with Workspace.create(directory, "bench") as workspace:
        workspace.apply(str(path), FileOptions(actor="bench"))


def _story(chance: random.Random) -> list[tuple[str, str]]:
    """Return the events of a contact."""
    budget = chance.choice([2000, 6000, 9000, 12000])
    known = f'{{"source": "{chance.choice(SOURCES)}", "email": "a@example.com"}}'
    asked = f'{{"budget": {budget}}}' if chance.random() < 0.6 else ""
    middle = [("call", asked), ("call", "")]
    last = [("purchased", "")] if chance.random() < 0.3 else [("call", "")]
    return [("form_submitted", known), *middle, ("form_submitted", ""), *last]


def _report(directory: Path, what: str, *more: str) -> None:
    """Make a report, or list whom a number of it counts, and print what that cost."""
    read, told = 0, JourneyReader.read_told

    def counting(reader: JourneyReader, first: int, last: int) -> Any:
        nonlocal read
        found = told(reader, first, last)
        read += sum(len(rows) for rows, _ in found.values())
        return found

    JourneyReader.read_told = counting  # type: ignore[assignment, method-assign]
    profile = cProfile.Profile()
    with Workspace.open(directory) as workspace:
        started = time.monotonic()
        if PROFILED in more:
            profile.enable()
        if what == "report":
            (report,) = workspace.report(by="source")
            number = report.entries.value
        else:
            number = sum(1 for _ in workspace.counted("ageing/lead"))
        profile.disable()
        spent = time.monotonic() - started
    peak = _peak_memory()
    busy = time.process_time()
    print(
        f"  {what} of {number:,}: {spent:,.1f} s ({busy:,.1f} s of processor), {read:,} rows of "
        f"evidence read, peak {peak:,.0f} MB"
    )
    if PROFILED in more:
        pstats.Stats(profile).sort_stats("tottime").print_stats(SLOWEST)


def _peak_memory() -> float:
    """Return the most memory that this process has had, in MB.

    `resource` would count what the process that started it had as well.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024
