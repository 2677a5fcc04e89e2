"""The fold of a partition: some contacts and the changes for them, into what is to be written.

`fold_partition` is pure: it knows no database, file or clock, reads and changes nothing but its
partition, and what it is given and what it returns pickle. Whoever executes it, a writing
transaction or another process, reads the partition before and writes the rows after.

Plugins need the workspace, so they are no part of a partition. The unit of work gives a `Fold`
an `Observer`: it is asked between parsing and deciding, so that its vetoes are evidence of the
event that is decided, and told when the row is chained, in the order of the rows; what it is told
it keeps until the transaction is committed. Messages for the outbox are rows like any other, made
when the row of the history is.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from itertools import islice
from shlex import quote
from typing import Any, NamedTuple, Protocol, TypeAlias, get_args

from attrs import define, field

from funnelflow.engine import Contact, Decision, Event, Outcome, decide
from funnelflow.engine.decisions import Unmet
from funnelflow.engine.events import EventParser, TimestampCache
from funnelflow.engine.story import OpenStory, StoryRow, in_force
from funnelflow.errors import ConflictError, FieldError, UnknownContactError, UsageError
from funnelflow.storage.changes import (
    Change,
    ChangedMeanwhileError,
    ChangeResult,
    IdempotencyRecord,
    Restatement,
    check_id,
    check_key,
    in_the_future,
    known_already,
    other_content,
)
from funnelflow.storage.evidence_rows import RowWriter
from funnelflow.storage.outbox_writer import OutboxWriter
from funnelflow.storage.row_format import UNREADABLE, checksum, dump_facts, encode, horizon, to_text
from funnelflow.storage.tracked_contacts import (
    LoadedDefinition,
    Row,
    TableName,
    TrackedContact,
    position_columns,
)


@define(eq=False)
class FoldSettings:
    """What a workspace's settings say about how changes are read and decided.

    Attributes:
        roles_of: Returns the roles of an actor.
        funnel: The funnel of contacts for whom none is named.
        timezone: The zone of times without an offset; None refuses them.
        outbox: Makes the messages for transitions; None where nobody subscribes.
        recorder: Who records all changes, whoever their actors are; empty for the actors.
        times: The timestamp cache that the parsers share.
    """

    roles_of: Callable[[str], tuple[str, ...]]
    funnel: str
    timezone: dt.tzinfo | None = None
    outbox: OutboxWriter | None = None
    recorder: str = ""
    times: TimestampCache = field(init=False)
    _parsers: dict[str, EventParser] = field(factory=dict, init=False)

    @times.default
    def _make_times(self) -> TimestampCache:
        return TimestampCache(self.timezone)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what is remembered."""
        settings = self.roles_of, self.funnel, self.timezone, self.outbox, self.recorder
        return FoldSettings, settings

    def parser(self, loaded: LoadedDefinition) -> EventParser:
        """Return the event parser of a definition."""
        parser = self._parsers.get(loaded.digest)
        if parser is None:
            parser = EventParser(loaded.funnel.linked, self.times, self.roles_of)
            self._parsers[loaded.digest] = parser
        return parser


class Identity(NamedTuple):
    """What a new contact is known by in the database.

    Attributes:
        number: Its number.
        salt: What goes into the commitments of its evidence; nobody can guess it.
    """

    number: int
    salt: str


@define(eq=False)
class Partition:
    """Some contacts, and all that decides about changes for them; a fold changes them in place.

    Attributes:
        settings: What the settings of the workspace say.
        now: The time it is.
        contacts: Who is known, by id; who is not here is known to nobody.
        keys: What was recorded under idempotency keys before.
        homes: The definitions that new contacts come under, by funnel.
        identities: Numbers and salts for new contacts, the first to be used last.
        definitions: The definitions that decided what `keys` holds, by number.
        stories: The evidence of before, read by the definition that a contact is under, of
            those about whom evidence comes late.
    """

    settings: FoldSettings
    now: dt.datetime
    contacts: dict[str, TrackedContact] = field(factory=dict)
    keys: dict[str, IdempotencyRecord] = field(factory=dict)
    homes: dict[str, LoadedDefinition] = field(factory=dict)
    definitions: dict[int, LoadedDefinition] = field(factory=dict)
    stories: dict[str, list[StoryRow]] = field(factory=dict)
    identities: list[Identity] = field(factory=list)

    def home(self, funnel: str) -> LoadedDefinition:
        """Return the definition that new contacts of a funnel come under; "" for the default."""
        return self.homes[funnel or self.settings.funnel]


class Writes(NamedTuple):
    """What is to be written: rows of the tables, as plain data.

    Attributes:
        inserted: New rows by table, in the order in which they are written.
        changed: Positions that were known: what stands behind the contact, the contact, and the
            funnel, the sequence and the number of the definition with which it was read.
    """

    inserted: dict[TableName, list[Row]]
    changed: list[Row]


