"""Notifications: the outbox is delivered, through notifiers, to endpoints."""

from funnelflow.notify.builtin import BUILT_IN
from funnelflow.notify.channels import Channel, open_channel, open_channels
from funnelflow.notify.checking import check_notices
from funnelflow.notify.delivering import Delivered, Deliverer
from funnelflow.notify.envelope import CONTENT_TYPE, cloud_event, message_of
from funnelflow.notify.lanes import Delivery, Pace
from funnelflow.notify.schedule import next_attempt

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
