"""Decisions of editors on the tree of categories."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
kind = "expand"
oldest_reader = "0005"


def upgrade() -> None:
    op.create_table(
        "category_decisions",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("decision_id", _text(100), nullable=False, unique=True),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("decided_by", _text(200), nullable=False),
        sa.Column("decision", sa.JSON, nullable=False),
        sa.Column("refusal", _text()),
    )


def downgrade() -> None:
    """Without the tree; the topic still has its decisions."""
    op.drop_table("category_decisions")


def _text(length: int | None = None) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