Result: TypeAlias = ChangeResult | UsageError | FieldError | ConflictError
"""What became of a change, or why it cannot be recorded."""


class Folded(NamedTuple):
    """What came of a partition.

    Attributes:
        writes: What is to be written.
        results: What became of each change, in their order.
        ahead: How many of them have a time that lies in the future.
    """

    writes: Writes
    results: list[Result]
    ahead: int


ReadStory: TypeAlias = Callable[[TrackedContact], list[StoryRow]]
"""Reads the stored evidence about a contact, by the definition that it is under."""
MakeIdentities: TypeAlias = Callable[[], list[Identity]]
"""Makes more numbers and salts, where the partition has no more."""


class Observer(Protocol):
    """Who is asked before a change is decided, and told after it."""

    def with_vetoes(self, tracked: TrackedContact, event: Event) -> Event:
        """Return an event with what is said against the transitions that it would take."""

    def decided(self, tracked: TrackedContact, event: Event, outcome: Outcome, before: str) -> None:
        """Receive a row of the history; the contact is as it left it."""


def fold_partition(
    partition: Partition, changes: Iterable[Change], *, explain: bool = False
) -> Folded:
    """Decide changes one after the other.

    Args:
        partition: Whom they are about.
        changes: What is to be recorded.
        explain: Whether results carry the whole decision with every reason; slower.

    Raises:
        StoreError: What was read of a contact has been altered, or a subscription does not
            compile: nothing of the partition can be written.
    """
    fold = Fold(partition)
    results: list[Result] = []
    for change in changes:
        try:
            results.append(fold.take(change, explain=explain))
        except (UsageError, FieldError, ConflictError) as error:
            results.append(error)
    return Folded(fold.writes(), results, fold.ahead)


