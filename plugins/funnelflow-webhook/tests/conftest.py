"""Servers on this machine that do what no receiver should."""

import contextlib
import socket
import ssl
import threading

import pytest
import trustme


class Raw:
    """A server that does with a connection what it is told to.

    Attributes:
        connections: How many came in.
        received: Bytes of each request, as far as they came.
    """

    def __init__(self, behave, context=None):
        self.connections = 0
        self.received = []
        self._behave = behave
        self._context = context
        self._server = socket.create_server(("127.0.0.1", 0))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.port = self._server.getsockname()[1]

    def url(self, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}/hook"

    def close(self):
        self._stop.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join(5)
        self._server.close()

    def _serve(self):
        while not self._stop.is_set():
            connection, _ = self._server.accept()
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with contextlib.suppress(OSError), connection, self._secured(connection) as secured:
            self.received.append(secured.recv(65536))
            self._behave(secured, self._stop)

    def _secured(self, connection):
        if self._context is None:
            return connection
        return self._context.wrap_socket(connection, server_side=True)


@pytest.fixture
def serve():
    """Start servers that behave as a function says."""
    running = []

    def start(behave, context=None):
        running.append(Raw(behave, context))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture(scope="session")
def authority():
    """Who vouches for certificates, for those who trust it."""
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path):
    """The file that makes somebody trust it."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def tls(authority):
    """Give what makes TLS for a server with a certificate for these names."""

    def make(*names):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        return context

    return make
