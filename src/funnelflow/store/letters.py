"""Messages in the outbox, as records: what waits, and what became of it."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args

from attrs import field, frozen

from funnelflow.store.times import from_text, optional_from_text

__all__ = ["LETTER_STATES", "Letter", "LetterState", "Off", "Settled", "read_letters"]

LetterState: TypeAlias = Literal["waiting", "delivered", "dead", "discarded"]
LETTER_STATES: tuple[LetterState, ...] = get_args(LetterState)


@frozen
class Letter:
    """One message for one endpoint.

    Attributes:
        id: Its number in this database.
        endpoint: The endpoint, a name of a ``[[notify]]``.
        message: The id that receivers know it by; the same for every endpoint.
        contact_id: Whom it is about.
        sequence: The row of the contact's history that it is about.
        source: Who says so, for a CloudEvent.
        at: When it happened.
        data: What is told.
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
    state: LetterState
    attempts: int
    due_at: dt.datetime
    leased_until: dt.datetime | None
    problem: str
    created_at: dt.datetime
    settled_at: dt.datetime | None


@frozen
class Off:
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
    state: LetterState
    attempted: bool = True
    due_at: dt.datetime | None = None
    problem: str = ""
    turns_off: str = ""


def read_letters(rows: Iterable[Any]) -> list[Letter]:
    """Read messages from their rows."""
    return [_letter(row) for row in rows]


def _letter(row: Any) -> Letter:
    """Read a message from its columns."""
    return Letter(
        id=row.id,
        endpoint=row.endpoint,
        message=row.message,
        contact_id=row.contact_id,
        sequence=row.sequence,
        source=row.source,
        at=from_text(row.at),
        data=json.loads(row.data),
        state=row.state,
        attempts=row.attempts,
        due_at=from_text(row.due_at),
        leased_until=from_text(row.leased_until) if row.leased_until else None,
        problem=row.problem,
        created_at=from_text(row.created_at),
        settled_at=optional_from_text(row.settled_at),
    )
