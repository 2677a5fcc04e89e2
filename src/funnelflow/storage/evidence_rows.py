"""Rows of evidence and decisions, made as they are decided; no database is known here."""

from typing import NamedTuple

from funnelflow.criteria import Facts
from funnelflow.engine import Event, Outcome
from funnelflow.engine.decisions import Unmet
from funnelflow.storage.row_format import (
    SEPARATOR,
    checksum_ending,
    commitment,
    dump_facts,
    dump_path,
    dump_vetoes,
    encode,
    row_digest,
)
from funnelflow.storage.tracked_contacts import Row, TrackedContact

_KEPT = 1_000
_PLAIN_TEXT = SEPARATOR.join(("", "", "0", "0", "", "[]", ""))
"""The columns from `to_stage` to `answers` of evidence that only happened, as text."""


class _Answer(NamedTuple):
    """What was decided on evidence: the same for most of it.

    Attributes:
        outcome: What became of it; tracked, so that no other object can take its place.
        after: The stage after it.
        columns: The columns of the decision behind its sequence.
        text: The same columns as they go into the digest.
    """

    outcome: Outcome
    after: str
    columns: Row
    text: str


class RowWriter:
    """Makes the rows that are recorded at one moment.

    Args:
        recorded_at: That moment, as text.
        recorder: Who records them; empty where each is recorded by its actor.
        run: The run that brings them; None for none.
    """

    def __init__(self, recorded_at: str, recorder: str = "", run: int | None = None) -> None:
        self._recorded_at = recorded_at
        self._recorder = recorder
        self._run = run
        self._checksum = checksum_ending(recorded_at, run)
        self._facts: dict[int, tuple[Facts, str]] = {}
        self._answers: dict[tuple[int, str, int], _Answer] = {}

    def rows(  # noqa: PLR0913, PLR0917  # all that a row says; by position, which is faster
        self,
        tracked: TrackedContact,
        event: Event,
        at: str,
        outcome: Outcome,
        before: str,
        key: str | None,
        unmet: Unmet,
        restated: str = "",
    ) -> tuple[Row, Row]:
        """Make the rows of a step that was taken, and chain them to the one before.

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
            The columns of the evidence but its number, and those of the decision, in the
            order of the tables.
        """
        name, _, said, actor, said_roles, to, reason, force, vetoes = event
        number, sequence, recorder = tracked.number, tracked.sequence + 1, self._recorder
        facts = self._text_of(said) if said else "{}"
        roles = encode(said_roles) if said_roles else "[]"
        if unmet or restated:
            answer = _answer(tracked, outcome, before, unmet, restated)
        else:
            answer = self._plain_answer(tracked, outcome, before)
        if to or reason or force or vetoes:
            rest: Row = (to, reason, int(force), 0, "", dump_vetoes(vetoes), "")
            text = SEPARATOR.join(map(str, rest))
        else:
            rest, text = ("", "", 0, 0, "", "[]", ""), _PLAIN_TEXT
        committed = commitment(
            tracked.salt, (key or "", name, at, actor, recorder, roles, facts, text, answer.text)
        )
        digest = row_digest(tracked.digest, number, sequence, committed)
        tracked.sequence, tracked.digest = sequence, digest
        evidence = (
            number, sequence, key, name, at, self._recorded_at, self._run, actor, recorder,
            roles, facts, *rest, digest, self._checksum(digest),
        )  # fmt: skip
        return evidence, (number, sequence, *answer.columns)

    def _text_of(self, facts: Facts) -> str:
        """Write facts; those that many rows share are written once."""
        known = self._facts.get(id(facts))
        if known is None or known[0] is not facts:
            known = self._facts[id(facts)] = (facts, dump_facts(facts))
        return known[1]

    def _plain_answer(self, tracked: TrackedContact, outcome: Outcome, before: str) -> _Answer:
        """Return the answer to an event that only happened; the engine repeats most outcomes."""
        asked = (id(outcome), before, tracked.loaded.id)
        known = self._answers.get(asked)
        if known is None or known.outcome is not outcome or known.after != tracked.contact.stage:
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            known = _answer(tracked, outcome, before, (), "")
            self._answers[asked] = known
        return known


def _answer(
    tracked: TrackedContact, outcome: Outcome, before: str, unmet: Unmet, restated: str
) -> _Answer:
    """Write the columns that say what became of an event."""
    after, loaded = tracked.contact.stage, tracked.loaded
    said = (
        outcome.outcome, before, after, dump_path(outcome.path),
        encode(unmet) if unmet else "[]", restated,
    )  # fmt: skip
    text = SEPARATOR.join(("0", loaded.digest, *said))
    return _Answer(outcome, after, (0, loaded.id, *said), text)
