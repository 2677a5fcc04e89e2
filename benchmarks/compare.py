"""Comparing every two shipped definitions, and translating stored contacts.

Translating is measured beside its floor: reading the same rows of the history, and folding
the same evidence in memory.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

from sqlalchemy import select

from funnelflow.compare import crosswalk
from funnelflow.definition import load_definition, shipped_definitions
from funnelflow.engine import Event, Funnel
from funnelflow.ingest.file_options import FileOptions
from funnelflow.storage.connect import reading
from funnelflow.storage.replay import read_event
from funnelflow.storage.tables import history
from funnelflow.workspace.workspace import Workspace

CONTACTS = 20_000


def run(contacts: str = str(CONTACTS)) -> None:
    """Print the slowest pairs of definitions, and the ratio of translating to its floor."""
    _pairs()
    with tempfile.TemporaryDirectory() as directory:
        _translating(Path(directory), int(contacts))


def _pairs() -> None:
    files = sorted(shipped_definitions().glob("*.yaml"))
    funnels = [Funnel(load_definition(path)) for path in files]
    times = {
        f"{a.definition.name} {b.definition.name}": _seconds(partial(crosswalk, a, b))
        for a, b in combinations(funnels, 2)
    }
    slowest = sorted(times.items(), key=lambda item: -item[1])[:3]
    print(f"{len(times)} pairs of shipped definitions; the slowest:")
    for names, seconds in slowest:
        print(f"  compare {names:40}{seconds:>8.2f} s")


def _translating(directory: Path, count: int) -> None:
    other = Funnel(load_definition(shipped_definitions() / "dialogue.yaml"))
    with Workspace.create(directory / "w", "standard") as workspace:
        file = directory / "events.csv"
        file.write_text(events_of(count))
        workspace.apply(str(file), FileOptions())
        home = workspace.funnel()
        known: list[tuple[str, list[Event]]] = []
        reading_ = _seconds(lambda: _read(workspace, known))
        folding = _seconds(lambda: [home.fold(name, story) for name, story in known])
        ours = _seconds(lambda: sum(1 for _ in workspace.translate_all(other)))
    print(f"\n{count:,} contacts, {5 * count:,} events")
    print(f"  read the evidence            {reading_:>8.2f} s")
    print(f"  fold it in memory            {folding:>8.2f} s")
    ratio = ours / (reading_ + folding)
    print(f"  translate --all              {ours:>8.2f} s   x{ratio:.2f} of both")


def _read(workspace: Workspace, known: list[tuple[str, list[Event]]]) -> None:
    """Read every story into memory, as the home's definition reads it."""
    query = select(history).order_by(history.c.contact, history.c.sequence)
    with reading(workspace.engine) as connection:
        last = ""
        for row in connection.execute(query.execution_options(yield_per=1_000)):
            if row.contact_id != last:
                last = row.contact_id
                known.append((last, []))
            event = read_event(workspace.context.definitions.by_id(connection, row.definition), row)
            known[-1][1].append(event)


def events_of(count: int) -> str:
    """Write a file in which every contact has five events."""
    story = (
        ("form_submitted", "email=x"),
        ("content_viewed", ""),
        ("downloaded", ""),
        ("call", "way"),
        ("assessed", "budget"),
    )
    facts = {"email=x": '"{""email"":""a@example.com""}"', "budget": '"{""budget"":9000}"'}
    facts["way"] = '"{""direction"":""outbound"",""way"":""two_way""}"'
    lines = ["contact,event,at,facts"]
    for hour, (event, brought) in enumerate(story):
        at = f"2026-03-02T{9 + hour:02}:00:00Z"
        lines += [f"c{i},{event},{at},{facts.get(brought, '')}" for i in range(count)]
    return "\n".join(lines) + "\n"


def _seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()  # of this process alone: machines are shared
    work()
    return time.process_time() - start
