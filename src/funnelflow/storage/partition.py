"""A partition: some contacts, and all that decides about changes for them; knows no database."""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias, get_args

from attrs import define, field

from funnelflow.engine import Event
from funnelflow.engine.events import EventParser, TimestampCache
from funnelflow.storage.changes import (
    Change,
    ErasedContactError,
    Erasure,
    FunnelAnswer,
    IdempotencyRecord,
    Name,
    plain_name,
)
from funnelflow.storage.outbox_writer import OutboxWriter
from funnelflow.storage.told import Told
from funnelflow.storage.tracked_contacts import (
    FunnelPosition,
    LoadedDefinition,
    Row,
    TableName,
    TrackedContact,
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
    _parsers: dict[str | tuple[str, ...], EventParser] = field(factory=dict, init=False)

    @times.default
    def _make_times(self) -> TimestampCache:
        return TimestampCache(self.timezone)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what is remembered."""
        settings = self.roles_of, self.funnel, self.timezone, self.outbox, self.recorder
        return FoldSettings, (*settings, self.from_file)

    def parser(self, loaded: LoadedDefinition, *others: LoadedDefinition) -> EventParser:
        """Return the event parser of a definition, with those of a contact's other funnels."""
        digest = loaded.digest
        asked = (digest, *[other.digest for other in others]) if others else digest
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
        is_new = change.contact_id not in self.contacts  # else it is known who is meant
        for name in () if change.readmit else self._names(change, by_value=is_new):
            found = self.erased.get(name)
            if found is not None and found.contact not in self.readmitted:
                raise ErasedContactError(*name, found.at)

    def note_readmitted(self, change: Change) -> None:
        """Note that a contact which was erased is known again by a change."""
        found = (self.erased.get(name) for name in self._names(change, by_value=True))
        self.readmitted.update(one.contact for one in found if one is not None)

    def _names(self, change: Change, *, by_value: bool) -> list[Name]:
        """Return by what a change may be about somebody who was erased."""
        names: list[Name] = [("id", change.contact_id)]
        if change.key is not None:
            names.append(("key", change.key))
        if by_value:
            texts = (value for value in change.facts.values() if isinstance(value, str))
            names += [("value", plain_name(text)) for text in texts]
        return names


class Writes(NamedTuple):
    """What is to be written: rows of the tables, as plain data.

    Attributes:
        inserted: New rows by table, in the order in which they are written.
        changed: Positions that were known: what stands behind the funnel, then the contact, and
            the funnel, the sequence and the number of the definition with which it was read.
        merged: Contacts that were merged or given back: into whom, None for nobody, and who.
        removed: Positions that are to be deleted, before all else: the contact, and the same of it.
    """

    inserted: dict[TableName, list[Row]]
    changed: list[Row]
    merged: list[Row]
    removed: list[Row]


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


def no_rows() -> dict[TableName, list[Row]]:
    """Return no new rows, by table in the order in which they are written."""
    return {name: [] for name in get_args(TableName)}
