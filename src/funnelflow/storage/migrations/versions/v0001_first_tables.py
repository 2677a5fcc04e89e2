"""What was told, what is derived from it, the definitions that decide, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_POSITION = (
    "funnel place definition stage fields since clock active entered sequence digest due_at "
    "created_at"
)
_EVIDENCE = (
    "contact sequence key event at recorded_at run actor recorder roles facts to_stage reason "
    "force asserted about vetoes answers"
)
_DECISION = "place definition outcome before_stage after_stage path unmet restated"


def _listed(table: str, names: str) -> str:
    return ", ".join(f"{table}.{name} AS {name}" for name in names.split())


_VIEWS = {
    "contact_positions": (
        f"SELECT c.id AS id, p.contact AS number, {_listed('p', _POSITION)} "  # noqa: S608
        "FROM contacts c JOIN positions p ON p.contact = c.number WHERE p.since IS NOT NULL"
    ),
    "history": (
        f"SELECT e.id AS id, c.id AS contact_id, {_listed('e', _EVIDENCE)}, "  # noqa: S608
        f"{_listed('d', _DECISION)}, e.digest AS digest, e.checksum AS checksum "
        "FROM evidence e JOIN contacts c ON c.number = e.contact AND c.id IS NOT NULL "
        "LEFT JOIN decisions d "
        "ON d.contact = e.contact AND d.sequence = e.sequence AND d.place = 0"
    ),
}


def upgrade() -> None:
    """Make the tables of the first version."""
    _definitions()
    _contacts()
    _evidence()
    _erased()
    _runs()
    _outbox()
    for name, query in _VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {query}")


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=nullable)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where)
    )


def _definitions() -> None:
    op.create_table(
        "definitions",
        sa.Column("id", sa.Integer, sa.Identity(), nullable=False),
        _text("digest"),
        _text("name"),
        sa.Column("version", _BIG, nullable=False),
        _text("content"),
        _text("stored_at"),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="definitions_pkey"),
        sa.UniqueConstraint("digest", name="definitions_digest_key"),
    )
    op.create_table(
        "funnels",
        _text("name"),
        sa.Column("definition", sa.Integer, nullable=False),
        _text("adopted_at"),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name="funnels_pkey"),
        sa.ForeignKeyConstraint(["definition"], ["definitions.id"], name="funnels_definition_fkey"),
    )


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("number", _BIG, sa.Identity(), nullable=False),
        _text("id", nullable=True),
        _text("salt"),
        sa.Column("merged_into", _BIG, nullable=True),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("number", name="contacts_pkey"),
        sa.UniqueConstraint("id", name="contacts_id_key"),
    )
    _partial("contacts_merged_into_index", "contacts", ["merged_into"], "merged_into IS NOT NULL")
    op.create_table(
        "positions",
        sa.Column("contact", _BIG, nullable=False),
        _text("funnel"),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("definition", sa.Integer, nullable=False),
        *(_text(name) for name in ("stage", "fields")),
        *(_text(name, nullable=True) for name in ("since", "clock", "active", "entered")),
        sa.Column("sequence", sa.Integer, nullable=False),
        _text("digest"),
        _text("due_at", nullable=True),
        _text("created_at"),
        sa.PrimaryKeyConstraint("contact", "funnel", name="positions_pkey"),
        postgresql_with={"fillfactor": 70},
        sqlite_with_rowid=False,
    )
    _partial("positions_due_at_index", "positions", ["due_at", "contact"], "due_at IS NOT NULL")


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", _BIG, sa.Identity(), nullable=False),
        sa.Column("contact", _BIG, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        _text("key", nullable=True),
        *(_text(name) for name in ("event", "at", "recorded_at")),
        sa.Column("run", sa.Integer, nullable=True),
        *(_text(name) for name in ("actor", "recorder", "roles", "facts", "to_stage", "reason")),
        sa.Column("force", sa.Integer, nullable=False),
        sa.Column("asserted", sa.Integer, nullable=False),
        *(_text(name) for name in ("about", "vetoes", "answers", "digest")),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="evidence_pkey"),
        sa.UniqueConstraint("contact", "sequence", name="evidence_contact_sequence_key"),
        sa.ForeignKeyConstraint(["contact"], ["contacts.number"], name="evidence_contact_fkey"),
    )
    _partial("evidence_merges_index", "evidence", ["about", "id"], "event IN ('merge', 'unmerge')")
    op.create_table(
        "decisions",
        sa.Column("contact", _BIG, nullable=False),
        *(sa.Column(n, sa.Integer, nullable=False) for n in ("sequence", "place", "definition")),
        *(_text(name) for name in ("outcome", "before_stage", "after_stage")),
        *(_text(name) for name in ("path", "unmet", "restated")),
        sa.PrimaryKeyConstraint("contact", "sequence", "place", name="decisions_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "keys",
        _text("key"),
        sa.Column("contact", _BIG, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("key", name="keys_pkey"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sightings",
        sa.Column("contact", _BIG, nullable=False),
        *(_text(name) for name in ("content", "facts", "since", "seen")),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("contact", "content", name="sightings_pkey"),
        postgresql_with={"fillfactor": 70},
        sqlite_with_rowid=False,
    )


def _erased() -> None:
    op.create_table(
        "erased",
        _text("hash"),
        sa.Column("contact", _BIG, nullable=False),
        _text("erased_at"),
        _text("secret"),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="erased_pkey"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, sa.Identity(), nullable=False),
        *(_text(name) for name in ("kind", "file", "started_at", "actor", "reason")),
        sa.Column("undoes", sa.Integer, nullable=True),
        _text("details"),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="runs_pkey"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.Integer, sa.Identity(), nullable=False),
        *(_text(name) for name in ("kind", "path", "identity", "asked", "state")),
        sa.Column("position", _BIG, nullable=False),
        sa.Column("lines", _BIG, nullable=False),
        _text("prefix"),
        _text("rejects"),
        sa.Column("rejects_size", _BIG, nullable=False),
        _text("contact_column"),
        *(_text(name) for name in ("counts", "started_at", "updated_at")),
        sa.Column("run", sa.Integer, nullable=True),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="checkpoints_pkey"),
        sa.UniqueConstraint("kind", "identity", name="checkpoints_kind_identity_key"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _BIG, sa.Identity(), nullable=False),
        *(_text(name) for name in ("endpoint", "message", "contact_id")),
        sa.Column("contact", _BIG, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("sequence", "place")),
        *(_text(name) for name in ("source", "at", "data", "state")),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(_text(name) for name in ("due_at", "leased_until", "worker", "problem", "created_at")),
        _text("settled_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="outbox_pkey"),
    )
    for name, columns in (
        ("outbox_waiting_index", ["endpoint", "contact_id", "id"]),
        ("outbox_due_index", ["endpoint", "due_at", "id"]),
    ):
        _partial(name, "outbox", columns, "state = 'waiting'")
    op.create_table(
        "endpoints",
        *(_text(name) for name in ("name", "off_since", "reason")),
        sa.PrimaryKeyConstraint("name", name="endpoints_pkey"),
    )
