"""How far each file has been applied."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table of imports."""
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer, sa.Identity(), nullable=False),
        *(_text(name) for name in ("kind", "path", "identity", "asked", "state")),
        sa.Column("position", _BIG, nullable=False),
        sa.Column("lines", _BIG, nullable=False),
        _text("prefix"),
        _text("rejects"),
        sa.Column("rejects_size", _BIG, nullable=False),
        *(_text(name) for name in ("tally", "started_at", "updated_at")),
        sa.Column("checksum", _BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="imports_pkey"),
        sa.UniqueConstraint("kind", "identity", name="imports_kind_identity_key"),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False)
