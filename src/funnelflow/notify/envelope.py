"""Messages as CloudEvents 1.0: what is sent, whoever sends it."""

from typing import Final

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
    return message.text()
