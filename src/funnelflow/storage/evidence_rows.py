"""What a chunk has decided, as rows, and writing it if it still is true.

The rows are plain data, and say what they were decided on: so they can be written in another
transaction than they were decided in, and by another process.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection

from funnelflow.criteria import Facts
from funnelflow.engine import Event, Outcome
from funnelflow.storage.changes import TrackedContact
from funnelflow.storage.database_errors import RetryError
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.dialects import Bulk, Row
from funnelflow.storage.row_format import (
    SEPARATOR,
    checksum_ending,
    dump_facts,
    dump_path,
    dump_vetoes,
    encode,
    row_digest,
)

Unmet = tuple[tuple[str, str], ...]
"""What was in the way of a move: label and verdict of each criterion."""

Step: TypeAlias = tuple[str, int, str | None, str, str, str, str, str, Row, str]
"""What a row of the history says, but for when it is recorded: the columns from ``contact_id`` to
``facts``; those from ``to_stage`` to ``definition``, which many rows share; and its digest."""

_KEPT = 1_000


class _Answer(NamedTuple):
    """The columns that say what became of an event: the same in most rows.

    Attributes:
        outcome: What they say; held, so that no other object can take its place.
        after: The stage after it.
        columns: The columns from `to_stage` to `definition`.
        text: They, as they go into the digest.
    """

    outcome: Outcome
    after: str
    columns: Row
    text: str


class RowWriter:
    """Makes the rows of one chunk."""

    def __init__(self) -> None:
        self._facts: dict[int, tuple[Facts, str]] = {}
        self._answers: dict[tuple[int, str, int], _Answer] = {}

    def row(
        self,
        held: TrackedContact,
        event: Event,
        at: str,
        outcome: Outcome,
        before: str,
        key: str | None,
        unmet: Unmet,
    ) -> Step:
        """Make the row of a step that was taken, and chain it to the one before.

        Args:
            held: Whom it is about, as the step left them; its sequence and digest go on.
            event: The evidence.
            at: When it happened, as text.
            outcome: What became of it.
            before: The stage before it.
            key: Its idempotency key.
            unmet: What was in the way of a refused move.
        """
        name, _, said, actor, said_roles, to, reason, force, vetoes = event
        contact_id, sequence = held.contact.id, held.sequence + 1
        facts = self._text_of(said) if said else "{}"
        roles = encode(said_roles) if said_roles else "[]"
        if to or reason or force or vetoes or unmet:
            answer = _answer(held, event, outcome, before, unmet)
        else:
            answer = self._plain_answer(held, event, outcome, before)
        digest = row_digest((
            held.digest, contact_id, str(sequence), key or "", name, at, actor, roles, facts,
            answer.text,
        ))  # fmt: skip
        held.sequence, held.digest = sequence, digest
        return contact_id, sequence, key, name, at, actor, roles, facts, answer.columns, digest

    def _text_of(self, facts: Facts) -> str:
        """Write facts; those that many rows share are written once."""
        known = self._facts.get(id(facts))
        if known is None or known[0] is not facts:
            known = self._facts[id(facts)] = (facts, dump_facts(facts))
        return known[1]

    def _plain_answer(
        self, held: TrackedContact, event: Event, outcome: Outcome, before: str
    ) -> _Answer:
        """Give the answer to an event that only happened; the engine repeats most outcomes."""
        asked = (id(outcome), before, held.running.id)
        known = self._answers.get(asked)
        if known is None or known.outcome is not outcome or known.after != held.contact.stage:
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            known = self._answers[asked] = _answer(held, event, outcome, before, ())
        return known


def _answer(
    held: TrackedContact, event: Event, outcome: Outcome, before: str, unmet: Unmet
) -> _Answer:
    """Write the columns that say what became of an event."""
    after, running = held.contact.stage, held.running
    columns = (
        event.to, event.reason, int(event.force), outcome.outcome, before, after,
        dump_path(outcome.path), encode(unmet) if unmet else "[]", dump_vetoes(event.vetoes),
    )  # fmt: skip
    text = SEPARATOR.join(map(str, (*columns, running.digest)))
    return _Answer(outcome, after, (*columns, running.id), text)


def history_rows(steps: Sequence[Step], recorded_at: str) -> list[Row]:
    """Give rows as they are written, in the order of `HISTORY_COLUMNS`.

    Args:
        steps: What they say.
        recorded_at: When that was decided, as text.
    """
    checksum = checksum_ending(recorded_at)
    return [
        (
            contact_id, sequence, key, name, at, recorded_at, actor, roles, facts,
            *answer, digest, checksum(digest),
        )
        for contact_id, sequence, key, name, at, actor, roles, facts, answer, digest in steps
    ]  # fmt: skip


class Writes(NamedTuple):
    """What a chunk has collected: rows of the tables, as plain data.

    Attributes:
        added: Contacts that are new.
        changed: Known contacts, as `Bulk.update_contacts` takes them.
        history: The evidence.
        recorded_at: When it was decided, as text.
        letters: What is to be told of it.
        homes: Funnel to the number of the definition that its new contacts come under.
        looked_at: The contacts that were read and not changed, as (id, sequence, definition);
            0 and 0 for one that there was not.
    """

    added: list[Row]
    changed: list[Row]
    history: list[Step]
    recorded_at: str
    letters: list[Row]
    homes: dict[str, int]
    looked_at: list[tuple[str, int, int]]


def write_rows(bulk: Bulk, connection: Connection, writes: Writes) -> None:
    """Write what a chunk has collected; the transaction is the caller's to end.

    Raises:
        RetryError: A contact is no longer as it was when that was decided, or a key has been
            used since; the transaction has to be undone.
    """
    bulk.insert_contacts(connection, writes.added)
    bulk.update_contacts(connection, writes.changed)
    bulk.insert_history(connection, history_rows(writes.history, writes.recorded_at))
    bulk.insert_outbox(connection, writes.letters)


def require_looked_at(
    bulk: Bulk, connection: Connection, looked_at: Sequence[tuple[str, int, int]]
) -> None:
    """Hold the contacts that were only read to what they were then.

    A row may be refused, or say nothing new, because of what its contact was.

    Args:
        bulk: The bulk statements of the database.
        connection: The transaction in which a chunk is written.
        looked_at: The contacts, as `Writes` has them.

    Raises:
        RetryError: One of them has changed since.
    """
    known = {one: (sequence, under) for one, sequence, under in looked_at if sequence}
    found = bulk.load_versions(connection, [one for one, _, _ in looked_at])
    if known != {one: (sequence, under) for one, sequence, under in found}:
        raise RetryError("another process changed the same contact meanwhile")


def require_homes(
    connection: Connection, shelf: DefinitionStore, homes: Mapping[str, int], now: dt.datetime
) -> None:
    """Hold the funnels to the definitions under which a chunk has put new contacts.

    Args:
        connection: The transaction in which it is written.
        shelf: The definitions.
        homes: Funnel to the number of that definition.
        now: The time it is.

    Raises:
        RetryError: A funnel has come under another one since.
    """
    for name, number in homes.items():
        if shelf.home(connection, name, now).id != number:
            raise RetryError(f"{name} has come under another definition meanwhile")
