"""Rows of the history, made as they are decided; no database is known here."""

from typing import NamedTuple

from funnelflow.criteria import Facts
from funnelflow.engine import Event, Outcome
from funnelflow.engine.decisions import Unmet
from funnelflow.storage.row_format import (
    SEPARATOR,
    checksum_ending,
    dump_facts,
    dump_path,
    dump_vetoes,
    encode,
    row_digest,
)
from funnelflow.storage.tracked_contacts import Row, TrackedContact

_KEPT = 1_000


class _Answer(NamedTuple):
    """The columns that say what became of an event: the same in most rows.

    Attributes:
        outcome: What they say; tracked, so that no other object can take its place.
        after: The stage after it.
        columns: The columns from `to_stage` to `definition`.
        text: The same columns as they go into the digest.
    """

    outcome: Outcome
    after: str
    columns: Row
    text: str


class RowWriter:
    """Makes the rows of the history that are recorded at one moment.

    Args:
        recorded_at: That moment, as text.
        recorder: Who records them; empty where each is recorded by its actor.
    """

    def __init__(self, recorded_at: str, recorder: str = "") -> None:
        self._recorded_at = recorded_at
        self._recorder = recorder
        self._checksum = checksum_ending(recorded_at)
        self._facts: dict[int, tuple[Facts, str]] = {}
        self._answers: dict[tuple[int, str, int], _Answer] = {}

    def row(  # noqa: PLR0913, PLR0917  # all that a row says; by position, which is faster
        self,
        tracked: TrackedContact,
        event: Event,
        at: str,
        outcome: Outcome,
        before: str,
        key: str | None,
        unmet: Unmet,
        restated: str = "",
    ) -> Row:
        """Make the row of a step that was taken, and chain it to the one before.

        Args:
            tracked: Whom it is about, as the step left them; its sequence and digest go on.
            event: The evidence.
            at: When it happened, as text.
            outcome: What became of it.
            before: The stage before it.
            key: Its idempotency key.
            unmet: What was in the way of a refused move.
            restated: What late evidence changed, as text.

        Returns:
            Its columns but the number of the row, in the order of the table.
        """
        name, _, said, actor, said_roles, to, reason, force, vetoes = event
        contact_id, sequence = tracked.contact.id, tracked.sequence + 1
        facts = self._text_of(said) if said else "{}"
        roles = encode(said_roles) if said_roles else "[]"
        if to or reason or force or vetoes or unmet or restated:
            answer = _answer(tracked, event, outcome, before, unmet, restated, self._recorder)
        else:
            answer = self._plain_answer(tracked, event, outcome, before)
        digest = row_digest((
            tracked.digest, contact_id, str(sequence), key or "", name, at, actor, roles, facts,
            answer.text,
        ))  # fmt: skip
        tracked.sequence, tracked.digest = sequence, digest
        return (
            contact_id, sequence, key, name, at, self._recorded_at, actor, roles, facts,
            *answer.columns, digest, self._checksum(digest),
        )  # fmt: skip

    def _text_of(self, facts: Facts) -> str:
        """Write facts; those that many rows share are written once."""
        known = self._facts.get(id(facts))
        if known is None or known[0] is not facts:
            known = self._facts[id(facts)] = (facts, dump_facts(facts))
        return known[1]

    def _plain_answer(
        self, tracked: TrackedContact, event: Event, outcome: Outcome, before: str
    ) -> _Answer:
        """Return the answer to an event that only happened; the engine repeats most outcomes."""
        asked = (id(outcome), before, tracked.loaded.id)
        known = self._answers.get(asked)
        if known is None or known.outcome is not outcome or known.after != tracked.contact.stage:
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            known = _answer(tracked, event, outcome, before, (), "", self._recorder)
            self._answers[asked] = known
        return known


def _answer(  # as in `RowWriter.row`
    tracked: TrackedContact,
    event: Event,
    outcome: Outcome,
    before: str,
    unmet: Unmet,
    restated: str,
    recorder: str,
) -> _Answer:
    """Write the columns that say what became of an event."""
    after, loaded = tracked.contact.stage, tracked.loaded
    columns = (
        event.to, event.reason, int(event.force), outcome.outcome, before, after,
        dump_path(outcome.path), encode(unmet) if unmet else "[]", dump_vetoes(event.vetoes),
        restated, recorder,
    )  # fmt: skip
    text = SEPARATOR.join(map(str, (*columns, loaded.digest)))
    return _Answer(outcome, after, (*columns, loaded.id), text)
