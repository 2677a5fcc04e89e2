"""Checking one contact: the chain of its rows, and the fold over them."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from funnelflow.engine import Contact, decide
from funnelflow.errors import FunnelflowError
from funnelflow.store.bulk import unmet_criteria
from funnelflow.store.canonical import checksum, encode, row_digest
from funnelflow.store.codec import dump_facts, dump_path
from funnelflow.store.definition_check import Deciders
from funnelflow.store.evidence import Reader
from funnelflow.store.findings import Finding
from funnelflow.store.replaying import ADOPT, Replay, fold_rows, rows_of
from funnelflow.store.shelf import Running, Shelf
from funnelflow.store.times import optional_to_text

__all__ = ["ContactCheck"]

_CONTENT = (
    "contact_id", "sequence", "key", "event", "at", "actor", "roles", "facts", "to_stage",
    "reason", "force", "outcome", "before_stage", "after_stage", "path", "unmet", "vetoes",
)  # fmt: skip
_FORCE = _CONTENT.index("force") - 3
_content_of = attrgetter(*_CONTENT)


class ContactCheck:
    """Goes along the history of one contact.

    Args:
        connection: The database.
        shelf: The definitions.
        deciders: The stored definitions.
        contact_id: Whose history it is.

    Attributes:
        rows: How many rows there were.
    """

    def __init__(
        self, connection: Connection, shelf: Shelf, deciders: Deciders, contact_id: str
    ) -> None:
        self.rows = 0
        self._connection = connection
        self._shelf = shelf
        self._deciders = deciders
        self._id = contact_id
        self._replay = Replay(connection, shelf, contact_id)
        self._previous: frozenset[str] = frozenset({""})
        self._sequence = 0
        self._last: Any = None
        self._created_at = ""
        self._is_foldable = True

    def row(self, row: Any) -> Iterator[Finding]:
        """Check the next row of the history."""
        self.rows += 1
        if row.sequence != self._sequence + 1:
            yield self._gap(row)
            self._previous = frozenset()
            self._is_foldable = False
        names = self._deciders.digests.get(row.definition)
        computed = _digests(row, self._previous, names or frozenset())
        if row.definition in self._deciders.broken:
            self._is_foldable = False
        if names is None:
            yield self._found(row, "the definition that decided it is missing")
        elif not self._previous:
            yield self._found(row, "it cannot be proved, as the row before it is missing")
        elif row.digest not in computed:
            yield self._found(row, "it has been altered")
        elif row.checksum != checksum(row.digest, row.recorded_at):
            yield self._found(row, "the time at which it was recorded has been altered", harm=False)
        if self._is_foldable:
            yield from self._decided_as_stored(row)
        self._previous = frozenset({row.digest}) | computed
        self._sequence, self._last = row.sequence, row
        self._created_at = self._created_at or row.at

    def end(self, row: Any) -> Iterator[Finding]:
        """Compare the contact itself; None if there is none."""
        if row is None:
            yield Finding("contact", self._id, 0, "there is a history, but no contact")
            return
        if self._last is None:
            yield Finding("contact", self._id, 0, "there is a contact, but no history")
            return
        differing = [name for name, value in self._chain() if getattr(row, name) != value]
        if self._is_foldable:
            differing += self._state(row)
        if differing:
            columns = ", ".join(dict.fromkeys(differing))
            yield Finding("contact", self._id, 0, f"not what its history gives: {columns}")

    def _decided_as_stored(self, row: Any) -> Iterator[Finding]:
        """Decide a row again, and compare."""
        try:
            expected = self._decide(row)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever an altered row sets off, name the row
            said = error.message if isinstance(error, FunnelflowError) else type(error).__name__
            yield self._found(row, f"it cannot be decided again: {said}")
            return
        stored = (row.outcome, row.before_stage, row.after_stage, row.path, row.unmet)
        if stored != expected:
            names = ("outcome", "before_stage", "after_stage", "path", "unmet")
            differing = [
                f"{name} is {was}, the definition gives {gives}"
                for name, was, gives in zip(names, stored, expected, strict=True)
                if was != gives
            ]
            yield self._found(row, "decided otherwise: " + "; ".join(differing))

    def _decide(self, row: Any) -> tuple[str, ...]:
        """Give outcome, stages, path and unmet criteria as the definition decides them now."""
        replay = self._replay
        if row.event == ADOPT:
            before = replay.contact.stage if replay.contact is not None else ""
            outcome = replay.feed(row)
            assert replay.contact is not None
            return (outcome.outcome, before, replay.contact.stage, "[]", "[]")
        contact = replay.turn_to(row)
        before, unmet = contact.stage, "[]"
        if row.outcome == "refused" and replay.running is not None:
            decision = decide(replay.running.funnel, contact, replay.event(row))
            unmet = encode(unmet_criteria(decision))
        outcome = replay.feed(row)
        return (outcome.outcome, before, contact.stage, dump_path(outcome.path), unmet)

    def _chain(self) -> Iterator[tuple[str, Any]]:
        """Give what the last row says about the contact."""
        yield "sequence", self._last.sequence
        yield "digest", self._last.digest
        yield "created_at", self._created_at

    def _state(self, row: Any) -> list[str]:
        """Name the columns that are not what the fold gives."""
        try:
            running, contact = self._current(row)
        except SQLAlchemyError:
            raise
        except Exception:  # noqa: BLE001  # as above
            return ["definition"]
        expected = {
            "funnel": running.name,
            "definition": running.id,
            "stage": contact.stage,
            "fields": dump_facts(contact.fields),
            "since": optional_to_text(contact.since),
            "clock": optional_to_text(contact.clock),
            "active": optional_to_text(contact.active),
            "due_at": optional_to_text(running.funnel.due_at(contact)),
        }
        return [name for name, value in expected.items() if getattr(row, name) != value]

    def _current(self, row: Any) -> tuple[Running, Contact]:
        """Give the definition that the contact is under, and the contact under it.

        An adoption that changes nothing for a contact leaves no row in its history, so the
        contact may be under a later definition than its last row.
        """
        running, contact = self._replay.running, self._replay.contact
        assert running is not None
        assert contact is not None
        if row.definition == running.id:
            return running, contact
        adopted = self._shelf.by_id(self._connection, row.definition)
        rows = rows_of(self._connection, self._id)
        return adopted, fold_rows(self._connection, self._shelf, Reader(adopted), rows)

    def _gap(self, row: Any) -> Finding:
        """Say which rows are missing before this one."""
        first = self._sequence + 1
        if not isinstance(row.sequence, int) or row.sequence < first:
            return Finding("history", self._id, 0, f"row {first} has no place of its own")
        missing = f"row {first} is missing"
        if row.sequence - 1 > first:
            missing = f"rows {first} to {row.sequence - 1} are missing"
        return Finding("history", self._id, 0, missing)

    def _found(self, row: Any, what: str, *, harm: bool = True) -> Finding:
        """Say what is wrong with a row; one that does harm makes the fold behind it pointless."""
        if harm:
            self._is_foldable = False
        return Finding("history", self._id, row.sequence, what)


def _digests(row: Any, previous: frozenset[str], definitions: frozenset[str]) -> frozenset[str]:
    """Compute the digest of a row, for each row that may have been before it."""
    try:
        content = _texts(row)
        return frozenset(
            row_digest((before, *content, definition))
            for before in previous
            for definition in definitions
        )
    except (TypeError, ValueError):  # columns of other types, bytes that are no text
        return frozenset()


def _texts(row: Any) -> list[str]:
    """Give the columns of a row as its digest takes them.

    Raises:
        TypeError: A column is of a type that was never written.
        ValueError: A key is empty, which none is.
    """
    contact_id, sequence, key, *texts = _content_of(row)
    force = texts[_FORCE]
    if type(sequence) is not int or type(force) is not int:
        raise TypeError
    if key == "":
        raise ValueError
    texts[_FORCE] = str(force)
    return [contact_id, str(sequence), "" if key is None else key, *texts]
