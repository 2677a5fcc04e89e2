"""What it costs to start: the help, and commands that need no database, beside importing click.

`check` and `show` read the definition that new workspaces start from, outside of a workspace
and without the plugins that may be installed here.

``python -m benchmarks startup``          the medians, the CPU seconds, and their ratios
``python -m benchmarks startup REPEATS``  the same over another number of runs
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from funnelflow.definition import shipped_definitions

REPEATS = 15


def run(repeats: str = str(REPEATS)) -> None:
    """Print the median of each, in turns so that a busy moment hits all, and the ratios."""
    command = Path(sys.executable).with_name("funnelflow")
    if not command.exists():
        raise SystemExit("funnelflow is not installed beside this Python: pip install -e .")
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        for _ in range(int(repeats)):
            for name, arguments in _ways(str(command)).items():
                times.setdefault(name, []).append(_seconds(arguments, place))
    medians = {
        name: tuple(map(statistics.median, zip(*t, strict=True))) for name, t in times.items()
    }
    floor, floor_cpu = next(iter(medians.values()))
    print(f"{'':28}{'ms':>8}{'ratio':>8}{'CPU ms':>10}{'ratio':>8}")
    for name, (wall, cpu) in medians.items():
        ratios = wall / floor, cpu / floor_cpu
        print(f"{name:28}{wall * 1e3:>8.1f}{ratios[0]:>8.2f}{cpu * 1e3:>10.1f}{ratios[1]:>8.2f}")


def _ways(command: str) -> dict[str, list[str]]:
    """Give name to command; the first is what the others are compared with."""
    bare = [command, "--no-plugins"]
    definition = str(shipped_definitions() / "standard.yaml")
    return {
        'python -c "import click"': [sys.executable, "-c", "import click"],
        "funnelflow --help": [command, "--help"],
        "funnelflow check FILE": [*bare, "check", definition],
        "funnelflow show FILE": [*bare, "show", definition],
    }


def _seconds(arguments: list[str], place: str) -> tuple[float, float]:
    """Run a command, and give its wall time and its CPU time."""
    before, start = _cpu_of_children(), time.perf_counter()
    subprocess.run(
        arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=place
    )
    return time.perf_counter() - start, _cpu_of_children() - before


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
