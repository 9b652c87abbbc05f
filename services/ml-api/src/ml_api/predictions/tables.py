"""The table of predictions. Amounts are text; times are microseconds since 1970 UTC."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table

metadata = MetaData()
OBSERVED = ("true_price", "observed_at", "log_error", "inside")
"""Columns that are set once the price was observed."""

predictions = Table(
    "ml_predictions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("book_id", String(170)),
    Column("source", String(40), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("model", String(60), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("features", String(20), nullable=False),
    Column("snapshot", String(64), nullable=False),
    Column("variant", String(20), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("price", String(20), nullable=False),
    Column("low", String(20), nullable=False),
    Column("high", String(20), nullable=False),
    Column("coverage", Float, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("milliseconds", Float, nullable=False),
    Column("true_price", String(20)),
    Column("observed_at", BigInteger),
    Column("log_error", Float),
    Column("inside", Boolean),
    Index("ml_predictions_by_book", "book_id", "observed_at"),
    Index("ml_predictions_by_model", "model", "variant", "version"),
)
