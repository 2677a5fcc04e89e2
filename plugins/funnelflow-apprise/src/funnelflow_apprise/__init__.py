"""Chat, mail, SMS and the rest: messages for people, sent through the apprise library."""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from apprise import Apprise
from attrs import field, frozen

from funnelflow.plugins import DeliveryError, Message, NotifierProvider, hookimpl
from funnelflow.plugins import secret as hidden

__all__ = ["Settings", "funnelflow_notifiers", "send", "text_of"]

_BLANK: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LONGEST: Final = 200

# What apprise logs may hold addresses and tokens; without a handler Python would print it.
logging.getLogger("apprise").addHandler(logging.NullHandler())


@frozen
class Settings:
    """What ``[notify.settings]`` of the channel ``apprise`` may say.

    Attributes:
        url: Where messages go, in apprise's form (``slack://…``, ``mailto://…``); several
            with blanks or commas between. It holds tokens, and is not shown.
        title: The first line; ``{contact}``, ``{before}``, ``{after}``, ``{event}``,
            ``{actor}``, ``{funnel}`` and the fields that may be told are filled in.
        body: What follows, filled in like the title.
    """

    url: str = field(metadata=hidden, repr=False)
    title: str = "{contact} is now {after}"
    body: str = "{contact} moved from {before} to {after} ({event} by {actor})."

    @url.validator
    def _check_url(self, _: Any, value: str) -> None:
        if not value.strip() or not Apprise().add(value):
            raise ValueError("url is none that apprise knows; see its list of services")


@hookimpl
def funnelflow_notifiers() -> Iterable[NotifierProvider]:
    """Offer the notifier."""
    about = "Tells people by chat, mail, SMS and the like, through apprise."
    return [NotifierProvider("apprise", send, Settings, about)]


def send(message: Message, settings: Settings) -> None:
    """Send a message to every address.

    Raises:
        DeliveryError: Not every one of them has taken it. Those that have will get it again.
    """
    sender = Apprise()
    sender.add(settings.url)
    names = ", ".join(sorted({str(server.service_name) for server in sender}))
    facts = {**_fields(message), "contact": message.subject, **message.data}
    title, body = text_of(settings.title, facts), text_of(settings.body, facts)
    try:
        arrived = sender.notify(body=body, title=title)
    except Exception as error:  # noqa: BLE001  # so many services, and texts that hold tokens
        raise DeliveryError(f"{names}: {type(error).__name__}") from None
    if not arrived:
        raise DeliveryError(f"{names} did not take the message")


def text_of(template: str, facts: Mapping[str, Any]) -> str:
    """Fill in a text; what nobody knows is a question mark.

    A name is looked up and nothing else: no attributes, no formats.
    """
    return _BLANK.sub(lambda found: _said(facts.get(found[1])), template)


def _fields(message: Message) -> Mapping[str, Any]:
    fields = message.data.get("fields", {})
    return fields if isinstance(fields, Mapping) else {}


def _said(value: Any) -> str:
    """Say a value in one line."""
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())[:_LONGEST]
