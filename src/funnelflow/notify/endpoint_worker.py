"""An endpoint worker sends the messages of one endpoint, in threads of its own.

Each endpoint has its worker, so that a receiver that hangs holds up nobody but itself. The worker
claims messages, hands those of each contact to one of its senders, and records what became of
them in batches; only its own thread talks to the database. A sender that does not come back
is left behind, and its message counts as not delivered.

While a worker watches, a database that cannot be used ends nothing: what has become of messages is
kept until it can be recorded, and the database is asked again after a pause.
"""

import datetime as dt
import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from attrs import define, frozen

from funnelflow.errors import StoreError
from funnelflow.notify.endpoints import ATTEMPTS, JITTER, Endpoint, next_attempt
from funnelflow.plugins import DeliveryError
from funnelflow.plugins.isolation import describe_error
from funnelflow.storage.messages import OutboxMessage, Settled
from funnelflow.storage.outbox import Outbox
from funnelflow.storage.row_format import Clock, utc_now

OnOutage: TypeAlias = Callable[[StoreError | None], None]
"""Called with why the database cannot be used; with None when it can be used again."""


class Outages:
    """What the endpoint workers of one process know of the database.

    Args:
        on_outage: Called when the first of them cannot use it, and when the last of those can
            again.
    """

    def __init__(self, on_outage: OnOutage = lambda _: None) -> None:
        self._on_outage = on_outage
        self._lock = threading.Lock()
        self._failing: set[str] = set()

    def begin(self, worker: str, error: StoreError) -> None:
        """Note that a worker cannot use it."""
        with self._lock:
            is_first = not self._failing
            self._failing.add(worker)
            if is_first:
                self._on_outage(error)

    def end(self, worker: str) -> None:
        """Note that a worker can use it again, or does not need it any more."""
        with self._lock:
            if worker in self._failing:
                self._failing.remove(worker)
                if not self._failing:
                    self._on_outage(None)


LONGEST_PAUSE: Final = 60.0
"""Seconds after which a database that cannot be used is asked again, at most."""


def pause_after(failures: int, *, chance: float | None = None) -> float:
    """Return the seconds to wait before a database is asked again that cannot be used.

    Args:
        failures: How often in a row it could not.
        chance: From 0 to 1, how much of the jitter is added; None for any.
    """
    part = random.random() if chance is None else chance  # noqa: S311  # spreads load
    doubled: float = 2 ** min(failures - 1, 10)
    return min(doubled * (1 + JITTER * part), LONGEST_PAUSE)


Wait: TypeAlias = Callable[[threading.Event, float], object]

_LONGEST_PROBLEM: Final = 500
_AHEAD: Final = 25
"""How many contacts a worker claims for each of its senders."""


@frozen
class Pace:
    """How a worker works.

    Attributes:
        senders: How many messages are on their way at once, of different contacts.
        lease: How long messages are the worker's before it has to renew that.
        limit: After how long a notifier that has not come back is given up.
        batch: How often what became of messages is recorded, at the latest.
        poll: How often an idle worker looks for messages.
    """

    senders: int = 4
    lease: dt.timedelta = dt.timedelta(seconds=30)
    limit: dt.timedelta = dt.timedelta(seconds=60)
    batch: dt.timedelta = dt.timedelta(milliseconds=200)
    poll: dt.timedelta = dt.timedelta(seconds=1)


@frozen
class Delivery:
    """What became of one attempt.

    Attributes:
        message: The message.
        outcome: What is recorded of it.
    """

    message: OutboxMessage
    outcome: Settled


@define(eq=False)
class _Stream:
    """Messages of one contact on their way, one after the other.

    Attributes:
        messages: All of them.
        ended: How many of them have been sent, or left.
        begun: When the one that is being sent was begun, by `time.monotonic`; None between.
        is_left: The sender has not come back, and what it says from now on is ignored.
    """

    messages: list[OutboxMessage]
    ended: int = 0
    begun: float | None = None
    is_left: bool = False


_Done = tuple[_Stream, OutboxMessage, Settled]


