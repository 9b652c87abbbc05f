"""Books, their prices, the outbox, the manifest and the offsets."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
kind = "expand"
oldest_reader = "0001"


def upgrade() -> None:
    """Text sorts by code point; PostgreSQL refuses overlapping batches by itself."""
    _books()
    _price_observations()
    _outbox()
    _manifest_and_offsets()
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public")
        op.execute(
            "ALTER TABLE manifest ADD CONSTRAINT manifest_without_overlap EXCLUDE USING gist"
            " (topic WITH =, partition WITH =, int8range(first, next) WITH &&)"
        )


def downgrade() -> None:
    """Back to nothing."""
    for name in ("offsets", "manifest", "outbox", "price_observations", "books"):
        op.drop_table(name)


def _text(length: int | None = None) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _books() -> None:
    op.create_table(
        "books",
        sa.Column("id", _text(170), primary_key=True),
        sa.Column("source", _text(40), nullable=False),
        sa.Column("source_id", _text(128), nullable=False),
        sa.Column("url", _text(), nullable=False),
        sa.Column("title", _text(), nullable=False),
        sa.Column("title_key", _text(), nullable=False),
        sa.Column("category", _text()),
        sa.Column("rating", sa.Integer),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("currency", _text(3), nullable=False),
        sa.Column("availability", _text(20), nullable=False),
        sa.Column("quantity", sa.Integer),
        sa.Column("identifiers", sa.JSON, nullable=False),
        sa.Column("description", _text()),
        sa.Column("image_url", _text()),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("event_id", _text(36), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
    )
    indices = {"category": "category", "price": "price", "title": "title_key", "first_seen": "first_seen_at"}
    for name, column in indices.items():
        op.create_index(f"books_by_{name}", "books", [column, "id"])


def _price_observations() -> None:
    op.create_table(
        "price_observations",
        sa.Column("book_id", _text(170), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event_id", _text(36), primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", _text(3), nullable=False),
    )


def _outbox() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "outbox",
        sa.Column("sequence", number, primary_key=True, autoincrement=True),
        sa.Column("topic", _text(100), nullable=False),
        sa.Column("key", _text(170), nullable=False),
        sa.Column("value", sa.LargeBinary),
        sa.Column("headers", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )


def _manifest_and_offsets() -> None:
    op.create_table(
        "manifest",
        sa.Column("topic", _text(100), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("next", sa.BigInteger, nullable=False),
        sa.Column("lake_key", _text(), nullable=False),
    )
    op.create_table(
        "offsets",
        sa.Column("topic", _text(100), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next", sa.BigInteger, nullable=False),
    )
