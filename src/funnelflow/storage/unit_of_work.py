"""A unit of work: contacts are read, changes decided and everything written in one transaction."""

import datetime as dt
from collections.abc import Iterable, Sequence
from operator import itemgetter
from secrets import token_hex

from attrs import define
from sqlalchemy import Connection, select, update

from funnelflow.criteria.custom import ask_custom
from funnelflow.engine import Event, Outcome
from funnelflow.engine.answers import Ask
from funnelflow.engine.events import EventParser
from funnelflow.errors import UnknownContactError
from funnelflow.gc_pause import gc_paused
from funnelflow.plugins import PluginHost, WorkspaceHandle
from funnelflow.storage.changes import (
    Change,
    ChangedMeanwhileError,
    ChangeResult,
    ErasedContactError,
    IdempotencyRecord,
    Name,
    check_id,
    composed,
    is_id,
    plain_name,
)
from funnelflow.storage.contact_cache import ContactCache
from funnelflow.storage.contacts import (
    Recorded,
    RecordedElsewhere,
    root_of,
    story_of,
    unknown_contact,
)
from funnelflow.storage.definition_store import DefinitionStore
from funnelflow.storage.dialects import LOADED_COLUMNS, Bulk
from funnelflow.storage.erased import ErasedNames, readmit
from funnelflow.storage.fold import Fold
from funnelflow.storage.observers import UnansweredError, observers_of
from funnelflow.storage.partition import FoldSettings, Identity, Partition
from funnelflow.storage.replay import EvidenceReader, first_answers, read_told, united
from funnelflow.storage.row_format import Clock, altered
from funnelflow.storage.snapshots import Snapshots
from funnelflow.storage.tables import contacts, history
from funnelflow.storage.told import Told
from funnelflow.storage.tracked_contacts import (
    FunnelPosition,
    LoadedDefinition,
    TrackedContact,
    read_contact,
    read_position,
)

_NEWS = 5
_MANY = 1_000
_SALT = 16
_FUNNEL, _DEFINITION, _PLACE = (
    [column.name for column in LOADED_COLUMNS].index(name)
    for name in ("funnel", "definition", "place")
)
_place = itemgetter(_PLACE)


@define(eq=False)
class Store:
    """What the units of work of a workspace share.

    Attributes:
        bulk: The bulk statements of the database.
        definitions: The definition store.
        settings: What the settings say about how changes are read and decided.
        clock: Returns the time it is.
        workspace: The workspace, as plugins are given it.
        plugins: Who may veto transitions, and is told of what has been stored.
        ask: Asks a plugin's criterion.
    """

    bulk: Bulk
    definitions: DefinitionStore
    settings: FoldSettings
    clock: Clock
    workspace: WorkspaceHandle
    plugins: PluginHost | None = None
    ask: Ask = ask_custom


