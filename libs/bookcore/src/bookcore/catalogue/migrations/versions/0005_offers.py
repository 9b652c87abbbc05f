"""Books without a price, their offers, and why books were withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
kind = "contract"
oldest_reader = "0005"


def upgrade() -> None:
    """Programs of before can't read a book without a price, so they are refused from here on."""
    op.add_column("books", sa.Column("offers", sa.JSON))
    with op.batch_alter_table("books") as books:  # SQLite copies the table, PostgreSQL changes the catalog
        books.alter_column("price", existing_type=sa.BigInteger, nullable=True)
        books.alter_column("currency", existing_type=_text(3), nullable=True)
    _create_history("offer_observations", sa.Column("offers", sa.JSON, nullable=False))
    _create_history("withdrawals", sa.Column("reason", _text(), nullable=False))


def downgrade() -> None:
    """Without the books that have no price."""
    for name in ("withdrawals", "offer_observations"):
        op.drop_table(name)
    op.execute("DELETE FROM books WHERE price IS NULL")
    with op.batch_alter_table("books") as books:
        books.alter_column("price", existing_type=sa.BigInteger, nullable=False)
        books.alter_column("currency", existing_type=_text(3), nullable=False)
        books.drop_column("offers")


def _text(length: int | None = None) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _create_history(name: str, content: sa.Column[object]) -> None:
    op.create_table(
        name,
        sa.Column("book_id", _text(170), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", _text(36), primary_key=True),
        content,
    )
