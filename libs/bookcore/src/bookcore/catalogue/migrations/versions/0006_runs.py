"""Runs of sources, and which sources are paused."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
kind = "expand"
oldest_reader = "0005"

_COUNTS = ("pages", "failed", "books", "changes", "unchanged", "remarks", "refused", "gone", "withheld")


def upgrade() -> None:
    op.create_table(
        "crawl_runs",
        sa.Column("source", _text(40), primary_key=True),
        sa.Column("run", _text(100), primary_key=True),
        sa.Column("kind", _text(20), nullable=False),
        sa.Column("outcome", _text(20), nullable=False),
        sa.Column("reason", _text()),
        sa.Column("reader", _text(60), nullable=False),
        sa.Column("schedule", _text(200)),
        sa.Column("next_due", sa.BigInteger),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("reported_at", sa.BigInteger, nullable=False),
        sa.Column("heard_until", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
        sa.Column("seen", sa.BigInteger),
        sa.Column("expected", sa.BigInteger),
    )
    op.create_index("crawl_runs_by_start", "crawl_runs", ["source", "started_at", "run"])
    op.create_table(
        "source_pauses",
        sa.Column("source", _text(40), primary_key=True),
        sa.Column("paused_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Without the history of runs."""
    for name in ("source_pauses", "crawl_runs"):
        op.drop_table(name)


def _text(length: int | None = None) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")
