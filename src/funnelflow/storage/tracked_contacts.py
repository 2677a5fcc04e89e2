"""Contacts while changes are decided: read from their columns, and written back as columns.

Nothing here knows a database, and everything pickles.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, TypeAlias

from attrs import define, field, fields

from funnelflow.criteria import TEXT, TIMESTAMP, Field
from funnelflow.engine import Contact, Funnel
from funnelflow.storage.row_format import (
    UNREADABLE,
    FactCodec,
    altered,
    dump_facts,
    dump_memory,
    from_text,
    load_memory,
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
        name: The funnel it defines.
        codec: Writes and reads the facts it speaks of.
        leaves: The stages that a contact can be in.
        waits: Whether time takes any transition, or a plugin is asked again when it passes.
        identifying: The fields whose values name one person or company.
        set_by_moves: The fields that transitions set.
    """

    id: int
    digest: str
    funnel: Funnel
    name: str = field(init=False)
    codec: FactCodec = field(init=False)
    leaves: frozenset[str] = field(init=False)
    waits: bool = field(init=False)
    identifying: tuple[str, ...] = field(init=False)
    set_by_moves: frozenset[str] = field(init=False)

    @name.default
    def _look_up_name(self) -> str:
        return self.funnel.definition.name

    @codec.default
    def _make_codec(self) -> FactCodec:
        return FactCodec(self.funnel.linked)

    @leaves.default
    def _collect_leaves(self) -> frozenset[str]:
        return frozenset(self.funnel.linked.leaves)

    @waits.default
    def _look_for_waits(self) -> bool:
        return self.funnel.waits or self.funnel.asks

    @identifying.default
    def _list_identifying(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.funnel.linked.fields.values() if one.identifying)

    @set_by_moves.default
    def _list_set_by_moves(self) -> frozenset[str]:
        return frozenset(name for t in self.funnel.linked.transitions for name, _ in t.sets)

    def require_readable(self, contact: Contact) -> None:
        """Refuse a contact that holds what the definition cannot have put there.

        Whoever meets an error that no sound contact sets off asks this first.

        Raises:
            StoreError: Its stage or its fields have been altered.
        """
        if contact.stage not in self.leaves or not self.codec.is_sound(contact.fields):
            raise altered(f"contact {contact.id!r}")


@define(eq=False)
class FunnelPosition:
    """Where a contact is in a funnel, while changes about it are decided.

    Attributes:
        contact: Changed in place by the engine.
        loaded: The definition that it is under.
        funnel: The funnel.
        place: How many funnels the contact entered before.
        held: The funnel and the number of the definition that it was under when it was read;
            None for one that is new.
        entered: When the stage was entered, as it was read or written, with its text there.
        last: When the last evidence happened, with the text it was written as.
    """

    contact: Contact
    loaded: LoadedDefinition
    funnel: str
    place: int = 0
    held: tuple[str, int] | None = None
    entered: dt.datetime | None = None
    entered_text: str = ""
    last: dt.datetime | None = None
    last_text: str = ""

    def text_of(self, moment: dt.datetime) -> str:
        """Write a time; most are that of the last evidence, or as they were read."""
        if moment is self.last:
            return self.last_text
        return self.entered_text if moment is self.entered else to_text(moment)

    def detached(self) -> "FunnelPosition":
        """Return the position as a record of its own."""
        return FunnelPosition(*(getattr(self, name) for name in _POSITION))


_POSITION = tuple(one.name for one in fields(FunnelPosition))


