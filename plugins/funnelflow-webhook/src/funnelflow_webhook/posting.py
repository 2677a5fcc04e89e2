"""One HTTP request, sent so that no receiver can do harm.

* One deadline for everything: resolving, connecting, TLS, sending, and the answer. HTTP
  clients have timeouts for each read, under which a receiver that drips holds a sender for ever.
* The address that was looked at is the one that is connected to; nothing resolves it again.
* No redirects, no proxy from the environment, no cookies, no compression; TLS is verified.
* Of an answer no more is read than its status and headers, and of these 64 KiB at most.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from funnelflow.plugins import DeliveryError
from funnelflow_webhook.targets import Target, resolve

__all__ = ["CAP", "DEADLINE", "Reply", "post"]

DEADLINE: Final = 15.0
"""Seconds for everything."""
CAP: Final = 64 * 1024
"""Bytes that are read of an answer, at most."""


@frozen
class Reply:
    """What a receiver answered.

    Attributes:
        status: The status.
        headers: The headers.
    """

    status: int
    headers: Mapping[str, str]


def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    deadline: float = DEADLINE,
    ca_file: Path | None = None,
) -> Reply:
    """Send a request and give the answer.

    Args:
        target: Where.
        body: What.
        headers: Headers, besides those that every request has.
        deadline: Seconds for everything.
        ca_file: Certificates to trust instead of the system's.

    Raises:
        DeliveryError: There is no answer.
    """
    end = time.monotonic() + deadline
    try:
        with _connect(target, end) as plain, _secured(plain, target, ca_file, end) as sock:
            _send(sock, _request(target, body, headers), end)
            return _reply(sock, end)
    except TimeoutError:
        raise DeliveryError(f"{target.host} did not answer within {deadline:g} seconds") from None
    except ssl.SSLCertVerificationError as error:
        raise DeliveryError(
            f"the certificate of {target.host} is not trusted: {error.verify_message}"
        ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DeliveryError(f"{target.host} {_what_happened(error)}") from None


def _connect(target: Target, end: float) -> socket.socket:
    """Connect to the first address that answers."""
    problem: OSError = ConnectionRefusedError()
    for family, place in resolve(target, end):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_left(end))
            sock.connect(place)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            sock.close()
            problem = error
        else:
            return sock
    raise problem


def _secured(
    sock: socket.socket, target: Target, ca_file: Path | None, end: float
) -> socket.socket:
    """Begin TLS where the URL asks for it, in the name that the URL has."""
    if not target.is_secure:
        return sock
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    sock.settimeout(_left(end))
    return context.wrap_socket(sock, server_hostname=target.host)


def _request(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Write a request as it goes over the line."""
    lines = {
        "Host": target.authority,
        "User-Agent": "funnelflow",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **headers,
    }
    for name, value in lines.items():
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"cannot be sent the header {name}")
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body


def _send(sock: socket.socket, request: bytes, end: float) -> None:
    rest = memoryview(request)
    while rest:
        sock.settimeout(_left(end))
        rest = rest[sock.send(rest) :]


def _reply(sock: socket.socket, end: float) -> Reply:
    """Read the status and the headers of the answer; what breaks off in them is no answer."""
    reader = _Reader(sock, end)
    response = _LastResponse(reader, method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        if reader.has_ended:
            raise ConnectionResetError
        return Reply(response.status, {name.lower(): v for name, v in response.getheaders()})
    finally:
        response.close()


class _LastResponse(http.client.HTTPResponse):
    """The answer behind those that only announce one, such as 103.

    `http.client` passes over 100 alone; 101 would be another protocol.
    """

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        is_interim = HTTPStatus.PROCESSING <= status < HTTPStatus.OK
        return version, HTTPStatus.CONTINUE if is_interim else status, reason


class _Reader(io.RawIOBase):
    """What comes over a connection, until a deadline and up to a cap.

    Attributes:
        has_ended: Whether more was asked for than there is.
    """

    def __init__(self, sock: socket.socket, end: float) -> None:
        self._sock = sock
        self._end = end
        self._room = CAP
        self.has_ended = False

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Give itself as the file that `http.client` reads."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes, never waiting for longer than until the deadline."""
        if self._room <= 0:
            raise http.client.HTTPException("too long")
        self._sock.settimeout(_left(self._end))
        count = self._sock.recv_into(buffer, min(len(buffer), self._room))
        self._room -= count
        self.has_ended = count == 0
        return count


def _left(end: float) -> float:
    """Give the seconds until a deadline.

    Raises:
        TimeoutError: It is over.
    """
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _what_happened(error: Exception) -> str:
    """Say what went wrong, in words of our own: what a receiver sends is not repeated."""
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection"
    if isinstance(error, ConnectionError | http.client.RemoteDisconnected):
        return "broke the connection off"
    if isinstance(error, ssl.SSLError):
        return f"speaks no TLS that can be used ({error.reason or 'no reason given'})"
    if isinstance(error, OSError):
        return f"cannot be reached: {error.strerror or type(error).__name__}"
    if isinstance(error, http.client.HTTPException):
        return "gave an answer that is no HTTP, or too long"
    return str(error)
