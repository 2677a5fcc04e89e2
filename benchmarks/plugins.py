"""What hooks cost for each event: `apply` and `record` with plugins, beside none.

``python -m benchmarks plugins``          both, on SQLite
``python -m benchmarks plugins EVENTS``   the same with another number of events for `apply`

Every case runs over the same events in a fresh workspace, one case after the other, so that
each meets the machine in the same moods; the ratio of the medians counts. A workspace without
plugins, one whose plugins are turned off, and one whose plugin only offers something pay one
comparison with None an event: their ratios differ from 1 by what the machine does meanwhile.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.apply import DEFINITION, write_events
from funnelflow.plugins import PluginHost, load_plugins
from funnelflow.workspace.workspace import Workspace

EVENTS = 60_000
RECORDS = 300
REPEATS = 7

_IMPORT = "from funnelflow.plugins import hookimpl\n\n"
OFFERS = f"{_IMPORT}@hookimpl\ndef funnelflow_criteria():\n    return []\n"
OBSERVES = f"{_IMPORT}@hookimpl\ndef funnelflow_after_commit(context):\n    pass\n"
ASKED = f"{_IMPORT}@hookimpl\ndef funnelflow_before_transition(context):\n    return None\n"

Case = tuple[str, str, str | None]
CASES: Sequence[Case] = (
    ("no plugins", "", None),
    ("one, turned off by --no-plugins", OBSERVES, "*"),
    ("one that only offers", OFFERS, None),
    ("one that is told of commits", OBSERVES, None),
    ("one that is asked before transitions", ASKED, None),
)


def run(events: str = "") -> None:
    """Print how long each case takes, and the ratio to a workspace without plugins."""
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as directory:
        path = Path(directory) / "events.csv"
        write_events(path, int(events.replace("_", "")) if events else EVENTS)
        work = Path(directory) / "work"
        _compare("apply", work, lambda workspace: _apply(workspace, path))
        _compare("record", work, _record)


def _compare(what: str, work: Path, measure: Callable[[Workspace], float]) -> None:
    taken: dict[str, list[float]] = {case[0]: [] for case in CASES}
    for number in range(REPEATS):
        for case in (*CASES[number % len(CASES) :], *CASES[: number % len(CASES)]):
            for workspace in _opened(case, work):
                taken[case[0]].append(measure(workspace))
    least = statistics.median(taken[CASES[0][0]])
    for name, seconds in taken.items():
        mine = statistics.median(seconds)
        print(f"{what:<7} {name:<37} {mine * 1e6:8.1f} us an event  x{mine / least:.2f}")


def _opened(case: Case, work: Path) -> Iterator[Workspace]:
    """Make a workspace with the plugin of a case, and remove it afterwards."""
    _, source, no_plugins = case
    (work / "plugins").mkdir(parents=True)
    (work / "bench.yaml").write_text(DEFINITION)
    Workspace.create(work, "bench", plugins=PluginHost()).close()
    if source:
        (work / "plugins" / "watcher.py").write_text(source)
    blocked = no_plugins or ",".join(_installed(work))
    with Workspace.open(work, plugins=load_plugins(work, no_plugins=blocked)) as workspace:
        yield workspace
    shutil.rmtree(work)


def _installed(work: Path) -> list[str]:
    """Name the plugins that are installed on this machine: they are not what is measured."""
    host = load_plugins(work, no_plugins="*")
    return [plugin.name for plugin in host.plugins if plugin.name != "watcher"]


def _apply(workspace: Workspace, path: Path) -> float:
    """Give the seconds an event of `apply`."""
    start = time.perf_counter()
    summary = workspace.apply(str(path))
    return (time.perf_counter() - start) / summary.counts.rows


def _record(workspace: Workspace) -> float:
    """Give the seconds of one `record`, the median of many."""
    workspace.add("ada")
    seconds = []
    for _ in range(RECORDS):
        start = time.perf_counter()
        workspace.record("ada", "form_submitted")
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
