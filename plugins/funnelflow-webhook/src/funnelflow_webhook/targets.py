"""Where a URL leads: read strictly, resolved once, and every address looked at."""

import ipaddress
import queue
import re
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import frozen

from funnelflow.plugins import DeliveryError
from funnelflow_webhook.addresses import refusal

__all__ = ["Address", "Target", "read_target", "resolve"]

Address = tuple[socket.AddressFamily, Any]

_PORTS: Final = {"http": 80, "https": 443}
_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\\]")
_LONGEST: Final = 2_000


@frozen
class Target:
    """Where messages are sent.

    Attributes:
        host: The host as the URL names it, in lower case.
        port: The port.
        path: What is asked for, with the query.
        is_secure: Whether TLS is used.
        is_allowed: Whether the settings allow this host by name, wherever it leads.
    """

    host: str
    port: int
    path: str
    is_secure: bool
    is_allowed: bool = False

    @property
    def authority(self) -> str:
        """What the ``Host`` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _PORTS["https" if self.is_secure else "http"]
        return host if self.port == usual else f"{host}:{self.port}"


def read_target(url: str, allow: Iterable[str] = ()) -> Target:
    """Read a URL.

    Args:
        url: ``https://host/path``; ``http://`` only to a host that is allowed by name.
        allow: Hosts that are allowed by name.

    Raises:
        ValueError: It cannot be used; its text says why, and holds nothing of the path.
    """
    if _UNFIT.search(url) or not url.isascii() or len(url) > _LONGEST:
        raise ValueError("url holds a blank, a backslash or a character outside ASCII")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise ValueError("url is no URL") from None
    if parts.scheme not in _PORTS:
        raise ValueError("url does not begin with https://")
    if not host or "%" in host:
        raise ValueError("url names no host")
    if "@" in parts.netloc:
        raise ValueError("url holds a user; put what authorises you into `authorization`")
    is_allowed = host.rstrip(".") in {name.lower().strip("[]").rstrip(".") for name in allow}
    is_secure = parts.scheme == "https"
    if not is_secure and not is_allowed:
        raise ValueError(f'url is not encrypted: write https://, or allow = ["{host}"]')
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    port = _PORTS[parts.scheme] if port is None else port
    return Target(host, port, path, is_secure, is_allowed)


def resolve(target: Target, deadline: float) -> list[Address]:
    """Look up the addresses of a host; one that must not be connected to refuses them all.

    Args:
        target: The host.
        deadline: When that must be done, by `time.monotonic`.

    Raises:
        DeliveryError: There is none, or one of them is not public.
    """
    found = [(family, place) for family, *_, place in _look_up(target, deadline)]
    if not target.is_allowed:
        for _, place in found:
            if why := refusal(str(place[0])):
                raise DeliveryError(
                    f"{target.host} leads to an address that is {why}; "
                    f'allow = ["{target.host}"] in its settings would let it'
                )
    return found


def _look_up(target: Target, deadline: float) -> list[Any]:
    """Ask the system; where it has to ask others, in a thread that can be left behind."""
    try:
        return _ask(target, socket.AI_NUMERICHOST)
    except OSError:
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_ask_into, args=(answers, target), daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise DeliveryError(f"the name {target.host} was not resolved in time") from None
    if isinstance(answer, Exception):
        raise DeliveryError(f"the name {target.host} cannot be resolved") from None
    found: list[Any] = answer
    return found


def _ask_into(answers: "queue.SimpleQueue[Any]", target: Target) -> None:
    try:
        answers.put(_ask(target, 0))
    except (OSError, UnicodeError) as error:
        answers.put(error)


def _ask(target: Target, flags: int) -> list[Any]:
    host = str(ipaddress.IPv6Address(target.host)) if ":" in target.host else target.host
    return socket.getaddrinfo(host, target.port, type=socket.SOCK_STREAM, flags=flags)
