"""The feed of changes of books."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
kind = "expand"
oldest_reader = "0005"


def upgrade() -> None:
    op.create_table(
        "change_entries",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("book_id", _text(170), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kind", _text(20), nullable=False),
        sa.Column("source", _text(40), nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("currency", _text(3)),
        sa.Column("before", sa.BigInteger),
        sa.Column("after", sa.BigInteger),
    )
    op.create_index("change_entries_by_book", "change_entries", ["book_id", "version", "kind"], unique=True)
    op.create_index("change_entries_by_kind", "change_entries", ["kind", "sequence"])
    op.create_index("change_entries_by_time", "change_entries", ["recorded_at"])
    feed = op.create_table(
        "change_feed",
        sa.Column("epoch", _text(36), primary_key=True),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("pruned", sa.BigInteger, nullable=False),
    )
    op.execute(sa.insert(feed).values(epoch=str(uuid4()), last=0, pruned=0))


def downgrade() -> None:
    """Without the feed; its topic has the changes of the last 30 days."""
    for name in ("change_feed", "change_entries"):
        op.drop_table(name)


def _text(length: int | None = None) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
