"""Senders of every kind: they sign what they send as the real ones do."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

from attrs import evolve, field, frozen
from funnelflow_web.inbound.signatures import Incoming

KEY = base64.b64encode(b"a secret for the tests of inbound").decode()
SECRETS = {
    "cloudevents": f"whsec_{KEY}",
    "standard-webhooks": f"whsec_{KEY}",
    "hubspot": "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
    "segment": "a shared secret of segment".replace(" ", "-"),
    "json": "a-token-that-nobody-guesses",
}
HUBSPOT_URL = "https://funnel.example.com/in/hubspot"
ORIGIN = "https://www.example.com"
SETTINGS = {
    "cloudevents": {"kind": "cloudevents", "secret": SECRETS["cloudevents"], "create": True},
    "standard-webhooks": {
        "kind": "standard-webhooks",
        "secret": SECRETS["standard-webhooks"],
        "mapping": "events",
        "create": True,
    },
    "hubspot": {
        "kind": "hubspot",
        "secret": SECRETS["hubspot"],
        "url": HUBSPOT_URL,
        "create": True,
    },
    "segment": {"kind": "segment", "secret": SECRETS["segment"], "create": True},
    "json": {
        "kind": "json",
        "proof": "bearer",
        "secret": SECRETS["json"],
        "mapping": "events",
        "create": True,
    },
    "form": {"kind": "form", "origins": [ORIGIN], "create": True, "honeypot": "website"},
}
MAPPING = """\
guess = false
[columns]
contact = "who"
event = "what"
at = "when"
key = "id"
"""
"""The mapping of what has no form of its own."""


@frozen
class Delivery:
    """Something that is to be sent.

    Attributes:
        source: To which source.
        headers: The headers.
        body: The body.
        query: What stands behind ``?``.
    """

    source: str
    headers: dict[str, str]
    body: bytes
    query: str = ""

    def incoming(self) -> Incoming:
        """Return it as it comes in."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Incoming(headers, self.body, self.query)


@frozen
class Happened:
    """Something that happened, whoever tells it.

    Attributes:
        number: Its number, from which the sender's id is made.
        who: The contact.
        at: When, in seconds.
    """

    number: int
    who: str
    at: int
    more: dict[str, Any] = field(factory=dict)


def stamp(at: int) -> str:
    """Return a time as JSON has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def send(source: str, one: Happened, now: float | None = None) -> Delivery:
    """Return a delivery, signed."""
    return signed(source, json.dumps(said(source, one)).encode(), f"msg_{one.number}", now)


def said(source: str, one: Happened) -> Any:
    """Return what a source says of something."""
    if source == "cloudevents":
        return {
            "specversion": "1.0", "id": f"e{one.number}", "source": "/shop", "subject": one.who,
            "type": "content_viewed", "time": stamp(one.at), **one.more,
        }  # fmt: skip
    if source == "hubspot":
        return [{
            "eventId": one.number, "subscriptionId": 3, "occurredAt": one.at * 1000,
            "subscriptionType": "contact.propertyChange", "attemptNumber": 0,
            "objectId": one.who, "propertyName": "company", "propertyValue": f"No {one.number}",
            **one.more,
        }]  # fmt: skip
    if source == "segment":
        return {
            "type": "page", "userId": one.who, "messageId": f"s{one.number}",
            "timestamp": stamp(one.at), "properties": {}, **one.more,
        }  # fmt: skip
    return {
        "id": f"j{one.number}", "who": one.who, "what": "content_viewed", "when": stamp(one.at),
        **one.more,
    }  # fmt: skip


def signed(source: str, body: bytes, message: str = "msg_1", now: float | None = None) -> Delivery:
    """Return a body as a source sends it."""
    now = time.time() if now is None else now
    headers = {"Content-Type": "application/json"}
    if source == "cloudevents":
        headers["Content-Type"] = "application/cloudevents+json"
    if source in ("cloudevents", "standard-webhooks"):
        text = f"{message}.{int(now)}.".encode() + body
        made = hmac.new(base64.b64decode(KEY), text, hashlib.sha256).digest()
        headers["Webhook-Id"] = message
        headers["Webhook-Timestamp"] = str(int(now))
        headers["Webhook-Signature"] = f"v1,{base64.b64encode(made).decode()}"
    elif source == "hubspot":
        when = str(int(now * 1000))
        text = b"POST" + HUBSPOT_URL.encode() + body + when.encode()
        made = hmac.new(SECRETS[source].encode(), text, hashlib.sha256).digest()
        headers["X-HubSpot-Signature-v3"] = base64.b64encode(made).decode()
        headers["X-HubSpot-Request-Timestamp"] = when
    elif source == "segment":
        made = hmac.new(SECRETS[source].encode(), body, hashlib.sha1)
        headers["X-Signature"] = made.hexdigest()
    elif source == "json":
        headers["Authorization"] = f"Bearer {SECRETS[source]}"
    elif source == "form":
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": ORIGIN}
    return Delivery(source, headers, body)


def form(fields: dict[str, str]) -> Delivery:
    """Return a form as a browser sends it."""
    return signed("form", urlencode(fields).encode())


def forge(delivery: Delivery, how: int) -> Delivery:
    """Return a delivery that its sender did not send: one of `FORGERIES` ways."""
    change = FORGERIES[how % len(FORGERIES)]
    return change(delivery)


PROOFS = {"webhook-signature", "x-hubspot-signature-v3", "x-signature", "authorization", "origin"}


def _headers(delivery: Delivery, **changed: str | None) -> Delivery:
    headers = {
        name: (changed["proof"] if name.lower() in PROOFS else value)
        for name, value in delivery.headers.items()
    }
    return evolve(delivery, headers={n: v for n, v in headers.items() if v is not None})


def _other_body(delivery: Delivery) -> Delivery:
    if delivery.source in ("json", "form"):  # whose proof is not about the body
        return _headers(delivery, proof="Bearer another-token-altogether")
    return evolve(delivery, body=delivery.body.replace(b"e", b"E", 1))


def _flipped(delivery: Delivery) -> Delivery:
    headers = dict(delivery.headers)
    for name, value in headers.items():
        if name.lower() in ("webhook-signature", "x-hubspot-signature-v3", "x-signature"):
            middle = len(value) // 2
            other = "0" if value[middle] != "0" else "1"
            headers[name] = value[:middle] + other + value[middle + 1 :]
        elif name in ("Authorization", "Origin"):
            headers[name] = value + "x"
    return evolve(delivery, headers=headers)


FORGERIES = (
    _other_body,
    _flipped,
    lambda one: _headers(one, proof=None),
    lambda one: _headers(one, proof=""),
    lambda one: _headers(one, proof="v1,"),
    lambda one: _headers(one, proof="v1,AAAA,AAAA"),
    lambda one: _headers(one, proof="v2,AAAA v1a,AAAA"),
    lambda one: _headers(one, proof="v1,\u00e4\u00f6"),
    lambda one: _headers(one, proof="Bearer"),
    lambda one: _headers(one, proof="null"),
)
"""Ways to forge a delivery."""
