"""The contacts that a run over a file had a moment ago, so that it need not read them again."""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from attrs import define, field

from funnelflow.engine import Contact, Decision, Verb
from funnelflow.engine.events import EventParser, TimestampCache
from funnelflow.errors import ConflictError, UsageError
from funnelflow.plugins import PluginHost, WorkspaceHandle
from funnelflow.storage.definition_store import DefinitionStore, LoadedDefinition
from funnelflow.storage.dialects import CONTACT_COLUMNS, Bulk, Row
from funnelflow.storage.row_format import Clock, to_text

MAX_LENGTH = 200
_REFUSED = re.compile("[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, those that turn the direction of text, and halves of surrogate pairs."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def check_id(contact_id: str) -> str:
    """Give the id of a contact back if it can be one.

    Raises:
        UsageError: It is empty, too long, padded with blanks, or has characters that
            nobody sees.
    """
    return _check("a contact's id", contact_id)


def is_id(text: object) -> TypeGuard[str]:
    """Tell whether a text can be the id of a contact."""
    return _is_plain(text) or (
        isinstance(text, str)
        and 0 < len(text) <= MAX_LENGTH
        and text == text.strip()
        and _REFUSED.search(text) is None
    )


def is_storable(text: str) -> bool:
    """Tell whether both databases can hold a text at all."""
    return _UNSTORABLE.search(text) is None


def check_key(key: str) -> str:
    """Give an idempotency key back if it can be one.

    Raises:
        UsageError: It cannot, for the reasons of `check_id`.
    """
    return _check("a key", key)


def _is_plain(text: object) -> TypeGuard[str]:
    """Find out at once that a text is as nearly every id is: short, ASCII, without blanks."""
    return (
        type(text) is str
        and 0 < len(text) <= MAX_LENGTH
        and text.isascii()
        and text.isprintable()
        and " " not in text
    )


def _check(what: str, text: str) -> str:
    """Hold a name to the rules."""
    if _is_plain(text):
        return text
    if not isinstance(text, str):
        raise UsageError(f"{what} is text, not {type(text).__name__}", hint="put it in quotes")
    if not text:
        raise UsageError(f"{what} is empty", hint="name it")
    if len(text) > MAX_LENGTH:
        raise UsageError(
            f"{what} has {len(text):,} characters; at most {MAX_LENGTH} are allowed",
            hint="use something shorter, such as the number the contact has elsewhere",
        )
    if text != text.strip():
        raise UsageError(f"{what} begins or ends with a blank: {text!r}", hint="take it away")
    found = _REFUSED.search(text)
    if found:
        raise UsageError(
            f"{what} contains a character that cannot be seen, U+{ord(found[0]):04X}: {text!r}",
            hint="take it away",
        )
    return text


if TYPE_CHECKING:
    from funnelflow.storage.outbox_writer import OutboxWriter  # which knows what a chunk holds


@define(eq=False)
class Store:
    """What every chunk of a workspace shares.

    Attributes:
        bulk: The bulk statements of the database.
        shelf: The definitions.
        roles_of: Gives the roles of an actor.
        funnel: The funnel of contacts for whom none is named.
        timezone: The zone of times without an offset; None refuses them.
        clock: Gives the time it is.
        workspace: The workspace, as plugins are given it.
        plugins: Who may veto transitions, and is told of what has been stored.
        telling: Makes what is to be told of transitions; None where nobody is told.
    """

    bulk: Bulk
    shelf: DefinitionStore
    roles_of: Callable[[str], tuple[str, ...]]
    funnel: str
    timezone: dt.tzinfo | None
    clock: Clock
    workspace: WorkspaceHandle
    plugins: PluginHost | None = None
    telling: "OutboxWriter | None" = None
    times: TimestampCache = field(init=False)
    _parsers: dict[str, EventParser] = field(factory=dict, init=False)

    @times.default
    def _make_times(self) -> TimestampCache:
        return TimestampCache(self.timezone)

    def parser(self, running: LoadedDefinition) -> EventParser:
        """Return the event parser of a definition."""
        parser = self._parsers.get(running.digest)
        if parser is None:
            parser = EventParser(running.funnel.linked, self.times, self.roles_of)
            self._parsers[running.digest] = parser
        return parser


@define(eq=False)
class Change:
    """Something to be recorded, as it came in: nothing is validated yet.

    Attributes:
        contact_id: Who it happened to.
        event: An event of the vocabulary, or ``add``, ``set``, ``move``, ``tick``.
        at: When; None for now.
        facts: The facts it brings.
        actor: Who records it.
        to: The stage a move asks for.
        reason: Why a move is forced.
        key: Makes it happen once, however often it is asked for.
        funnel: The home of a contact that is added; empty for the workspace's own.
        create: Add the contact first, at the same time, if nobody knows it.
        force: Whether a move goes past criteria that are not met.
        text: Whether facts and time are text as a person types it.
        expect: The length of the history that the contact must still have; None for any.
    """

    contact_id: str
    event: str
    at: dt.datetime | str | None = None
    facts: Mapping[str, Any] = field(factory=dict)
    actor: str = ""
    to: str = ""
    reason: str = ""
    key: str | None = None
    funnel: str = ""
    create: bool = False
    force: bool = False
    text: bool = False
    expect: int | None = None


@define(eq=False)
class ChangeResult:
    """What became of a request.

    Attributes:
        contact_id: Who it happened to.
        sequence: The place of the evidence in the contact's history.
        outcome: ``moved``, ``stayed`` or ``refused``.
        before: The stage before.
        after: The stage after.
        unmet: For a refused move, what was in its way: label and verdict.
        duplicate: It was recorded before, under the same key; nothing was added.
        created: The contact was added for it.
        decision: The reasons, where they were asked for and it is no duplicate.
    """

    contact_id: str
    sequence: int
    outcome: Verb
    before: str
    after: str
    unmet: tuple[tuple[str, str], ...] = ()
    duplicate: bool = False
    created: bool = False
    decision: Decision | None = None


@define(eq=False)
class TrackedContact:
    """A contact while a chunk works on it.

    Attributes:
        contact: Changed in place by the engine.
        running: The definition that it is under.
        funnel: The funnel that is its home.
        sequence: How many rows its history has, those of the chunk included.
        digest: The digest of the last of them.
        stored: How many rows it had when it was read; 0 for a new contact.
        under: The number of the definition that it was under then.
        created_at: The time of its first evidence.
        changed: Whether it has to be written.
        entered: When the stage was entered, as it was read, with the text it was read from.
        last: When the last evidence of the chunk happened, with the text it was written as.
    """

    contact: Contact
    running: LoadedDefinition
    funnel: str
    sequence: int = 0
    digest: str = ""
    stored: int = 0
    under: int = 0
    created_at: str = ""
    changed: bool = False
    entered: dt.datetime | None = None
    entered_text: str = ""
    last: dt.datetime | None = None
    last_text: str = ""

    def text_of(self, moment: dt.datetime) -> str:
        """Write a time; most are that of the last evidence, or as they were read."""
        if moment is self.last:
            return self.last_text
        return self.entered_text if moment is self.entered else to_text(moment)


@define(eq=False)
class IdempotencyRecord:
    """What was recorded under an idempotency key, and by which definition, as columns hold it."""

    contact_id: str
    sequence: int
    event: str
    at: str
    actor: str
    facts: str
    to_stage: str
    reason: str
    force: int
    definition: int


def known_already(request: Change) -> ConflictError:
    """Refuse to add a contact that somebody knows, and say where its facts can go."""
    name = request.contact_id
    facts = " ".join(quote(f"{fact}={value}") for fact, value in request.facts.items())
    if request.text and facts:
        hint = f"give what is known about it: funnelflow set {quote(name)} {facts}"
    elif facts:
        hint = "give its facts with the event `set`, or choose another id"
    else:
        hint = "record what happened to it, or choose another id"
    return ConflictError(f"there is a contact {name!r} already", hint=hint)


KEPT = 32_768
"""How many contacts are remembered at least, and at most twice as many: some 80 MB."""

_FUNNEL, _DEFINITION, _DIGEST = (
    [column.name for column in CONTACT_COLUMNS].index(name)
    for name in ("funnel", "definition", "digest")
)

State: TypeAlias = Callable[[], object]
"""Gives what `Bulk.state` says now."""


class ContactCache:
    """Contacts as the last transaction left them.

    It is lent to a chunk, and lost if that is not committed: what it holds would be wrong
    after a transaction that was undone.
    """

    def __init__(self) -> None:
        self._late: dict[str, TrackedContact] = {}
        self._early: dict[str, TrackedContact] = {}
        self._state: object = None

    def recall(self, ids: Iterable[str], state: State) -> dict[str, TrackedContact]:
        """Give, and forget, the contacts that need not be read.

        Args:
            ids: The contacts that are wanted.
            state: Gives what `Bulk.state` says; when that is not what it was, somebody else
                has written, and nothing that is remembered can be relied on.
        """
        now = state()
        if now is None:
            return {}
        if now != self._state:
            self._late, self._early = {}, {}
        return self._recall(ids)

    def recall_keys(self, keys: Iterable[str | None]) -> dict[str, IdempotencyRecord]:  # noqa: ARG002
        """Give what was recorded under keys, as far as that need not be read: nothing here."""
        return {}

    def recognise(self, row: Row) -> TrackedContact | None:
        """Give, and forget, the contact of a row that was read; None if it has changed."""
        held = self._forget(row[0])
        if held is None or held.digest != row[_DIGEST]:
            return None
        is_same = held.running.id == row[_DEFINITION] and held.funnel == row[_FUNNEL]
        return held if is_same else None

    def keep(
        self,
        contacts: dict[str, TrackedContact],
        keys: dict[str, IdempotencyRecord],  # noqa: ARG002  # see above
        state: State,
    ) -> None:
        """Remember contacts, and forget those that have not been met for longest.

        Args:
            contacts: They, as they were written.
            keys: What was recorded under which key.
            state: Gives what `Bulk.state` says, now that everything is written.
        """
        self._state = state()
        self._keep(contacts)

    def _keep(self, contacts: dict[str, TrackedContact]) -> None:
        self._late.update(contacts)
        if len(self._late) >= KEPT:
            self._early, self._late = self._late, {}

    def _recall(self, ids: Iterable[str]) -> dict[str, TrackedContact]:
        forget = self._forget
        return {one: held for one in ids if (held := forget(one)) is not None}

    def _forget(self, contact_id: str) -> TrackedContact | None:
        return self._late.pop(contact_id, None) or self._early.pop(contact_id, None)


class TrustedContacts(ContactCache):
    """Contacts as they will be when what was decided on them has been written.

    They are ahead of the database, so what is remembered counts, and so do the keys of the last
    chunk, which may not be written yet. If anybody else writes, it is not true any more, and
    whoever writes what was decided on it notices.
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: dict[str, IdempotencyRecord] = {}

    def recall(self, ids: Iterable[str], state: State) -> dict[str, TrackedContact]:  # noqa: ARG002
        """Give, and forget, the contacts that are remembered."""
        return self._recall(ids)

    def recall_keys(self, keys: Iterable[str | None]) -> dict[str, IdempotencyRecord]:
        """Give what was recorded under keys in the chunk before."""
        return {key: self._keys[key] for key in keys if key in self._keys}

    def keep(
        self,
        contacts: dict[str, TrackedContact],
        keys: dict[str, IdempotencyRecord],
        state: State,  # noqa: ARG002  # see above
    ) -> None:
        """Remember contacts and keys, and forget those that have not been met for longest."""
        self._keep(contacts)
        self._keys = keys
