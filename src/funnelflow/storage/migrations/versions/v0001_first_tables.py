"""Contacts, their history, the definitions that decide, imports, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Make the tables of the first version."""
    _definitions()
    _contacts()
    _history()
    _imports()
    _outbox()


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=nullable)


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
        _text("id"),
        _text("funnel"),
        sa.Column("definition", sa.Integer, nullable=False),
        _text("stage"),
        _text("fields"),
        _text("since"),
        _text("clock"),
        _text("active", nullable=True),
        sa.Column("sequence", sa.Integer, nullable=False),
        _text("digest"),
        _text("due_at", nullable=True),
        _text("created_at"),
        sa.PrimaryKeyConstraint("id", name="contacts_pkey"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index(
        "contacts_due_at_index",
        "contacts",
        ["due_at", "id"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )


def _history() -> None:
    op.create_table(
        "history",
        sa.Column("id", _BIG, sa.Identity(), nullable=False),
        _text("contact_id"),
        sa.Column("sequence", sa.Integer, nullable=False),
        _text("key", nullable=True),
        _text("event"),
        _text("at"),
        _text("recorded_at"),
        _text("actor"),
        _text("roles"),
        _text("facts"),
        _text("to_stage"),
        _text("reason"),
        sa.Column("force", sa.Integer, nullable=False),
        _text("outcome"),
        _text("before_stage"),
        _text("after_stage"),
        _text("path"),
        _text("unmet"),
        _text("vetoes"),
        _text("restated"),
        _text("recorder"),
        sa.Column("definition", sa.Integer, nullable=False),
        _text("digest"),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="history_pkey"),
        sa.UniqueConstraint("contact_id", "sequence", name="history_contact_id_sequence_key"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="history_contact_id_fkey"),
    )
    op.create_index(
        "history_key_index",
        "history",
        ["key"],
        unique=True,
        postgresql_where=sa.text("key IS NOT NULL"),
        sqlite_where=sa.text("key IS NOT NULL"),
    )


def _imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer, sa.Identity(), nullable=False),
        *(_text(name) for name in ("kind", "path", "identity", "asked", "state")),
        sa.Column("position", _BIG, nullable=False),
        sa.Column("lines", _BIG, nullable=False),
        _text("prefix"),
        _text("rejects"),
        sa.Column("rejects_size", _BIG, nullable=False),
        *(_text(name) for name in ("counts", "started_at", "updated_at")),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="imports_pkey"),
        sa.UniqueConstraint("kind", "identity", name="imports_kind_identity_key"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", _BIG, sa.Identity(), nullable=False),
        *(_text(name) for name in ("endpoint", "message", "contact_id")),
        sa.Column("sequence", sa.Integer, nullable=False),
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
        op.create_index(name, "outbox", columns, postgresql_where=_WAITING, sqlite_where=_WAITING)
    op.create_table(
        "endpoints",
        *(_text(name) for name in ("name", "off_since", "reason")),
        sa.PrimaryKeyConstraint("name", name="endpoints_pkey"),
    )
