"""Altering a database as somebody does who can write to it and knows how digests are computed."""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Connection, delete, select, text, update

from funnelflow.maintenance.verify_contacts import commit_row
from funnelflow.storage.row_format import row_checksum, row_digest
from funnelflow.storage.tables import (
    contacts,
    decisions,
    definitions,
    evidence,
    history,
    positions,
)
from funnelflow.workspace.workspace import Workspace

Change: TypeAlias = Callable[[Connection], None]


def forge(workspace: Workspace, change: Change, *names: str) -> None:
    """Change the database, and make the chains of some contacts agree with what it says now."""
    with workspace.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(
                text("ALTER TABLE evidence DROP CONSTRAINT IF EXISTS evidence_contact_fkey")
            )
        change(connection)
        for name in names:
            compute_chain_again(connection, name)


def number_of(connection: Connection, contact_id: str) -> int:
    """Return the number of a contact."""
    return connection.execute(select(contacts.c.number).filter_by(id=contact_id)).scalar_one()


def compute_chain_again(connection: Connection, contact_id: str) -> None:
    """Number the rows of a contact, and compute their digests and the contact's own."""
    digests = dict(connection.execute(select(definitions.c.id, definitions.c.digest)).all())
    number = number_of(connection, contact_id)
    salt = connection.execute(select(contacts.c.salt).filter_by(number=number)).scalar_one()
    ordered = select(history).where(history.c.contact == number).order_by("sequence")
    digest, sequence = "", 0
    for row in connection.execute(ordered).all():
        sequence += 1
        committed = commit_row(salt, [(row, digests[row.definition])])
        digest = row_digest(digest, number, sequence, committed)
        if row.sequence != sequence:
            connection.execute(
                update(decisions)
                .filter_by(contact=number, sequence=row.sequence)
                .values(sequence=sequence)
            )
        checksum = row_checksum(digest, row.recorded_at, row.run)
        connection.execute(
            update(evidence)
            .where(evidence.c.id == row.id)
            .values(sequence=sequence, digest=digest, checksum=checksum)
        )
    connection.execute(
        update(positions).filter_by(contact=number).values(sequence=sequence, digest=digest)
    )


def replace_text(contact_id: str, before: str, after: str) -> Change:
    """Return what replaces a text in the facts about a contact."""

    def change(connection: Connection) -> None:
        number = number_of(connection, contact_id)
        for column in (evidence.c.facts, positions.c.fields):
            own = column.table.c.contact == number
            for (value,) in connection.execute(select(column).where(own)).all():
                connection.execute(
                    update(column.table)
                    .where(own, column == value)
                    .values({column.name: value.replace(before, after)})
                )

    return change


def take_back(shop: Workspace, contact_id: str, record: Callable[[], object]) -> Change:
    """Record something, and return what deletes its row and all it did to the contact."""
    with shop.engine.connect() as connection:
        number = number_of(connection, contact_id)
        stands = select(positions).where(positions.c.contact == number)
        before = connection.execute(stands).one()._asdict()
    record()

    def change(connection: Connection) -> None:
        for table in (evidence, decisions):
            of = table.c
            newer = (of.contact == number) & (of.sequence > before["sequence"])
            connection.execute(delete(table).where(newer))
        connection.execute(update(positions).where(positions.c.contact == number).values(before))

    return change


def delete_contact(contact_id: str) -> Change:
    """Return what deletes a contact with all its rows."""

    def change(connection: Connection) -> None:
        number = number_of(connection, contact_id)
        for table in (evidence, decisions, positions):
            connection.execute(delete(table).where(table.c.contact == number))
        connection.execute(delete(contacts).where(contacts.c.number == number))

    return change
