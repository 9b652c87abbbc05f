"""The catalogue's tables, the same for every dialect.

Amounts are whole ten-thousandths of the major unit and times whole microseconds since 1970 UTC, so that
both are exact and sort the same everywhere.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect

from bookcore.domain.book import from_version, to_version

_SCALE = Decimal(10_000)
RUN_COUNTS = ("pages", "failed", "books", "changes", "unchanged", "remarks", "refused", "gone", "withheld")
"""Whole numbers of a run."""


class ExactAmount(TypeDecorator[Decimal]):
    """Decimal in Python, whole ten-thousandths in the table."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect | None) -> int | None:
        return None if value is None else int(value * _SCALE)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value) / _SCALE


class Moment(TypeDecorator[datetime]):
    """Aware UTC in Python, whole microseconds since 1970 in the table."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect | None) -> int | None:
        return None if value is None else to_version(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_version(value)


metadata = MetaData()


def _build_text_type(length: int | None = None) -> String:
    """Text that sorts by code point on every database, as Python does."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


books = Table(
    "books",
    metadata,
    Column("id", _build_text_type(170), primary_key=True),
    Column("source", _build_text_type(40), nullable=False),
    Column("source_id", _build_text_type(128), nullable=False),
    Column("url", _build_text_type(), nullable=False),
    Column("title", _build_text_type(), nullable=False),
    Column("title_key", _build_text_type(), nullable=False, comment="case-folded title, to sort by"),
    Column("category", _build_text_type()),
    Column("rating", Integer),
    Column("price", ExactAmount, comment="chosen among the offers; empty for a book without a price"),
    Column("currency", _build_text_type(3)),
    Column("availability", _build_text_type(20), nullable=False),
    Column("quantity", Integer),
    Column("identifiers", JSON, nullable=False),
    Column("description", _build_text_type()),
    Column("image_url", _build_text_type()),
    Column("attributes", JSON, nullable=False),
    Column("details", JSON(none_as_null=True)),
    Column("offers", JSON(none_as_null=True)),
    Column("version", BigInteger, nullable=False, comment="microsecond of the newest accepted observation"),
    Column(
        "event_id",
        _build_text_type(36),
        nullable=False,
        comment="breaks the tie of two observations of one moment",
    ),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_seen_at", Moment, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Index("books_by_category", "category", "id"),
    Index("books_by_currency_and_price", "currency", "price", "id"),
    Index("books_by_title", "title_key", "id"),
    Index("books_by_first_seen", "first_seen_at", "id"),
)

price_observations = Table(
    "price_observations",
    metadata,
    Column("book_id", _build_text_type(170), primary_key=True),
    Column("version", BigInteger, primary_key=True, comment="microsecond at which the price was seen"),
    Column("event_id", _build_text_type(36), primary_key=True),
    Column("amount", ExactAmount, nullable=False),
    Column("currency", _build_text_type(3), nullable=False),
)

offer_observations = Table(
    "offer_observations",
    metadata,
    Column("book_id", _build_text_type(170), primary_key=True),
    Column("version", BigInteger, primary_key=True, comment="microsecond at which the offers were seen"),
    Column("event_id", _build_text_type(36), primary_key=True),
    Column("offers", JSON, nullable=False),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("book_id", _build_text_type(170), primary_key=True),
    Column("version", BigInteger, primary_key=True, comment="microsecond from which the book was gone"),
    Column("event_id", _build_text_type(36), primary_key=True),
    Column("reason", _build_text_type(), nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("topic", _build_text_type(100), nullable=False),
    Column("key", _build_text_type(170), nullable=False),
    Column("value", LargeBinary),
    Column("headers", JSON, nullable=False),
    sqlite_autoincrement=True,
)

manifest = Table(
    "manifest",
    metadata,
    Column("topic", _build_text_type(100), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column(
        "first",
        BigInteger,
        primary_key=True,
        comment="offset of the batch's first record",
        autoincrement=False,
    ),
    Column("next", BigInteger, nullable=False, comment="offset after its last record"),
    Column("lake_key", _build_text_type(), nullable=False),
)

offsets = Table(
    "offsets",
    metadata,
    Column("topic", _build_text_type(100), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next", BigInteger, nullable=False),
)

crawl_runs = Table(
    "crawl_runs",
    metadata,
    Column("source", _build_text_type(40), primary_key=True),
    Column("run", _build_text_type(100), primary_key=True),
    Column("kind", _build_text_type(20), nullable=False),
    Column("outcome", _build_text_type(20), nullable=False, comment="as its newest report says"),
    Column("reason", _build_text_type()),
    Column("reader", _build_text_type(60), nullable=False),
    Column("schedule", _build_text_type(200)),
    Column("next_due", Moment),
    Column("started_at", Moment, nullable=False),
    Column("reported_at", Moment, nullable=False),
    Column("heard_until", Moment, comment="when the next report is due; a run without one has died"),
    Column("ended_at", Moment),
    *(Column(name, BigInteger, nullable=False) for name in RUN_COUNTS),
    Column("seen", BigInteger, comment="books that the run saw"),
    Column("expected", BigInteger, comment="books of the last complete run before it"),
    Index("crawl_runs_by_start", "source", "started_at", "run"),
)

source_pauses = Table(
    "source_pauses",
    metadata,
    Column("source", _build_text_type(40), primary_key=True),
    Column("paused_at", Moment, nullable=False),
)

category_decisions = Table(
    "category_decisions",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False, comment="offset in its topic"),
    Column("decision_id", _build_text_type(100), nullable=False, unique=True),
    Column("decided_at", Moment, nullable=False),
    Column("decided_by", _build_text_type(200), nullable=False),
    Column("decision", JSON, nullable=False),
    Column("refusal", _build_text_type(), comment="why it changed nothing; empty for one that was applied"),
)

change_entries = Table(
    "change_entries",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False, comment="in the order of commits"),
    Column("book_id", _build_text_type(170), nullable=False),
    Column("version", BigInteger, nullable=False, comment="of the book after the change"),
    Column("kind", _build_text_type(20), nullable=False),
    Column("source", _build_text_type(40), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("currency", _build_text_type(3)),
    Column("before", ExactAmount, comment="price, where there was one"),
    Column("after", ExactAmount, comment="price, where there is one"),
    Index("change_entries_by_book", "book_id", "version", "kind", unique=True),
    Index("change_entries_by_kind", "kind", "sequence"),
    Index("change_entries_by_time", "recorded_at"),
)

change_feed = Table(
    "change_feed",
    metadata,
    Column("epoch", _build_text_type(36), primary_key=True, comment="of the numbers; one row"),
    Column("last", BigInteger, nullable=False, comment="greatest number that was given"),
    Column("pruned", BigInteger, nullable=False, comment="greatest number that was deleted"),
)

schema_compatibility = Table(
    "schema_compatibility",
    metadata,
    Column(
        "oldest_reader",
        _build_text_type(10),
        primary_key=True,
        comment="schema revision of the oldest program that this database serves; one row",
    ),
)
