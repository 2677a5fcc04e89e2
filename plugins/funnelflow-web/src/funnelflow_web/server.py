"""Running the server: on this machine, or for others where there is a login; stopped cleanly."""

import asyncio
import ctypes
import socket
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from funnelflow import UsageError, Workspace
from funnelflow_web.app import create_app
from funnelflow_web.settings import WebSettings

HEADER_SECONDS: Final = 20
"""For how long a connection may be open without a whole request."""
STOP_SECONDS: Final = 10
MOST_CONNECTIONS: Final = 500
_LONGEST_HEADERS: Final = 32_768


class PatientProtocol(H11Protocol):
    """HTTP/1.1, but that a connection on which no whole request comes is closed.

    uvicorn itself waits for ever for the rest of a header.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take some bytes; when they complete a request, the wait is over."""
        super().data_received(data)
        if self._is_answering():
            self._wait_no_longer()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _wait_no_longer(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if not self._is_answering():
            self.transport.close()

    def _is_answering(self) -> bool:
        """Whether a whole head of a request has come, and its answer is not whole yet."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete


def serve(
    workspace: Workspace,
    settings: WebSettings,
    host: str = "127.0.0.1",
    port: int = 8765,
    *,
    started: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a workspace until the process is told to stop.

    Args:
        workspace: The workspace.
        settings: What ``[plugins.web]`` says.
        host: On which address it listens.
        port: On which port; 0 for any that is free.
        started: Called with the address when it listens.

    Raises:
        UsageError: Others would reach it, and there is no login; or the port is taken.
        ConfigurationError: The settings cannot be used.
    """
    check_reach(host, settings)
    _share_heaps()
    listening = _listen(host, port)
    try:
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listening.getsockname()[1]}"
        app = create_app(workspace, settings, address=address)
        server = uvicorn.Server(configuration(app))
        started(address)
        server.run(sockets=[listening])
    finally:
        listening.close()


def configuration(app: ASGIApp) -> uvicorn.Config:
    """Return how an application is served."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=_LONGEST_HEADERS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def _share_heaps() -> None:
    """Let threads share two heaps, where the C library is glibc.

    Else each has its own, from which little is given back: a server then grew by some 2.5 MiB with
    every thousand pages, and does not with two.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 2)


_ARENA_MAX: Final = -8
"""``M_ARENA_MAX`` of ``malloc.h``."""


def check_reach(host: str, settings: WebSettings) -> None:
    """Refuse to be reached by others without a login.

    Raises:
        UsageError: There is none.
    """
    known_as = urlsplit(settings.url).hostname if settings.url else host
    if settings.login or (is_loopback(host) and is_loopback(str(known_as))):
        return
    raise UsageError(
        f"others can reach this server as {known_as}, and it has no login",
        hint='login = "proxy", "oidc" or "tokens" under [plugins.web] in funnelflow.toml; '
        "without --host it is for this machine alone",
    )


def is_loopback(host: str) -> bool:
    """Whether an address is one that only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(256)
    except OSError as error:
        made.close()
        raise UsageError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}",
            hint="another --port; 0 takes any that is free",
        ) from None
    return made
