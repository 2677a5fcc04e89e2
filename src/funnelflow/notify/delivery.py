"""Delivering the outbox of a workspace: one lane for each endpoint."""

import threading
from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, field

from funnelflow.notify.endpoint_worker import (
    Delivery,
    EndpointWorker,
    Outages,
    Pace,
    TellOutage,
    Wait,
)
from funnelflow.notify.endpoints import Channel
from funnelflow.storage.outbox import Outbox
from funnelflow.storage.row_format import Clock, utc_now

_LOOK: Final = 0.2


@define
class Delivered:
    """What was done for one endpoint.

    Attributes:
        endpoint: Which one.
        delivered: How many messages arrived.
        waiting: How many did not and are tried again.
        dead: How many were given up.
        problem: Why the last one did not arrive.
        is_off: The receiver wants no more messages.
    """

    endpoint: str
    delivered: int = 0
    waiting: int = 0
    dead: int = 0
    problem: str = ""
    is_off: bool = field(default=False)

    def count(self, delivery: Delivery) -> None:
        """Add one attempt."""
        outcome = delivery.outcome
        self.delivered += outcome.state == "delivered"
        self.waiting += outcome.state == "waiting"
        self.dead += outcome.state == "dead"
        self.problem = outcome.problem or self.problem
        self.is_off = self.is_off or bool(outcome.turns_off)


class Deliverer:
    """One worker: several of them can share the work, in any number of processes.

    Args:
        channels: The endpoints.
        outbox: The messages.
        pace: How each lane works.
        tell: Told of every attempt, from several threads, one at a time.
        outage: Told once when the database cannot be used while `run` watches, and once when
            it can again.
        clock: Gives the time it is.
        wait: How lanes wait; tests give one that takes no time.
    """

    def __init__(
        self,
        channels: Iterable[Channel],
        outbox: Outbox,
        *,
        pace: Pace | None = None,
        tell: Callable[[Delivery], None] = lambda _: None,
        outage: TellOutage = lambda _: None,
        clock: Clock = utc_now,
        wait: Wait = threading.Event.wait,
    ) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._tallies = {channel.name: Delivered(channel.name) for channel in channels}
        outages = Outages(outage)
        self._lanes = [
            EndpointWorker(
                channel,
                outbox,
                pace=pace,
                tell=self._count,
                outages=outages,
                clock=clock,
                wait=wait,
            )
            for channel in channels
        ]

    def stop(self) -> None:
        """End soon: send what is being sent, and leave the rest to others."""
        for lane in self._lanes:
            lane.stop()

    def run(self, *, watch: bool = False) -> tuple[Delivered, ...]:
        """Deliver what is due; with `watch` whatever becomes due, until `stop`.

        Raises:
            StoreError: The database cannot be used, and this is no watching or ends; every
                lane has ended then. What has not been recorded is sent again.
        """
        threads = [
            threading.Thread(target=self._run_lane, args=(lane, watch), daemon=True)
            for lane in self._lanes
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # in steps, so that Ctrl-C gets through
                thread.join(_LOOK)
        for lane in self._lanes:
            if lane.error is not None:
                raise lane.error
        return tuple(self._tallies.values())

    def _run_lane(self, lane: EndpointWorker, watch: bool) -> None:  # noqa: FBT001  # a thread's argument
        try:
            lane.run(watch=watch)
        except Exception as error:  # noqa: BLE001  # raised again in the caller's thread
            lane.error = error
            self.stop()

    def _count(self, delivery: Delivery) -> None:
        with self._lock:
            self._tallies[delivery.letter.endpoint].count(delivery)
            self._tell(delivery)
