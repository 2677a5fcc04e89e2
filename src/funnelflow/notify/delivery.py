"""Delivering the outbox of a workspace: one worker for each endpoint."""

import threading
from collections.abc import Callable, Iterable
from typing import Final

from attrs import define, field

from funnelflow.notify.endpoint_worker import (
    Delivery,
    EndpointWorker,
    OnOutage,
    Outages,
    Pace,
    Wait,
)
from funnelflow.notify.endpoints import Endpoint
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
    """Delivers what waits for endpoints; processes with one each can share the work.

    Args:
        endpoints: The endpoints.
        outbox: The messages.
        pace: How each worker works.
        on_delivery: Called with every attempt, from several threads, one at a time.
        on_outage: Called once when the database cannot be used while `run` watches, and once when
            it can again.
        clock: Returns the time it is.
        wait: How workers wait; tests give one that takes no time.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        outbox: Outbox,
        *,
        pace: Pace | None = None,
        on_delivery: Callable[[Delivery], None] = lambda _: None,
        on_outage: OnOutage = lambda _: None,
        clock: Clock = utc_now,
        wait: Wait = threading.Event.wait,
    ) -> None:
        self._on_delivery = on_delivery
        self._lock = threading.Lock()
        self._counts = {endpoint.name: Delivered(endpoint.name) for endpoint in endpoints}
        outages = Outages(on_outage)
        self._workers = [
            EndpointWorker(
                endpoint,
                outbox,
                pace=pace,
                on_delivery=self._count,
                outages=outages,
                clock=clock,
                wait=wait,
            )
            for endpoint in endpoints
        ]

    def stop(self) -> None:
        """End soon: send what is being sent, and leave the rest to others."""
        for worker in self._workers:
            worker.stop()

    def run(self, *, watch: bool = False) -> tuple[Delivered, ...]:
        """Deliver what is due; with `watch` whatever becomes due, until `stop`.

        Raises:
            StoreError: The database cannot be used, and this is no watching or ends; every
                worker has ended then. What has not been recorded is sent again.
        """
        threads = [
            threading.Thread(target=self._run_worker, args=(worker, watch), daemon=True)
            for worker in self._workers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():  # in steps, so that Ctrl-C gets through
                thread.join(_LOOK)
        for worker in self._workers:
            if worker.error is not None:
                raise worker.error
        return tuple(self._counts.values())

    def _run_worker(self, worker: EndpointWorker, watch: bool) -> None:  # noqa: FBT001  # a thread's argument
        try:
            worker.run(watch=watch)
        except Exception as error:  # noqa: BLE001  # raised again in the caller's thread
            worker.error = error
            self.stop()

    def _count(self, delivery: Delivery) -> None:
        with self._lock:
            self._counts[delivery.message.endpoint].count(delivery)
            self._on_delivery(delivery)
