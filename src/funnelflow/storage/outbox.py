"""The outbox: claiming messages, settling them, and removing old ones a few at a time.

The newest message of all is never removed: on SQLite its number would be given out again, and a
worker that comes back late could take the new message for the one that it had sent.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from funnelflow.errors import UnknownNameError
from funnelflow.storage.connect import reading, writing
from funnelflow.storage.messages import (
    IDS,
    DisabledEndpoint,
    MessageState,
    OutboxMessage,
    Settled,
    read_messages,
)
from funnelflow.storage.row_format import Clock, from_text, to_text, utc_now
from funnelflow.storage.tables import endpoints, outbox

CHUNK: Final = 5_000
"""How many numbers of messages one transaction goes over, so that nobody waits for long."""


def prune(engine: Engine, until: str, endpoint: str | None, *, dry_run: bool) -> int:
    """Remove messages that were delivered or discarded before a time, and return how many.

    Args:
        engine: The database.
        until: The time, as it is stored.
        endpoint: Only those for this endpoint.
        dry_run: Only count them.
    """
    with reading(engine) as connection:
        newest = connection.execute(select(func.max(outbox.c.id))).scalar() or 0
        old = and_(_settled(until, endpoint), outbox.c.id < newest)
        if dry_run:
            return int(connection.execute(select(func.count()).where(old)).scalar_one())
    removed, at = 0, 0
    while (first := _first(engine, and_(old, outbox.c.id >= at))) is not None:
        at = first + CHUNK
        some = and_(old, outbox.c.id >= first, outbox.c.id < at)
        with writing(engine) as connection:
            removed += connection.execute(delete(outbox).where(some)).rowcount
    return removed


def _settled(until: str, endpoint: str | None) -> ColumnElement[bool]:
    """Ask for what was settled for good before a time."""
    done = and_(outbox.c.state.in_(("delivered", "discarded")), outbox.c.settled_at <= until)
    return done if endpoint is None else and_(done, outbox.c.endpoint == endpoint)


def _first(engine: Engine, wanted: ColumnElement[bool]) -> int | None:
    """Return the lowest number of a message, read without the lock that writing takes."""
    with reading(engine) as connection:
        first: int | None = connection.execute(select(func.min(outbox.c.id)).where(wanted)).scalar()
    return first


BEHIND = 20
"""How many messages are claimed with the first one of a contact, at most."""


class Outbox:
    """What can be done with the outbox of a database; each call is one transaction.

    Args:
        engine: The database.
        clock: Gives the time it is.
    """

    def __init__(self, engine: Engine, clock: Clock = utc_now) -> None:
        self._engine = engine
        self._clock = clock

    def claim(
        self, endpoint: str, worker: str, *, lease: dt.timedelta, limit: int
    ) -> list[list[OutboxMessage]]:
        """Take messages that are due, each contact's in their order.

        Args:
            endpoint: For whom.
            worker: Who takes them: a text that no other worker has.
            lease: How long they are the worker's.
            limit: Of how many contacts at most.

        Returns:
            For each contact the messages to be sent one after the other.
        """
        now = self._clock()
        if not self._is_anything_due(endpoint, to_text(now)):
            return []
        with writing(self._engine) as connection:
            heads = connection.execute(_due(endpoint, to_text(now), limit)).all()
            if not heads:
                return []
            found = _with_those_behind(connection, heads)
            ids = [message.id for stream in found for message in stream]
            _lease(connection, ids, worker, to_text(now + lease))
        return found

    def _is_anything_due(self, endpoint: str, now: str) -> bool:
        """Look without taking the write lock, as an idle worker does all the time."""
        wanted = select(outbox.c.id).where(
            _WAITS, outbox.c.endpoint == endpoint, outbox.c.due_at <= now
        )
        with reading(self._engine) as connection:
            if connection.execute(wanted.limit(1)).first() is None:
                return False
            return not _is_off(connection, endpoint)

    def renew(self, ids: Iterable[int], worker: str, lease: dt.timedelta) -> None:
        """Hold on to messages for longer."""
        with writing(self._engine) as connection:
            until = to_text(self._clock() + lease)
            for some in _by_some(sorted(ids)):
                connection.execute(
                    update(outbox)
                    .where(outbox.c.id.in_(some), outbox.c.worker == worker, _WAITS)
                    .values(leased_until=until)
                )

    def settle(self, worker: str, outcomes: Sequence[Settled]) -> None:
        """Record what became of messages, and let go of them.

        What was delivered is delivered, whoever has it now; all else is recorded only by the
        worker that still has the message.
        """
        now = to_text(self._clock())
        delivered = sorted(o.id for o in outcomes if o.state == "delivered")
        with writing(self._engine) as connection:
            _settle_delivered(connection, delivered, now)
            for outcome in outcomes:
                if outcome.state != "delivered":
                    _settle(connection, outcome, worker, now)

    def messages(
        self,
        *,
        state: MessageState | None = None,
        endpoint: str | None = None,
        contact_id: str | None = None,
        limit: int = 100,
        after: int = 0,
    ) -> list[OutboxMessage]:
        """List messages by number.

        Args:
            state: Only those in this state.
            endpoint: Only those for this endpoint.
            contact_id: Only those about this contact.
            limit: How many at most.
            after: Only those with a higher number.
        """
        found = _matching(select(outbox), state, endpoint, contact_id)
        found = found.where(outbox.c.id > after).order_by(outbox.c.id).limit(limit)
        with reading(self._engine) as connection:
            return read_messages(connection, connection.execute(found).all())

    def message(self, number: int) -> OutboxMessage:
        """Return a message by its number.

        Raises:
            UnknownNameError: There is none.
        """
        with reading(self._engine) as connection:
            rows = connection.execute(select(outbox).where(outbox.c.id == number)).all()
            for message in read_messages(connection, rows):
                return message
        raise _no_message(number)

    def counts(self) -> dict[tuple[str, MessageState], int]:
        """Count messages by endpoint and state."""
        wanted = select(outbox.c.endpoint, outbox.c.state, func.count()).group_by(
            outbox.c.endpoint, outbox.c.state
        )
        with reading(self._engine) as connection:
            return {(name, state): count for name, state, count in connection.execute(wanted)}

    def due(self, endpoint: str) -> int:
        """Count the messages that wait for an endpoint and whose time has come."""
        wanted = select(func.count()).where(
            _WAITS, outbox.c.endpoint == endpoint, outbox.c.due_at <= to_text(self._clock())
        )
        with reading(self._engine) as connection:
            return int(connection.execute(wanted).scalar_one())

    def off(self) -> tuple[DisabledEndpoint, ...]:
        """List the endpoints that are turned off."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(endpoints).order_by(endpoints.c.name)).all()
        return tuple(
            DisabledEndpoint(row.name, from_text(row.off_since), row.reason) for row in rows
        )

    def retry(
        self,
        numbers: Sequence[int] = (),
        *,
        endpoint: str | None = None,
        dry_run: bool = False,
    ) -> int:
        """Let dead messages be tried again, and waiting ones at once, and return how many.

        Args:
            numbers: These messages; empty for all of an endpoint that are dead or wait.
            endpoint: Turn this endpoint on again, if it is off.
            dry_run: Only count them.

        Raises:
            UnknownNameError: There is no message of a number.
        """
        now = to_text(self._clock())
        again: dict[str, Any] = {
            "state": "waiting", "attempts": 0, "due_at": now, "settled_at": None,
        }  # fmt: skip
        with writing(self._engine, dry_run=dry_run) as connection:
            changed = _change(connection, numbers, endpoint, ("dead", "waiting"), again, now)
            if endpoint is not None:
                connection.execute(delete(endpoints).where(endpoints.c.name == endpoint))
        return changed

    def discard(
        self,
        numbers: Sequence[int] = (),
        *,
        endpoint: str | None = None,
        dry_run: bool = False,
    ) -> int:
        """Discard messages that are dead or wait, and return how many.

        Args:
            numbers: These messages; empty for all of an endpoint.
            endpoint: The endpoint, where no numbers are given.
            dry_run: Only count them.

        Raises:
            UnknownNameError: There is no message of a number.
        """
        now = to_text(self._clock())
        gone = {"state": "discarded", "settled_at": now}
        with writing(self._engine, dry_run=dry_run) as connection:
            return _change(connection, numbers, endpoint, ("dead", "waiting"), gone, now)

    def prune(
        self, older_than: dt.timedelta, *, endpoint: str | None = None, dry_run: bool = False
    ) -> int:
        """Remove messages that were delivered or discarded long ago, and return how many.

        What waits or is dead stays, whatever its age, and so does the newest message of all.
        Each few thousand are a transaction of their own; broken off, the same call goes on
        with what is left.

        Args:
            older_than: How long ago at least.
            endpoint: Only those for this endpoint.
            dry_run: Only count them.
        """
        until = to_text(self._clock() - older_than)
        return prune(self._engine, until, endpoint, dry_run=dry_run)


