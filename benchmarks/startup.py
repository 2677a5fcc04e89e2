"""What it costs to start: the help, and short commands, beside importing click.

`check` and `show` read the definition that new workspaces start from and open no database;
`list`, `why` and `record` work in a workspace of twenty contacts on SQLite. Plugins that may be
installed here are left out. Bytecode is compiled before, as an installation does it.

``python -m benchmarks startup``          the medians, the CPU seconds, and their ratios
``python -m benchmarks startup REPEATS``  the same over another number of runs
"""

import compileall
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import funnelflow
from funnelflow.definition import shipped_definitions

REPEATS = 15
CONTACTS = 20


def run(repeats: str = str(REPEATS)) -> None:
    """Print the median of each, in turns so that a busy moment hits all, and the ratios."""
    command = Path(sys.executable).with_name("funnelflow")
    if not command.exists():
        raise SystemExit("funnelflow is not installed beside this Python: pip install -e .")
    compileall.compile_dir(Path(funnelflow.__file__).parent, quiet=1)
    times: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        _fill(str(command), place)
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
    """Return name to command; the first is what the others are compared with."""
    bare = [command, "--no-plugins"]
    definition = str(shipped_definitions() / "standard.yaml")
    return {
        'python -c "import click"': [sys.executable, "-c", "import click"],
        "funnelflow --help": [command, "--help"],
        "funnelflow check FILE": [*bare, "check", definition],
        "funnelflow show FILE": [*bare, "show", definition],
        "funnelflow list": [*bare, "list"],
        "funnelflow why CONTACT": [*bare, "why", "c1"],
        "funnelflow record": [*bare, "record", "c1", "call"],
    }


def _fill(command: str, place: str) -> None:
    """Make a workspace with a few contacts."""
    bare = [command, "--no-plugins"]
    subprocess.run([*bare, "init"], check=True, capture_output=True, cwd=place)
    rows = "".join(f"c{n},c{n}@example.com\n" for n in range(CONTACTS))
    (Path(place) / "people.csv").write_text(f"contact,email\n{rows}", encoding="utf-8")
    subprocess.run([*bare, "import", "people.csv"], check=True, capture_output=True, cwd=place)


def _seconds(arguments: list[str], place: str) -> tuple[float, float]:
    """Run a command, and return its wall time and its CPU time."""
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before, start = _cpu_of_children(), time.perf_counter()
    subprocess.run(
        arguments,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=place,
        env=compiled,
    )
    return time.perf_counter() - start, _cpu_of_children() - before


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
