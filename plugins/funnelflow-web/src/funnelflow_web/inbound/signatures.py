"""Who sent it: the signatures of the senders, each as its specification has it.

Whatever is compared with a secret, or with what was made of one, is compared in constant time. What
is wrong is never said more closely than that it is: a sender in good faith sees it in its own log.
"""

import base64
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen
from standardwebhooks import Webhook, WebhookVerificationError

from funnelflow import Error
from funnelflow_web.inbound.sources import ProofKind, Source

WINDOW: Final = dt.timedelta(minutes=5)
"""How far the time of a signature may be from now, as Standard Webhooks and HubSpot have it."""


class NotProvedError(Error):
    """It is not proved who sent something."""

    code = "not_proved"
    http_status = 401

    def __init__(self) -> None:
        super().__init__("it is not proved who sent this", hint="check the secret and the clocks")


@frozen
class Incoming:
    """A request, as it came.

    Attributes:
        headers: Each by its name in lower case; none comes twice.
        body: The body, as it came.
        query: What stood behind ``?`` in the address.
    """

    headers: Mapping[str, str]
    body: bytes
    query: str = ""

    def header(self, name: str) -> str:
        """Return a header; empty where there is none."""
        return self.headers.get(name, "")


def check_sender(source: Source, incoming: Incoming, now: dt.datetime) -> str:
    """Return the id that the sender's proof gives a delivery; empty where it gives none.

    Args:
        source: Who it claims to come from.
        incoming: What came.
        now: The time it is.

    Raises:
        NotProvedError: It is not proved.
    """
    check = _CHECKS[source.proved_by]
    return check(source, incoming, now)


def _standard_webhooks(source: Source, incoming: Incoming, now: dt.datetime) -> str:  # noqa: ARG001  # the library has its own clock
    """Check a signature by Standard Webhooks, version v1.

    See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
    """
    for secret in source.secrets:
        try:
            Webhook(secret).verify(incoming.body, dict(incoming.headers), json_parse=False)
        except (WebhookVerificationError, ValueError):  # the library lets some through
            continue
        return incoming.header("webhook-id")
    raise NotProvedError


_ENCODED: Final = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'",
    "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
"""What HubSpot writes plainly in the address that it signs."""

_MILLISECONDS: Final = re.compile(r"[0-9]{13}")


def _hubspot(source: Source, incoming: Incoming, now: dt.datetime) -> str:
    """Check a signature of HubSpot, version 3.

    HMAC-SHA256 of method, address, body and time, in base64; see
    https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests.
    """
    said = incoming.header("x-hubspot-request-timestamp")
    if not _MILLISECONDS.fullmatch(said):
        raise NotProvedError
    sent = dt.datetime.fromtimestamp(int(said) / 1000, tz=dt.UTC)
    if abs(now - sent) > WINDOW:
        raise NotProvedError
    query = f"?{incoming.query}" if incoming.query else ""
    address = re.sub(
        "%[0-9A-Fa-f]{2}", lambda one: _ENCODED.get(one[0].upper(), one[0]), source.url + query
    )
    text = b"POST" + address.encode() + incoming.body + said.encode()

    def sign(secret: str) -> str:
        made = hmac.new(secret.encode(), text, hashlib.sha256).digest()
        return base64.b64encode(made).decode()

    _compare(source, incoming.header("x-hubspot-signature-v3"), sign)
    return ""


def _segment(source: Source, incoming: Incoming, now: dt.datetime) -> str:  # noqa: ARG001  # no time is signed
    """Check a signature of Segment's webhooks: HMAC-SHA1 of the body, in hexadecimal."""

    def sign(secret: str) -> str:
        return hmac.new(secret.encode(), incoming.body, hashlib.sha1).hexdigest()

    _compare(source, incoming.header("x-signature").lower(), sign)
    return ""


def _bearer(source: Source, incoming: Incoming, now: dt.datetime) -> str:  # noqa: ARG001  # a token has no time
    """Check a token in the header ``Authorization``, as RFC 6750 has it."""
    scheme, _, token = incoming.header("authorization").partition(" ")
    _compare(source, token.strip() if scheme.lower() == "bearer" else "", lambda secret: secret)
    return ""


def _origin(source: Source, incoming: Incoming, now: dt.datetime) -> str:  # noqa: ARG001  # a page has no time
    """Check from which site's page a browser sends: it says so, and lets no page choose."""
    if incoming.header("origin") not in source.origins:
        raise NotProvedError
    return ""


def _compare(source: Source, said: str, sign: Callable[[str], str]) -> None:
    """Hold what was said to what any of the secrets gives.

    Raises:
        NotProvedError: It is none of that.
    """
    given = said.encode("utf-8", "surrogateescape")
    same = [hmac.compare_digest(sign(secret).encode(), given) for secret in source.secrets]
    if not (given and any(same)):
        raise NotProvedError


_CHECKS: Final[dict[ProofKind, Callable[[Source, Incoming, dt.datetime], str]]] = {
    "standard-webhooks": _standard_webhooks,
    "hubspot": _hubspot,
    "segment": _segment,
    "bearer": _bearer,
    "origin": _origin,
}
