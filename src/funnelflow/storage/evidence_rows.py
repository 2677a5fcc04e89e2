"""Rows of evidence and decisions, made as they are decided; no database is known here."""

from collections.abc import Sequence
from typing import NamedTuple

from funnelflow.criteria import Facts
from funnelflow.engine import Event, Outcome
from funnelflow.storage.changes import FunnelAnswer
from funnelflow.storage.row_format import (
    SEPARATOR,
    checksum_ending,
    commitment,
    dump_about,
    dump_answers,
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


class _Columns(NamedTuple):
    """An answer as it is written: the same for most of them.

    Attributes:
        outcome: The outcome; tracked, so that no other object can take its place.
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
        self._answers: dict[tuple[int, str, int, int], _Columns] = {}

    def rows(
        self,
        chain: TrackedContact,
        event: Event,
        at: str,
        key: str | None,
        answer: FunnelAnswer,
        others: Sequence[FunnelAnswer] = (),
    ) -> tuple[Row, list[Row]]:
        """Make the rows of evidence that was decided, and chain it to the one before.

        Args:
            chain: To whom it was addressed; its sequence and digest go on.
            event: The evidence.
            at: When it happened, as text.
            key: Its idempotency key.
            answer: What was decided on it in the contact's first funnel.
            others: What was decided on it in others.

        Returns:
            The columns of the evidence but its number, and those of the decisions, in the
            order of the tables.
        """
        name, _, said, actor, said_roles, to, reason, force, vetoes, asserted, about, answers = (
            event
        )
        number, sequence, recorder = chain.number, chain.sequence + 1, self._recorder
        facts = self._text_of(said) if said else "{}"
        roles = encode(said_roles) if said_roles else "[]"
        columns = self._columns(answer)
        if to or reason or force or vetoes or asserted or about or answers:
            rest: Row = (
                to, reason, int(force), int(asserted), dump_about(about), dump_vetoes(vetoes),
                dump_answers(answers),
            )  # fmt: skip
            text = SEPARATOR.join(map(str, rest))
        else:
            rest, text = ("", "", 0, 0, "", "[]", ""), _PLAIN_TEXT
        more = [self._columns(other) for other in others]
        committed = commitment(
            chain.salt,
            (
                key or "", name, at, actor, recorder, roles, facts, text, columns.text,
                *(other.text for other in more),
            ),
        )  # fmt: skip
        digest = row_digest(chain.digest, number, sequence, committed)
        chain.sequence, chain.digest = sequence, digest
        evidence = (
            number, sequence, key, name, at, self._recorded_at, self._run, actor, recorder,
            roles, facts, *rest, digest, self._checksum(digest),
        )  # fmt: skip
        return evidence, [(number, sequence, *one.columns) for one in (columns, *more)]

    def _text_of(self, facts: Facts) -> str:
        """Write facts; those that many rows share are written once."""
        known = self._facts.get(id(facts))
        if known is None or known[0] is not facts:
            known = self._facts[id(facts)] = (facts, dump_facts(facts))
        return known[1]

    def _columns(self, answer: FunnelAnswer) -> _Columns:
        """Write an answer; the engine repeats most outcomes."""
        if answer.unmet or answer.restated is not None:
            return _columns(answer)
        outcome, position = answer.outcome, answer.position
        asked = (id(outcome), answer.before, position.loaded.id, position.place)
        known = self._answers.get(asked)
        if known is None or known.outcome is not outcome or known.after != answer.after:
            if len(self._answers) >= _KEPT:
                self._answers.clear()
            known = self._answers[asked] = _columns(answer)
        return known


def _columns(answer: FunnelAnswer) -> _Columns:
    """Write the columns that say what was decided."""
    position, outcome, before, after, unmet, restated, _ = answer
    said = (
        outcome.outcome, before, after, dump_path(outcome.path),
        encode(unmet) if unmet else "[]", "" if restated is None else encode(restated.to_json()),
    )  # fmt: skip
    text = SEPARATOR.join((str(position.place), position.loaded.digest, *said))
    return _Columns(outcome, after, (position.place, position.loaded.id, *said), text)
