"""Messages of the outbox as records, and what waits for each endpoint."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

from attrs import field, frozen
from sqlalchemy import ColumnElement, Connection, Engine, and_, case, func, select

from funnelflow.storage.connect import reading
from funnelflow.storage.row_format import from_text, optional_from_text
from funnelflow.storage.tables import decisions, definitions, evidence, outbox

MessageState: TypeAlias = Literal["waiting", "delivered", "dead", "discarded"]
MESSAGE_STATES: tuple[MessageState, ...] = get_args(MessageState)
IDS: Final = 500
"""How many numbers of messages a statement lists."""


@frozen
class OutboxMessage:
    """One message for one endpoint.

    Attributes:
        id: Its number in this database.
        endpoint: The endpoint, a name of a ``[[notify]]``.
        message: The id that receivers know it by; the same for every endpoint.
        contact_id: Whom it is about.
        sequence: The row of the contact's history that it is about.
        source: Who says so, for a CloudEvent.
        at: When it happened.
        data: What the receiver gets.
        state: What became of it.
        attempts: How often it was tried.
        due_at: When it is tried next, while it waits.
        leased_until: Until when a worker has it; None when none does.
        problem: Why it did not arrive the last time.
        created_at: When it was recorded.
        settled_at: When it was delivered, given up or discarded.
    """

    id: int
    endpoint: str
    message: str
    contact_id: str
    sequence: int
    source: str
    at: dt.datetime
    data: Mapping[str, Any] = field(repr=False)
    state: MessageState
    attempts: int
    due_at: dt.datetime
    leased_until: dt.datetime | None
    problem: str
    created_at: dt.datetime
    settled_at: dt.datetime | None


@frozen
class DisabledEndpoint:
    """An endpoint that is turned off.

    Attributes:
        name: Which one.
        since: Since when.
        reason: Why.
    """

    name: str
    since: dt.datetime
    reason: str


@frozen
class Settled:
    """What became of a message that a worker had.

    Attributes:
        id: The message.
        state: ``delivered``, ``dead``, or ``waiting`` to be tried again.
        attempted: Whether it was tried at all.
        due_at: When it is tried again, while it waits; None to leave that as it is.
        problem: Why it did not arrive.
        turns_off: The endpoint that wants no more messages; empty for none.
    """

    id: int
    state: MessageState
    attempted: bool = True
    due_at: dt.datetime | None = None
    problem: str = ""
    turns_off: str = ""


def read_messages(connection: Connection, rows: Sequence[Any]) -> list[OutboxMessage]:
    """Make messages of rows of the outbox and the rows of the history that they are about."""
    transitions = _transitions(connection, [row.id for row in rows])
    return [_message(row, transitions.get(row.id, {})) for row in rows]


def _transitions(connection: Connection, ids: list[int]) -> dict[int, dict[str, Any]]:
    """Return the transitions that messages are about, by the messages' numbers.

    It is asked for by the numbers, in a statement of its own, so that the database looks up
    these few rows of a history that may be very long, and does nothing else.
    """
    told, decided = evidence.c, decisions.c
    about = and_(told.contact == outbox.c.contact, told.sequence == outbox.c.sequence)
    answer = and_(
        decided.contact == outbox.c.contact,
        decided.sequence == outbox.c.sequence,
        decided.place == outbox.c.place,
    )
    joined = (
        outbox.join(evidence, about)
        .join(decisions, answer)
        .join(definitions, definitions.c.id == decided.definition)
    )
    wanted = select(outbox.c.id, *_TRANSITION).select_from(joined)
    found: dict[int, dict[str, Any]] = {}
    for start in range(0, len(ids), IDS):
        some = wanted.where(outbox.c.id.in_(ids[start : start + IDS]))
        for row in connection.execute(some).mappings():
            found[row["id"]] = _transition(dict(row))
    return found


def _transition(row: dict[str, Any]) -> dict[str, Any]:
    """Return a transition; of one that late evidence brought, from where the contact stood."""
    restated = row.pop("restated")
    said = {**row, "forced": bool(row["forced"])}
    if not restated:
        return said
    change = json.loads(restated)
    stages = {name: change[name]["stage"] for name in ("before", "after")}
    return {**said, **stages, "restated": True}


_NAMES = ("funnel", "version", "definition", "before", "after", "event", "actor", "forced")
_TRANSITION = (
    evidence.c.event,
    evidence.c.actor,
    evidence.c.force.label("forced"),
    decisions.c.before_stage.label("before"),
    decisions.c.after_stage.label("after"),
    decisions.c.restated,
    definitions.c.name.label("funnel"),
    definitions.c.version,
    definitions.c.digest.label("definition"),
)


def _message(row: Any, transition: Mapping[str, Any]) -> OutboxMessage:
    """Build a message from its columns and its transition."""
    data = {
        "contact": row.contact_id,
        "sequence": row.sequence,
        **{name: transition.get(name) for name in _NAMES},
        **({"restated": True} if "restated" in transition else {}),
        "fields": json.loads(row.data),
    }
    return OutboxMessage(
        id=row.id,
        endpoint=row.endpoint,
        message=row.message,
        contact_id=row.contact_id,
        sequence=row.sequence,
        source=row.source,
        at=from_text(row.at),
        data=data,
        state=row.state,
        attempts=row.attempts,
        due_at=from_text(row.due_at),
        leased_until=from_text(row.leased_until) if row.leased_until else None,
        problem=row.problem,
        created_at=from_text(row.created_at),
        settled_at=optional_from_text(row.settled_at),
    )


@frozen
class Backlog:
    """What waits for one endpoint.

    Attributes:
        endpoint: Which one.
        waiting: How many messages.
        since: When the oldest of them was recorded.
        next_at: When the next of them is tried, if somebody delivers by then.
        attempts: How often the one was tried that was tried most.
        problem: Why that did not arrive the last time; empty where none was tried.
    """

    endpoint: str
    waiting: int
    since: dt.datetime
    next_at: dt.datetime
    attempts: int
    problem: str


def backlogs(engine: Engine) -> dict[str, Backlog]:
    """Return what waits, by endpoint; nothing for an endpoint for which nothing does.

    Only the first message of each contact is tried; those behind it wait for it, whenever
    their own time is.
    """
    waits = outbox.c.state == "waiting"
    totals = (
        select(outbox.c.endpoint, func.count(), func.min(outbox.c.created_at))
        .where(waits)
        .group_by(outbox.c.endpoint)
    )
    firsts = select(func.min(outbox.c.id)).where(waits)
    heads = firsts.group_by(outbox.c.endpoint, outbox.c.contact_id)
    nexts = (
        select(outbox.c.endpoint, func.min(_free_at()), func.max(outbox.c.attempts))
        .where(outbox.c.id.in_(heads))
        .group_by(outbox.c.endpoint)
    )
    with reading(engine) as connection:
        due = {name: (at, attempts) for name, at, attempts in connection.execute(nexts)}
        found = {}
        for name, waiting, since in connection.execute(totals).all():
            at, attempts = due[name]
            worst = select(outbox.c.problem).where(
                waits, outbox.c.endpoint == name, outbox.c.attempts == attempts
            )
            problem = connection.execute(worst.order_by(outbox.c.id).limit(1)).scalar() or ""
            found[name] = Backlog(name, waiting, from_text(since), from_text(at), attempts, problem)
    return found


def _free_at() -> ColumnElement[str]:
    """Ask when a message is due and no worker has it."""
    due, leased = outbox.c.due_at, outbox.c.leased_until
    return case((leased > due, leased), else_=due)
