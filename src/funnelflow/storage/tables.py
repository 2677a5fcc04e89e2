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
    PrimaryKeyConstraint,
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
    Column("number", _BIG, Identity(), primary_key=True),
    Column("id", _TEXT, nullable=True, unique=True),
    _text("salt"),
    Column("merged_into", _BIG, nullable=True),
    Column("checksum", _BIG, nullable=False),
)
"""Who is known: a number of our own, and the id that people use.

The evidence knows the number only. ``id`` and ``salt``, which goes into the digests of the
evidence, are gone when somebody is erased, and their rows of evidence hold ``erased``, what
committed them to their content, and when they were recorded; ``merged_into`` is whose story
this one is part of.
"""

contacts_merged = Index(
    "contacts_merged_into_index",
    contacts.c.merged_into,
    info=_where(contacts.c.merged_into.is_not(None)),
)

positions = Table(
    "positions",
    metadata,
    Column("contact", _BIG, nullable=False),
    _text("funnel"),
    Column("place", Integer, nullable=False),
    Column("definition", Integer, nullable=False),
    _text("stage"),
    _text("fields"),
    _text("since", nullable=True),
    _text("clock", nullable=True),
    _text("active", nullable=True),
    _text("entered", nullable=True),
    Column("sequence", Integer, nullable=False),
    _text("digest"),
    _text("due_at", nullable=True),
    _text("created_at"),
    PrimaryKeyConstraint("contact", "funnel"),
    info={
        "postgresql": {"with": {"fillfactor": 70}},  # room to write one again where it stands
        "sqlite": {"with_rowid": False},
    },
)
"""Where each contact is in a funnel: what the fold over its evidence has come to; derived.

``place`` counts the funnels of a contact from 0. ``definition`` is the one the position is
under, which a running `adopt` brings forward. It is no foreign key, here and in the decisions:
definitions are never deleted, `verify` says if one is missing, and PostgreSQL would look each
of them up again for every single row. ``sequence`` and ``digest`` are those of the contact's
last row of evidence, up to which the position is folded. ``since`` and ``clock`` are empty
where no evidence is in force.
"""

positions_due = Index(
    "positions_due_at_index",
    positions.c.due_at,
    positions.c.contact,
    info=_where(positions.c.due_at.is_not(None)),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", _BIG, Identity(), primary_key=True),
    Column("contact", _BIG, ForeignKey("contacts.number"), nullable=False),
    Column("sequence", Integer, nullable=False),
    _text("key", nullable=True),
    _text("event"),
    _text("at"),
    _text("recorded_at"),
    Column("run", Integer, nullable=True),
    _text("actor"),
    _text("recorder"),
    _text("roles"),
    _text("facts"),
    _text("to_stage"),
    _text("reason"),
    Column("force", Integer, nullable=False),
    Column("asserted", Integer, nullable=False),
    _text("about"),
    _text("vetoes"),
    _text("answers"),
    _text("digest"),
    Column("checksum", _BIG, nullable=False),
    UniqueConstraint("contact", "sequence"),
)
"""What was told, append-only, with its number in the order of arrival.

``actor`` is who is said to have done it; ``recorder`` who recorded that, empty where it is the
actor. ``asserted`` marks a snapshot: what was the case then, nothing said of since when.
``about`` says of evidence about the story itself (rows taken back, stories put together, funnels
entered) what it is about. ``vetoes`` and ``answers`` are what plugins said when it was decided.
``run`` is the run that brought it. Digests chain the rows of a contact; see `row_format`.
"""

evidence_merges = Index(
    "evidence_merges_index",
    evidence.c.about,
    evidence.c.id,
    info=_where(evidence.c.event.in_(("merge", "unmerge"))),
)
"""Who was merged into whom, and given back, by whom it is about."""