class EndpointWorker:
    """Delivers the messages of one endpoint.

    Args:
        endpoint: The endpoint.
        outbox: Where its messages wait.
        pace: How it works.
        on_delivery: Called with every attempt, from the worker's thread.
        outages: Where it is noted when the database cannot be used, while the worker watches.
        clock: Returns the time it is.
        wait: Waits for a number of seconds, or until an event is set.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        outbox: Outbox,
        *,
        pace: Pace | None = None,
        on_delivery: Callable[[Delivery], None] = lambda _: None,
        outages: Outages | None = None,
        clock: Clock = utc_now,
        wait: Wait = threading.Event.wait,
    ) -> None:
        self.endpoint = endpoint
        self.error: BaseException | None = None
        self._outbox = outbox
        self._pace = pace or Pace()
        self._on_delivery = on_delivery
        self._outages = outages or Outages()
        self._clock = clock
        self._wait = wait
        self._use = self._failed_in = ""
        self._failures = 0
        self._lease_owner = uuid.uuid4().hex
        self._streams: queue.SimpleQueue[_Stream | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[_Done | _Stream] = queue.SimpleQueue()
        self._flying: dict[int, _Stream] = {}
        self._ready: list[Settled] = []
        self._stop = threading.Event()
        self._is_off = False
        self._rests_until = 0.0
        self._renewed = self._recorded = time.monotonic()

    def stop(self) -> None:
        """Claim no more, send what is being sent, and let go of the rest."""
        self._stop.set()

    def run(self, *, watch: bool) -> None:
        """Deliver until nothing is due any more, or until `stop` when `watch` is on.

        Raises:
            StoreError: The database cannot be used, and the worker does not watch or is to stop;
                leases run out by themselves.
        """
        for _ in range(self._pace.senders):
            self._start_sender()
        try:
            self._deliver(watch=watch)
        finally:
            self._outages.end(self.endpoint.name)
            for _ in range(self._pace.senders):
                self._streams.put(None)

    def _deliver(self, *, watch: bool) -> None:
        """Claim, collect and record, until there is no more to do."""
        while True:
            try:
                if self._go_on():
                    continue
            except StoreError as error:
                if not watch or self._stop.is_set():
                    raise
                self._failed_in = self._use
                self._failures += 1
                self._outages.begin(self.endpoint.name, error)
                self._wait(self._stop, pause_after(self._failures))
                continue
            if self._stop.is_set() or not watch:
                return
            self._wait(self._stop, self._pace.poll.total_seconds())

    def _go_on(self) -> bool:
        """Claim, collect and record once; return whether there is more to do."""
        claimed = 0 if self._stop.is_set() else self._claim()
        if not self._flying and not claimed:
            self._record()
            return False
        self._collect()
        self._look_after()
        return True

    @contextmanager
    def _using(self, what: str) -> Iterator[None]:
        """Ask something of the database, and note when that can be done again.

        What only reads may go well while nothing can be written, on a full disk for instance;
        so a claim that finds nothing says little about the other uses.
        """
        self._use = what
        yield
        if self._failed_in and (what == self._failed_in or what != "claim"):
            self._failed_in, self._failures = "", 0
            self._outages.end(self.endpoint.name)

    def _claim(self) -> int:
        """Take more messages when fewer wait in this process than the senders could begin."""
        limit = self._pace.senders * _AHEAD
        is_resting = self._flying and time.monotonic() < self._rests_until
        if is_resting or len(self._flying) > limit // 2:
            return 0
        if self._ready:
            self._record()  # what is recorded may be what the next message waits for
        with self._using("claim"):
            streams = self._outbox.claim(
                self.endpoint.name,
                self._lease_owner,
                lease=self._pace.lease,
                limit=limit - len(self._flying),
            )
        if not streams:
            self._rests_until = time.monotonic() + self._pace.batch.total_seconds()
        self._is_off = self._is_off and not streams
        for messages in streams:
            stream = _Stream(messages)
            self._flying[id(stream)] = stream
            self._streams.put(stream)
        return len(streams)

    def _collect(self) -> None:
        """Take what the senders have done, waiting a moment for the first."""
        wait = self._pace.batch.total_seconds()
        while True:
            try:
                done = self._done.get(timeout=wait)
            except queue.Empty:
                return
            wait = 0.001
            if isinstance(done, _Stream):
                self._flying.pop(id(done), None)
            elif not done[0].is_left:
                self._take(done[1], done[2])
            if len(self._flying) <= self._pace.senders:
                return

    def _take(self, message: OutboxMessage, outcome: Settled) -> None:
        self._ready.append(outcome)
        if outcome.attempted:
            self._on_delivery(Delivery(message, outcome))

    def _look_after(self) -> None:
        """Record in time, renew leases in time, and leave senders that do not come back."""
        now = time.monotonic()
        if now - self._recorded > self._pace.batch.total_seconds():
            self._record()
        if now - self._renewed > self._pace.lease.total_seconds() / 3:
            ids = [message.id for stream in self._flying.values() for message in stream.messages]
            with self._using("renew"):
                self._outbox.renew(ids, self._lease_owner, self._pace.lease)
            self._renewed = now
        late = now - self._pace.limit.total_seconds()
        for stream in list(self._flying.values()):
            if stream.begun is not None and stream.begun < late:
                self._leave(stream)

    def _leave(self, stream: _Stream) -> None:
        """Count a message as not delivered whose sender has not come back."""
        stream.is_left = True
        seconds = f"{self._pace.limit.total_seconds():g}"
        said = DeliveryError(f"the notifier did not come back within {seconds} seconds")
        for place, message in enumerate(stream.messages[stream.ended :]):
            behind = Settled(message.id, "waiting", attempted=False)
            self._take(message, behind if place else self._failed(message, said))
        self._flying.pop(id(stream), None)
        self._start_sender()

    def _record(self) -> None:
        self._recorded = time.monotonic()
        if self._ready:
            with self._using("settle"):
                self._outbox.settle(self._lease_owner, self._ready)
            self._ready = []

    def _start_sender(self) -> None:
        name = f"funnelflow-{self.endpoint.name}"
        threading.Thread(target=self._send_streams, name=name, daemon=True).start()

    def _send_streams(self) -> None:
        """Send what the worker hands over, until it says that there is no more."""
        while (stream := self._streams.get()) is not None:
            self._send_stream(stream)
            if stream.is_left:
                return
            self._done.put(stream)

    def _send_stream(self, stream: _Stream) -> None:
        """Send one contact's messages; when one has to be tried again, those behind it wait."""
        is_open = True
        for message in stream.messages:
            if not is_open or stream.is_left or self._is_off or self._stop.is_set():
                outcome = Settled(message.id, "waiting", attempted=False)
            else:
                stream.begun = time.monotonic()
                outcome = self._send(message)
                stream.begun = None
                is_open = outcome.state != "waiting"
                if outcome.turns_off:
                    self._is_off = True
            stream.ended += 1
            self._done.put((stream, message, outcome))

    def _send(self, message: OutboxMessage) -> Settled:
        try:
            self.endpoint.send(message)
        except DeliveryError as error:
            return self._failed(message, error)
        except BaseException as error:  # noqa: BLE001  # a plugin's code may take any way out
            return self._failed(message, DeliveryError(self._own_error(error)))
        return Settled(message.id, "delivered")

    def _own_error(self, error: BaseException) -> str:
        """Return a problem that names the notifier, and whose it is."""
        provider = self.endpoint.provider
        whose = f" of plugin {provider.provider}" if provider.provider else ""
        said = describe_error(error)
        return f"the notifier {provider.name}{whose} has an error of its own: {said}"

    def _failed(self, message: OutboxMessage, error: DeliveryError) -> Settled:
        """Decide what becomes of a message that did not arrive."""
        problem = self.endpoint.masked(error.reason)[:_LONGEST_PROBLEM]
        if error.gone:
            return Settled(message.id, "dead", problem=problem, turns_off=self.endpoint.name)
        due = next_attempt(message.attempts + 1, self._clock(), retry_after=error.retry_after)
        if error.permanent or due is None:
            given_up = "" if error.permanent else f" (given up after {ATTEMPTS} attempts)"
            return Settled(message.id, "dead", problem=f"{problem}{given_up}")
        return Settled(message.id, "waiting", due_at=due, problem=problem)
