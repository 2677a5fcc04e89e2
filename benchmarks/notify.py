"""What notifications cost: `apply` with them, delivery beside a bare loop, an idle worker.

``python -m benchmarks notify``          all three
``python -m benchmarks notify EVENTS``   the same with another number of events

It needs ``pip install -e plugins/funnelflow-webhook``, and says so. The receiver is a process of
its own that answers every request with 204. The bare loop posts the same bodies with the same
client, in as many threads, and does nothing else.
"""

import multiprocessing
import resource
import shutil
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from funnelflow_webhook import Settings, funnelflow_notifiers, send

from benchmarks.apply import DEFINITION, server, write_events
from funnelflow.notify import Deliverer, Pace, message_of, open_endpoints
from funnelflow.plugins import NotifierProvider, PluginHost, hookimpl
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace

EVENTS = 100_000
MESSAGES = 2_000
SENDERS = 4
REPEATS = 5
IDLE_SECONDS = 20

CASES = {
    "nobody is told": "",
    "the won are told": "when = \"event.after == 'customer'\"\n",
    "all are told": "",
}


class Webhooks:
    """The plugin, registered as it is when it is installed."""

    @hookimpl
    def funnelflow_notifiers(self) -> list[NotifierProvider]:
        """Offer the notifier."""
        return list(funnelflow_notifiers())


def run(events: str = "") -> None:
    """Print all three."""
    with tempfile.TemporaryDirectory(prefix="funnelflow-bench-") as place, server() as schema:
        path = Path(place) / "events.csv"
        write_events(path, int(events.replace("_", "")) if events else EVENTS)
        for kind, database in (("sqlite", lambda: "funnelflow.db"), ("postgresql", schema)):
            _applying(kind, Path(place), path, database)
        with receiver() as port:
            for kind, database in (("sqlite", lambda: "funnelflow.db"), ("postgresql", schema)):
                _delivering(kind, Path(place), database(), port)
        _idling(Path(place))


def workspace_for(directory: Path, database: str, notify: str) -> Workspace:
    """Make a workspace with these endpoints."""
    directory.mkdir()
    (directory / "bench.yaml").write_text(DEFINITION)
    Workspace.create(directory, "bench", database=database, plugins=PluginHost()).close()
    with (directory / "funnelflow.toml").open("a") as settings:
        settings.write(f"\n{notify}")
    host = PluginHost()
    host.register(Webhooks(), "webhooks")
    return Workspace.open(directory, plugins=host)


def _applying(kind: str, place: Path, path: Path, database: Callable[[], str]) -> None:
    """Print what `apply` costs with notifications, beside none.

    The cases of a round run one after the other, each time beginning with another one, and are
    compared within it, so that a machine that is slow for a minute is so for all of them.
    """
    rounds: list[dict[str, float]] = []
    rows: dict[str, int] = {}
    for number in range(REPEATS):
        begin = number % len(CASES)
        taken: dict[str, float] = {}
        for case in [*CASES][begin:] + [*CASES][:begin]:
            taken[case], rows[case] = _apply(place / "applying", path, database(), case)
        rounds.append(taken)
    for case in CASES:
        seconds = statistics.median(taken[case] for taken in rounds)
        ratio = statistics.median(taken[case] / taken["nobody is told"] for taken in rounds)
        print(f"{kind} apply, {case:<17} {seconds:6.2f} s  x{ratio:.2f}  {rows[case]:,} rows")


def _apply(directory: Path, path: Path, database: str, case: str) -> tuple[float, int]:
    """Give the seconds that `apply` takes in a fresh workspace, and the rows of its outbox."""
    told = '[[notify]]\nchannel = "log"\nfields = ["email", "budget"]\n' + CASES[case]
    with workspace_for(directory, database, "" if case == "nobody is told" else told) as workspace:
        start = time.perf_counter()
        workspace.apply(str(path))
        taken = time.perf_counter() - start
        rows = sum(Outbox(workspace.engine).counts().values())
    shutil.rmtree(directory)
    return taken, rows


def _delivering(kind: str, place: Path, database: str, port: int) -> None:
    """Print how fast messages are delivered, beside a bare loop."""
    url = f"http://127.0.0.1:{port}/hook"
    notify = '[[notify]]\nchannel = "webhook"\n[notify.settings]\n'
    notify += f'url = "{url}"\nallow = ["127.0.0.1"]\nsecret = "whsec_{"A" * 32}"\n'
    directory = place / f"delivering-{kind}"
    with workspace_for(directory, database, notify) as workspace:
        path = directory / "events.csv"
        write_events(path, MESSAGES)
        workspace.apply(str(path))
        bare = _bare(workspace, url)
        channels = open_endpoints(workspace.config.subscriptions, workspace.plugins, directory)
        worker = Deliverer(channels, Outbox(workspace.engine), pace=Pace(senders=SENDERS))
        start = time.perf_counter()
        (done,) = worker.run()
        taken = time.perf_counter() - start
    rate = done.delivered / taken
    print(f"{kind} delivery: {rate:,.0f} a second, the bare loop {bare:,.0f}: x{rate / bare:.2f}")


def _bare(workspace: Workspace, url: str) -> float:
    """Give the messages a second of a loop that only posts."""
    settings = Settings(url=url, allow=["127.0.0.1"], secret=f"whsec_{'A' * 32}")
    queue = Outbox(workspace.engine).messages(limit=MESSAGES)
    messages = [message_of(queued) for queued in queue]
    start = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda message: send(message, settings), messages))
    return len(messages) / (time.perf_counter() - start)


def _idling(place: Path) -> None:
    """Print how much of a processor a worker takes that has nothing to do."""
    with workspace_for(place / "idling", "funnelflow.db", '[[notify]]\nchannel = "log"\n') as idle:
        channels = open_endpoints(idle.config.subscriptions, idle.plugins, place)
        worker = Deliverer(channels, Outbox(idle.engine))
        threading.Timer(IDLE_SECONDS, worker.stop).start()
        before = _processor()
        worker.run(watch=True)
        print(f"idle: {(_processor() - before) / IDLE_SECONDS:.2%} of a processor")


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextmanager
def receiver() -> Iterator[int]:
    """Run a receiver in a process of its own; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = multiprocessing.get_context("fork").Process(target=_receive, args=(listening,))
    process.start()
    try:
        yield listening.getsockname()[1]
    finally:
        process.kill()
        process.join()
        listening.close()


def _receive(listening: socket.socket) -> None:
    """Answer every request with 204."""
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection:
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536)
        head, _, body = request.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
