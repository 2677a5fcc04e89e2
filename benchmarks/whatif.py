"""``whatif`` over a workspace, beside folding everybody once by the definition in use.

``python -m benchmarks whatif 1000000`` does it for a million contacts; making them takes longest.
Memory is measured in a process that only looks, on the same database.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.compare import events_of
from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage.connect import reading
from funnelflow.storage.stays import JourneyReader
from funnelflow.workspace.workspace import Workspace

CONTACTS = 100_000
_KILOBYTES = 1024


def run(contacts: str = str(CONTACTS)) -> None:
    """Print how long a changed threshold takes, beside folding everybody once, and its memory."""
    count = int(contacts)
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "w"
        with Workspace.create(root, "standard") as workspace:
            file = Path(directory) / "events.csv"
            file.write_text(events_of(count))
            workspace.apply(str(file), FileOptions())
        print(f"{count:,} contacts, {5 * count:,} events")
        once, floor = _apart(_fold_once, root)
        ours, memory = _apart(_what_if, root)
        print(f"  fold everybody once          {once:>8.2f} s")
        print(f"  whatif, one threshold        {ours:>8.2f} s   x{ours / once:.2f}")
        print(f"  peak memory                  {memory:>8,.0f} MB, folding once {floor:,.0f} MB")


def _fold_once(root: Path) -> None:
    """Read everybody's way through the funnel, as the report does."""
    with Workspace.open(root) as workspace, reading(workspace.engine) as connection:
        context = workspace.context
        reader = JourneyReader(connection, context.definitions, context.present(connection))
        for _ in reader.journeys():
            pass


def _what_if(root: Path) -> None:
    with Workspace.open(root) as workspace:
        workspace.what_if({"budget": 3000})


def _apart(work: Callable[[Path], None], root: Path) -> tuple[float, float]:
    """Run something in a process of its own; give its processor seconds and its peak in MB."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(work, root, send))
    process.start()
    send.close()  # whatever ends the process ends the waiting
    found: tuple[float, float] = receive.recv()
    process.join()
    return found


def _measured(work: Callable[[Path], None], root: Path, send: Any) -> None:
    start = time.process_time()
    work(root)
    send.send((time.process_time() - start, _peak()))


def _peak() -> float:
    """Return this process's peak memory in MB; `resource` gives that of the one it came from."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / _KILOBYTES
