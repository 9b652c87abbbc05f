"""Prices are compared within one currency, so the index of prices begins with it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
kind = "expand"
oldest_reader = "0001"


def upgrade() -> None:
    """The same number of indexes as before: writes cost the same."""
    op.create_index("books_by_currency_and_price", "books", ["currency", "price", "id"])
    op.drop_index("books_by_price", "books")


def downgrade() -> None:
    """Prices of all currencies in one index."""
    op.create_index("books_by_price", "books", ["price", "id"])
    op.drop_index("books_by_currency_and_price", "books")
