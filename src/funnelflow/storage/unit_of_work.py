"""One change with its whole answer, also when the same was asked before."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from shlex import quote
from typing import TYPE_CHECKING

from attrs import evolve
from sqlalchemy import Connection, select

from funnelflow.criteria import Verdict
from funnelflow.engine import Decision, Event, Outcome, decide
from funnelflow.errors import ConflictError, UnknownContactError, UsageError
from funnelflow.storage.changes import (
    Change,
    ChangeResult,
    ContactCache,
    IdempotencyRecord,
    Store,
    TrackedContact,
    check_id,
    check_key,
    is_id,
    known_already,
)
from funnelflow.storage.contacts import Recorded, contact_columns, read_contact, unknown_contact
from funnelflow.storage.database_errors import UNREADABLE
from funnelflow.storage.definition_store import LoadedDefinition
from funnelflow.storage.evidence_rows import RowWriter, Step, Unmet, Writes, write_rows
from funnelflow.storage.observers import observers_of
from funnelflow.storage.replay import Replay, rows_of
from funnelflow.storage.row_format import dump_facts, horizon, load_path, to_text
from funnelflow.storage.tables import history

if TYPE_CHECKING:
    from funnelflow.storage.dialects import Row


_ASKED = {"move", "forced"}
_NEWS = 5


class UnitOfWork:
    """Some contacts, held within one transaction while evidence comes in.

    Args:
        connection: The transaction, from `connecting.writing`; that of a worker, which writes
            nothing, only reads, and lasts while contacts are loaded.
        store: The workspace.
        remembered: The contacts that the chunk before had, and where its own go.

    Attributes:
        now: The time it is.
        ahead: How many requests were taken whose time lies in the future.
    """

    def __init__(
        self, connection: Connection, store: Store, remembered: ContactCache | None = None
    ) -> None:
        self.connection = connection
        self.shelf = store.shelf
        self.now = store.clock()
        self.ahead = 0
        self._horizon = horizon(self.now)
        self._store = store
        self._remembered = ContactCache() if remembered is None else remembered
        self._recorded_at = to_text(self.now)
        self._writer = RowWriter()
        self._held: dict[str, TrackedContact] = {}
        self._keys: dict[str, IdempotencyRecord] = {}
        self._looked_up: set[str] = set()
        self._steps: list[Step] = []
        self._letters: list[Row] = []
        self._homes: dict[str, LoadedDefinition] = {}
        self._times = store.times
        self._watching = observers_of(store.plugins, store.workspace, connection)
        self._telling = store.telling

    def load(self, ids: Iterable[str], keys: Iterable[str | None] = ()) -> None:
        """Read the contacts and keys that the requests to come will name.

        A request for a contact that was not loaded finds nobody. On PostgreSQL the contacts
        are locked until the transaction ends, in one order, so that chunks wait for each
        other instead of deadlocking.
        """
        bulk, remembered, by_id = self._store.bulk, self._remembered, self.shelf.by_id
        wanted = sorted({*ids} - self._held.keys())
        known = remembered.recall(wanted, self._state)
        self._held |= known
        missing = [one for one in wanted if one not in known and is_id(one)]
        self._looked_up.update(known, missing)
        for row in bulk.load_contacts(self.connection, missing):
            held = remembered.recognise(row) or read_contact(row, by_id(self.connection, row[2]))
            self._held[row[0]] = held
        named = {*keys} - self._keys.keys()
        self._keys |= remembered.recall_keys(named)
        asked = sorted(k for k in named - self._keys.keys() if is_id(k))
        if asked:
            for key, *rest in bulk.load_keys(self.connection, asked):
                self._keys[key] = IdempotencyRecord(*rest)

    def held(self, contact_id: str) -> TrackedContact | None:
        """Give a contact as the chunk has it; None if nobody is known by that id."""
        return self._held.get(contact_id)

    def running(self, contact_id: str, funnel: str = "") -> LoadedDefinition:
        """Give the definition that decides about a contact, known or to be added to `funnel`."""
        held = self._held.get(contact_id)
        return self.home(funnel) if held is None else held.running

    def take(self, request: Change, *, explain: bool = False) -> ChangeResult:
        """Decide a request and collect its row.

        Args:
            request: What is to be recorded.
            explain: Give the whole decision with every reason; slower.

        Raises:
            Error: The request cannot be recorded; the chunk is as it was.
        """
        if request.key is not None and request.key in self._keys:
            return self._repeat(request, self._keys[request.key])
        held = self._held.get(request.contact_id)
        if held is None:
            return self._begin(request, explain=explain)
        if request.event == "add":
            raise known_already(request)
        if request.expect is not None and request.expect != held.sequence:
            raise _overtaken(self.connection, held, request.expect)
        return self._decide(held, request, self._event(held.running, request), explain=explain)

    def asked(self, held: TrackedContact, event: Event) -> Event:
        """Give an event with what plugins have against the transitions that it would take."""
        return event if self._watching is None else self._watching.asked(held, event)

    def append(
        self,
        held: TrackedContact,
        event: Event,
        outcome: Outcome,
        before: str,
        *,
        key: str | None = None,
        unmet: Unmet = (),
    ) -> None:
        """Collect the row of a step that was taken, and chain it to the one before."""
        moment = event.at
        at = self._time_of(held, moment)
        held.last, held.last_text, held.changed = moment, at, True
        step = self._writer.row(held, event, at, outcome, before, key, unmet)
        self._steps.append(step)
        if key is not None:
            contact_id, sequence, _, name, _, actor, _, facts, (to, reason, force, *_), _ = step
            self._keys[key] = IdempotencyRecord(
                contact_id, sequence, name, at, actor, facts, to, reason, force, held.running.id
            )
        if self._watching is not None:
            self._watching.appended(held, event, outcome, before)
        if self._telling is not None and outcome.outcome == "moved":
            self._letters += self._telling.rows(held, event, before, self._recorded_at)

    def _time_of(self, held: TrackedContact, moment: dt.datetime) -> str:
        """Write the time of an event; most came with that text a moment ago."""
        at, text = self._times.last
        return text if moment is at else held.text_of(moment)

    def write(self) -> None:
        """Write what was collected; the transaction is the caller's to end.

        Raises:
            RetryError: Another writer was first; the transaction has to be undone.
        """
        write_rows(self._store.bulk, self.connection, self.collect())

    def collect(self) -> Writes:
        """Give what is to be written, and begin anew: the caller writes it."""
        writes = Writes(
            added=[],
            changed=[],
            history=self._steps,
            recorded_at=self._recorded_at,
            letters=self._letters,
            homes={name: running.id for name, running in self._homes.items()},
            looked_at=list(self._unchanged()),
        )
        for held in self._held.values():
            if held.changed:
                columns = contact_columns(held)
                if held.stored:
                    was = (held.contact.id, held.stored, held.under)
                    writes.changed.append(columns + was)
                else:
                    writes.added.append((held.contact.id, *columns))
                held.stored, held.under, held.changed = held.sequence, held.running.id, False
        self._steps, self._letters = [], []
        return writes

    def _unchanged(self) -> Iterator[tuple[str, int, int]]:
        """Yield the contacts that were looked up and not changed, as `Writes.looked_at`."""
        for contact_id in self._looked_up:
            held = self._held.get(contact_id)
            if held is None:
                yield contact_id, 0, 0
            elif not held.changed:
                yield contact_id, held.stored, held.under

    def remember(self) -> None:
        """Keep the contacts for the next chunk; the last thing to be done before committing."""
        self._remembered.keep(self._held, self._keys, self._state)

    def _state(self) -> object:
        """Tell whether anybody has written in between, as `Bulk.state` does."""
        return self._store.bulk.state(self.connection)

    def _begin(self, request: Change, *, explain: bool) -> ChangeResult:
        """Take the first evidence about a contact: that it was added."""
        if request.event != "add" and not request.create:
            raise UnknownContactError(
                request.contact_id, hint=f"funnelflow add {quote(request.contact_id)}"
            )
        check_id(request.contact_id)
        running = self.home(request.funnel)
        event = self._event(running, request)
        held = TrackedContact(running.funnel.new_contact(request.contact_id), running, running.name)
        if request.event == "add":
            held.created_at = self._time_of(held, event.at)
            entry = self._decide(held, request, event, explain=explain)
        else:
            added = self.asked(held, Event("add", event.at, {}, event.actor, event.roles))
            held.created_at = self._time_of(held, added.at)
            before = held.contact.stage
            self.append(held, added, running.funnel.step(held.contact, added), before)
            entry = self._decide(held, request, event, explain=explain)
        entry.created = True
        self._held[request.contact_id] = held
        return entry

    def _decide(
        self, held: TrackedContact, request: Change, event: Event, *, explain: bool
    ) -> ChangeResult:
        """Let the engine answer, and collect the row."""
        contact, before = held.contact, held.contact.stage
        if self._watching is not None:
            event = self._watching.asked(held, event)
        try:
            outcome, decision = _step(held, event, explain=explain)
        except UNREADABLE:
            held.running.require_readable(contact)
            raise
        refused = decision is not None and outcome.outcome == "refused"
        unmet = unmet_criteria(decision) if decision is not None and refused else ()
        self.append(held, event, outcome, before, key=request.key, unmet=unmet)
        if event.at > self._horizon:
            self.ahead += 1
        return ChangeResult(
            contact.id,
            held.sequence,
            outcome.outcome,
            before,
            held.contact.stage,
            unmet,
            decision=decision if explain else None,
        )

    def _event(self, running: LoadedDefinition, request: Change) -> Event:
        """Validate a request against the definition that will decide it."""
        if request.event == "adopt":
            raise UsageError("adopt is no event to record", hint="funnelflow adopt FILE")
        if request.key is not None:
            check_key(request.key)
        return self._store.parser(running).parse(request, self.now)

    def home(self, name: str = "") -> LoadedDefinition:
        """Give the definition that new contacts of a funnel come under.

        Args:
            name: The funnel; empty for the workspace's own.
        """
        name = name or self._store.funnel
        running = self._homes.get(name)
        if running is None:
            running = self.shelf.home(self.connection, name, self.now)
            self._homes[name] = running
        return running

    def _repeat(self, request: Change, earlier: IdempotencyRecord) -> ChangeResult:
        """Answer what was asked before under the same key, read by the definition of then.

        Raises:
            ConflictError: It is not the same that is asked for.
        """
        held = self._held.get(earlier.contact_id)
        if held is None or request.contact_id != earlier.contact_id:
            raise _other_content(request.key, earlier, ["contact"])
        event = self._event(self.shelf.by_id(self.connection, earlier.definition), request)
        same_time = request.at is None or to_text(event.at) == earlier.at
        is_same = {
            "event": event.name == earlier.event,
            "time": same_time,
            "actor": event.actor == earlier.actor,
            "facts": dump_facts(event.facts) == earlier.facts,
            "stage asked for": event.to == earlier.to_stage,
            "reason": event.reason == earlier.reason,
            "force": event.force == bool(earlier.force),
        }
        if not all(is_same.values()):
            differing = [what for what, same in is_same.items() if not same]
            raise _other_content(request.key, earlier, differing)
        return ChangeResult(earlier.contact_id, earlier.sequence, "stayed", "", "", duplicate=True)


def _step(held: TrackedContact, event: Event, *, explain: bool) -> tuple[Outcome, Decision | None]:
    """Let the engine take an event: once, with the reasons where they are asked for.

    Where they are not, only a move that is refused is decided a second time, to say why.
    """
    funnel = held.running.funnel
    if explain:
        decision = decide(funnel, held.contact, event)
        held.contact = decision.contact_after
        return Outcome(decision.outcome, decision.path), decision
    earlier = held.contact.copy() if event.name == "move" else held.contact
    outcome = funnel.step(held.contact, event)
    refused = outcome.outcome == "refused"
    return outcome, decide(funnel, earlier, event) if refused else None


def unmet_criteria(decision: Decision) -> Unmet:
    """Name what was in the way of a move: label and verdict of each criterion, each once."""
    found = [
        (leaf.label, leaf.verdict.value)
        for considered in decision.blocking
        if considered.cause in _ASKED
        for leaf in considered.leaves()
        if leaf.verdict is not Verdict.MET
    ]
    return tuple(dict.fromkeys(found))


def _overtaken(connection: Connection, held: TrackedContact, expected: int) -> ConflictError:
    """Say what happened to a contact since it was looked at."""
    columns = (history.c.event, history.c.actor, history.c.after_stage)
    since = (
        select(*columns)
        .where(history.c.contact_id == held.contact.id, history.c.sequence > expected)
        .order_by(history.c.sequence)
        .limit(_NEWS)
    )
    news = [
        f"{row.event}{f' by {row.actor}' if row.actor else ''} ({row.after_stage})"
        for row in connection.execute(since)
    ]
    more = held.sequence - expected - len(news)
    return ConflictError(
        f"{held.contact.id} has changed meanwhile: {', '.join(news) or 'its history is shorter'}"
        + (f", and {more} more" if more > 0 and news else ""),
        hint=f"look again, then decide: funnelflow history {quote(held.contact.id)}",
    )


def _other_content(
    key: str | None, earlier: IdempotencyRecord, differing: Sequence[str]
) -> ConflictError:
    """Refuse a key under which something else was recorded, and say what differs.

    Whom a key of another contact stands for is said to nobody but who sits at the machine.
    """
    hint, earlier_one = "a key stands for one event; use a new one for another", "something else"
    local = f"it stands for {earlier.event} of {earlier.contact_id} at {earlier.at}\n{hint}"
    if "contact" not in differing:
        earlier_one = f"{earlier.event} of {earlier.contact_id} at {earlier.at}"
        local = ""
    return ConflictError(
        f"the key {key!r} was used before, for {earlier_one}; "
        f"now it differs in: {', '.join(differing)}",
        hint=hint,
        local_hint=local,
    )


def record_one(chunk: UnitOfWork, request: Change, *, dry_run: bool) -> Recorded:
    """Take one request and write it.

    Args:
        chunk: An empty chunk of a writing transaction.
        request: What is to be recorded.
        dry_run: Said in the answer; undoing the transaction is the caller's.

    Raises:
        Error: It cannot be recorded.
    """
    check_id(request.contact_id)
    chunk.load([request.contact_id], [request.key])
    try:
        entry = chunk.take(request, explain=True)
    except UnknownContactError:
        raise unknown_contact(chunk.connection, request.contact_id) from None
    if entry.duplicate:
        first = _first_answer(chunk, entry.contact_id, entry.sequence)
        return Recorded(first, entry.sequence, duplicate=True, dry_run=dry_run)
    chunk.write()
    assert entry.decision is not None
    return Recorded(entry.decision, entry.sequence, dry_run=dry_run, ahead=chunk.ahead > 0)


def _first_answer(chunk: UnitOfWork, contact_id: str, sequence: int) -> Decision:
    """Explain a row of the history: what was decided then, by the definition of then."""
    replay = Replay(chunk.connection, chunk.shelf, contact_id)
    *earlier, row = rows_of(chunk.connection, contact_id, before=sequence + 1)
    for before in earlier:
        replay.feed(before)
    contact = replay.turn_to(row)
    assert replay.running is not None
    decision = decide(replay.running.funnel, contact, replay.event(row))
    return evolve(
        decision,
        outcome=row.outcome,
        before=row.before_stage,
        after=row.after_stage,
        path=load_path(row.path),
    )