_WAITS = outbox.c.state == "waiting"
_TURN_OFF = text(
    "INSERT INTO endpoints (name, off_since, reason) VALUES (:name, :since, :reason) "
    "ON CONFLICT (name) DO NOTHING"
)


def _due(endpoint: str, now: str, limit: int) -> Select[Any]:
    """Ask for the first waiting message of contacts, where it is due and nobody has it.

    On PostgreSQL a message that another worker is just about to take is passed over.
    """
    other = outbox.alias("other")
    blocked = exists().where(
        other.c.state == "waiting",
        other.c.endpoint == outbox.c.endpoint,
        other.c.contact_id == outbox.c.contact_id,
        or_(other.c.id < outbox.c.id, other.c.leased_until > now),
    )
    return (
        select(outbox)
        .where(_WAITS, outbox.c.endpoint == endpoint, outbox.c.due_at <= now)
        .where(outbox.c.leased_until <= now, ~blocked)
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(limit)
        .with_for_update(of=outbox, skip_locked=True)
    )


def _with_those_behind(connection: Connection, heads: Sequence[Any]) -> list[list[OutboxMessage]]:
    """Add to the first messages of contacts those that wait behind them, as far as they fit.

    One statement reads them all, whatever each contact has: one with very many messages may
    leave no room for those of others, which are claimed another time.
    """
    first = {head.contact_id: head for head in heads}
    wanted = (
        select(outbox)
        .where(_WAITS, outbox.c.endpoint == heads[0].endpoint, outbox.c.contact_id.in_(first))
        .order_by(outbox.c.contact_id, outbox.c.id)
        .limit(BEHIND * len(heads))
    )
    streams = {name: [head] for name, head in first.items()}
    for row in connection.execute(wanted):
        stream = streams[row.contact_id]
        if row.id > first[row.contact_id].id and len(stream) <= BEHIND:
            stream.append(row)
    messages = iter(read_messages(connection, [row for rows in streams.values() for row in rows]))
    return [list(islice(messages, len(rows))) for rows in streams.values()]


