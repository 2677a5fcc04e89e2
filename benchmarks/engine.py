"""One event through a three-clause criterion, beside other state machines and a dictionary.

The story is the same for everybody: a lead has three facts, and the event ``meet`` makes it a
prospect if all three criteria are met. Half of the contacts meet them. Every peer runs it the
way its documentation shows for guards; `automat` has none, so it takes the step unguarded.
"""

import gc
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from benchmarks import engine_peers

SIZES = (1_000, 100_000, 1_000_000)
REPEATS = 3


@frozen
class Measured:
    """What one way of running the story costs: seconds an attempt, bytes a contact."""

    attempt: float
    memory: float


def contenders() -> dict[str, tuple[Callable[[], engine_peers.Peer], int]]:
    """Give name to (factory, most contacts); the slow ones are not asked for a million."""
    return {
        "hand-written dictionary": (engine_peers.dictionary, SIZES[-1]),
        "funnelflow": (engine_peers.funnelflow, SIZES[-1]),
        "transitions, unregistered": (engine_peers.transitions_unregistered, SIZES[-1]),
        "transitions, registered": (engine_peers.transitions_registered, 10_000),
        "automat (no guards)": (engine_peers.automat, SIZES[-1]),
        "python-statemachine": (engine_peers.python_statemachine, 10_000),
        "django-fsm-2": (engine_peers.django_fsm, 100_000),
    }


def measure(peer: engine_peers.Peer, count: int) -> Measured:
    """Run the story once for `count` contacts and measure both costs.

    Memory is what the peer adds to a contact: what its objects take, less what the plain
    contacts of the dictionary take.
    """
    gc.collect()
    tracemalloc.start()
    contacts = peer.make(min(count, 10_000))
    memory = tracemalloc.get_traced_memory()[0] / len(contacts)
    tracemalloc.stop()
    times = [_time(peer, count) for _ in range(REPEATS)]
    return Measured(statistics.median(times), memory)


def _time(peer: engine_peers.Peer, count: int) -> float:
    """Give the seconds that one attempt takes, over fresh contacts."""
    contacts = peer.make(count)
    attempt = peer.attempt
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    for contact in contacts:
        attempt(contact)
    seconds = time.perf_counter() - start
    gc.enable()
    _agree(peer, contacts)
    return seconds / count


def _agree(peer: engine_peers.Peer, contacts: list[Any]) -> None:
    """Make sure that the peer did the work: half of the contacts moved."""
    moved = sum(peer.stage(contact) == "prospect" for contact in contacts)
    expected = len(contacts) if peer.unguarded else len(contacts) // 2
    if moved != expected:
        raise SystemExit(f"{peer.name} moved {moved} of {len(contacts)} contacts, not {expected}")


def _sizes(most: int) -> Iterator[int]:
    """Yield the sizes that a contender is asked for."""
    yield from sorted({min(size, most) for size in SIZES})


def run(largest: str = "1000000") -> None:
    """Print the table; `largest` caps the number of contacts."""
    cap = int(largest)
    results = {
        name: {n: measure(make(), n) for n in _sizes(min(most, cap))}
        for name, (make, most) in contenders().items()
    }
    ours = results["funnelflow"]
    floor = results["hand-written dictionary"]
    print(
        f"{'':28}{'contacts':>10}{'ns/attempt':>12}{'x ours':>9}{'x floor':>9}{'bytes added':>13}"
    )
    for name, by_size in results.items():
        for count, got in by_size.items():
            base, bottom = _at(ours, count), _at(floor, count)
            print(
                f"{name:28}{count:>10,}{got.attempt * 1e9:>12,.0f}"
                f"{got.attempt / base.attempt:>9.2f}{got.attempt / bottom.attempt:>9.2f}"
                f"{got.memory - bottom.memory:>13,.0f}"
            )
    growth = ours[max(ours)].attempt / ours[min(ours)].attempt
    print(f"\nfunnelflow from {min(ours):,} to {max(ours):,} contacts: x{growth:.2f} an attempt")


def _at(by_size: dict[int, Measured], count: int) -> Measured:
    """Give the figure at a size, or at the nearest one measured."""
    return by_size[min(by_size, key=lambda size: abs(size - count))]
