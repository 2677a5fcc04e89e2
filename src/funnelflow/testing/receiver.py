"""A real HTTP server on this machine that records what is sent to it."""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from attrs import field, frozen

__all__ = ["Answer", "Received", "Receiver"]


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
            """Say nothing: what came in is in `requests`."""

    return Handler
