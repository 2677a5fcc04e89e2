"""What is asked of a chunk, what becomes of it, and what a chunk holds meanwhile."""

import datetime as dt
from collections.abc import Callable, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

from attrs import define, field

from funnelflow.engine import Contact, Decision, Verb
from funnelflow.errors import ConflictError
from funnelflow.plugins import PluginHost
from funnelflow.store.dialects import Bulk
from funnelflow.store.quick import QuickDoor
from funnelflow.store.shelf import Running, Shelf
from funnelflow.store.times import Clock, to_text

if TYPE_CHECKING:
    from funnelflow.store.telling import Telling  # which knows what a chunk holds

__all__ = ["Entry", "Held", "Keyed", "Request", "Store", "known_already"]


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
        plugins: Who may veto transitions, and is told of what has been stored.
        telling: Makes what is to be told of transitions; None where nobody is told.
    """

    bulk: Bulk
    shelf: Shelf
    roles_of: Callable[[str], tuple[str, ...]]
    funnel: str
    timezone: dt.tzinfo | None
    clock: Clock
    plugins: PluginHost | None = None
    telling: "Telling | None" = None
    _doors: dict[str, QuickDoor] = field(factory=dict, init=False)

    def door(self, running: Running) -> QuickDoor:
        """Give what reads the plain forms of evidence for a definition."""
        door = self._doors.get(running.digest)
        if door is None:
            door = QuickDoor(running.funnel, self.roles_of, self.timezone)
            self._doors[running.digest] = door
        return door


@define(eq=False)
class Request:
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
class Entry:
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
class Held:
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
    running: Running
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
class Keyed:
    """What was recorded under an idempotency key, as the columns hold it."""

    contact_id: str
    sequence: int
    event: str
    at: str
    actor: str
    facts: str
    to_stage: str
    reason: str
    force: int


def known_already(request: Request) -> ConflictError:
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
