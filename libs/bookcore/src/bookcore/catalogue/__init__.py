"""The catalogue port: the books as they are now, their price history, and what is owed to the topics.

SQLAlchemy Core on PostgreSQL in production, on a SQLite file on a laptop. One transaction per batch.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from hashlib import sha256
from json import dumps
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from bookcore.catalogue import queries
from bookcore.catalogue.fold import Observation
from bookcore.catalogue.outbox import Owed, count_owed, first_owed, settle
from bookcore.catalogue.queries import BookFilter, CategoryCount, Key, PricePeriod, Sort, Statistics
from bookcore.catalogue.tables import metadata
from bookcore.catalogue.write import Applied, Ingest, apply
from bookcore.domain.book import VersionedBook
from bookcore.domain.change import content_hash
from bookcore.domain.errors import Invalid, Unavailable

__all__ = [
    "Applied",
    "BookFilter",
    "Catalogue",
    "CategoryCount",
    "Ingest",
    "Key",
    "Observation",
    "Owed",
    "PricePeriod",
    "Sort",
    "Statistics",
    "count_owed",
    "first_owed",
    "open_catalogue",
    "settle",
]


class Catalogue:
    """Safe for several threads; each call of `reading` or `writing` is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view; pass the connection to bookcore.catalogue.queries.

        Raises: Unavailable when the database is away.
        """
        try:
            with self._engine.connect() as connection:
                yield connection
        except OperationalError as error:
            raise _unavailable(error) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or not at all.

        Raises: Unavailable when the database is away or full.
        """
        try:
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                yield connection
        except OperationalError as error:
            raise _unavailable(error) from error

    def apply(self, batch: Ingest) -> Applied:
        """Do a batch of observations in one transaction; see bookcore.catalogue.write.apply."""
        with self.writing() as connection:
            return apply(connection, batch)

    def books(self) -> Iterator[VersionedBook]:
        """Every book by id, deleted ones too, in constant memory; each chunk is a view of its own."""
        after = ""
        while True:
            with self.reading() as connection:
                chunk: Sequence[VersionedBook] = queries.every(connection, after=after)
            if not chunk:
                return
            yield from chunk
            after = chunk[-1].book.id

    def content_hash(self) -> str:
        """SHA-256 (hex) over every living book's content and the prices it has had; times don't count."""
        digest = sha256()
        for stored in self.books():
            if not stored.deleted:
                with self.reading() as connection:
                    prices = [str(p.price) for p in queries.history(connection, stored.book.id)]
                digest.update(dumps([content_hash(stored.book), prices]).encode())
        return digest.hexdigest()

    def close(self) -> None:
        """Free the connections."""
        self._engine.dispose()


def open_catalogue(url: str) -> Catalogue:
    """Open, and make the tables when they aren't there.

    Raises: Invalid for a URL of no known dialect, Unavailable when the database can't be reached.
    """
    if not url.startswith("sqlite:///"):
        raise Invalid("no catalogue for this URL; use sqlite:////absolute/file.db", field="catalogue_url")
    path = Path(url.removeprefix("sqlite:///"))
    engine = create_engine(url, connect_args={"timeout": 30})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:  # who starts at once goes in turn
            flock(lock, LOCK_EX)
            metadata.create_all(engine)
    except (DatabaseError, OSError) as error:
        raise _unavailable(error) from error
    return Catalogue(engine)


def _configure_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver must not begin transactions of its own; _begin_sqlite does
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer half-way could only fail.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _unavailable(error: DatabaseError | OSError) -> Unavailable:
    cause = str(error.orig) if isinstance(error, DatabaseError) else str(error)
    remedy = "free some space" if "full" in cause else "check that it runs and can be written to"
    return Unavailable(f"the catalogue can't be used ({cause}); {remedy}")