@define(eq=False)
class TrackedContact(FunnelPosition):
    """A contact while changes about it are decided, with its position in its first funnel.

    Attributes:
        number: The number that the database knows it by.
        salt: What goes into the commitments of its evidence.
        sequence: How many rows its history has, those not yet written included.
        digest: The digest of the last of them.
        stored: How many rows it had when it was read; 0 for a new contact.
        created_at: The time of its first evidence.
        changed: Whether it has to be written.
        others: Its positions in other funnels.
        left: The positions to be deleted, of funnels that it is not in any more: the funnel and the
            number of the definition of each.
        merged_into: The number of the contact into which it was merged; None for nobody.
        root: The contact whose story its own is part of: that one, or into whom that was merged;
            None for a story of its own.
        merged: The contacts that were merged into it, as far as they were read.
    """

    number: int = 0
    salt: str = ""
    sequence: int = 0
    digest: str = ""
    stored: int = 0
    created_at: str = ""
    changed: bool = False
    others: list[FunnelPosition] = field(factory=list)
    left: list[tuple[str, int]] = field(factory=list)
    merged_into: int | None = None
    root: "TrackedContact | None" = None
    merged: "tuple[TrackedContact, ...]" = ()

    @property
    def asks(self) -> bool:
        """Whether a plugin's criterion decides about it in any funnel."""
        is_asked = self.loaded.funnel.asks
        return is_asked or (bool(self.others) and any(p.loaded.funnel.asks for p in self.others))

    @property
    def is_in_force(self) -> bool:
        """Whether any evidence about it counts."""
        return self.contact.since is not None

    def positions(self) -> "list[FunnelPosition]":
        """List where it is, the first funnel first."""
        return [self, *self.others]

    def united(self) -> "Iterator[TrackedContact]":
        """Yield it, and all whose stories are part of its own."""
        yield self
        for one in self.merged:
            yield from one.united()

    def stand_apart(self) -> None:
        """Stand at the head of its own story, with all that is merged into it."""
        for one in self.united():
            one.root = None if one is self else self

    def stand_in(self, positions: Iterable[FunnelPosition]) -> None:
        """Be in these funnels, in their order, and in no other."""
        plain = [position.detached() if position is self else position for position in positions]
        kept = {position.funnel for position in plain if position.held is not None}
        self.left += [p.held for p in self.positions() if p.held and p.funnel not in kept]
        for place, position in enumerate(plain):
            position.place = place
        first, *self.others = plain
        for name in _POSITION:
            setattr(self, name, getattr(first, name))

    def mark_written(self) -> None:
        """Note that the database has it as it is now."""
        self.stored, self.changed = self.sequence, False
        if self.left:
            self.left = []
        for position in self.positions():
            position.held = (position.funnel, position.loaded.id)

    def facts(self, position: FunnelPosition) -> dict[str, Any]:
        """Return what may be asked of it besides its fields, as `CONTACT_FACTS` lists it."""
        contact = position.contact
        assert contact.since is not None
        assert contact.clock is not None
        return {
            "id": contact.id,
            "funnel": position.funnel,
            "stage": contact.stage,
            "stage_since": contact.since,
            "updated_at": contact.clock,
            "created_at": from_text(self.created_at) if self.created_at else contact.since,
        }


def read_contact(row: Row, loaded: LoadedDefinition) -> TrackedContact:
    """Read a contact with its first position from what `Bulk.load_contacts` gives.

    Raises:
        StoreError: The columns have been altered.
    """
    _, number, salt, merged_into, *_, sequence, digest, _, created = row
    first = read_position(row, loaded)
    return TrackedContact(
        first.contact,
        loaded,
        first.funnel,
        first.place,
        first.held,
        first.entered,
        first.entered_text,
        number=number,
        salt=salt,
        sequence=sequence,
        digest=digest,
        stored=sequence,
        created_at=created,
        merged_into=merged_into,
    )


_DUE: Final = 15
"""The place of `due_at`: who is due at the moment of the last evidence waits for a plugin."""


def read_position(row: Row, loaded: LoadedDefinition) -> FunnelPosition:
    """Read a position from what `Bulk.load_contacts` gives.

    Raises:
        StoreError: The columns have been altered.
    """
    contact_id, *_, funnel, place, _, stage, fields, since, clock, active, entered = row[:13]
    try:
        start = optional_from_text(since)
        contact = Contact(
            contact_id,
            stage,
            loaded.codec.load_fields(fields),
            start,
            start if clock == since else optional_from_text(clock),
            start if active == since else optional_from_text(active),
            unanswered=loaded.funnel.asks and clock is not None and clock == row[_DUE],
        )
        load_memory(contact, entered)
    except UNREADABLE:
        raise altered(f"contact {contact_id!r}") from None
    if stage not in loaded.leaves:
        raise altered(f"contact {contact_id!r}")
    held = (funnel, loaded.id)
    return FunnelPosition(contact, loaded, funnel, place, held, start, since or "")


def position_columns(position: FunnelPosition, chain: TrackedContact) -> Row:
    """Write a position as its columns behind the number of its contact.

    Args:
        position: Where the contact is.
        chain: The contact.
    """
    contact, loaded = position.contact, position.loaded
    since, clock, active = contact.since, contact.clock, contact.active
    now = None if clock is None else position.text_of(clock)
    start = now if since is clock else None if since is None else position.text_of(since)
    position.entered, position.entered_text = since, start or ""
    return (
        position.funnel,
        position.place,
        loaded.id,
        contact.stage,
        dump_facts(contact.fields),
        start,
        now,
        now if active is clock else None if active is None else position.text_of(active),
        dump_memory(contact),
        chain.sequence,
        chain.digest,
        optional_to_text(loaded.funnel.due_at(contact)) if loaded.waits else None,
        chain.created_at,
    )
