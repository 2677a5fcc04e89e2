"""Notifications: the outbox is delivered, through notifiers, to endpoints."""

from funnelflow.notify.builtin_notifiers import BUILT_IN, CONTENT_TYPE, message_of
from funnelflow.notify.delivery import Delivered, Deliverer
from funnelflow.notify.endpoint_worker import Delivery, Pace
from funnelflow.notify.endpoints import (
    Endpoint,
    check_subscriptions,
    next_attempt,
    open_endpoint,
    open_endpoints,
)

__all__ = [
    "BUILT_IN",
    "CONTENT_TYPE",
    "Delivered",
    "Deliverer",
    "Delivery",
    "Endpoint",
    "Pace",
    "check_subscriptions",
    "message_of",
    "next_attempt",
    "open_endpoint",
    "open_endpoints",
]
