"""Rows of evidence and decisions, made as they are decided; no database is known here."""

from collections.abc import Sequence
from typing import NamedTuple

from funnelflow.engine import Event, Outcome
from funnelflow.storage.changes import FunnelAnswer
from funnelflow.storage.row_format import (
    SEPARATOR,
    checksum_beginning,
    commitment,
    dump_about,
    dump_answers,
    dump_facts,
    dump_path,
    dump_vetoes,
    encode,
    row_digest,
)
from funnelflow.storage.tracked_contacts import FunnelPosition, Row, TrackedContact

_KEPT = 1_000
_PLAIN: Row = ("", "", 0, 0, "", "[]", "")
"""The columns from `to_stage` to `answers` of evidence that only happened."""
_PLAIN_TEXT = SEPARATOR.join(map(str, _PLAIN))


class DecisionColumns(NamedTuple):
    """An answer as it is written: the same for most pieces of evidence.

    Attributes:
        outcome: The outcome; tracked, so that no other object can take its place.
        columns: The columns of the decision behind its sequence.
        text: The same columns as they go into the digest.
    """

    outcome: Outcome
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
        self._checksum = checksum_beginning(recorded_at, run)
        self._decisions: dict[tuple[int, str, int, int], DecisionColumns] = {}

    def rows(
        self,
        chain: TrackedContact,
        event: Event,
        at: str,
        key: str | None,
        decision: DecisionColumns,
        others: Sequence[DecisionColumns] = (),
    ) -> tuple[Row, Row]:
        """Make the rows of evidence that was decided, and chain it to the one before.

        Args:
            chain: To whom it was addressed; its sequence and digest go on.
            event: The evidence.
            at: When it happened, as text.
            key: Its idempotency key.
            decision: What was decided on it in the contact's first funnel.
            others: What was decided on it in others, whose rows `others_of` makes.

        Returns:
            The columns of the evidence but its number, and those of the first decision, in the
            order of the tables.
        """
        name, _, said, actor, said_roles, to, reason, force, vetoes, asserted, about, answers = (
            event
        )
        number, sequence, recorder = chain.number, chain.sequence + 1, self._recorder
        facts = dump_facts(said) if said else "{}"
        roles = encode(said_roles) if said_roles else "[]"
        rest, text = _PLAIN, _PLAIN_TEXT
        if to or reason or force or vetoes or asserted or about or answers:
            rest = (
                to, reason, int(force), int(asserted), dump_about(about), dump_vetoes(vetoes),
                dump_answers(answers),
            )  # fmt: skip
            text = SEPARATOR.join(map(str, rest))
        decided = decision.text
        if others:
            decided = SEPARATOR.join((decided, *(other.text for other in others)))
        committed = commitment(
            chain.salt, key or "", name, at, actor, recorder, roles, facts, text, decided
        )
        digest = row_digest(chain.digest, number, sequence, committed)
        chain.sequence, chain.digest = sequence, digest
        stage, why, forced, snapshot, subject, objections, replies = rest
        evidence = (  # each by its name, which is quicker than `*rest`
            number, sequence, key, name, at, self._recorded_at, self._run, actor, recorder,
            roles, facts, stage, why, forced, snapshot, subject, objections, replies, digest,
            self._checksum(digest),
        )  # fmt: skip
        return evidence, (number, sequence) + decision.columns  # noqa: RUF005  # quicker than `*`

    def decided(self, position: FunnelPosition, outcome: Outcome, before: str) -> DecisionColumns:
        """Write what was decided in order; the engine repeats most outcomes."""
        asked = (id(outcome), before, position.loaded.id, position.place)
        known = self._decisions.get(asked)
        if known is None or known.outcome is not outcome:
            if len(self._decisions) >= _KEPT:
                self._decisions.clear()
            answer = FunnelAnswer(position, outcome, before, position.contact.stage)
            known = self._decisions[asked] = decision_columns(answer)
        return known


def decision_columns(answer: FunnelAnswer) -> DecisionColumns:
    """Write what was decided, with what was in the way and what it changed."""
    position, outcome, before, after, unmet, restated, _ = answer
    said = (
        outcome.outcome, before, after, dump_path(outcome.path),
        encode(unmet) if unmet else "[]", "" if restated is None else encode(restated.to_json()),
    )  # fmt: skip
    text = SEPARATOR.join((str(position.place), position.loaded.digest, *said))
    return DecisionColumns(outcome, (position.place, position.loaded.id, *said), text)
