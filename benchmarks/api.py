"""The API of the web server beside the bare library, and at a steady rate.

``python -m benchmarks api``               both, ten seconds, on both databases
``python -m benchmarks api SECONDS RATE``  the steady rate for so long, so many requests a second

It needs ``pip install -e plugins/funnelflow-web``, and says so. One process of the server is
measured beside one of the library, which does one thing after the other; clients share the machine
with both. The times of a steady rate are counted from when a request was due. One request of four
writes; the others look at a contact, ask why, or list.
"""

import asyncio
import datetime as dt
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from funnelflow_web.tokens import TokenStore

import funnelflow
from benchmarks.apply import server
from benchmarks.web import CLIENTS, CONTACTS, Client, served

ONCE: Final = 1_000
WARM: Final = 50
EVERY: Final = 4
RATE: Final = 60
_PATHS: Final = ("/api/contacts/c{}", "/api/contacts/c{}/why", "/api/contacts?limit=20")


def run(seconds: str = "10", rate: str = str(RATE)) -> None:
    """Print what was measured."""
    with server() as schema:
        for name, database in (("sqlite", "funnelflow.db"), ("postgresql", schema())):
            with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place:
                _measure(name, Path(place), database, float(seconds), float(rate))


def _measure(name: str, directory: Path, database: str, seconds: float, rate: float) -> None:
    with funnelflow.create(directory, "standard", database=database) as workspace:
        at = "2026-01-01T00:00:00Z"
        workspace.apply(
            [{"contact": f"c{n}", "event": "form_submitted", "at": at} for n in range(CONTACTS)]
        )
        _, token = TokenStore(directory).add("bench", (), dt.timedelta(1), workspace.clock())
        bare = {
            "a contact": _a_second(lambda n: workspace.contact(f"c{n}").to_json()),
            "why": _a_second(lambda n: workspace.why(f"c{n}").to_json()),
            "an event": _a_second(lambda n: workspace.record(f"c{n}", "content_viewed").to_json()),
        }
    with served(directory) as (_, port):
        asyncio.run(_beside(name, port, token, bare))
        asyncio.run(_steadily(name, port, token, seconds, rate))


def _a_second(call: Callable[[int], object]) -> float:
    """Return how often something is done in a second, one after the other."""
    for number in range(WARM):
        call(ONCE + number)
    began = time.perf_counter()
    for number in range(ONCE):
        call(number)
    return ONCE / (time.perf_counter() - began)


def _event() -> bytes:
    return json.dumps({"event": "content_viewed"}).encode()


async def _beside(name: str, port: int, token: str, bare: dict[str, float]) -> None:
    """Print what the server does as fast as it can, for all clients together."""
    asked: dict[str, Callable[[int], tuple[str, bytes]]] = {
        "a contact": lambda n: (f"/api/contacts/c{n}", b""),
        "why": lambda n: (f"/api/contacts/c{n}/why", b""),
        "an event": lambda n: (f"/api/contacts/c{n}/events", _event()),
    }
    for what, request in asked.items():
        numbers, errors = iter(range(ONCE)), 0

        async def work(client: Client, request: Callable[[int], tuple[str, bytes]]) -> int:
            found = [await client.ask(*request(n)) for n in numbers]  # noqa: B023  # all take from one
            client.close()
            return sum(status != 200 for status in found)

        began = time.perf_counter()
        clients = [Client(port, token) for _ in range(CLIENTS)]
        errors = sum(await asyncio.gather(*(work(one, request) for one in clients)))
        rate = ONCE / (time.perf_counter() - began)
        print(
            f"{name}: {what}: the API {rate:,.0f} a second, the library {bare[what]:,.0f}: "
            f"{rate / bare[what]:.2f} of it; {errors} errors"
        )


async def _steadily(name: str, port: int, token: str, seconds: float, rate: float) -> None:
    """Print the times of requests that come at a steady rate."""
    times: dict[str, list[float]] = {"reads": [], "writes": []}
    errors, count = 0, int(seconds * rate)
    numbers, began = iter(range(count)), time.perf_counter()

    async def work(client: Client) -> None:
        nonlocal errors
        for number in numbers:
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            path, body = _PATHS[number % len(_PATHS)].format(number % CONTACTS), b""
            if number % EVERY == 0:
                path, body = f"/api/contacts/c{number % CONTACTS}/events", _event()
            errors += await client.ask(path, body) != 200
            times["writes" if body else "reads"].append(time.perf_counter() - due)
        client.close()

    await asyncio.gather(*(work(Client(port, token)) for _ in range(CLIENTS)))
    print(f"{name}: {count:,} requests at {rate:g} a second by {CLIENTS} clients: {errors} errors")
    for what, some in times.items():
        cut = statistics.quantiles(some, n=100)
        print(f"  {what}: p50 {cut[49] * 1000:.1f} ms, p99 {cut[98] * 1000:.1f} ms")