class UnitOfWork:
    """Some contacts, held within one transaction while changes come in.

    What is decided, and what is to be written for it, is up to `Fold`: here its partition is
    read from the database, and its rows are written.

    Args:
        connection: The transaction, from `connect.writing`.
        store: The workspace.
        cache: The contacts that the unit of work before had, and where its own go.

    Attributes:
        now: The time it is.
        ask: Asks a plugin's criterion.
        recorded: How many rows of evidence it has written.
        snapshots: What snapshots said of the contacts.
        begun_at: When the run was begun that brings its changes; None for no run.
    """

    def __init__(
        self, connection: Connection, store: Store, cache: ContactCache | None = None
    ) -> None:
        self.connection = connection
        self.definitions = store.definitions
        self.now = store.clock()
        self.recorded = 0
        self.begun_at: dt.datetime | None = None
        self._bulk = store.bulk
        self._cache = ContactCache() if cache is None else cache
        self._partition = Partition(store.settings, self.now)
        self._contacts = self._partition.contacts
        self._observers = observers_of(store.plugins, store.workspace, connection)
        self._asked_for = 1
        self._values: set[str] = set()
        self._last_number = 0
        self._erased = ErasedNames(store.workspace.directory)
        self._fold = Fold(
            self._partition,
            self._observers,
            self._read_story,
            self._make_identities,
            self.home,
            store.ask,
        )
        self.ask = store.ask
        self.snapshots = Snapshots(connection, store.bulk, self._fold, self.home)

    @property
    def ahead(self) -> int:
        """How many changes were decided whose time lies in the future."""
        return self._fold.ahead

    @property
    def untold(self) -> int:
        """How many messages are no news any more, and not sent."""
        return self._fold.untold

    def join_run(self, run: int, begun_at: dt.datetime | None = None) -> None:
        """Let a run, which was begun then, have brought all that is decided from now on."""
        self._fold.join_run(run)
        self.begun_at = begun_at

    def load(self, ids: Iterable[str], keys: Iterable[str | None] = ()) -> None:
        """Read the contacts and keys that the changes to come will name.

        A change for a contact that was not loaded finds nobody. With one that is merged into
        another, that is read too. On PostgreSQL the contacts are locked until the transaction
        ends, in one order, so that units of work wait for each other instead of deadlocking.
        """
        cache, by_id, connection = self._cache, self.definitions.by_id, self.connection
        wanted = sorted({*map(composed, ids)} - self._contacts.keys())
        recalled = cache.recall(wanted, self._state)
        self._contacts.update(recalled)
        missing = [one for one in wanted if one not in recalled and is_id(one)]
        self._asked_for = max(len(missing), 1)
        merged = self._bulk.merged(connection, missing)
        if merged:
            cache.forget(merged)
            missing = sorted({*missing, *merged} - self._contacts.keys())
        below = self._read(missing)
        while below:
            below = self._link(below)
        partition = self._partition
        asked = sorted(k for k in {*keys} - partition.keys.keys() if is_id(k))
        if asked:
            for key, *columns in self._bulk.load_keys(connection, asked):
                record = partition.keys[key] = IdempotencyRecord(*columns)
                number = record.definition
                partition.definitions[number] = by_id(connection, number)
        unknown: list[Name] = [("id", one) for one in missing if one not in self._contacts]
        unknown += [("key", key) for key in asked if key not in partition.keys]
        if unknown:
            partition.erased.update(self._erased.find(connection, unknown))
        if not self.snapshots.is_empty:
            self._load_merged()
            self.snapshots.load()

    def recorded_under(self, key: str | None) -> IdempotencyRecord | None:
        """Return what was recorded under a key that was loaded; None for nothing."""
        return None if key is None else self._partition.keys.get(key)

    def above(self, chain: TrackedContact) -> TrackedContact | None:
        """Return into whom a contact was merged; None for nobody."""
        number = chain.merged_into
        known = self._contacts.values()
        return next((one for one in known if one.number == number), None) if number else None

    def read_time(self, text: str) -> dt.datetime | None:
        """Read a time of a plain form, in the zone of the settings; None for any other."""
        return self._partition.settings.times.read(text)

    def contact(self, contact_id: str) -> TrackedContact | None:
        """Return a contact as it is now; None if nobody is known by that id.

        For one that is merged into another, that is the other one.
        """
        chain = self._contacts.get(contact_id)
        return None if chain is None else chain.root or chain

    def chain(self, contact_id: str) -> TrackedContact | None:
        """Return to whom evidence is addressed, whoever it is decided about."""
        return self._contacts.get(contact_id)

    @property
    def knows_erased(self) -> bool:
        """Whether any contact or key that was asked for was erased."""
        return bool(self._partition.erased)

    def is_erased(self, contact_id: str, key: str | None = None) -> bool:
        """Whether a contact, or that of a key, was erased, and is not known again."""
        if not self._partition.erased:
            return False
        try:
            self._partition.refuse_erased(Change(contact_id, "add", key=key))
        except ErasedContactError:
            return True
        return False

    def parser_for(self, contact_id: str, funnel: str = "") -> EventParser:
        """Return what reads evidence about a contact, known or to be added to `funnel`."""
        tracked = self.contact(contact_id)
        settings = self._partition.settings
        if tracked is None:
            return settings.parser(self.home(funnel))
        return settings.parser(*(position.loaded for position in tracked.positions()))

    def home(self, funnel: str = "") -> LoadedDefinition:
        """Return the definition that new contacts of a funnel come under.

        Args:
            funnel: The funnel; empty for the workspace's own.
        """
        partition = self._partition
        name = funnel or partition.settings.funnel
        if name not in partition.homes:
            partition.homes[name] = self.definitions.ensure_in_use(self.connection, name, self.now)
        return partition.homes[name]

    def take(self, change: Change, *, explain: bool = False) -> ChangeResult:
        """Decide a change and collect its row.

        Args:
            change: What is to be recorded.
            explain: Whether the result carries the whole decision with every reason; slower.

        Raises:
            Error: The change cannot be recorded; everything is as it was.
        """
        if change.contact_id not in self._contacts and (change.create or change.event == "add"):
            check_id(change.contact_id)
            self._look_for_erased(change, self.home(change.funnel))
        if change.expect is not None:
            self._load_below(change.contact_id)
        if not self.snapshots.is_empty:
            change = self.snapshots.record_before(change)
        try:
            result = self._fold.take(change, explain=explain)
        except ChangedMeanwhileError as error:
            name, expected = error.contact_id, error.expected
            news = _news(self.connection, name, expected)
            raise ChangedMeanwhileError(name, expected, error.sequence, news) from None
        if change.readmit:
            self._partition.note_readmitted(change)
        return result

    def load_names(self, values: Iterable[str]) -> None:
        """Find out which values of identifying fields are those of contacts that were erased."""
        names: list[Name] = [("value", value) for value in {*values} - self._values]
        self._values.update(value for _, value in names)
        if names:
            self._partition.erased.update(self._erased.find(self.connection, names))

    def _look_for_erased(self, change: Change, home: LoadedDefinition) -> None:
        """Find out whether somebody new has an identifying value of somebody who was erased."""
        said = [change.facts[name] for name in home.identifying if name in change.facts]
        if said:
            self.load_names(plain_name(value) for value in said if isinstance(value, str))

    def pass_time(self, change: Change) -> ChangeResult | None:
        """Decide that time has passed for a contact that is known; see `Fold.pass_time`.

        One whom a required plugin does not answer is left as it is, and counted.
        """
        try:
            return self._fold.pass_time(change)
        except UnansweredError:
            self._fold.unanswered += 1
            return None

    @property
    def unanswered(self) -> int:
        """For how many contacts a plugin failed to answer when time passed."""
        return self._fold.unanswered

    def append(
        self,
        tracked: TrackedContact,
        event: Event,
        outcome: Outcome,
        before: str,
        position: FunnelPosition,
    ) -> None:
        """Collect the row of a step that somebody else took in a funnel."""
        self._fold.append(tracked, event, outcome, before, position)

    def write(self) -> None:
        """Write what was collected; the transaction is the caller's to end.

        Raises:
            RetryError: Another writer was first; the transaction has to be undone.
        """
        writes = self._fold.writes()
        self.recorded += len(writes.inserted["evidence"])
        self._bulk.delete_positions(self.connection, writes.removed)
        for table, rows in writes.inserted.items():
            self._bulk.insert(self.connection, table, rows)
        self._bulk.update_positions(self.connection, writes.changed)
        for into, number in writes.merged:
            moved = update(contacts).where(contacts.c.number == number).values(merged_into=into)
            self.connection.execute(moved)
        readmit(self.connection, self._partition.readmitted)
        self.snapshots.write()

    def remember(self) -> None:
        """Keep the contacts for the next unit of work; the last thing to do before committing.

        Those that are merged into others are read again, with them.
        """
        for name, one in list(self._contacts.items()):
            one.merged = ()
            if one.merged_into is not None:
                del self._contacts[name]
        self._cache.keep(self._contacts, self._state)

    def _read(self, ids: Sequence[str]) -> list[TrackedContact]:
        """Read contacts that are not here yet, and return those that are merged into others."""
        by_id, connection, below = self.definitions.by_id, self.connection, []
        for row in sorted(self._bulk.load_contacts(connection, ids), key=_place):
            known = self._contacts.get(row[0])
            if known is not None:
                if not any(position.funnel == row[_FUNNEL] for position in known.positions()):
                    known.others.append(read_position(row, by_id(connection, row[_DEFINITION])))
                continue
            known = self._cache.recognise(row)
            known = known or read_contact(row, by_id(connection, row[_DEFINITION]))
            self._contacts[row[0]] = known
            if known.merged_into is not None:
                below.append(known)
        return below

    def _load_below(self, contact_id: str) -> None:
        """Read all whose stories are part of the same one."""
        target = self.contact(contact_id)
        if target is not None and target.stored:
            numbers = story_of(self.connection, target.number) - {target.number}
            named = select(contacts.c.id).where(contacts.c.number.in_(numbers))
            if numbers:
                self.load(name for name in self.connection.execute(named).scalars() if name)

    def _load_merged(self) -> None:
        """Read all who are merged into contacts that were read."""
        merged = contacts.c.merged_into.is_not(None), contacts.c.id.is_not(None)
        if self.connection.execute(select(contacts.c.id).where(*merged).limit(1)).first() is None:
            return
        numbers = sorted(one.number for one in self._contacts.values())
        wanted = select(contacts.c.id).where(*merged)
        found: set[str] = set()
        for start in range(0, len(numbers), _MANY):
            some = contacts.c.merged_into.in_(numbers[start:][:_MANY])
            found.update(self.connection.execute(wanted.where(some)).scalars())
        if found - self._contacts.keys():
            self.load(found)

    def _link(self, below: Sequence[TrackedContact]) -> list[TrackedContact]:
        """Put contacts below those into whom they are merged; see `_read`.

        Raises:
            StoreError: Into whom one of them is merged has been altered.
        """
        numbers = {one.merged_into for one in below}
        named = select(contacts.c.number, contacts.c.id).where(contacts.c.number.in_(numbers))
        names = {row.number: str(row.id) for row in self.connection.execute(named)}
        missing = sorted(name for name in names.values() if name not in self._contacts)
        read = self._read(missing)
        for one in below:
            above = self._contacts.get(names.get(one.merged_into or 0, ""))
            if above is None or any(each is above for each in one.united()):
                raise altered(f"contact {one.contact.id!r}")
            above.merged = (*above.merged, one)
            for each in one.united():
                each.root = above.root or above
        return read

    def _read_story(self, tracked: TrackedContact, position: FunnelPosition) -> list[Told]:
        """Read what is stored about a contact, by the definition that a position is under."""
        if not tracked.stored:
            return []
        with gc_paused():  # a story may have a hundred thousand rows
            stored = united(self.connection, tracked.number)
            reader = EvidenceReader(position.loaded)
            return read_told(self.connection, self.definitions, reader, stored)

    def _make_identities(self) -> list[Identity]:
        """Return what the next new contacts are known by, the first of them last."""
        numbers = self._bulk.numbers(self.connection, self._asked_for, self._last_number)
        self._last_number = numbers[-1]
        return [Identity(number, token_hex(_SALT)) for number in reversed(numbers)]

    def _state(self) -> object:
        """Return `Bulk.write_token` of this transaction."""
        return self._bulk.write_token(self.connection)