class Fold:
    """A partition while it is folded, change by change.

    Args:
        partition: Whom the changes are about.
        observer: Who is asked and told; None for nobody.
        read_story: Reads the stored evidence about a contact whose story the partition lacks.
        make_identities: Makes more of what new contacts are known by.

    Attributes:
        ahead: How many changes were decided whose time lies in the future.
    """

    def __init__(
        self,
        partition: Partition,
        observer: Observer | None = None,
        read_story: ReadStory | None = None,
        make_identities: MakeIdentities | None = None,
    ) -> None:
        self.ahead = 0
        self._make_identities = make_identities
        self._read_story = read_story
        self._taken: list[tuple[str, int, Event]] = []
        self._indexed = 0
        self._recent: dict[str, list[StoryRow]] = {}
        self._open: dict[str, OpenStory] = {}
        self.partition = partition
        self._contacts = partition.contacts
        self._keys = partition.keys
        self._settings = partition.settings
        self._times = partition.settings.times
        self._outbox = partition.settings.outbox
        self._observer = observer
        self._horizon = horizon(partition.now)
        self._recorded_at = to_text(partition.now)
        self._writer = RowWriter(self._recorded_at, partition.settings.recorder)
        self._inserted = _no_rows()

    def take(self, change: Change, *, explain: bool = False) -> ChangeResult:
        """Decide a change and collect its row.

        Args:
            change: What is to be recorded.
            explain: Whether the result carries the whole decision; slower.

        Raises:
            Error: The change cannot be recorded; the partition is as it was.
        """
        if change.key is not None and change.key in self._keys:
            return self._repeat(change, self._keys[change.key])
        tracked = self._contacts.get(change.contact_id)
        if tracked is None:
            return self._begin(change, explain=explain)
        if change.event == "add":
            raise known_already(change)
        if change.expect is not None and change.expect != tracked.sequence:
            raise ChangedMeanwhileError(change.contact_id, change.expect, tracked.sequence)
        return self._decide(tracked, change, self._parse(tracked.loaded, change), explain=explain)

    def before(self, tracked: TrackedContact, event: Event) -> Contact:
        """Return a contact as it was just before evidence of before what is known."""
        return self._story(tracked).before(event)

    def append(
        self,
        tracked: TrackedContact,
        event: Event,
        outcome: Outcome,
        before: str,
        *,
        key: str | None = None,
        unmet: Unmet = (),
    ) -> None:
        """Collect the row of a step that was taken, and chain it to the one before."""
        moment = event.at
        at = self._text_of(tracked, moment)
        tracked.last, tracked.last_text = moment, at
        self._collect(tracked, event, at, outcome, before, key, unmet)
        if self._open and tracked.contact.id in self._open:
            self._open[tracked.contact.id].append(tracked.sequence, event)
        if self._observer is not None:
            self._observer.decided(tracked, event, outcome, before)
        if self._outbox is not None and (outcome.path or outcome.outcome == "moved"):
            self._inserted["outbox"] += self._outbox.rows(tracked, event, before, self._recorded_at)

    def _collect(  # noqa: PLR0913, PLR0917  # as in `RowWriter.rows`
        self,
        tracked: TrackedContact,
        event: Event,
        at: str,
        outcome: Outcome,
        before: str,
        key: str | None,
        unmet: Unmet,
        restated: str = "",
    ) -> None:
        """Make a row, and remember the key that it has."""
        tracked.changed = True
        row, decision = self._writer.rows(tracked, event, at, outcome, before, key, unmet, restated)
        self._inserted["evidence"].append(row)
        self._inserted["decisions"].append(decision)
        self._taken.append((tracked.contact.id, tracked.sequence, event))
        if key is not None:
            number, sequence, *_ = row
            self._inserted["keys"].append((key, number, sequence))
            self._keys[key] = IdempotencyRecord(
                tracked.contact.id, sequence, event.name, at, event.actor,
                dump_facts(event.facts), event.to, event.reason, int(event.force),
                tracked.loaded.id,
            )  # fmt: skip
            self.partition.definitions[tracked.loaded.id] = tracked.loaded

    def writes(self) -> Writes:
        """Return what is to be written, and begin anew: who asks writes it."""
        writes = Writes(self._inserted, [])
        for tracked in self._contacts.values():
            if tracked.changed:
                columns = position_columns(tracked)
                if tracked.stored:
                    funnel, definition = tracked.held
                    was = (tracked.number, funnel, tracked.stored, definition)
                    writes.changed.append(columns + was)
                else:
                    identity = (tracked.number, tracked.contact.id, tracked.salt)
                    writes.inserted["contacts"].append((*identity, checksum(*identity)))
                    writes.inserted["positions"].append((tracked.number, *columns))
                tracked.mark_written()
        self._inserted, self._taken = _no_rows(), []
        self._recent, self._open, self._indexed = {}, {}, 0
        return writes

    def _text_of(self, tracked: TrackedContact, moment: dt.datetime) -> str:
        """Write the time of an event; most came with that text a moment ago."""
        at, text = self._times.last
        return text if moment is at else tracked.text_of(moment)

    def _begin(self, change: Change, *, explain: bool) -> ChangeResult:
        """Take the first evidence about a contact: that it was added."""
        if change.event != "add" and not change.create:
            raise UnknownContactError(
                change.contact_id, hint=f"funnelflow add {quote(change.contact_id)}"
            )
        check_id(change.contact_id)
        loaded = self.partition.home(change.funnel)
        event = self._parse(loaded, change)
        contact = loaded.funnel.new_contact(change.contact_id)
        tracked = TrackedContact(contact, loaded, loaded.name, *self._identity())
        tracked.created_at = self._text_of(tracked, event.at)
        if change.event != "add":
            added = Event("add", event.at, {}, event.actor, event.roles)
            if self._observer is not None:
                added = self._observer.with_vetoes(tracked, added)
            before = tracked.contact.stage
            self.append(tracked, added, loaded.funnel.step(tracked.contact, added), before)
        result = self._decide(tracked, change, event, explain=explain)
        result.created = True
        self._contacts[change.contact_id] = tracked
        return result

    def _identity(self) -> Identity:
        """Return what a new contact is known by."""
        identities = self.partition.identities
        if not identities and self._make_identities is not None:
            identities += self._make_identities()
        return identities.pop()

    def _decide(
        self, tracked: TrackedContact, change: Change, event: Event, *, explain: bool
    ) -> ChangeResult:
        """Let the engine answer, and collect the row."""
        contact, before = tracked.contact, tracked.contact.stage
        if contact.clock is not None and event.at < contact.clock and event.name != "tick":
            return self._decide_late(tracked, change, event, explain=explain)
        if self._observer is not None:
            event = self._observer.with_vetoes(tracked, event)
        try:
            outcome, decision = _step(tracked, event, explain=explain)
        except UNREADABLE:
            tracked.loaded.require_readable(contact)
            raise
        verb = outcome.outcome
        unmet = decision.unmet() if verb == "refused" and decision is not None else ()
        self.append(tracked, event, outcome, before, key=change.key, unmet=unmet)
        if event.at > self._horizon:
            self.ahead += 1
        return ChangeResult(
            contact.id,
            tracked.sequence,
            verb,
            before,
            tracked.contact.stage,
            unmet,
            decision=decision if explain else None,
            path=outcome.path,
        )

    def _decide_late(
        self, tracked: TrackedContact, change: Change, event: Event, *, explain: bool
    ) -> ChangeResult:
        """Decide evidence of before what is known: at its own time, and what it changes since.

        The contact is folded again from its story in the order in which it happened.
        """
        stood = tracked.contact
        try:
            return self._fold_again(tracked, change, event, explain=explain)
        except UNREADABLE:
            tracked.loaded.require_readable(stood)
            raise
        finally:
            if tracked.contact.clock != stood.clock:  # something went wrong on the way
                tracked.contact = stood

    def _fold_again(
        self, tracked: TrackedContact, change: Change, event: Event, *, explain: bool
    ) -> ChangeResult:
        stood, story = tracked.contact, self._story(tracked)
        assert stood.clock is not None
        assert stood.since is not None
        tracked.contact = story.before(event)
        before = tracked.contact.stage
        if self._observer is not None:
            event = self._observer.with_vetoes(tracked, event)
        outcome, decision = _step(tracked, event, explain=explain)
        answered, now = tracked.contact, tracked.contact.copy()
        others = story.insert(tracked.sequence + 1, event, outcome, now)
        assert now.since is not None
        restated = Restatement(
            stood.clock - event.at, stood.stage, stood.since, now.stage, now.since, others
        )
        refused = outcome.outcome == "refused" and decision is not None
        unmet = decision.unmet() if refused and decision is not None else ()
        at = self._text_of(tracked, event.at)
        said = encode(restated.to_json())
        self._collect(tracked, event, at, outcome, before, change.key, unmet, said)
        if self._observer is not None:
            self._observer.decided(tracked, event, outcome, before)
        tracked.contact = now
        tracked.created_at = min(tracked.created_at, at)
        if self._outbox is not None and now.stage != stood.stage:
            self._inserted["outbox"] += self._outbox.rows(
                tracked, event, stood.stage, self._recorded_at
            )
        return ChangeResult(
            now.id,
            tracked.sequence,
            outcome.outcome,
            before,
            answered.stage,
            unmet,
            restated=restated,
            decision=decision if explain else None,
            path=outcome.path,
        )

    def _story(self, tracked: TrackedContact) -> OpenStory:
        """Return the story of a contact so far: what is stored, and what was collected here."""
        contact_id = tracked.contact.id
        story = self._open.get(contact_id)
        if story is None:
            for name, arrival, event in islice(self._taken, self._indexed, None):
                self._recent.setdefault(name, []).append(StoryRow(arrival, event))
            self._indexed = len(self._taken)
            stored = self.partition.stories.get(contact_id, [])
            if tracked.stored and not stored and self._read_story is not None:
                stored = self._read_story(tracked)
            rows = in_force([*stored, *self._recent.get(contact_id, ())])
            assert tracked.contact.clock is not None
            story = OpenStory(tracked.loaded.funnel, contact_id, rows, tracked.contact.clock)
            self._open[contact_id] = story
        return story

    def _parse(self, loaded: LoadedDefinition, change: Change) -> Event:
        """Make the event of a change, in the words of the definition that will decide it."""
        if change.event == "adopt":
            raise UsageError("adopt is no event to record", hint="funnelflow adopt FILE")
        if change.key is not None:
            check_key(change.key)
        event = self._settings.parser(loaded).parse(change, self.partition.now)
        if event.at > self._horizon and not change.future:
            raise in_the_future(event.at, self.partition.now)
        return event

    def _repeat(self, change: Change, earlier: IdempotencyRecord) -> ChangeResult:
        """Answer what was asked before under the same key, read by the definition of then.

        Raises:
            ConflictError: It is not the same that is asked for.
        """
        if change.contact_id != earlier.contact_id or change.contact_id not in self._contacts:
            raise other_content(change.key, earlier, ["contact"])
        event = self._parse(self.partition.definitions[earlier.definition], change)
        same_time = change.at is None or to_text(event.at) == earlier.at
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
            raise other_content(change.key, earlier, differing)
        return ChangeResult(earlier.contact_id, earlier.sequence, "stayed", "", "", duplicate=True)


def _no_rows() -> dict[TableName, list[Row]]:
    """Return no new rows, by table in the order in which they are written."""
    return {name: [] for name in get_args(TableName)}


def _step(
    tracked: TrackedContact, event: Event, *, explain: bool
) -> tuple[Outcome, Decision | None]:
    """Let the engine take an event: once, with the reasons where they are asked for.

    Where they are not, only a move that is refused is decided a second time, to say why.
    """
    funnel = tracked.loaded.funnel
    if explain:
        decision = decide(funnel, tracked.contact, event)
        tracked.contact = decision.contact_after
        return Outcome(decision.outcome, decision.path), decision
    earlier = tracked.contact.copy() if event.name == "move" else tracked.contact
    outcome = funnel.step(tracked.contact, event)
    refused = outcome.outcome == "refused"
    return outcome, decide(funnel, earlier, event) if refused else None