def _lease(connection: Connection, ids: list[int], worker: str, until: str) -> None:
    for some in _by_some(ids):
        connection.execute(
            update(outbox)
            .where(outbox.c.id.in_(some), _WAITS)
            .values(leased_until=until, worker=worker)
        )


def _settle_delivered(connection: Connection, ids: list[int], now: str) -> None:
    """Record that messages have arrived."""
    values = {
        "state": "delivered",
        "attempts": outbox.c.attempts + 1,
        "leased_until": "",
        "worker": "",
        "problem": "",
        "settled_at": now,
    }
    for some in _by_some(ids):
        connection.execute(update(outbox).where(outbox.c.id.in_(some), _WAITS).values(values))


def _settle(connection: Connection, outcome: Settled, worker: str, now: str) -> None:
    """Record what became of a message that has not arrived."""
    values: dict[str, Any] = {"state": outcome.state, "leased_until": "", "worker": ""}
    if outcome.attempted:
        values |= {"attempts": outbox.c.attempts + 1, "problem": outcome.problem}
    if outcome.due_at is not None:
        values["due_at"] = to_text(outcome.due_at)
    if outcome.state != "waiting":
        values["settled_at"] = now
    mine = and_(outbox.c.id == outcome.id, outbox.c.worker == worker, _WAITS)
    connection.execute(update(outbox).where(mine).values(values))
    if outcome.turns_off:
        off = {"name": outcome.turns_off, "since": now, "reason": outcome.problem}
        connection.execute(_TURN_OFF, off)


def _change(
    connection: Connection,
    numbers: Sequence[int],
    endpoint: str | None,
    states: tuple[MessageState, ...],
    values: Mapping[str, Any],
    now: str,
) -> int:
    """Change messages that no worker has just now, and return how many."""
    wanted = and_(outbox.c.state.in_(states), outbox.c.leased_until <= now)
    change = update(outbox).where(wanted).values({**values, "leased_until": "", "worker": ""})
    if endpoint is not None:
        change = change.where(outbox.c.endpoint == endpoint)
    if not numbers:
        return int(connection.execute(change).rowcount)
    known = set(connection.execute(select(outbox.c.id).where(outbox.c.id.in_(numbers))).scalars())
    for number in numbers:
        if number not in known:
            raise _no_message(number)
    return int(connection.execute(change.where(outbox.c.id.in_(numbers))).rowcount)


def _is_off(connection: Connection, endpoint: str) -> bool:
    wanted = select(endpoints.c.name).where(endpoints.c.name == endpoint)
    return connection.execute(wanted).first() is not None


def _matching(
    wanted: Select[Any], state: str | None, endpoint: str | None, contact_id: str | None
) -> Select[Any]:
    for column, value in (
        (outbox.c.state, state),
        (outbox.c.endpoint, endpoint),
        (outbox.c.contact_id, contact_id),
    ):
        if value is not None:
            wanted = wanted.where(column == value)
    return wanted


def _by_some(ids: list[int]) -> Iterable[list[int]]:
    return (ids[i : i + IDS] for i in range(0, len(ids), IDS))


def _no_message(number: int) -> UnknownNameError:
    return UnknownNameError("message", str(number), hint="funnelflow outbox list")