decisions = Table(
    "decisions",
    metadata,
    Column("contact", _BIG, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("definition", Integer, nullable=False),
    _text("outcome"),
    _text("before_stage"),
    _text("after_stage"),
    _text("path"),
    _text("unmet"),
    _text("restated"),
    PrimaryKeyConstraint("contact", "sequence", "place"),
    info={"sqlite": {"with_rowid": False}},
)
"""What was answered to each piece of evidence when it arrived, by which definition; append-only.

``place`` is that of the position that it was decided for. ``unmet`` names, for a refused move, the
criteria that were not met or unknown. ``restated`` says of evidence that came late what it
changed; the other columns say what it was decided at its own time. The digest of the evidence
covers them.
"""

keys = Table(
    "keys",
    metadata,
    Column("key", _TEXT, primary_key=True),
    Column("contact", _BIG, nullable=False),
    Column("sequence", Integer, nullable=False),
    info={"sqlite": {"with_rowid": False}},
)
"""The idempotency keys that are taken, each with its row of evidence."""

erased = Table(
    "erased",
    metadata,
    Column("hash", _TEXT, primary_key=True),
    Column("contact", _BIG, nullable=False),
    _text("erased_at"),
    _text("secret"),
    Column("checksum", _BIG, nullable=False),
)
"""What is kept of those who were erased, so that nobody brings them back by mistake.

``hash`` is that of an id or an idempotency key of the contact, keyed with a secret that is not
in the database; ``secret`` tells which secret that was. See `erased`.
"""

sightings = Table(
    "sightings",
    metadata,
    Column("contact", _BIG, nullable=False),
    _text("content"),
    _text("facts"),
    _text("since"),
    _text("seen"),
    Column("checksum", _BIG, nullable=False),
    PrimaryKeyConstraint("contact", "content"),
    info={
        "postgresql": {"with": {"fillfactor": 70}},
        "sqlite": {"with_rowid": False},
    },
)
"""When snapshots of a contact said what was known already: a mark for each content, told.

``content`` tells the ``facts`` that were said, and ``seen`` lists the runs that said them; see
`sightings`. ``since`` is when a snapshot of the contact was recorded first, without which none
of it would be known to be known.
"""

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    _text("kind"),
    _text("file"),
    _text("started_at"),
    _text("actor"),
    _text("reason"),
    Column("undoes", Integer, nullable=True),
    _text("details"),
    Column("checksum", _BIG, nullable=False),
)
"""What brought more than one piece of evidence at a time: files, bulk changes, adoptions."""

views = MetaData()
"""What the database joins for whoever reads: not compared with the tables of a database."""

contact_positions = Table(
    "contact_positions",
    views,
    *(Column(name, contacts.c[name].type) for name in ("id", "number")),
    *(Column(c.name, c.type) for c in positions.c if c.name != "contact"),
)
"""Where each contact is in each funnel, by the id that people use; who has evidence in force."""

_OF_EVIDENCE = [c.name for c in evidence.c if c.name not in {"id", "digest", "checksum"}]
_OF_DECISIONS = [c.name for c in decisions.c if c.name not in {"contact", "sequence"}]

history = Table(
    "history",
    views,
    Column("id", evidence.c.id.type),
    Column("contact_id", contacts.c.id.type),
    *(Column(name, evidence.c[name].type) for name in _OF_EVIDENCE),
    *(Column(name, decisions.c[name].type) for name in _OF_DECISIONS),
    Column("digest", evidence.c.digest.type),
    Column("checksum", evidence.c.checksum.type),
)
"""The evidence with what was decided for the contact's first position when it arrived."""

checkpoints = Table(
    "checkpoints",
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
    _text("contact_column"),
    _text("counts"),
    _text("started_at"),
    _text("updated_at"),
    Column("run", Integer, nullable=True),
    Column("checksum", _BIG, nullable=False),
    UniqueConstraint("kind", "identity"),
)
"""How far each file has been applied: written with the rows that it is about.

``identity`` tells the content, ``prefix`` is the digest of what stands before ``position``,
and ``asked`` that of how it was to be applied; ``contact_column`` is the one that says whom a
row is about.
"""

outbox = Table(
    "outbox",
    metadata,
    Column("id", _BIG, Identity(), primary_key=True),
    _text("endpoint"),
    _text("message"),
    _text("contact_id"),
    Column("contact", _BIG, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("place", Integer, nullable=False),
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
"""The messages to endpoints, written with the evidence that they are about.

``contact``, ``sequence`` and ``place`` are those of the decision that it is about, ``contact_id``
names whom it is about. ``message`` is the id that receivers know it by; ``data`` holds the fields
that the configuration allowed to be sent at that time, and the decision all else that is sent. A
row waits until it is ``delivered``, ``dead`` or ``discarded``; a worker has it until
``leased_until``, which is empty when nobody does.
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
