"""Notifications: the outbox is delivered, through notifiers, to endpoints."""

from funnelflow.notify.builtin_notifiers import BUILT_IN, CONTENT_TYPE, cloud_event, message_of
from funnelflow.notify.delivery import Delivered, Deliverer
from funnelflow.notify.endpoint_worker import Delivery, Pace, next_attempt
from funnelflow.notify.endpoints import Channel, check_notices, open_channel, open_channels

__all__ = [
    "BUILT_IN",
    "CONTENT_TYPE",
    "Channel",
    "Delivered",
    "Deliverer",
    "Delivery",
    "Pace",
    "check_notices",
    "cloud_event",
    "message_of",
    "next_attempt",
    "open_channel",
    "open_channels",
]
