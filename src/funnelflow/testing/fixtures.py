"""Temporary workspaces, with the plugins of one test."""

import datetime as dt
import itertools
import json
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from attrs import field, frozen

from funnelflow.criteria import parse_duration
from funnelflow.definition import Definition, Library
from funnelflow.plugins import Plugin, PluginHost, load_plugins
from funnelflow.workspace.settings import library_of
from funnelflow.workspace.workspace import Workspace

START = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


class FrozenClock:
    """Returns the same time every time it is called.

    Args:
        now: The time it gives; a Monday morning in March 2026 unless said otherwise.

    Attributes:
        now: The time it gives; set it to any aware datetime.
    """

    def __init__(self, now: dt.datetime = START) -> None:
        self.now = now

    def __call__(self) -> dt.datetime:
        """Return the time."""
        return self.now

    def advance(self, by: dt.timedelta | str) -> dt.datetime:
        """Let time pass, and give the time it is then.

        Args:
            by: How much: ``"30d"``, ``"1h30m"``, or a timedelta.
        """
        self.now += parse_duration(by) if isinstance(by, str) else by
        return self.now


@frozen
class Received:
    """A request that came in.

    Attributes:
        method: Such as ``POST``.
        path: What was asked for, with the query.
        headers: The headers; names in lower case.
        body: The body, as it came.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


@frozen
class Answer:
    """How the receiver answers.

    Attributes:
        status: The status.
        headers: More headers.
        body: The body.
        wait: Seconds to wait first.
    """

    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    wait: float = 0.0


class Receiver:
    """Receives HTTP requests on 127.0.0.1; use it in a ``with`` statement.

    Attributes:
        requests: What came in, in order.
        answer: How every request is answered for which nothing else is planned.
        planned: How the next requests are answered, in order.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answer = Answer()
        self.planned: list[Answer] = []
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for(self, count: int, seconds: float = 5.0) -> list[Received]:
        """Wait until so many requests have come in, and give them.

        Raises:
            TimeoutError: Fewer came in that time.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, seconds):
                raise TimeoutError(f"{len(self.requests)} of {count} requests came in")
        return self.requests[:count]

    def take(self, request: Received) -> Answer:
        """Record a request, and say how it is answered."""
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            return self.planned.pop(0) if self.planned else self.answer


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    """Make the class that serves requests for a receiver."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.command, self.path, headers, self.rfile.read(size))
            answer = receiver.take(request)
            time.sleep(answer.wait)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815  # its names

        def log_message(self, *_: Any) -> None:
            """Write nothing: what came in is in `requests`."""

    return Handler


class WorkspaceMaker:
    """Makes workspaces in a directory of the test, and closes them in the end.

    In a test with hypothesis' ``@given`` each example is an end: its workspaces are closed,
    its plugins let go of, and the clock is set back.

    Args:
        directory: Where.
        clock: The clock of all of them.

    Attributes:
        host: The plugins of the test; `register` adds one.
        clock: The clock of all of them.
    """

    def __init__(self, directory: Path, clock: FrozenClock) -> None:
        self.host = PluginHost()
        self.clock = clock
        self._directory = directory
        self._numbers = itertools.count(1)
        self._open: list[Workspace] = []
        self._start = clock.now
        self._example: object = None

    def __call__(
        self,
        funnel: str | Definition = "standard",
        *,
        files: Mapping[str, str] | None = None,
        database: str = "funnelflow.db",
    ) -> Workspace:
        """Return a new workspace with the plugins that are registered.

        Args:
            funnel: A definition, or the name of one: shipped, a plugin's, or among `files`.
            files: Files of the workspace: path to text. Those in ``plugins/`` are plugins of
                it, beside the registered ones.
            database: Its database.
        """
        self._close_with_example()
        directory = self._directory / f"workspace{next(self._numbers)}"
        for path, text in (files or {}).items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text, encoding="utf-8")
        host = self._host_of(directory)
        library = library_of(directory)
        name = funnel
        if isinstance(funnel, Definition):
            library = Library(library.directories, definitions={funnel.name: funnel})
            name = funnel.name
        made = Workspace.create(
            directory, str(name), database=database, library=library, clock=self.clock, plugins=host
        )
        self._open.append(made)
        return made

    def register(self, thing: Any, name: str = "") -> Plugin:
        """Use a plugin for the rest of the test.

        Args:
            thing: A module, or any object with hooks.
            name: What to call it; its own name when empty.

        Raises:
            ConfigurationError: It cannot be used.
        """
        self._close_with_example()
        return self.host.register(thing, name)

    def close(self) -> None:
        """Close the workspaces, let go of the plugins, and set the clock back."""
        while self._open:
            self._open.pop().close()
        for plugin in self.host.plugins:
            self.host.unregister(plugin.name)
        self.clock.now = self._start

    def _close_with_example(self) -> None:
        """Have hypothesis close what one example of a test uses, if it runs the test."""
        control = sys.modules.get("hypothesis.control")
        if control is None or not control.currently_in_test_context():
            return
        example = control.current_build_context()
        if example is not self._example:
            self._example = example
            control.cleanup(self.close)

    def _host_of(self, directory: Path) -> PluginHost:
        """Return the registered plugins and those in the directory, without installed ones."""
        if not (directory / "plugins").is_dir():
            return self.host
        found = load_plugins(directory).plugins
        own = [plugin for plugin in found if plugin.candidate.kind == "workspace"]
        return PluginHost([*self.host.plugins, *own])
