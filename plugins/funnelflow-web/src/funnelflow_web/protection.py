"""What holds for every request, before anything of it is looked at.

A request is for this server (DNS rebinding), one that changes something comes from its own pages,
is not too large, comes in time, and whoever fails again and again waits. Every answer says what a
browser may do with it.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

import anyio
from attrs import field, frozen
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from funnelflow import Error

MAX_BODY: Final = 1 << 20
BODY_SECONDS: Final = 30
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
INBOUND: Final = "/in/"
"""Where what comes in by itself goes: it is proved by its sender, whatever page it comes from. Who
forges it does not make its sender wait: no secret is short enough to be found by trying."""

_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""What every answer says, unless it says something else itself."""

FAILURES: Final = 30
WITHIN: Final = 60
"""How many failures within how many seconds let an address wait."""
_ADDRESSES: Final = 10_000
_FAILED: Final = frozenset({401, 403, 421})


def hosts_of(*addresses: str) -> frozenset[str]:
    """Return what the header ``Host`` may say where a server is reached at some addresses.

    This machine has several names for itself.
    """
    found: set[str] = set()
    for address in filter(None, addresses):
        parts = urlsplit(address)
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
        names = _LOOPBACK if host in _LOOPBACK else (host,)
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        port = parts.port or usual
        found |= {f"{name}:{port}" for name in names}
        found |= set(names) if port == usual else set()
    return frozenset(found)


def origins_of(*addresses: str) -> frozenset[str]:
    """Return what the header ``Origin`` says on the pages of a server."""
    return frozenset(
        f"{urlsplit(address).scheme}://{host}"
        for address in filter(None, addresses)
        for host in hosts_of(address)
    )


Networks = tuple[IPv4Network | IPv6Network, ...]


def networks(texts: Iterable[str]) -> Networks:
    """Return addresses and networks as such."""
    return tuple(ip_network(text) for text in texts)


def peer_of(scope: Scope) -> str:
    """Return the address from which a request comes: that of a proxy where there is one."""
    return str((scope.get("client") or ("", 0))[0])


def is_within(address: str, known: Networks) -> bool:
    """Whether an address is one of some, or in one of some networks."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in network for network in known)


def client_of(scope: Scope, proxies: Networks) -> str:
    """Return for which address a request is made, as far as that can be believed."""
    client = peer_of(scope)
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    for one in reversed([part.strip() for part in forwarded.split(",")[-_HOPS:]]):
        if not (one and is_within(client, proxies)):
            break
        client = one[:_LONGEST_ADDRESS]
    return client


_HOPS: Final = 8
_LONGEST_ADDRESS: Final = 60


class ProtectionMiddleware:
    """Refuses what no request to this server is, and completes every answer.

    Args:
        app: What is protected.
        addresses: The addresses at which the server is reached.
        proxies: From where it is believed for whom a proxy asks: addresses or networks.
    """

    def __init__(self, app: ASGIApp, addresses: Iterable[str], proxies: Iterable[str] = ()) -> None:
        addresses = tuple(addresses)
        self._proxies = networks(proxies)
        self._app = app
        self._hosts = hosts_of(*addresses)
        self._origins = origins_of(*addresses)
        self._is_secure = any(address.startswith("https://") for address in addresses)
        self._failures = Failures()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = client_of(scope, self._proxies)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(message)
                if message["status"] in _FAILED and not scope["path"].startswith(INBOUND):
                    self._failures.note(client)
            await send(message)

        refused = self._refusal(scope, client)
        if refused is not None:
            await refused(scope, receive, answer)
            return
        await self._app(scope, LimitedBody(receive).receive, answer)

    def _refusal(self, scope: Scope, client: str) -> JSONResponse | None:
        """Return the answer to what no request to this server is; None for others."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        is_inbound = scope["path"].startswith(INBOUND)
        if self._failures.waits(client) and not is_inbound:
            return _refuse(429, "too_many_failures", "too many failures", {"Retry-After": "60"})
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return _refuse(421, "host", "this server is not called that")
        if "transfer-encoding" in headers and "content-length" in headers:
            return _refuse(400, "length", "the length is said twice", {"Connection": "close"})
        if _declared(headers) > MAX_BODY:
            return _refuse(413, "too_large", f"send {MAX_BODY:,} bytes at most")
        if scope["method"] in SAFE or is_inbound or self._is_from_our_page(headers):
            return None
        return _refuse(403, "origin", "another site's page may not do this")

    def _is_from_our_page(self, headers: Headers) -> bool:
        """Whether a request comes from a page of this server, or from no page at all."""
        origin = headers.get("origin")
        is_ours = origin is None or origin.lower() in self._origins
        return is_ours and headers.get("sec-fetch-site", "none") in ("same-origin", "none")

    def _complete(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self._is_secure:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def _declared(headers: Headers) -> int:
    said = headers.get("content-length", "0")
    return int(said[:20]) if said.isascii() and said.isdigit() else 0


def _refuse(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    said = {"code": code, "message": message, "hint": ""}
    return JSONResponse(said, status, dict(headers or {}))


class TooLargeError(Error):
    """A body has more bytes than it may have.

    Args:
        most: How many it may have.
    """

    code = "too_large"
    http_status = 413

    def __init__(self, most: int) -> None:
        super().__init__(f"it has more than {most:,} bytes", hint="send less at a time")


class TooSlowError(Error):
    """A body has not come in time."""

    code = "too_slow"
    http_status = 408

    def __init__(self) -> None:
        super().__init__(f"it has not come within {BODY_SECONDS} seconds")


class LimitedBody:
    """Passes a body on as it comes, so much of it and in so much time."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0
        self._until = anyio.current_time() + BODY_SECONDS
        self._is_whole = False

    async def receive(self) -> Message:
        """Return the next part.

        Raises:
            TooLargeError: It is too large.
            TooSlowError: It does not come in time.
        """
        if self._is_whole:
            return await self._receive()
        with anyio.CancelScope(deadline=self._until) as waiting:
            message = await self._receive()
        if waiting.cancelled_caught:
            raise TooSlowError
        self._size += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._size > MAX_BODY:
            raise TooLargeError(MAX_BODY)
        return message


@frozen
class Failures:
    """Who has failed how often, lately.

    Attributes:
        known: Address to when its time began and how often it has failed since.
    """

    known: OrderedDict[str, tuple[float, int]] = field(factory=OrderedDict)

    def note(self, address: str) -> None:
        """Note a failure."""
        began, count = self.known.pop(address, (time.monotonic(), 0))
        if time.monotonic() - began > WITHIN:
            began, count = time.monotonic(), 0
        self.known[address] = (began, count + 1)
        if len(self.known) > _ADDRESSES:
            self.known.popitem(last=False)

    def waits(self, address: str) -> bool:
        """Whether an address has to wait."""
        began, count = self.known.get(address, (0.0, 0))
        return count >= FAILURES and time.monotonic() - began <= WITHIN
