"""Stored contacts in another definition's words: their evidence, read again."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, select

from funnelflow.compare import Translation, translate
from funnelflow.definition import digest
from funnelflow.engine import Event, Funnel
from funnelflow.store.codec import FactCodec
from funnelflow.store.evidence import Reader
from funnelflow.store.replaying import rows_of
from funnelflow.store.shelf import Running, Shelf
from funnelflow.store.tables import contacts, history

__all__ = ["Translated", "translate_all", "translate_one"]

_BATCH = 1_000


@frozen
class Translated:
    """A stored contact and what another definition makes of it.

    Attributes:
        contact_id: Who it is.
        funnel: The funnel that is the contact's home.
        stage: Where the home has put it.
        translation: What the other definition says.
    """

    contact_id: str
    funnel: str
    stage: str
    translation: Translation


def translate_one(
    connection: Connection, shelf: Shelf, funnel: Funnel, contact_id: str
) -> Translation:
    """Read one contact's evidence by another definition; the contact exists."""
    reader = _reader(funnel)
    rows = rows_of(connection, contact_id)
    return translate(funnel, contact_id, _events(connection, shelf, reader, rows))


def translate_all(
    connection: Connection, shelf: Shelf, funnel: Funnel, home: str | None
) -> Iterator[Translated]:
    """Yield every contact of a funnel, by id, in another definition's words; memory stays flat.

    Args:
        connection: A reading transaction.
        shelf: The definitions that decided.
        funnel: The definition that reads.
        home: The funnel whose contacts are read; None for all.
    """
    reader = _reader(funnel)
    joined = history.join(contacts, history.c.contact_id == contacts.c.id)
    query = select(history, contacts.c.funnel, contacts.c.stage).select_from(joined)
    if home is not None:
        query = query.where(contacts.c.funnel == home)
    ordered = query.order_by(history.c.contact_id, history.c.sequence)
    rows = connection.execute(ordered.execution_options(yield_per=_BATCH))
    by_contact = attrgetter("contact_id", "funnel", "stage")
    for (contact_id, funnel_name, stage), story in groupby(rows, key=by_contact):
        translation = translate(funnel, contact_id, _events(connection, shelf, reader, story))
        yield Translated(contact_id, funnel_name, stage, translation)


def _events(
    connection: Connection, shelf: Shelf, reader: Reader, rows: Iterator[Any]
) -> Iterator[Event]:
    for row in rows:
        yield reader.read(shelf.by_id(connection, row.definition), row)


def _reader(funnel: Funnel) -> Reader:
    """Give what reads evidence for a definition that decides nothing here."""
    return Reader(Running(0, digest(funnel.definition), funnel, FactCodec(funnel.linked)))
