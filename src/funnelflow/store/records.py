"""What the store says: a stored contact, a row of the history, the answer to a change."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from funnelflow.engine import Contact, Decision, Taken, Verb, Veto

__all__ = ["HistoryRow", "Page", "Recorded", "StoredContact"]


@frozen
class StoredContact:
    """A contact as the database holds it.

    Attributes:
        id: Who it is.
        funnel: The funnel that is its home.
        contact: Stage, fields and clock, as the engine takes them.
        sequence: How many rows its history has.
        due_at: When time may move it next; None if it does not.
        created_at: When it became known: the time of its first evidence.
        definition: The digest of the definition that it is under.
    """

    id: str
    funnel: str
    contact: Contact = field(repr=False)
    sequence: int
    due_at: dt.datetime | None
    created_at: dt.datetime
    definition: str = field(repr=False)


@frozen
class HistoryRow:
    """One piece of evidence with what was decided on it.

    Attributes:
        id: Its number in this database; counts up, not always by one.
        contact_id: Who it happened to.
        sequence: Its place in the contact's history, from 1.
        key: The idempotency key under which it was recorded, if any.
        event: An event of the vocabulary, or ``add``, ``set``, ``move``, ``tick``, ``adopt``.
        at: When it happened.
        recorded_at: When it was recorded.
        actor: Who recorded it.
        roles: The roles the actor had.
        facts: The facts it brought, in their storage form; None takes a fact back.
        to_stage: The stage that was asked for, by a move.
        reason: Why the move was forced.
        force: Whether it was.
        outcome: ``moved``, ``stayed`` or ``refused``.
        before: The stage before.
        after: The stage after.
        path: The transitions that were taken.
        unmet: For a refused move, the criteria in its way: label and verdict.
        vetoes: The transitions that plugins closed for this event, and why.
        definition: The digest of the definition that decided.
        digest: The digest of the row, chained to the contact's row before it.
    """

    id: int
    contact_id: str
    sequence: int
    key: str | None
    event: str
    at: dt.datetime
    recorded_at: dt.datetime
    actor: str
    roles: tuple[str, ...]
    facts: Mapping[str, Any]
    to_stage: str
    reason: str
    force: bool
    outcome: Verb
    before: str
    after: str
    path: tuple[Taken, ...]
    unmet: tuple[tuple[str, str], ...]
    vetoes: tuple[Veto, ...]
    definition: str
    digest: str


@frozen
class Page:
    """Some rows of the history.

    Attributes:
        rows: In the order in which they were recorded.
        after: What to ask with for the rows that follow; None when these are the last.
    """

    rows: tuple[HistoryRow, ...]
    after: int | None


@frozen
class Recorded:
    """The answer to a change: the decision, and where it stands.

    Attributes:
        decision: What was decided, with every reason.
        sequence: The place of the evidence in the contact's history.
        duplicate: It had been recorded before, under the same key; this is the first answer.
        dry_run: Nothing was stored.
        ahead: Its time lies more than a day in the future, and the contact's clock with it.
    """

    decision: Decision
    sequence: int
    duplicate: bool = False
    dry_run: bool = False
    ahead: bool = False
