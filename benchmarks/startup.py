"""`funnelflow --help`, beside a Python that only imports click."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

REPEATS = 15


def run(repeats: str = str(REPEATS)) -> None:
    """Print the median of both, in turns so that a busy moment hits both, and their ratio."""
    command = Path(sys.executable).with_name("funnelflow")
    if not command.exists():
        raise SystemExit("funnelflow is not installed beside this Python: pip install -e .")
    ways = {
        'python -c "import click"': [sys.executable, "-c", "import click"],
        "funnelflow --help": [str(command), "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(int(repeats)):
        for name, arguments in ways.items():
            times[name].append(_seconds(arguments))
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    for name, seconds in medians.items():
        print(f"{name:28}{seconds * 1e3:>8.1f} ms")
    floor, ours = medians.values()
    print(f"{'ratio':28}{ours / floor:>8.2f}")


def _seconds(arguments: list[str]) -> float:
    """Run a command and give its wall time."""
    start = time.perf_counter()
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
