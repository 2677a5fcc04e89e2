"""What is collected while a partition is folded: the rows that are to be written."""

import datetime as dt
from collections.abc import Sequence

from funnelflow.engine import Event
from funnelflow.storage.changes import FunnelAnswer, IdempotencyRecord
from funnelflow.storage.evidence_rows import DecisionColumns, RowWriter, decision_columns
from funnelflow.storage.known_stories import KnownStories
from funnelflow.storage.outbox_writer import STATE
from funnelflow.storage.partition import Observer, Partition, Writes, no_rows
from funnelflow.storage.row_format import checksum, dump_about, dump_facts, horizon, to_text
from funnelflow.storage.tracked_contacts import Row, TrackedContact, position_columns


class RowCollector:
    """Makes the rows of what is decided about a partition, and keeps them until they are written.

    Args:
        partition: The partition.
        stories: What was told about its contacts, which is told of every row.
        observer: Who is told of it too; None for nobody.

    Attributes:
        ahead: How many rows have a time that lies in the future.
        untold: How many messages are no news any more, and not sent.
        merged: Contacts that were merged or given back: into whom, None for nobody, and who.
    """

    def __init__(
        self, partition: Partition, stories: KnownStories, observer: Observer | None
    ) -> None:
        self.ahead = self.untold = 0
        self.merged: list[Row] = []
        self._partition = partition
        self._stories = stories
        self._observer = observer
        self._settings = partition.settings
        self._outbox = partition.settings.outbox
        self._times = partition.settings.times
        self._horizon = horizon(partition.now)
        self._recorded_at = to_text(partition.now)
        self._inserted = no_rows()
        self.join_run(partition.run)

    def join_run(self, run: int | None) -> None:
        """Let a run have brought all that is decided from now on; None for no run."""
        self._partition.run = run
        self.writer = RowWriter(self._recorded_at, self._settings.recorder, run)

    def collect(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        key: str | None,
        decision: DecisionColumns,
        others: Sequence[DecisionColumns] = (),
    ) -> None:
        """Make the rows of evidence that was decided, and remember the key that it has."""
        moment, inserted = event.at, self._inserted
        last, at = self._times.last
        if last is not moment:
            at = target.text_of(moment)
        target.last, target.last_text = moment, at
        chain.changed = target.changed = True
        if moment > self._horizon:
            self.ahead += 1
        row, decided = self.writer.rows(chain, event, at, key, decision, others)
        number, sequence = chain.number, chain.sequence
        inserted["evidence"].append(row)
        inserted["decisions"].append(decided)
        for other in others:
            inserted["decisions"].append((number, sequence, *other.columns))
        self._stories.collected.append((number, sequence, event, target.loaded, target.funnel))
        if key is not None:
            inserted["keys"].append((key, number, sequence))
            self._partition.keys[key] = IdempotencyRecord(
                chain.contact.id, sequence, event.name, at, event.actor, dump_facts(event.facts),
                event.to, event.reason, int(event.force), dump_about(event.about),
                target.loaded.id,
            )  # fmt: skip
            self._partition.definitions[target.loaded.id] = target.loaded

    def collect_all(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        key: str | None,
        answers: Sequence[FunnelAnswer],
    ) -> None:
        """Make the rows of what was decided in all funnels, and tell the observer."""
        decision, *others = map(decision_columns, answers)
        self.collect(chain, target, event, key, decision, others)
        self._stories.add_answers(target, event)
        if self._observer is not None:
            for found in answers:
                self._observer.decided(chain, target, event, found)

    def notify(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        answers: Sequence[FunnelAnswer],
    ) -> None:
        """Make the messages about where a contact is now."""
        if self._outbox is None:
            return
        for found in answers:
            outcome, restated, before = found.outcome, found.restated, found.before
            moved = bool(outcome.path) or outcome.outcome == "moved"
            if restated is not None:
                moved, before = restated.before != restated.stage, restated.before
            if moved and found.position.contact.since is not None:
                messages = self._outbox.rows(
                    chain, target, found.position, event, before, self._recorded_at,
                    self._partition.now if self._settings.from_file else None,
                )  # fmt: skip
                self._inserted["outbox"] += messages
                self.untold += sum(message[STATE] == "discarded" for message in messages)

    def text_of(self, tracked: TrackedContact, moment: dt.datetime) -> str:
        """Write the time of an event; most came with that text a moment ago."""
        at, text = self._times.last
        return text if moment is at else tracked.text_of(moment)

    def writes(self) -> Writes:
        """Return what is to be written, and begin anew: who asks writes it."""
        writes = Writes(self._inserted, [], self.merged, [])
        for tracked in self._partition.contacts.values():
            if tracked.changed:
                _write(tracked, writes)
        self._inserted, self.merged = no_rows(), []
        self._stories.begin_anew()
        return writes


def _write(tracked: TrackedContact, writes: Writes) -> None:
    """Collect what is to be written of a contact that has changed, which then is written."""
    number, stored = tracked.number, tracked.stored
    if not stored:
        identity = (number, tracked.contact.id, tracked.salt)
        writes.inserted["contacts"].append((*identity, checksum(*identity)))
    for funnel, definition in tracked.left:
        writes.removed.append((number, funnel, stored, definition))
    for position in tracked.positions():
        columns, held = position_columns(position, tracked), position.held
        if held is not None and held[0] == position.funnel:
            writes.changed.append((*columns[1:], number, held[0], stored, held[1]))
            continue
        if held is not None:
            writes.removed.append((number, held[0], stored, held[1]))
        writes.inserted["positions"].append((number, *columns))
    tracked.mark_written()
