"""How long a large definition takes to check, beside what its YAML alone takes to read."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from funnelflow.definition import read_definition

STAGES = 1_000
TRANSITIONS = 5_000
ROUNDS = 5


def text_of(stages: int = STAGES, transitions: int = TRANSITIONS) -> str:
    """Write a definition in which every transition has criteria of its own."""
    lines = [
        "funnel: large",
        "version: 1",
        "fields: {budget: number, score: integer, fits: boolean}",
    ]
    lines += ["events: {form: {}, call: {}, mail: {}, met: {}, sold: {}}"]
    lines += ["initial: s0", "stages:", *(f"  s{i}: {{owner: sales}}" for i in range(stages))]
    lines.append("transitions:")
    for number in range(transitions):
        source, step = number % stages, number // stages
        event = ("form", "call", "mail", "met", "sold")[step % 5]
        lines += [
            f"  - from: s{source}",
            f"    to: s{(source + step + 1) % stages}",
            f"    on: {event}",
            "    require:",
            f"      - Enough: contact.budget >= {number}",
            f"      - Fits: contact.fits && contact.score > {number}",
        ]
    return "\n".join(lines) + "\n"


def run() -> None:
    """Print the median times, and the share of reading YAML."""
    text = text_of()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "large.yaml"
        path.write_text(text)
        whole = _median(lambda: _check(path))
    bare = _median(lambda: yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    print(f"{STAGES:,} stages, {TRANSITIONS:,} transitions, {2 * TRANSITIONS:,} expressions")
    print(f"  check everything        {whole:6.2f} s")
    print(f"  compose the YAML alone  {bare:6.2f} s   (check / compose = {whole / bare:.1f})")


def _check(path: Path) -> None:
    reading = read_definition(path)
    assert reading.linked is not None, reading.problems[:3]


def _median(function: Callable[[], object]) -> float:
    """Give the median time of a few runs, in seconds."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    run()
