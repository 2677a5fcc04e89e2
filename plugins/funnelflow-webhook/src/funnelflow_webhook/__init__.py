"""Webhooks: CloudEvents over HTTPS, signed to the Standard Webhooks specification."""

import base64
import binascii
import datetime as dt
import email.utils
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen
from standardwebhooks import Webhook

from funnelflow.plugins import DeliveryError, Message, NotifierProvider, hookimpl
from funnelflow.plugins import secret as hidden
from funnelflow_webhook.posting import DEADLINE, Reply, post
from funnelflow_webhook.targets import read_target

__all__ = ["Settings", "funnelflow_notifiers", "send", "signed_headers"]

_SHORTEST: Final = 24
_LONGEST: Final = 64


@frozen
class Settings:
    """What ``[notify.settings]`` of a webhook may say.

    Attributes:
        url: Where messages are sent; it may hold a token, and is not shown.
        secret: What they are signed with: ``whsec_`` and 24 to 64 bytes in base64.
        former_secret: The one before it, while receivers change over: messages are signed
            with both.
        authorization: The value of the header ``Authorization``; empty for none.
        allow: Hosts that are allowed by name, though they are private or without TLS.
        deadline: For how long a receiver may take, everything included.
        ca_file: Certificates to trust instead of the system's.
    """

    url: str = field(metadata=hidden, repr=False)
    secret: str = field(default="", metadata=hidden, repr=False)
    former_secret: str = field(default="", metadata=hidden, repr=False)
    authorization: str = field(default="", metadata=hidden, repr=False)
    allow: list[str] = field(factory=list)
    deadline: dt.timedelta = field(default=dt.timedelta(seconds=DEADLINE))
    ca_file: Path | None = None

    @secret.validator
    @former_secret.validator
    def _check_secret(self, attribute: Any, value: str) -> None:
        if value and not _SHORTEST <= _key_length(value) <= _LONGEST:
            raise ValueError(
                f"{attribute.name} is no secret of Standard Webhooks: "
                "whsec_ and 24 to 64 bytes in base64"
            )

    @deadline.validator
    def _check_deadline(self, _: Any, value: dt.timedelta) -> None:
        if not 0 < value.total_seconds() <= DEADLINE:
            raise ValueError(f"deadline is not between 0 and {DEADLINE:g} seconds")

    def __attrs_post_init__(self) -> None:
        """Refuse a URL that cannot be used, before anything is sent."""
        read_target(self.url, self.allow)


@hookimpl
def funnelflow_notifiers() -> Iterable[NotifierProvider]:
    """Offer the notifier."""
    about = "Posts each message as a CloudEvent, signed to Standard Webhooks."
    return [NotifierProvider("webhook", send, Settings, about)]


def send(message: Message, settings: Settings) -> None:
    """Post a message.

    Raises:
        DeliveryError: It was not accepted.
    """
    # Here, because it brings the store along, which most commands that find this plugin
    # have no use for.
    from funnelflow.notify import CONTENT_TYPE  # noqa: PLC0415

    target = read_target(settings.url, settings.allow)
    body = message.text()
    headers = {"Content-Type": CONTENT_TYPE}
    headers |= signed_headers(message.id, body, settings, dt.datetime.now(dt.UTC))
    if settings.authorization:
        headers["Authorization"] = settings.authorization
    reply = post(
        target,
        body.encode("ascii"),
        headers,
        deadline=settings.deadline.total_seconds(),
        ca_file=settings.ca_file,
    )
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _refused(target.host, reply)


def signed_headers(
    message_id: str, body: str, settings: Settings, now: dt.datetime
) -> dict[str, str]:
    """Give the headers of Standard Webhooks, signed with every secret there is.

    Args:
        message_id: The id of the message.
        body: What is sent.
        settings: The secrets.
        now: When it is sent.
    """
    headers = {"Webhook-Id": message_id, "Webhook-Timestamp": str(int(now.timestamp()))}
    secrets = [text for text in (settings.secret, settings.former_secret) if text]
    if secrets:
        signatures = [Webhook(text).sign(message_id, now, body) for text in secrets]
        headers["Webhook-Signature"] = " ".join(signatures)
    return headers


def _refused(host: str, reply: Reply) -> DeliveryError:
    """Say what an answer means that is not yes."""
    known = {status.value: status.phrase for status in HTTPStatus}
    said = f"{host} answered {reply.status} {known.get(reply.status, '')}".strip()
    if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
        said += ", and redirects are not followed"
    return DeliveryError(
        said,
        retry_after=_seconds(reply.headers.get("retry-after", "")),
        gone=reply.status == HTTPStatus.GONE,
    )


def _seconds(text: str) -> float | None:
    """Read ``Retry-After``: seconds, or a date."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return (at - dt.datetime.now(dt.UTC)).total_seconds()


def _key_length(text: str) -> int:
    """Give how many bytes a secret has; 0 where it is no base64.

    What receivers' libraries would read otherwise, such as a version or a blank before it, is none.
    """
    key = text.removeprefix("whsec_").rstrip("=")
    try:
        return len(base64.b64decode(key + "=" * (-len(key) % 4), validate=True))
    except (binascii.Error, ValueError):
        return 0
