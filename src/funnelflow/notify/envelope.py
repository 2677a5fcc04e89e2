"""Messages as CloudEvents 1.0: what is sent, whoever sends it."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any, Final

from funnelflow.plugins import Message
from funnelflow.store import Letter

__all__ = ["CONTENT_TYPE", "MOVED", "cloud_event", "message_of"]

MOVED: Final = "funnelflow.contact.moved"
"""The type of a message about a transition."""

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
"""What `cloud_event` is, for HTTP: the structured mode of CloudEvents."""


def message_of(letter: Letter) -> Message:
    """Give what a notifier sends for a row of the outbox."""
    return Message(
        id=letter.message,
        type=MOVED,
        source=letter.source,
        subject=letter.contact_id,
        time=letter.at,
        data=letter.data,
    )


def cloud_event(message: Message) -> str:
    """Write a message as a CloudEvent in JSON, in one line of ASCII; the same every time."""
    event = {
        "specversion": "1.0",
        "id": message.id,
        "source": message.source,
        "type": message.type,
        "subject": message.subject,
        "time": message.time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": _thawed(message.data),
    }
    return json.dumps(event, ensure_ascii=True, separators=(",", ":"))


def _thawed(value: Any) -> Any:
    """Give what JSON can write of frozen data."""
    if isinstance(value, Mapping):
        return {name: _thawed(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_thawed(inner) for inner in value]
    return value
