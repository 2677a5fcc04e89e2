"""Contacts while changes are decided: read from their columns, and written back as columns.

Nothing here knows a database, and everything pickles.
"""

import datetime as dt
from typing import Any, Literal, TypeAlias

from attrs import define, field

from funnelflow.criteria import TEXT, TIMESTAMP, Field
from funnelflow.engine import Contact, Funnel
from funnelflow.storage.row_format import (
    UNREADABLE,
    FactCodec,
    altered,
    dump_facts,
    from_text,
    optional_from_text,
    optional_to_text,
    to_text,
)

Row: TypeAlias = tuple[Any, ...]
"""The columns of a row of a table, in its order."""
TableName: TypeAlias = Literal["contacts", "positions", "evidence", "decisions", "keys", "outbox"]
"""The tables to which changes add rows, in the order in which they are written."""

CONTACT_FACTS = {
    name: Field(name, kind, about=about)
    for name, kind, about in (
        ("id", TEXT, "Who it is."),
        ("funnel", TEXT, "The funnel that is its home."),
        ("stage", TEXT, "The stage it is in, as a dotted name."),
        ("stage_since", TIMESTAMP, "When it entered the stage."),
        ("updated_at", TIMESTAMP, "The time of its latest evidence."),
        ("created_at", TIMESTAMP, "When it became known."),
    )
}
"""What may be asked of a contact besides its fields; a field of the same name comes first."""


@define(eq=False)
class LoadedDefinition:
    """A definition that is ready to decide.

    Attributes:
        id: Its number in this database.
        digest: What it is known by everywhere: the SHA-256 of its content.
        funnel: The engine that runs it.
        codec: Writes and reads the facts it speaks of.
        leaves: The stages that a contact can be in.
        waits: Whether time takes any transition.
    """

    id: int
    digest: str
    funnel: Funnel
    codec: FactCodec = field(init=False)
    leaves: frozenset[str] = field(init=False)
    waits: bool = field(init=False)

    @codec.default
    def _make_codec(self) -> FactCodec:
        return FactCodec(self.funnel.linked)

    @leaves.default
    def _collect_leaves(self) -> frozenset[str]:
        return frozenset(self.funnel.linked.leaves)

    @waits.default
    def _look_for_waits(self) -> bool:
        return self.funnel.waits

    @property
    def name(self) -> str:
        """The funnel it defines."""
        return self.funnel.definition.name

    def require_readable(self, contact: Contact) -> None:
        """Refuse a contact that holds what the definition cannot have put there.

        Whoever meets an error that no sound contact sets off asks this first.

        Raises:
            StoreError: Its stage or its fields have been altered.
        """
        if contact.stage not in self.leaves or not self.codec.is_sound(contact.fields):
            raise altered(f"contact {contact.id!r}")


@define(eq=False)
class TrackedContact:
    """A contact while changes about it are decided.

    Attributes:
        contact: Changed in place by the engine.
        loaded: The definition that it is under.
        funnel: The funnel that is its home.
        number: The number that the database knows it by.
        salt: What goes into the commitments of its evidence.
        sequence: How many rows its history has, those not yet written included.
        digest: The digest of the last of them.
        stored: How many rows it had when it was read; 0 for a new contact.
        held: The funnel, and the number of the definition, that it was under then.
        created_at: The time of its first evidence.
        changed: Whether it has to be written.
        entered: When the stage was entered, as it was read, with the text it was read from.
        last: When the last evidence happened, with the text it was written as.
    """

    contact: Contact
    loaded: LoadedDefinition
    funnel: str
    number: int = 0
    salt: str = ""
    sequence: int = 0
    digest: str = ""
    stored: int = 0
    held: tuple[str, int] = ("", 0)
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

    def mark_written(self) -> None:
        """Note that the database has it as it is now."""
        self.stored, self.changed = self.sequence, False
        self.held = (self.funnel, self.loaded.id)

    def facts(self) -> dict[str, Any]:
        """Return what may be asked of it besides its fields, as `CONTACT_FACTS` lists it."""
        contact = self.contact
        assert contact.since is not None
        assert contact.clock is not None
        return {
            "id": contact.id,
            "funnel": self.funnel,
            "stage": contact.stage,
            "stage_since": contact.since,
            "updated_at": contact.clock,
            "created_at": from_text(self.created_at) if self.created_at else contact.since,
        }


def read_contact(row: Row, loaded: LoadedDefinition) -> TrackedContact:
    """Read a contact from what `Bulk.load_contacts` gives of it.

    Raises:
        StoreError: The columns have been altered.
    """
    contact_id, number, salt, _, funnel, _, _, stage, fields, since, clock, active, _, *rest = row
    sequence, digest, _, created = rest
    try:
        entered = optional_from_text(since)
        contact = Contact(
            contact_id,
            stage,
            loaded.codec.load_fields(fields),
            entered,
            entered if clock == since else optional_from_text(clock),
            entered if active == since else optional_from_text(active),
        )
    except UNREADABLE:
        raise altered(f"contact {contact_id!r}") from None
    if stage not in loaded.leaves:
        raise altered(f"contact {contact_id!r}")
    return TrackedContact(
        contact,
        loaded,
        funnel,
        number,
        salt,
        sequence=sequence,
        digest=digest,
        stored=sequence,
        held=(funnel, loaded.id),
        created_at=created,
        entered=entered,
        entered_text=since or "",
    )


def position_columns(tracked: TrackedContact) -> Row:
    """Write where a contact is, as the columns of its position behind its number."""
    contact, loaded = tracked.contact, tracked.loaded
    since, clock, active = contact.since, contact.clock, contact.active
    now = None if clock is None else tracked.text_of(clock)
    return (
        tracked.funnel,
        0,
        loaded.id,
        contact.stage,
        dump_facts(contact.fields),
        now if since is clock else None if since is None else tracked.text_of(since),
        now,
        now if active is clock else None if active is None else tracked.text_of(active),
        None,
        tracked.sequence,
        tracked.digest,
        optional_to_text(loaded.funnel.due_at(contact)) if loaded.waits else None,
        tracked.created_at,
    )
