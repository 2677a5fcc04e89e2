"""One event through a three-clause criterion, beside other state machines and a dictionary.

The story is the same for everybody: a lead has three facts, and the event ``meet`` makes it a
prospect if all three criteria are met. Half of the contacts meet them. Every peer runs it the
way its documentation shows for guards; `automat` has none, so it takes the step unguarded.
"""

import gc
import statistics
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from attrs import frozen

from benchmarks import engine_peers

SIZES = (1_000, 100_000, 1_000_000)
REPEATS = 3
ATTEMPTS = 20_000
"""How many attempts are timed at a size: a small one is run more often, a slow peer less."""
PATIENCE = 2.0
"""Seconds that a peer takes for one size before it is run no more often than `REPEATS`."""


@frozen
class Measured:
    """What one way of running the story costs.

    Attributes:
        attempt: Seconds for one event on one contact.
        making: Seconds to make a contact and, where that is needed, to register it.
        memory: Bytes that the machine adds to a contact.
    """

    attempt: float
    making: float
    memory: float


def contenders() -> dict[str, tuple[engine_peers.Peer, int]]:
    """Return name to (peer, most contacts); the slow ones are asked for no more than tell."""
    return {
        "hand-written dictionary": (engine_peers.dictionary(), SIZES[-1]),
        "funnelflow": (engine_peers.funnelflow(), SIZES[-1]),
        "transitions, unregistered": (engine_peers.transitions_unregistered(), 100_000),
        "transitions, registered": (engine_peers.transitions_registered(), 10_000),
        "automat (no guards)": (engine_peers.automat(), 100_000),
        "python-statemachine": (engine_peers.python_statemachine(), 1_000),
        "django-fsm-2": (engine_peers.django_fsm(), 100_000),
    }


def measure(cap: int) -> dict[str, dict[int, Measured]]:
    """Run the story at some sizes of each contender, in turn, and return the medians.

    Args:
        cap: The largest number of contacts.
    """
    made = contenders()
    peers = {name: peer for name, (peer, _) in made.items()}
    sizes = {name: sorted({min(n, most, cap) for n in SIZES}) for name, (_, most) in made.items()}
    gc.freeze()  # or every collection would look through what the peers have imported
    times: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for turn in range(max(REPEATS, ATTEMPTS // SIZES[0])):
        for name, counts in sizes.items():
            for count in counts:
                runs = times[name, count]
                spent = sum(count * sum(seconds) for seconds in runs)
                if turn < REPEATS or (turn < ATTEMPTS // count and spent < PATIENCE):
                    runs.append(_time(peers[name], count))
    found: dict[str, dict[int, Measured]] = defaultdict(dict)
    for (name, count), runs in times.items():
        making, attempt = (statistics.median(seconds) for seconds in zip(*runs, strict=True))
        found[name][count] = Measured(attempt, making, _memory(peers[name], min(count, 2_000)))
    return found


def _memory(peer: engine_peers.Peer, count: int) -> float:
    """Return the bytes that the machine adds to a contact."""
    return _bytes(peer.make, count) - _bytes(peer.bare or peer.make, count)


def _bytes(make: Callable[[int], list[Any]], count: int) -> float:
    """Return the bytes that a contact takes."""
    make(count)
    gc.collect()
    tracemalloc.start()
    contacts = make(count)
    size = tracemalloc.get_traced_memory()[0] / len(contacts)
    tracemalloc.stop()
    return size


def _time(peer: engine_peers.Peer, count: int) -> tuple[float, float]:
    """Return the seconds for making a contact and for one attempt, over fresh contacts.

    They are seconds of this process, whatever else the machine does.
    """
    attempt = peer.attempt
    gc.collect()
    gc.disable()
    start = time.process_time()
    contacts = peer.make(count)
    made = time.process_time()
    for contact in contacts:
        attempt(contact)
    end = time.process_time()
    gc.enable()
    _agree(peer, contacts)
    return (made - start) / count, (end - made) / count


def _agree(peer: engine_peers.Peer, contacts: list[Any]) -> None:
    """Make sure that the peer did the work: half of the contacts moved."""
    moved = sum(peer.stage(contact) == "prospect" for contact in contacts)
    expected = len(contacts) if peer.unguarded else len(contacts) // 2
    if moved != expected:
        raise SystemExit(f"{peer.name} moved {moved} of {len(contacts)} contacts, not {expected}")


def run(largest: str = "1000000") -> None:
    """Print the table; `largest` caps the number of contacts."""
    results = measure(int(largest))
    ours = results["funnelflow"]
    floor = results["hand-written dictionary"]
    heads = ("contacts", "ns/attempt", "x ours", "x floor", "ns/contact made", "bytes added")
    print(f"{'':27}" + "".join(f"{head:>16}" for head in heads))
    for name, by_size in results.items():
        for count, got in by_size.items():
            of_ours = got.attempt / _at(ours, count).attempt
            of_floor = got.attempt / _at(floor, count).attempt
            print(
                f"{name:27}{count:>16,}{got.attempt * 1e9:>16,.0f}{of_ours:>16.2f}{of_floor:>16.2f}"
                f"{got.making * 1e9:>16,.0f}{got.memory:>16,.0f}"
            )
    growth = ours[max(ours)].attempt / ours[min(ours)].attempt
    print(f"\nfunnelflow from {min(ours):,} to {max(ours):,} contacts: x{growth:.2f} an attempt")


def _at(by_size: dict[int, Measured], count: int) -> Measured:
    """Return the figure at a size, or at the nearest one measured."""
    return by_size[min(by_size, key=lambda size: abs(size - count))]
