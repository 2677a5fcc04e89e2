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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain as chained
from itertools import islice
from shlex import quote
from typing import Any, NamedTuple, Protocol, TypeAlias, get_args

from attrs import define, evolve, field

from funnelflow.criteria.custom import answering, ask_custom
from funnelflow.definition import Linked
from funnelflow.engine import Contact, Decision, Event, Outcome, Veto, decide, retold
from funnelflow.engine.answers import AnsweredRow, Ask, GivenAnswers, ask_about, asking
from funnelflow.engine.decisions import MOVED_NOWHERE
from funnelflow.engine.events import EventParser, TimestampCache
from funnelflow.engine.story import (
    ENTER,
    LEAVE,
    MERGE,
    SILENT,
    UNMERGE,
    VOID,
    OpenStory,
    StoryRow,
)
from funnelflow.errors import (
    ConflictError,
    Error,
    FieldError,
    UnknownContactError,
    UnknownNameError,
    UsageError,
)
from funnelflow.storage.changes import (
    Change,
    ChangedMeanwhileError,
    ChangeResult,
    ErasedContactError,
    Erasure,
    FunnelAnswer,
    IdempotencyRecord,
    Name,
    Restatement,
    already_in_funnel,
    check_id,
    check_key,
    in_the_future,
    known_already,
    not_in_funnel,
    other_content,
    require_membership,
)
from funnelflow.storage.evidence_rows import RowWriter
from funnelflow.storage.outbox_writer import STATE, OutboxWriter
from funnelflow.storage.row_format import (
    UNREADABLE,
    checksum,
    dump_about,
    dump_facts,
    horizon,
    to_text,
)
from funnelflow.storage.told import (
    PENDING,
    Fitter,
    Told,
    answered,
    as_row,
    as_story,
    memberships,
    require_voidable,
)
from funnelflow.storage.tracked_contacts import (
    FunnelPosition,
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
        from_file: Whether a file brings the changes, which may hold what is no news any more.
        times: The timestamp cache that the parsers share.
    """

    roles_of: Callable[[str], tuple[str, ...]]
    funnel: str
    timezone: dt.tzinfo | None = None
    outbox: OutboxWriter | None = None
    recorder: str = ""
    from_file: bool = False
    times: TimestampCache = field(init=False)
    _parsers: dict[tuple[str, ...], EventParser] = field(factory=dict, init=False)

    @times.default
    def _make_times(self) -> TimestampCache:
        return TimestampCache(self.timezone)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what is remembered."""
        settings = self.roles_of, self.funnel, self.timezone, self.outbox, self.recorder
        return FoldSettings, (*settings, self.from_file)

    def parser(self, loaded: LoadedDefinition, *others: LoadedDefinition) -> EventParser:
        """Return the event parser of a definition, with those of a contact's other funnels."""
        asked = (loaded.digest, *(other.digest for other in others))
        parser = self._parsers.get(asked)
        if parser is None:
            linked = [other.funnel.linked for other in others]
            parser = EventParser(loaded.funnel.linked, self.times, self.roles_of, linked)
            self._parsers[asked] = parser
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
        run: The run that brings the changes; None for none.
        from_file: Whether a file brings them, which may hold what is no news any more.
        definitions: The definitions that decided what `keys` holds, by number.
        stories: What was told before, by contact and funnel, read by the definition of the
            position: of those about whom evidence comes late.
        erased: Ids and keys of contacts that were erased.
        readmitted: The numbers that such contacts had who are known again now.
    """

    settings: FoldSettings
    now: dt.datetime
    contacts: dict[str, TrackedContact] = field(factory=dict)
    keys: dict[str, IdempotencyRecord] = field(factory=dict)
    homes: dict[str, LoadedDefinition] = field(factory=dict)
    definitions: dict[int, LoadedDefinition] = field(factory=dict)
    stories: dict[tuple[int, str], list[Told]] = field(factory=dict)
    identities: list[Identity] = field(factory=list)
    run: int | None = None
    erased: dict[Name, Erasure] = field(factory=dict)
    readmitted: set[int] = field(factory=set)

    def home(self, funnel: str) -> LoadedDefinition:
        """Return the definition that new contacts of a funnel come under; "" for the default."""
        return self.homes[funnel or self.settings.funnel]

    def refuse_erased(self, change: Change) -> None:
        """Refuse what is about a contact that was erased, unless it is to be known again.

        Raises:
            ErasedContactError: It is not.
        """
        for name in () if change.readmit else self._names(change):
            found = self.erased.get(name)
            if found is not None and found.contact not in self.readmitted:
                raise ErasedContactError(*name, found.at)

    def note_readmitted(self, change: Change) -> None:
        """Note that a contact which was erased is known again by a change."""
        found = (self.erased.get(name) for name in self._names(change))
        self.readmitted.update(one.contact for one in found if one is not None)

    def _names(self, change: Change) -> list[Name]:
        """Return by what a change may be about somebody who was erased."""
        names: list[Name] = [("id", change.contact_id)]
        if change.key is not None:
            names.append(("key", change.key))
        return names


class Writes(NamedTuple):
    """What is to be written: rows of the tables, as plain data.

    Attributes:
        inserted: New rows by table, in the order in which they are written.
        changed: Positions that were known: what stands behind the contact, the contact, and the
            funnel, the sequence and the number of the definition with which it was read.
        merged: Contacts that were merged or given back: into whom, None for nobody, and who.
        removed: Positions that are to be deleted, before all else: the contact, and the same of it.
    """

    inserted: dict[TableName, list[Row]]
    changed: list[Row]
    merged: list[Row]
    removed: list[Row]


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


ReadStory: TypeAlias = Callable[[TrackedContact, FunnelPosition], list[Told]]
"""Reads what is stored about a contact, by the definition that a position of it is under."""
MakeIdentities: TypeAlias = Callable[[], list[Identity]]
"""Makes more numbers and salts, where the partition has no more."""
FindHome: TypeAlias = Callable[[str], LoadedDefinition]
"""Returns the definition that contacts come under who enter a funnel."""


class Observer(Protocol):
    """Who is asked before a change is decided, and told after it."""

    def with_vetoes(self, position: FunnelPosition, event: Event) -> Event:
        """Return an event with what is said against the transitions that it would take."""

    def decided(
        self, chain: TrackedContact, target: TrackedContact, event: Event, answer: FunnelAnswer
    ) -> None:
        """Receive what was decided in a funnel on a row of a history, and about whom."""


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
        find_home: Finds definitions; None where the partition has all.
        ask: Asks a plugin's criterion.

    Attributes:
        ahead: How many changes were decided whose time lies in the future.
        unanswered: For how many contacts a plugin failed to answer when time passed.
        untold: How many messages are no news any more, and not sent.
    """

    def __init__(
        self,
        partition: Partition,
        observer: Observer | None = None,
        read_story: ReadStory | None = None,
        make_identities: MakeIdentities | None = None,
        find_home: FindHome | None = None,
        ask: Ask = ask_custom,
    ) -> None:
        self.ahead = self.untold = self.unanswered = 0
        self._ask = ask
        self._given: dict[int, GivenAnswers] = {}
        self._make_identities = make_identities
        self._read_story = read_story
        self._find_home = find_home or partition.home
        self._fitters: dict[str, Fitter] = {}
        self._taken: list[tuple[Told, LoadedDefinition]] = []
        self._indexed = 0
        self._recent: dict[int, list[tuple[Told, LoadedDefinition]]] = {}
        self._open: dict[tuple[int, str], OpenStory] = {}
        self.partition = partition
        self._contacts = partition.contacts
        self._keys = partition.keys
        self._settings = partition.settings
        self._times = partition.settings.times
        self._outbox = partition.settings.outbox
        self._observer = observer
        self._horizon = horizon(partition.now)
        self._recorded_at = to_text(partition.now)
        self.join_run(partition.run)
        self._inserted = _no_rows()
        self._merged: list[Row] = []

    def join_run(self, run: int | None) -> None:
        """Let a run have brought all that is decided from now on; None for no run."""
        self.partition.run = run
        self._writer = RowWriter(self._recorded_at, self._settings.recorder, run)

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
        chain = self._contacts.get(change.contact_id)
        if self.partition.erased:
            self.partition.refuse_erased(change)
        if chain is None or (change.event not in SILENT and not (chain.root or chain).is_in_force):
            return self._begin(chain, change, explain=explain)
        target = chain.root or chain
        if change.event == "add" and not change.create:
            raise known_already(change)
        if change.expect is not None:
            length = sum(one.sequence for one in target.united())
            if change.expect != length:
                raise ChangedMeanwhileError(change.contact_id, change.expect, length)
        event = self._parse(target, change)
        if change.event in SILENT:
            if event.name in _OF_FUNNELS and not target.is_in_force:
                raise UnknownContactError(change.contact_id)
            return self._retell(chain, target, change, event, explain=explain)
        return self._decide(chain, target, change, event, explain=explain)

    def pass_time(self, change: Change) -> ChangeResult | None:
        """Decide that time has passed for a contact, and collect the row.

        Args:
            change: The tick; the contact is one of the partition.

        Returns:
            What became of it; None where nothing is recorded, because time takes no transition
            and no plugin has said anything new.
        """
        chain = self._contacts[change.contact_id]
        target = chain.root or chain
        event = self._parse(target, change)
        given = self._answers_for(target, event, again=True) if target.asks else None
        moves = [
            self._try(position, self._said(target, position, event), given)[1]
            for position in target.positions()
            if not _is_past(position, event)
        ]
        if given is not None:
            self.unanswered += any(answer.failure for answer in given.answers)
        if not any(moves) and (given is None or not given.has_news()):
            return None
        if given is not None:
            event = event._replace(answers=given.answers)
        return self._decide(chain, target, change, event, explain=False, given=given)

    def before(self, tracked: TrackedContact, event: Event, position: FunnelPosition) -> Contact:
        """Return a contact in a funnel as it was just before evidence of before what is known."""
        return self._story(tracked, position).before(self._said(tracked, position, event))

    def append(
        self,
        tracked: TrackedContact,
        event: Event,
        outcome: Outcome,
        before: str,
        position: FunnelPosition,
    ) -> None:
        """Collect the row of a step that somebody else took in a funnel, and chain it."""
        answers = [
            FunnelAnswer(one, outcome, before, one.contact.stage)
            if one is position
            else FunnelAnswer(one, MOVED_NOWHERE, one.contact.stage, one.contact.stage)
            for one in tracked.positions()
        ]
        self._collect(tracked, tracked, event, None, answers)
        self._notify(tracked, tracked, event, answers)

    def _collect(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        key: str | None,
        answers: Sequence[FunnelAnswer],
    ) -> None:
        """Make the rows of evidence that was decided, and remember the key that it has."""
        moment = event.at
        at = self._text_of(target, moment)
        target.last, target.last_text = moment, at
        chain.changed = target.changed = True
        if moment > self._horizon:
            self.ahead += 1
        row, decisions = self._writer.rows(chain, event, at, key, answers[0], answers[1:])
        self._inserted["evidence"].append(row)
        self._inserted["decisions"] += decisions
        arrival = PENDING + len(self._taken)
        told = Told(chain.number, chain.sequence, arrival, event, target.funnel)
        self._taken.append((told, target.loaded))
        if event.answers and target.number in self._given:
            self._given[target.number].add(AnsweredRow(moment, arrival, event.answers))
        if key is not None:
            self._inserted["keys"].append((key, chain.number, chain.sequence))
            self._keys[key] = IdempotencyRecord(
                chain.contact.id, chain.sequence, event.name, at, event.actor,
                dump_facts(event.facts), event.to, event.reason, int(event.force),
                dump_about(event.about), target.loaded.id,
            )  # fmt: skip
            self.partition.definitions[target.loaded.id] = target.loaded
        if self._observer is not None:
            for answer in answers:
                self._observer.decided(chain, target, event, answer)

    def _notify(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        event: Event,
        answers: Sequence[FunnelAnswer],
    ) -> None:
        """Make the messages about where a contact is now."""
        if self._outbox is None:
            return
        for answer in answers:
            outcome, restated, before = answer.outcome, answer.restated, answer.before
            moved = bool(outcome.path) or outcome.outcome == "moved"
            if restated is not None:
                moved, before = restated.before != restated.stage, restated.before
            if moved and answer.position.contact.since is not None:
                messages = self._outbox.rows(
                    chain, target, answer.position, event, before, self._recorded_at,
                    self.partition.now if self._settings.from_file else None,
                )  # fmt: skip
                self._inserted["outbox"] += messages
                self.untold += sum(message[STATE] == "discarded" for message in messages)

    def writes(self) -> Writes:
        """Return what is to be written, and begin anew: who asks writes it."""
        writes = Writes(self._inserted, [], self._merged, [])
        for tracked in self._contacts.values():
            if not tracked.changed:
                continue
            if not tracked.stored:
                identity = (tracked.number, tracked.contact.id, tracked.salt)
                writes.inserted["contacts"].append((*identity, checksum(*identity)))
            for held in tracked.left:
                writes.removed.append((tracked.number, held[0], tracked.stored, held[1]))
            for position in tracked.positions():
                columns = position_columns(position, tracked)
                if position.held is None:
                    writes.inserted["positions"].append((tracked.number, *columns))
                else:
                    funnel, definition = position.held
                    was = (tracked.number, funnel, tracked.stored, definition)
                    writes.changed.append(columns + was)
            tracked.mark_written()
        self._inserted, self._merged, self._taken = _no_rows(), [], []
        self._recent, self._open, self._given, self._indexed = {}, {}, {}, 0
        return writes

    def _text_of(self, tracked: TrackedContact, moment: dt.datetime) -> str:
        """Write the time of an event; most came with that text a moment ago."""
        at, text = self._times.last
        return text if moment is at else tracked.text_of(moment)

    def _begin(
        self, chain: TrackedContact | None, change: Change, *, explain: bool
    ) -> ChangeResult:
        """Take the first evidence about a contact that counts: that it was added."""
        if change.event != "add" and not change.create:
            raise UnknownContactError(
                change.contact_id, hint=f"funnelflow add {quote(change.contact_id)}"
            )
        check_id(change.contact_id)
        if chain is None:
            loaded = self.partition.home(change.funnel)
            contact = loaded.funnel.new_contact(change.contact_id)
            tracked = TrackedContact(contact, loaded, loaded.name)
            event = self._parse(tracked, change)
            tracked.number, tracked.salt = self._identity()
            target = chain = tracked
        else:
            target = chain.root or chain
            event = self._parse(target, change)
        target.created_at = self._text_of(target, event.at)
        if change.event != "add":
            added = Event("add", event.at, {}, event.actor, event.roles)
            ahead = self.ahead
            self._decide(chain, target, evolve(change, key=None), added, explain=False)
            self.ahead = ahead  # it is no change of its own
        result = self._decide(chain, target, change, event, explain=explain)
        result.created = True
        self._contacts[change.contact_id] = chain
        return result

    def _identity(self) -> Identity:
        """Return what a new contact is known by."""
        identities = self.partition.identities
        if not identities and self._make_identities is not None:
            identities += self._make_identities()
        return identities.pop()

    def _decide(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        change: Change,
        event: Event,
        *,
        explain: bool,
        given: GivenAnswers | None = None,
    ) -> ChangeResult:
        """Let the engine answer in every funnel, and collect the rows.

        Args:
            chain: To whom the evidence is addressed.
            target: Who is decided about: somebody else where stories were put together.
            change: What is to be recorded.
            event: The evidence.
            explain: Whether the whole decisions are asked for.
            given: What plugins' criteria answered, where they have been asked about it.
        """
        clock = target.contact.clock
        if target.others and event.name != "tick":
            if _comes_late_anywhere(target, event):
                return self._decide_late(chain, target, change, event, explain=explain)
        elif clock is not None and event.name != "tick" and (event.at < clock or event.asserted):
            is_late = event.at < clock or _is_news(target, event)
            if is_late:
                return self._decide_late(chain, target, change, event, explain=explain)
        if target.others or self._observer is not None or target.loaded.funnel.asks:
            answers, event = self._decide_everywhere(target, event, given, explain=explain)
        else:
            answers = (_answer(target, event, None, explain=explain),)
        self._collect(chain, target, event, change.key, answers)
        if self._open:
            self._note(target, event)
        self._notify(chain, target, event, answers)
        return _result(chain, answers, event, explain=explain)

    def _decide_everywhere(
        self, target: TrackedContact, event: Event, given: GivenAnswers | None, *, explain: bool
    ) -> tuple[tuple[FunnelAnswer, ...], Event]:
        """Let the engine answer in every funnel of a contact, and ask plugins before.

        Returns:
            The answers, and the event with what plugins say to it in all of them.
        """
        if given is None and target.asks:
            given = self._answers_for(target, event, again=True)
        answers: list[FunnelAnswer] = []
        vetoes: tuple[Veto, ...] = ()
        with _all_or_nothing(target):
            for position in target.positions():
                if _is_past(position, event):
                    answers.append(_stays(position, event, explain=explain))
                    continue
                own = self._said(target, position, event)
                if given is not None or self._observer is not None:
                    own = self._consult(position, own, given)
                    vetoes += _vetoes_of(target, position, own)
                answers.append(_answer(position, own, given, explain=explain))
        event = event._replace(vetoes=vetoes) if vetoes else event
        return tuple(answers), event if given is None else event._replace(answers=given.answers)

    def _decide_late(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        change: Change,
        event: Event,
        *,
        explain: bool,
    ) -> ChangeResult:
        """Decide evidence of before what is known: at its own time, and what it changes since.

        The contact is folded again from its story in the order in which it happened.
        """
        answers: list[FunnelAnswer] = []
        vetoes: tuple[Veto, ...] = ()
        given = self._answers_for(target, event) if target.asks else None
        try:
            with _all_or_nothing(target):
                for position in target.positions():
                    own = self._said(target, position, event)
                    answer, own = self._fold_again(target, position, own, given, explain=explain)
                    answers.append(answer)
                    vetoes += _vetoes_of(target, position, own)
        except BaseException:
            self._open.clear()
            raise
        event = event._replace(vetoes=vetoes) if vetoes else event
        if given is not None:
            event = event._replace(answers=given.answers)
        self._collect(chain, target, event, change.key, answers)
        at = self._text_of(target, event.at)
        target.created_at = min(target.created_at, at)
        self._notify(chain, target, event, answers)
        return _result(chain, answers, event, explain=explain)

    def _fold_again(
        self,
        target: TrackedContact,
        position: FunnelPosition,
        event: Event,
        given: GivenAnswers | None,
        *,
        explain: bool,
    ) -> tuple[FunnelAnswer, Event]:
        """Put evidence into the story of a position, and give the answer of its own time."""
        stood, story = position.contact, self._story(target, position)
        clock = stood.clock
        late = dt.timedelta(0) if clock is None else max(clock - event.at, dt.timedelta(0))
        try:
            with asking(given):
                position.contact = story.before(event)
            if story.joined is not None and event.at < story.joined.at:
                answer = _learnt(position, event, explain=explain)
            else:
                if given is not None or self._observer is not None:
                    event = self._consult(position, event, given)
                answer = _answer(position, event, given, explain=explain)
        except UNREADABLE:
            position.loaded.require_readable(stood)
            raise
        now = position.contact.copy()
        with asking(given):
            others = story.insert(PENDING + len(self._taken), event, answer.outcome, now)
        position.contact = now
        if late or others:
            restated = Restatement(late, stood.stage, stood.since, now.stage, now.since, others)
            answer = answer._replace(restated=restated)
        return answer, event

    def _retell(
        self,
        chain: TrackedContact,
        target: TrackedContact,
        change: Change,
        event: Event,
        *,
        explain: bool,
    ) -> ChangeResult:
        """Take evidence about the story itself: what it changes is folded again with it."""
        other = self._other(chain, target, event) if event.name in _REGROUPING else None
        row = Told(
            chain.number, chain.sequence + 1, PENDING + len(self._taken), event, target.funnel
        )
        was, now = self._memberships(target, other, row)
        self._require(chain, target, event, is_change=was != now)
        known = {position.funnel: position for position in target.positions()}
        given = self._answers_with(target, other, event)
        answers: list[FunnelAnswer] = []
        for funnel, joined in now.items():
            position = known.get(funnel)
            if position is None:
                answer, event = self._enter(
                    target, other, row, funnel, joined, given, explain=explain
                )
            elif event.name in _OF_FUNNELS and joined is was.get(funnel):
                answer = _stays(position, event, explain=explain)
            else:
                answer = self._fold_with(
                    target, other, position, row, joined, given, explain=explain
                )
            answers.append(answer)
        left = [position.detached() for position in known.values() if position.funnel not in now]
        target.stand_in(answer.position for answer in answers)
        places = (*target.positions(), *left)
        for place, position in enumerate(places):
            position.place = place
        answers += [_stays(position, event, explain=explain) for position in left]
        answers = [a._replace(position=p) for a, p in zip(answers, places, strict=True)]
        event = event._replace(answers=given.answers)
        self._collect(chain, target, event, change.key, answers)
        if event.name in _OF_FUNNELS:
            for position in places:
                self._open.pop((target.number, position.funnel), None)
        else:
            self._begins(target)
        if other is not None:
            self._regroup(chain, target, other, event.name)
        self._notify(chain, target, event, answers)
        return _result(chain, answers, event, explain=explain)

    def _memberships(
        self, target: TrackedContact, other: TrackedContact | None, row: Told
    ) -> tuple[Mapping[str, Event | None], Mapping[str, Event | None]]:
        """Return the funnels of a contact before and after evidence about its story."""
        told = self._told(target, target)
        theirs = [] if other is None else self._told(other, target)
        whole = [*told, *theirs, row]
        if row.event.name == UNMERGE:
            parting = {one.arrival for one in theirs}
            whole = [*(one for one in told if one.arrival not in parting), row]
        return memberships(told, target.number), memberships(whole, target.number)

    def _require(
        self, chain: TrackedContact, target: TrackedContact, event: Event, *, is_change: bool
    ) -> None:
        """Refuse evidence about the story itself that says nothing, or cannot be."""
        if event.name == VOID:
            is_run = self.partition.run is not None
            require_voidable(self._told(target, target), chain, event, is_run=is_run)
        elif event.name == ENTER and not is_change:
            raise already_in_funnel(target.contact.id, str(event.about[0]))
        elif event.name == LEAVE:
            then = memberships(self._told(target, target), target.number, event.at)
            require_membership(target.contact.id, str(event.about[0]), then)

    def _enter(
        self,
        target: TrackedContact,
        other: TrackedContact | None,
        row: Told,
        funnel: str,
        joined: Event | None,
        given: GivenAnswers,
        *,
        explain: bool,
    ) -> tuple[FunnelAnswer, Event]:
        """Put a contact into another funnel, or into one that it left, and fold it there.

        Returns:
            The answer, and the event with what plugins have against it.
        """
        loaded, event = self._find_home(funnel), row.event
        position = FunnelPosition(loaded.funnel.new_contact(target.contact.id), loaded, funnel)
        joining, parting = self._moving(other, position, event.name)
        told = [one for one in self._told(target, position) if one.arrival not in parting]
        rows, _ = as_story([*told, row], funnel)
        story = OpenStory(loaded.funnel, target.contact.id, [*rows, *joining], joined, given)
        if joined is not event:
            with given.asking():
                position.contact = story.stands()
            return _stays(position, event, explain=explain), event
        position.contact = story.entering()
        given.turn_to(event.at)
        if self._observer is not None or loaded.funnel.asks:
            story.joined = joined = self._consult(position, event, given)
            event = event._replace(vetoes=_vetoes_of(target, position, joined))
        answer = _answer(position, joined, given, explain=explain)
        with given.asking():
            entered, now = position.contact, story.stands()
        position.contact = now
        if (entered.stage, entered.since) != (now.stage, now.since):
            late = (now.clock or event.at) - event.at
            restated = Restatement(late, entered.stage, entered.since, now.stage, now.since, 0)
            answer = answer._replace(restated=restated)
        return answer, event

    def _fold_with(
        self,
        target: TrackedContact,
        other: TrackedContact | None,
        position: FunnelPosition,
        row: Told,
        joined: Event | None,
        given: GivenAnswers,
        *,
        explain: bool,
    ) -> FunnelAnswer:
        """Fold a position again, with evidence about the story itself."""
        stood, story = position.contact, self._story(target, position)
        joining, parting = self._moving(other, position, row.event.name)
        as_told = as_row(row, self._told(target, position))
        story.given = given
        with given.asking():
            now, others = story.retell(as_told, joined, joining, parting)
        position.contact = now
        restated = Restatement(
            dt.timedelta(0), stood.stage, stood.since, now.stage, now.since, others
        )
        outcome = Outcome("stayed" if stood.stage == now.stage else "moved")
        decision = retold(position.loaded.funnel, stood, row.event, now) if explain else None
        return FunnelAnswer(position, outcome, stood.stage, now.stage, (), restated, decision)

    def _begins(self, target: TrackedContact) -> None:
        """Find out when a story begins that is told otherwise now."""
        rows = self._story(target, target).rows
        if rows:
            target.created_at = to_text(rows[0].event.at)

    def _other(self, chain: TrackedContact, target: TrackedContact, event: Event) -> TrackedContact:
        """Return the contact that is merged, or given back.

        Raises:
            UsageError: It cannot be.
            ConflictError: It is part of another story, or of none.
        """
        (number,) = event.about
        other = next(one for one in self._contacts.values() if one.number == number)
        if event.name == MERGE:
            _require_mergeable(chain, target, other)
        elif other not in chain.merged:
            raise not_merged(other.contact.id, chain.contact.id)
        return other

    def _moving(
        self, other: TrackedContact | None, position: FunnelPosition, event: str
    ) -> tuple[list[StoryRow], set[int]]:
        """Return the rows that join the story of a position, and the arrivals of those that part.

        Args:
            other: Whose they are; None for nobody.
            position: The position, by whose definition they are read.
            event: Whether they join or part.
        """
        if other is None:
            return [], set()
        told = self._told(other, position)
        if event == MERGE:
            return as_story(told, position.funnel)[0], set()
        return [], {one.arrival for one in told}

    def _regroup(
        self, chain: TrackedContact, target: TrackedContact, other: TrackedContact, event: str
    ) -> None:
        """Make a contact part of another one's story, or a story of its own again."""
        stories = self.partition.stories
        for position in target.positions():
            own, place = (other.number, position.funnel), (target.number, position.funnel)
            theirs, all_of_it = stories.get(own, []), stories.get(place, [])
            if event == MERGE:
                stories[place] = all_of_it + stories.pop(own, [])
            else:
                arrivals = {one.arrival for one in theirs}
                stories[place] = [one for one in all_of_it if one.arrival not in arrivals]
            self._open.pop(own, None)
        self._forget_left(target)
        if event == MERGE:
            self._put_into(chain, target, other)
        else:
            self._give_back(chain, target, other)
        other.changed = True
        self._merged.append((other.merged_into, other.number))

    def _forget_left(self, target: TrackedContact) -> None:
        """Forget the stories of funnels that a contact is not in any more."""
        funnels = {position.funnel for position in target.positions()}
        for place in [*self.partition.stories, *self._open]:
            if place[0] == target.number and place[1] not in funnels:
                self.partition.stories.pop(place, None)
                self._open.pop(place, None)

    def _put_into(
        self, chain: TrackedContact, target: TrackedContact, other: TrackedContact
    ) -> None:
        """Let a contact stand nowhere by itself; its positions hold the end of its chain."""
        other.merged_into, chain.merged = chain.number, (*chain.merged, other)
        for one in other.united():
            one.root = target
        for position in other.positions():
            position.contact = position.loaded.funnel.new_contact(other.contact.id)

    def _give_back(
        self, chain: TrackedContact, target: TrackedContact, other: TrackedContact
    ) -> None:
        """Let a contact stand where its own story puts it, by the definitions in force."""
        other.merged_into = None
        chain.merged = tuple(one for one in chain.merged if one is not other)
        other.stand_apart()
        current = {position.funnel: position.loaded for position in target.positions()}
        known = {position.funnel: position for position in other.positions()}
        positions: list[FunnelPosition] = []
        for funnel in memberships(self._told(other, other), other.number):
            loaded = current.get(funnel) or self._find_home(funnel)
            position = known.get(funnel) or FunnelPosition(other.contact, loaded, funnel)
            position.loaded = loaded
            position.contact = self._story(other, position).stands()
            positions.append(position)
        other.stand_in(positions)
        self._begins(other)

    def _note(self, target: TrackedContact, event: Event) -> None:
        """Let the open stories of a contact know of evidence that came in order."""
        for position in target.positions():
            story = self._open.get((target.number, position.funnel))
            if story is not None:
                own = self._said(target, position, event)
                story.append(PENDING + len(self._taken) - 1, own)

    def _story(self, target: TrackedContact, position: FunnelPosition) -> OpenStory:
        """Return the story of a contact so far, as a position of it reads it."""
        place = (target.number, position.funnel)
        story = self._open.get(place)
        if story is None:
            told = self._told(target, position)
            rows, joined = as_story(told, position.funnel)
            given = self._answers_about(target) if target.asks else None
            story = OpenStory(position.loaded.funnel, target.contact.id, rows, joined, given)
            self._open[place] = story
        return story

    def _answers_about(self, target: TrackedContact) -> GivenAnswers:
        """Return what plugins' criteria answered about a contact, read when it is looked for."""
        given = self._given.get(target.number)
        if given is None:
            given = GivenAnswers(lambda: answered(self._told(target, target)), self._ask)
            self._given[target.number] = given
        return given

    def _answers_for(
        self, target: TrackedContact, event: Event, *, again: bool = False
    ) -> GivenAnswers:
        """Return what plugins' criteria answered about a contact, turned to new evidence.

        Args:
            target: The contact.
            event: The evidence.
            again: Ask about the evidence itself also what was answered before: it is the latest.
        """
        given = self._answers_about(target)
        given.decide(event, again=again)
        return given

    def _answers_with(
        self, target: TrackedContact, other: TrackedContact | None, event: Event
    ) -> GivenAnswers:
        """Return what plugins' criteria answered in the story that evidence about it makes.

        Args:
            target: Whose story it is.
            other: Who is merged into it, or given back; None for nobody.
            event: The evidence.
        """
        if other is not None:
            told, theirs = self._told(target, target), self._told(other, target)
            gone = set() if event.name == MERGE else {one.arrival for one in theirs}
            rows = [one for one in (*told, *theirs) if one.arrival not in gone]
            self._given.pop(other.number, None)
            self._given[target.number] = GivenAnswers(lambda: answered(rows), self._ask)
        return self._answers_for(target, event)

    def _consult(self, position: FunnelPosition, event: Event, given: GivenAnswers | None) -> Event:
        """Ask plugins about evidence in a funnel; return it with what they have against it."""
        if given is None:
            return self._with_vetoes(position, event)
        return self._try(position, event, given)[0]

    def _try(
        self, position: FunnelPosition, event: Event, given: GivenAnswers | None
    ) -> tuple[Event, bool]:
        """Ask plugins about evidence; return it, and whether it takes a transition."""
        funnel, contact = position.loaded.funnel, position.contact
        consult = partial(self._with_vetoes, position)
        try:
            if given is not None:
                return ask_about(funnel, contact, event, given, consult)
            event = consult(event)
            return event, bool(funnel.step(contact.copy(), event).path)
        except UNREADABLE:
            position.loaded.require_readable(contact)
            raise

    def _with_vetoes(self, position: FunnelPosition, event: Event) -> Event:
        return event if self._observer is None else self._observer.with_vetoes(position, event)

    def _told(self, target: TrackedContact, position: FunnelPosition) -> list[Told]:
        """Return what was told about a contact: what is stored, and what was collected here."""
        for one, decided in islice(self._taken, self._indexed, None):
            self._recent.setdefault(one.contact, []).append((one, decided))
        self._indexed = len(self._taken)
        place, stories = (target.number, position.funnel), self.partition.stories
        if place not in stories and self._read_story is not None:
            stories[place] = self._read_story(target, position)
        recent: Iterable[tuple[Told, LoadedDefinition]] = self._recent.get(target.number, ())
        if target.merged:
            several = (self._recent.get(one.number, ()) for one in target.united())
            recent = sorted(chained.from_iterable(several), key=lambda one: one[0].arrival)
        said = (
            one._replace(event=self._said(target, position, one.event, decided))
            for one, decided in recent
        )
        return [*stories.get(place, ()), *said]

    def _said(
        self,
        target: TrackedContact,
        position: FunnelPosition,
        event: Event,
        decided: LoadedDefinition | None = None,
    ) -> Event:
        """Return what evidence says in a funnel; None for what the first of them decides now."""
        decided = decided or target.loaded
        own = event.said_to(position.funnel, decided.name)
        if decided is position.loaded:
            return own
        fitter = self._fitters.get(position.loaded.digest)
        if fitter is None:
            fitter = self._fitters[position.loaded.digest] = Fitter(position.loaded)
        return fitter.fit(decided, own, position.loaded)

    def _parse(self, target: TrackedContact, change: Change) -> Event:
        """Make the event of a change, in the words of the definition that will decide it."""
        if change.event == "adopt":
            raise UsageError("adopt is no event to record", hint="funnelflow adopt FILE")
        if change.event in _REGROUPING and not change.about:
            hint = f"funnelflow {change.event} --help"
            raise UsageError(f"{change.event} is no event to record", hint=hint)
        if change.key is not None:
            check_key(change.key)
        return self._parse_by(target.loaded, change, target)

    def _parse_by(self, loaded: LoadedDefinition, change: Change, target: TrackedContact) -> Event:
        """Make the event of a change in the words of a definition, and of the other funnels."""
        if target.others or (change.event == "move" and change.about):
            return self._parse_by_several(loaded, change, target)
        return self._complete(self._settings.parser(loaded), change)

    def _parse_by_several(
        self, loaded: LoadedDefinition, change: Change, target: TrackedContact
    ) -> Event:
        """Make the event of a change about a contact in several funnels; any may declare it."""
        definitions = [loaded, *(p.loaded for p in target.positions() if p.funnel != loaded.name)]
        if change.event != "move":
            return self._complete(self._settings.parser(*definitions), change)
        meant = _meant(target, change)
        definitions.sort(key=lambda one: one.name != meant.funnel)
        event = self._complete(self._settings.parser(*definitions), change)
        return event._replace(about=() if meant.funnel == loaded.name else (meant.funnel,))

    def _complete(self, parser: EventParser, change: Change) -> Event:
        """Parse a change, and hold its time to the rules."""
        silent = change.event in SILENT
        asked = evolve(change, event="set", reason="") if silent else change
        event = parser.parse(asked, self.partition.now)
        if silent:
            event = event._replace(name=change.event, reason=change.reason, about=change.about)
        elif change.asserted:
            event = event._replace(asserted=True)
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
        target = self._contacts[change.contact_id].root or self._contacts[change.contact_id]
        event = self._parse_as_then(earlier, change, target)
        same_time = change.at is None or to_text(event.at) == earlier.at
        is_same = {
            "event": event.name == earlier.event,
            "time": same_time,
            "actor": event.actor == earlier.actor,
            "facts": dump_facts(event.facts) == earlier.facts,
            "stage asked for": event.to == earlier.to_stage,
            "reason": event.reason == earlier.reason,
            "force": event.force == bool(earlier.force),
            "what it is about": dump_about(event.about) == earlier.about,
        }
        if not all(is_same.values()):
            differing = [what for what, same in is_same.items() if not same]
            raise other_content(change.key, earlier, differing)
        return ChangeResult(earlier.contact_id, earlier.sequence, "stayed", "", "", duplicate=True)

    def _parse_as_then(
        self, earlier: IdempotencyRecord, change: Change, target: TrackedContact
    ) -> Event:
        """Make the event of a change by the definition that decided what had its key before.

        What has another name since then may be called by either; what that definition cannot
        read is something else, and is read as it would be now.
        """
        loaded = self.partition.definitions[earlier.definition]
        then = _in_words_of_then(earlier, change, target)
        try:
            return self._parse_by(loaded, then, target)
        except (UnknownNameError, FieldError):
            return self._parse(target, change)


def _in_words_of_then(earlier: IdempotencyRecord, change: Change, target: TrackedContact) -> Change:
    """Call an event and a stage as they were called then, where that is another name for them."""
    for position in target.positions():
        linked = position.loaded.funnel.linked
        called = linked.events.names()
        if called.get(change.event) == called.get(earlier.event, change):
            change = evolve(change, event=earlier.event)
        if change.to and earlier.to_stage and _is_one_stage(linked, change.to, earlier.to_stage):
            change = evolve(change, to=earlier.to_stage)
    return change


def _is_one_stage(linked: Linked, name: str, other: str) -> bool:
    try:
        return linked.resolve_stage(name) == linked.resolve_stage(other)
    except UnknownNameError:
        return False


_REGROUPING = frozenset({MERGE, UNMERGE})


def _require_mergeable(
    chain: TrackedContact, target: TrackedContact, other: TrackedContact
) -> None:
    """Refuse to merge a contact that is part of a story already, or would be part of its own."""
    name, into = other.contact.id, chain.contact.id
    if other is chain:
        raise UsageError(f"{name} cannot be merged into itself", hint="name two contacts")
    if other.root is not None:
        raise ConflictError(
            f"{name} is merged into {other.root.contact.id} already",
            hint=f"to take it out again: funnelflow unmerge {quote(name)}",
        )
    if other is target:
        raise ConflictError(
            f"{into} is merged into {name}, so {name} cannot be merged into it",
            hint=f"to turn it round, begin with: funnelflow unmerge {quote(into)}",
        )


def not_merged(contact_id: str, into: str = "anybody") -> ConflictError:
    """Return the error that a contact is no part of a story, so that it cannot be given back."""
    return ConflictError(
        f"{contact_id} is not merged into {into}",
        hint=f"its own story: funnelflow history {quote(contact_id)}",
    )


def _no_rows() -> dict[TableName, list[Row]]:
    """Return no new rows, by table in the order in which they are written."""
    return {name: [] for name in get_args(TableName)}


_OF_FUNNELS = frozenset({ENTER, LEAVE})


def _comes_late_anywhere(target: TrackedContact, event: Event) -> bool:
    """Whether evidence happened before what is known of a contact in one of its funnels."""
    clocks = [p.contact.clock for p in target.positions() if p.contact.clock is not None]
    if not clocks or event.at < max(clocks):
        return True
    return event.asserted and all(_is_news(one, event) for one in target.positions())


def _is_past(position: FunnelPosition, event: Event) -> bool:
    """Whether time has gone further in a funnel than a tick says."""
    clock = position.contact.clock
    return event.name == "tick" and clock is not None and event.at < clock


def _is_news(position: FunnelPosition, event: Event) -> bool:
    """Whether a snapshot says of a field what nobody has said before."""
    known = position.contact.fields
    return any(value is not None and name not in known for name, value in event.facts.items())


def _vetoes_of(target: TrackedContact, position: FunnelPosition, event: Event) -> tuple[Veto, ...]:
    """Return the vetoes of a funnel, with its name where it is not the first."""
    if position is target:
        return event.vetoes
    return tuple(evolve(veto, funnel=position.funnel) for veto in event.vetoes)


@contextmanager
def _all_or_nothing(target: TrackedContact) -> Iterator[None]:
    """Put a contact back where it stood, in all of its funnels, if it cannot go on in one."""
    stood = [(position, position.contact) for position in target.positions()]
    for position in target.others:
        position.contact = position.contact.copy()
    first = target.contact
    target.contact = first.copy() if target.others else first
    try:
        yield
    except BaseException:
        for position, contact in stood:
            position.contact = contact
        raise


def _meant(target: TrackedContact, change: Change) -> FunnelPosition:
    """Return the position of the funnel in which somebody asks for a stage.

    Raises:
        UsageError: Several of the contact's funnels have the stage, or it is not in the one that
            is named.
    """
    positions, name = target.positions(), target.contact.id
    if change.about:
        for position in positions:
            if position.funnel == change.about[0]:
                return position
        raise not_in_funnel(name, str(change.about[0]), [p.funnel for p in positions])
    found = [position for position in positions if _has_stage(position, change.to)]
    if len(found) > 1:
        several = ", ".join(position.funnel for position in found)
        move = f"funnelflow move {quote(name)} {quote(change.to)}"
        raise UsageError(
            f"{name} is in several funnels that have a stage {change.to!r}: {several}",
            hint=f"say in which: {move} --funnel {found[0].funnel}",
        )
    return found[0] if found else target


def _has_stage(position: FunnelPosition, stage: str) -> bool:
    try:
        return bool(position.loaded.funnel.linked.resolve_stage(stage))
    except Error:
        return False


def _stays(position: FunnelPosition, event: Event, *, explain: bool) -> FunnelAnswer:
    """Answer evidence that changes nothing in a funnel."""
    contact = position.contact
    decision = retold(position.loaded.funnel, contact, event, contact) if explain else None
    stage = contact.stage
    return FunnelAnswer(position, MOVED_NOWHERE, stage, stage, decision=decision)


def _learnt(position: FunnelPosition, event: Event, *, explain: bool) -> FunnelAnswer:
    """Let a position take what happened before its funnel was entered."""
    before = position.contact.copy()
    position.loaded.funnel.learn(position.contact, event)
    answer = _stays(position, event, explain=False)
    if not explain:
        return answer
    decision = retold(position.loaded.funnel, before, event, position.contact)
    return answer._replace(decision=decision)


def _answer(
    position: FunnelPosition, event: Event, given: GivenAnswers | None, *, explain: bool
) -> FunnelAnswer:
    """Let the engine take an event in a funnel."""
    before = position.contact.stage
    try:
        if given is None:
            outcome, decision = _step(position, event, explain=explain)
        else:
            with answering(given):
                outcome, decision = _step(position, event, explain=explain)
    except UNREADABLE:
        position.loaded.require_readable(position.contact)
        raise
    refused = outcome.outcome == "refused" and decision is not None
    unmet = decision.unmet() if refused and decision is not None else ()
    after = position.contact.stage
    return FunnelAnswer(position, outcome, before, after, unmet, None, decision)


def _result(
    chain: TrackedContact, answers: Sequence[FunnelAnswer], event: Event, *, explain: bool
) -> ChangeResult:
    """Return what became of a change: first in the funnel that it is about."""
    if len(answers) > 1 and event.about:
        answers = sorted(answers, key=lambda one: event.about != (one.position.funnel,))
    _, outcome, before, after, unmet, restated, decision = answers[0]
    return ChangeResult(
        chain.contact.id,
        chain.sequence,
        outcome.outcome,
        before,
        after,
        unmet,
        restated=restated,
        decision=decision if explain else None,
        path=outcome.path,
        others=tuple(answers[1:]),
    )


def _step(
    tracked: FunnelPosition, event: Event, *, explain: bool
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
