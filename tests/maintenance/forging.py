"""Altering a database as somebody does who can write to it and knows how digests are computed."""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Connection, delete, select, text, update

from funnelflow.storage.row_format import checksum, row_digest
from funnelflow.storage.tables import contacts, definitions, history
from funnelflow.workspace.workspace import Workspace

Change: TypeAlias = Callable[[Connection], None]

CHAINED = [
    column.name
    for column in history.c
    if column.name not in {"id", "recorded_at", "definition", "digest", "checksum"}
]


def forge(workspace: Workspace, change: Change, *names: str) -> None:
    """Change the database, and make the chains of some contacts agree with what it says now."""
    with workspace.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(
                text("ALTER TABLE history DROP CONSTRAINT IF EXISTS history_contact_id_fkey")
            )
        change(connection)
        for name in names:
            compute_chain_again(connection, name)


def compute_chain_again(connection: Connection, contact_id: str) -> None:
    """Number the rows of a contact, and compute their digests and the contact's own."""
    digests = dict(connection.execute(select(definitions.c.id, definitions.c.digest)).all())
    ordered = select(history).where(history.c.contact_id == contact_id).order_by("sequence")
    digest, sequence = "", 0
    for row in connection.execute(ordered).all():
        sequence += 1
        columns = row._asdict() | {"sequence": sequence}
        said = ["" if columns[name] is None else str(columns[name]) for name in CHAINED]
        digest = row_digest((digest, *said, digests[row.definition]))
        connection.execute(
            update(history)
            .where(history.c.id == row.id)
            .values(sequence=sequence, digest=digest, checksum=checksum(digest, row.recorded_at))
        )
    connection.execute(
        update(contacts).where(contacts.c.id == contact_id).values(sequence=sequence, digest=digest)
    )


def replace_text(contact_id: str, before: str, after: str) -> Change:
    """Return what replaces a text in the facts about a contact."""

    def change(connection: Connection) -> None:
        for table, column, name in (
            (history, history.c.facts, history.c.contact_id),
            (contacts, contacts.c.fields, contacts.c.id),
        ):
            for (value,) in connection.execute(select(column).where(name == contact_id)).all():
                connection.execute(
                    update(table)
                    .where(name == contact_id, column == value)
                    .values({column.name: value.replace(before, after)})
                )

    return change


def take_back(shop: Workspace, contact_id: str, record: Callable[[], object]) -> Change:
    """Record something, and return what deletes its row and all it did to the contact."""
    wanted = select(contacts).where(contacts.c.id == contact_id)
    with shop.engine.connect() as connection:
        before = connection.execute(wanted).one()._asdict()
    record()
    of = history.c

    def change(connection: Connection) -> None:
        connection.execute(
            delete(history).where(of.contact_id == contact_id, of.sequence > before["sequence"])
        )
        connection.execute(update(contacts).where(contacts.c.id == contact_id).values(before))

    return change


def delete_contact(contact_id: str) -> Change:
    """Return what deletes a contact with all its rows."""

    def change(connection: Connection) -> None:
        connection.execute(delete(history).where(history.c.contact_id == contact_id))
        connection.execute(delete(contacts).where(contacts.c.id == contact_id))

    return change
