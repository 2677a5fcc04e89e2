"""What is to be told to the outside world, and which endpoints are off."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    """Add the outbox."""
    op.create_table(
        "outbox",
        sa.Column("id", _BIG, sa.Identity(), nullable=False),
        *(_text(name) for name in ("endpoint", "message", "contact_id")),
        sa.Column("sequence", sa.Integer, nullable=False),
        *(_text(name) for name in ("source", "at", "data", "state")),
        sa.Column("attempts", sa.Integer, nullable=False),
        *(_text(name) for name in ("due_at", "leased_until", "worker", "problem", "created_at")),
        sa.Column("settled_at", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="outbox_pkey"),
    )
    _index("outbox_waiting_index", "endpoint", "contact_id", "id")
    _index("outbox_due_index", "endpoint", "due_at", "id")
    op.create_table(
        "endpoints",
        *(_text(name) for name in ("name", "off_since", "reason")),
        sa.PrimaryKeyConstraint("name", name="endpoints_pkey"),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False)


def _index(name: str, *columns: str) -> None:
    op.create_index(name, "outbox", list(columns), postgresql_where=_WAITING, sqlite_where=_WAITING)
