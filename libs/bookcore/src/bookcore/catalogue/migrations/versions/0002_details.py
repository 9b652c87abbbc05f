"""What the trade tells of an edition: authors, publisher, year, pages, format, sizes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
kind = "expand"
oldest_reader = "0001"


def upgrade() -> None:
    """A column that may be empty: neither dialect has to rewrite the table for it."""
    op.add_column("books", sa.Column("details", sa.JSON))


def downgrade() -> None:
    """Without the column."""
    op.drop_column("books", "details")
