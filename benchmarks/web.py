"""The server under load: beside the bare library, and at a steady rate for some minutes.

``python -m benchmarks web``                    both, one minute, on both databases
``python -m benchmarks web MINUTES RATE``       for so long, at so many requests a second
``python -m benchmarks web MINUTES RATE soak``  the steady rate alone, on SQLite

It needs ``pip install -e plugins/funnelflow-web``, and says so. Clients and server share a machine.
The times of a steady rate are counted from when a request was due, not from when it could be sent:
a server that stands still for a second makes all that were due in it late. One request of four is a
delivery to ``/in/``, stored before it is answered; the others look at pages and the API.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil
from funnelflow_web.server import STOP_SECONDS

import funnelflow
from benchmarks.apply import server
from funnelflow.ingest import FileOptions, IncomingRecord

CONTACTS: Final = 10_000
CLIENTS: Final = 50
RATE: Final = 60
ONCE: Final = 2_000
TOKEN: Final = "a-token-of-the-benchmark"
EVERY: Final = 4
"""One request of so many is a delivery."""
READS: Final = ("/", "/api/contacts?limit=50", "/contacts/c1")
MEBIBYTE: Final = 1 << 20
SETTINGS: Final = f"""
[plugins.web.sources.load]
kind = "json"
proof = "bearer"
secret = "{TOKEN}"
mapping = "load"
create = true
"""
MAPPING: Final = """\
guess = false
[columns]
contact = "who"
event = "what"
at = "when"
key = "id"
"""


def run(minutes: str = "1", rate: str = str(RATE), kind: str = "") -> None:
    """Print what was measured."""
    seconds, wanted = float(minutes) * 60, float(rate)
    with server() as schema:
        _measure("sqlite", "funnelflow.db", seconds, wanted, beside=kind != "soak")
        if kind != "soak":
            _measure("postgresql", schema(), seconds, wanted, beside=True)


def _measure(name: str, database: str, seconds: float, rate: float, *, beside: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place:
        directory = Path(place)
        _fill(directory, database)
        if beside:
            _bare(name, directory)
        with served(directory) as (process, port):
            reads = asyncio.run(_answered(port))
            print(f"{name}: pages that are looked at: {', '.join(reads)}")
            if beside:
                asyncio.run(_at_once(name, port, reads))
            asyncio.run(_steadily(name, process, port, reads, seconds, rate))


def _fill(directory: Path, database: str) -> None:
    """Make a workspace with contacts."""
    with funnelflow.create(directory, "standard", database=database) as workspace:
        people = [
            {"contact": f"c{n}", "event": "form_submitted", "at": "2026-01-01T00:00:00Z"}
            for n in range(CONTACTS)
        ]
        workspace.apply(people)
    (directory / "mappings").mkdir()
    (directory / "mappings" / "load.toml").write_text(MAPPING)
    with (directory / "funnelflow.toml").open("a") as file:
        file.write(SETTINGS)


def _bare(name: str, directory: Path) -> None:
    """Print what the library does by itself, one after the other in one process."""
    with funnelflow.open(directory) as workspace:
        options = FileOptions(mapping=workspace.mapping("load"))
        began = time.perf_counter()
        for number in range(ONCE):
            record = IncomingRecord(_said(f"b{number}", number))
            workspace.receive([record], options, source="load", create=True)
        wrote = time.perf_counter() - began
        began = time.perf_counter()
        for number in range(ONCE):
            workspace.contact(f"c{number}")
        read = time.perf_counter() - began
    print(
        f"{name}: the bare library: {ONCE / wrote:,.0f} deliveries, {ONCE / read:,.0f} looks a "
        "second"
    )


def _said(key: str, number: int) -> dict[str, str]:
    when = f"2026-02-{number % 28 + 1:02d}T{number // 28 % 24:02d}:00:00Z"
    return {"id": key, "who": f"c{number % CONTACTS}", "what": "content_viewed", "when": when}


@contextmanager
def served(directory: Path) -> Iterator[tuple[psutil.Process, int]]:
    """Run a server in a process of its own."""
    command = [sys.executable, "-m", "funnelflow", "web", "--port", "0"]
    started = subprocess.Popen(
        command, cwd=directory, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert started.stdout is not None
    try:
        yield psutil.Process(started.pid), int(started.stdout.readline().rpartition(":")[2])
    finally:
        started.terminate()
        started.wait(STOP_SECONDS + 5)


class Client:
    """One connection that is kept; opened again where the server closes it."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self._port = port
        self._token = token
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: bytes = b"") -> int:
        """Return the status of an answer; 0 where none came."""
        for _ in range(2):
            try:
                return await self._ask(path, body)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                self.close()
        return 0

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def _ask(self, path: str, body: bytes) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        verb = "POST" if body else "GET"
        said = f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
        if body or self._token != TOKEN:
            said += f"Authorization: Bearer {self._token}\r\n"
        if body:
            said += "Content-Type: application/json\r\n"
            said += f"Content-Length: {len(body)}\r\n"
        writer.write(said.encode() + b"\r\n" + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        sizes = [line.partition(":")[2] for line in lines if line.startswith("content-length:")]
        await reader.readexactly(int(sizes[0]))
        return int(lines[0].split()[1])


async def _answered(port: int) -> tuple[str, ...]:
    """Return the pages that this server has."""
    client = Client(port)
    found = tuple([path for path in READS if await client.ask(path) == 200])
    client.close()
    return found


def _request(number: int, reads: tuple[str, ...], run_name: str) -> tuple[str, bytes]:
    if number % EVERY:
        return reads[number % len(reads)], b""
    return "/in/load", json.dumps(_said(f"{run_name}{number}", number)).encode()


async def _at_once(name: str, port: int, reads: tuple[str, ...]) -> None:
    """Print what the server does as fast as it can, for all clients together."""
    clients = [Client(port) for _ in range(CLIENTS)]
    for what in ("looks", "deliveries"):
        numbers = iter(range(ONCE))

        async def work(client: Client, what: str = what) -> None:
            for number in numbers:  # noqa: B023  # all clients take from one
                asked = number * EVERY + (1 if what == "looks" else 0)
                await client.ask(*_request(asked, reads[:1], f"{what}-"))

        began = time.perf_counter()
        await asyncio.gather(*map(work, clients))
        rate = ONCE / (time.perf_counter() - began)
        print(f"{name}: {CLIENTS} clients: {rate:,.0f} {what} a second")
    for client in clients:
        client.close()


async def _steadily(
    name: str,
    process: psutil.Process,
    port: int,
    reads: tuple[str, ...],
    seconds: float,
    rate: float,
) -> None:
    """Print the times of requests that come at a steady rate, and how memory grows."""
    times: dict[str, list[float]] = {"looks": [], "deliveries": []}
    errors, sizes = 0, [process.memory_info().rss]
    numbers, count = iter(range(int(seconds * rate))), int(seconds * rate)
    began = time.perf_counter()

    async def work(client: Client) -> None:
        nonlocal errors
        for number in numbers:
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            path, body = _request(number, reads, "steady-")
            status = await client.ask(path, body)
            times["deliveries" if body else "looks"].append(time.perf_counter() - due)
            errors += status != 200

    async def watch() -> None:
        while True:
            await asyncio.sleep(seconds / 10)
            sizes.append(process.memory_info().rss)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(work(Client(port)) for _ in range(CLIENTS)))
    watching.cancel()
    print(f"{name}: {count:,} requests at {rate:g} a second by {CLIENTS} clients: {errors} errors")
    for what, some in times.items():
        cut = statistics.quantiles(some, n=100)
        print(
            f"  {what}: p50 {cut[49] * 1000:.1f} ms, p99 {cut[98] * 1000:.1f} ms, "
            f"longest {max(some) * 1000:.0f} ms"
        )
    later = sizes[2:] or sizes
    grown = (later[-1] - later[0]) / MEBIBYTE
    print(
        f"  memory: {sizes[0] / MEBIBYTE:.0f} MiB at the start, {later[0] / MEBIBYTE:.0f} after a "
        f"fifth, {later[-1] / MEBIBYTE:.0f} at the end: {grown:+.1f} MiB"
    )
