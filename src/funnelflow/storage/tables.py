"""The tables of a workspace, the same on SQLite and PostgreSQL.

Texts compare by code point on both (collation ``C`` is what SQLite does anyway), times are
texts of one width and JSON is text in one canonical form (see `row_format` for both), so that the
same input gives the same rows, whichever database holds them.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_index",
    }
)

_TEXT = Text().with_variant(Text(collation="C"), "postgresql")
_BIG = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    """Return a column of text."""
    return Column(name, _TEXT, nullable=nullable)


def _where(condition: ColumnElement[bool]) -> dict[str, Any]:
    """Return the `info` of an index over the rows for which a condition holds."""
    return {"postgresql": {"where": condition}, "sqlite": {"where": condition}}


definitions = Table(
    "definitions",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("digest", _TEXT, nullable=False, unique=True),
    _text("name"),
    Column("version", _BIG, nullable=False),
    _text("content"),
    _text("stored_at"),
    Column("checksum", _BIG, nullable=False),
)
"""Every definition that ever decided, by its content; rows never change."""

funnels = Table(
    "funnels",
    metadata,
    Column("name", _TEXT, primary_key=True),
    Column("definition", Integer, ForeignKey("definitions.id"), nullable=False),
    _text("adopted_at"),
    Column("checksum", _BIG, nullable=False),
)
"""The definition that each funnel is under now."""

contacts = Table(
    "contacts",
    metadata,
    Column("id", _TEXT, primary_key=True),
    _text("funnel"),
    Column("definition", Integer, nullable=False),
    _text("stage"),
    _text("fields"),
    _text("since"),
    _text("clock"),
    _text("active", nullable=True),
    Column("sequence", Integer, nullable=False),
    _text("digest"),
    _text("due_at", nullable=True),
    _text("created_at"),
    info={"postgresql": {"with": {"fillfactor": 70}}},  # room to write one again where it stands
)
"""Where each contact is: what the fold over its history has come to.

``definition`` is the one the contact is under, which a running `adopt` brings forward. It is
no foreign key, here and in the history: definitions are never deleted, `verify` says if one is
missing, and PostgreSQL would look each of them up again for every single row.
``digest`` is that of the contact's last row in the history.
"""

contacts_due = Index(
    "contacts_due_at_index",
    contacts.c.due_at,
    contacts.c.id,
    info=_where(contacts.c.due_at.is_not(None)),
)

history = Table(
    "history",
    metadata,
    Column("id", _BIG, Identity(), primary_key=True),
    Column("contact_id", _TEXT, ForeignKey("contacts.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    _text("key", nullable=True),
    _text("event"),
    _text("at"),
    _text("recorded_at"),
    _text("actor"),
    _text("roles"),
    _text("facts"),
    _text("to_stage"),
    _text("reason"),
    Column("force", Integer, nullable=False),
    _text("outcome"),
    _text("before_stage"),
    _text("after_stage"),
    _text("path"),
    _text("unmet"),
    _text("vetoes"),
    _text("restated"),
    _text("recorder"),
    Column("definition", Integer, nullable=False),
    _text("digest"),
    Column("checksum", _BIG, nullable=False),
    UniqueConstraint("contact_id", "sequence"),
)
"""The evidence, append-only, with what was decided on it and by which definition.

``unmet`` names, for a refused move, the criteria that were not met or unknown; ``vetoes`` is
evidence too: which transitions plugins closed for this event, and why. ``restated`` says of
evidence that came late what it changed; its other columns say what it was decided at its own time.
``actor`` is who is said to have done it; ``recorder`` who recorded that, empty where it is the
actor.
"""

history_key = Index(
    "history_key_index",
    history.c.key,
    unique=True,
    info=_where(history.c.key.is_not(None)),
)

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    _text("kind"),
    _text("path"),
    _text("identity"),
    _text("asked"),
    _text("state"),
    Column("position", _BIG, nullable=False),
    Column("lines", _BIG, nullable=False),
    _text("prefix"),
    _text("rejects"),
    Column("rejects_size", _BIG, nullable=False),
    _text("counts"),
    _text("started_at"),
    _text("updated_at"),
    Column("checksum", _BIG, nullable=False),
    UniqueConstraint("kind", "identity"),
)
"""How far each file has been applied: written with the rows that it is about.

``identity`` tells the content, ``prefix`` is the digest of what stands before ``position``,
and ``asked`` that of how it was to be applied.
"""

outbox = Table(
    "outbox",
    metadata,
    Column("id", _BIG, Identity(), primary_key=True),
    _text("endpoint"),
    _text("message"),
    _text("contact_id"),
    Column("sequence", Integer, nullable=False),
    _text("source"),
    _text("at"),
    _text("data"),
    _text("state"),
    Column("attempts", Integer, nullable=False),
    _text("due_at"),
    _text("leased_until"),
    _text("worker"),
    _text("problem"),
    _text("created_at"),
    _text("settled_at", nullable=True),
)
"""The messages to endpoints, written with the history row that they are about.

``message`` is the id that receivers know it by; ``data`` holds the fields that the configuration
allowed to be sent at that time, and the row of the history all else that is sent. A row waits
until it is ``delivered``, ``dead`` or ``discarded``; a worker has it until ``leased_until``,
which is empty when nobody does.
"""

outbox_waiting = Index(
    "outbox_waiting_index",
    outbox.c.endpoint,
    outbox.c.contact_id,
    outbox.c.id,
    info=_where(outbox.c.state == "waiting"),
)
outbox_due = Index(
    "outbox_due_index",
    outbox.c.endpoint,
    outbox.c.due_at,
    outbox.c.id,
    info=_where(outbox.c.state == "waiting"),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("name", _TEXT, primary_key=True),
    _text("off_since"),
    _text("reason"),
)
"""The endpoints that are turned off, because their receiver wants no more messages."""


def complete_metadata() -> MetaData:
    """Return the tables with what only one kind of database understands.

    Importing this module need not load SQLAlchemy's dialects for that: no statement of the
    store depends on it, only what compares the tables with a database.
    """
    for table in metadata.tables.values():
        items: tuple[Table | Index, ...] = (table, *table.indexes)
        for item in items:
            for dialect, options in item.info.items():
                for name, value in options.items():
                    item.dialect_options[dialect][name] = value
    return metadata