def _news(connection: Connection, contact_id: str, expected: int) -> list[str]:
    """Say what happened to a contact since it was looked at, as far as there is room."""
    columns = (history.c.event, history.c.actor, history.c.after_stage)
    numbers = story_of(connection, root_of(connection, contact_id) or 0)
    since = (
        select(*columns)
        .where(history.c.contact.in_(numbers))
        .order_by(history.c.id)
        .offset(expected)
        .limit(_NEWS)
    )
    return [
        f"{row.event}{f' by {row.actor}' if row.actor else ''} ({row.after_stage})"
        for row in connection.execute(since)
    ]


def record_one(unit: UnitOfWork, change: Change, *, dry_run: bool) -> Recorded:
    """Decide one change and write it.

    Args:
        unit: An empty unit of work.
        change: What is to be recorded.
        dry_run: Said in the answer; undoing the transaction is the caller's.

    Raises:
        Error: It cannot be recorded.
    """
    check_id(change.contact_id)
    unit.load([change.contact_id], [change.key])
    try:
        result = unit.take(change, explain=True)
    except UnknownContactError:
        raise unknown_contact(unit.connection, change.contact_id) from None
    if result.duplicate:
        known = unit.chain(result.contact_id)
        assert known is not None
        (decision, _), *others = first_answers(
            unit.connection, unit.definitions, known.number, result.sequence
        )
        elsewhere = tuple(RecordedElsewhere(*other) for other in others)
        return Recorded(
            decision, result.sequence, duplicate=True, dry_run=dry_run, others=elsewhere
        )
    unit.write()
    assert result.decision is not None
    return Recorded(
        result.decision,
        result.sequence,
        dry_run=dry_run,
        ahead=unit.ahead > 0,
        restated=result.restated,
        others=tuple(
            RecordedElsewhere(other.decision, other.restated)
            for other in result.others
            if other.decision is not None
        ),
    )
