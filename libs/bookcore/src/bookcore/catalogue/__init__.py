"""The catalogue port: current books, their price history, and the outbox of events.

SQLAlchemy Core on PostgreSQL in production, on a SQLite file on a laptop. One transaction per batch.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from json import dumps

from sqlalchemy import Connection, Engine

from bookcore.catalogue import history, queries
from bookcore.catalogue.engines import check_schema, create_catalogue_engine, migrate_schema, translate_errors
from bookcore.catalogue.filters import BookFilter
from bookcore.catalogue.fold import Observation
from bookcore.catalogue.history import PricePeriod, Withdrawal
from bookcore.catalogue.outbox import (
    OutboxMessage,
    acquire_sender_lock,
    count_messages,
    delete_sent,
    read_next_messages,
)
from bookcore.catalogue.queries import CategoryCount, PageKey, Sort
from bookcore.catalogue.statistics import Statistics, UnpricedCount
from bookcore.catalogue.write import BatchResult, IngestBatch, apply_batch
from bookcore.domain.book import VersionedBook
from bookcore.domain.change import hash_content
from bookcore.domain.errors import Conflict

__all__ = [
    "BatchResult",
    "BookFilter",
    "Catalogue",
    "CategoryCount",
    "IngestBatch",
    "Observation",
    "OutboxMessage",
    "PageKey",
    "PricePeriod",
    "Sort",
    "Statistics",
    "UnpricedCount",
    "Withdrawal",
    "acquire_sender_lock",
    "count_messages",
    "delete_sent",
    "open_catalogue",
    "prepare_catalogue",
    "read_next_messages",
]


class Catalogue:
    """Thread-safe; each `begin_read` or `begin_write` is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        is_server = engine.dialect.name == "postgresql"
        self._reader = engine.execution_options(
            **({"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if is_server else {})
        )

    @contextmanager
    def begin_read(self) -> Iterator[Connection]:
        """A consistent snapshot; pass the connection to bookcore.catalogue.queries.

        Raises: Unavailable when the database cannot be reached.
        """
        with translate_errors(), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def begin_write(self) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back on an error.

        A connection lost during the commit raises Unavailable although the commit may have succeeded; the
        offsets tell the next attempt. Raises: Unavailable when the database is unreachable or its disk is
        full.
        """
        session = self._engine.execution_options(writes=True)
        with translate_errors(), session.begin() as connection:
            yield connection

    def apply_batch(self, batch: IngestBatch) -> BatchResult:
        """Applies a batch of observations in one transaction; see bookcore.catalogue.write.apply_batch."""
        with self.begin_write() as connection:
            return apply_batch(connection, batch)

    def iterate_books(self) -> Iterator[VersionedBook]:
        """Every book by id, deleted ones included, in constant memory; each chunk is its own snapshot."""
        for chunk in self._read_chunks():
            yield from chunk

    def compute_content_hash(self) -> str:
        """SHA-256 (hex) over the content and price history of every book that is not deleted; times do not
        count.
        """
        digest = sha256()
        for chunk in self._read_chunks():
            with self.begin_read() as connection:
                histories = history.get_price_histories(
                    connection, first=chunk[0].book.id, last=chunk[-1].book.id
                )
            for stored in chunk:
                if not stored.deleted:
                    prices = [str(period.price) for period in histories.get(stored.book.id, [])]
                    digest.update(dumps([hash_content(stored.book), prices]).encode())
        return digest.hexdigest()

    def close(self) -> None:
        """Frees the connections."""
        self._engine.dispose()

    def _read_chunks(self) -> Iterator[Sequence[VersionedBook]]:
        after = ""
        while True:
            with self.begin_read() as connection:
                chunk = queries.read_books(connection, after=after)
            if not chunk:
                return
            yield chunk
            after = chunk[-1].book.id


def open_catalogue(url: str) -> Catalogue:
    """Opens the catalogue; a SQLite file is created and migrated, a server's schema must be current.

    Raises: Invalid for an unsupported URL, a rejected login or a server that is too old; Conflict for a
    schema of another version; Unavailable when the database cannot be reached.
    """
    engine = create_catalogue_engine(url)
    try:
        check_schema(engine)
    except Conflict:
        if engine.dialect.name != "sqlite":
            raise
        migrate_schema(engine)
        check_schema(engine)
    return Catalogue(engine)


def prepare_catalogue(url: str) -> str:
    """Migrates the database to the newest schema; returns one line about the result.

    Raises: the same errors as open_catalogue.
    """
    engine = create_catalogue_engine(url)
    try:
        return migrate_schema(engine)
    finally:
        engine.dispose()
