"""A contact between the database and a chunk: its columns, read and written."""

from funnelflow.engine import Contact
from funnelflow.store.codec import dump_facts
from funnelflow.store.dialects import Row
from funnelflow.store.faults import UNREADABLE, altered
from funnelflow.store.requests import Held
from funnelflow.store.shelf import Running
from funnelflow.store.times import from_text, optional_from_text, optional_to_text

__all__ = ["contact_columns", "read_contact"]


def read_contact(row: Row, running: Running) -> Held:
    """Read a contact from its columns, in the order of `CONTACT_COLUMNS`.

    Raises:
        StoreError: They have been altered.
    """
    contact_id, funnel, _, stage, fields, since, clock, active, sequence, digest, _, created = row
    try:
        entered = from_text(since)
        contact = Contact(
            contact_id,
            stage,
            running.codec.load_fields(fields),
            entered,
            entered if clock == since else from_text(clock),
            entered if active == since else optional_from_text(active),
        )
    except UNREADABLE:
        raise altered(f"contact {contact_id!r}") from None
    if stage not in running.leaves:
        raise altered(f"contact {contact_id!r}")
    held = Held(contact, running, funnel, sequence, digest, sequence, running.id, created)
    held.entered, held.entered_text = entered, since
    return held


def contact_columns(held: Held) -> Row:
    """Write a contact as its columns behind the id."""
    contact, running = held.contact, held.running
    since, clock, active = contact.since, contact.clock, contact.active
    assert since is not None
    assert clock is not None
    now = held.text_of(clock)
    return (
        held.funnel,
        running.id,
        contact.stage,
        dump_facts(contact.fields),
        now if since is clock else held.text_of(since),
        now,
        now if active is clock else None if active is None else held.text_of(active),
        held.sequence,
        held.digest,
        optional_to_text(running.funnel.due_at(contact)) if running.waits else None,
        held.created_at,
    )
