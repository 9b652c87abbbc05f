"""Builds a new catalogue beside the live one and swaps the two."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, make_url, text

from bookcore.catalogue import Catalogue, open_catalogue, prepare_catalogue
from bookcore.catalogue.engines import create_catalogue_engine, read_schema_name, translate_errors
from bookcore.domain.errors import Conflict

_LOCK_WITHIN = "10s"
_OUTBOX = "topic, key, value, headers"


class CatalogueRebuild(Protocol):
    """The swap moves the live catalogue's unsent outbox to the new one; the old one is kept until the next
    swap.
    """

    @property
    def catalogue(self) -> Catalogue:
        """The new catalogue, empty at first, open for writing."""

    def block_writes(self) -> "Iterator[None]":
        """A context in which the live catalogue rejects writes and serves reads."""

    def swap(self) -> None:
        """Inside `block_writes`: makes the new catalogue live once the block ends without an error."""

    def close(self) -> None:
        """Frees the connections; deletes the new catalogue unless it was swapped in."""


def begin_rebuild(url: str, name: str = "rebuilt") -> "PostgresqlRebuild | SqliteRebuild":
    """Creates an empty catalogue beside the live one; leftovers of earlier rebuilds of that name are deleted.

    Raises: the same errors as open_catalogue.
    """
    engine = create_catalogue_engine(url)
    kind = PostgresqlRebuild if engine.dialect.name == "postgresql" else SqliteRebuild
    return kind(engine, url, name)


class PostgresqlRebuild:
    """A second schema: sessions find tables by the schema's name, and both names change in one commit.

    No reader sees a mixture: the swap waits for running readers and new readers wait for the swap.
    """

    def __init__(self, engine: Engine, url: str, name: str) -> None:
        self._engine = engine
        with translate_errors(), engine.begin() as connection:
            self._schema = read_schema_name(connection)
            self._new_schema = f"{self._schema}_{name}"
            connection.execute(text(f"DROP SCHEMA IF EXISTS {self._new_schema} CASCADE"))
        built = make_url(url).update_query_dict({"schema": self._new_schema})
        prepare_catalogue(_format_url(built))
        self.catalogue = open_catalogue(_format_url(built))
        self._blocking: Connection | None = None

    @contextmanager
    def block_writes(self) -> Iterator[None]:
        """Locks the offsets table, which every writer updates first.

        Raises: Unavailable when the lock is not granted within 10 s; nothing has changed then.
        """
        with translate_errors(), self._engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_WITHIN}'"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(text("LOCK TABLE offsets IN EXCLUSIVE MODE"))
            self._blocking = connection
            yield
        self._blocking = None

    def swap(self) -> None:
        if self._blocking is None:
            raise Conflict("swap needs block_writes")
        tables = "books, price_observations, offer_observations, withdrawals, manifest, outbox"
        for statement in (
            f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE",
            f"INSERT INTO {self._new_schema}.outbox ({_OUTBOX})"  # noqa: S608 - our own names
            f" SELECT {_OUTBOX} FROM {self._schema}.outbox ORDER BY sequence",
            f"DROP SCHEMA IF EXISTS {self._old_schema} CASCADE",
            f"ALTER SCHEMA {self._schema} RENAME TO {self._old_schema}",
            f"ALTER SCHEMA {self._new_schema} RENAME TO {self._schema}",
        ):
            self._blocking.execute(text(statement))

    def close(self) -> None:
        self.catalogue.close()
        with translate_errors(), self._engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA IF EXISTS {self._new_schema} CASCADE"))
        self._engine.dispose()

    @property
    def _old_schema(self) -> str:
        return f"{self._schema}_before"


class SqliteRebuild:
    """A second file. Programs that have the old file open must be restarted after the swap."""

    def __init__(self, engine: Engine, url: str, name: str) -> None:
        self._engine = engine
        self._path = Path(make_url(url).database or "")
        self._new_path = self._path.with_name(f"{self._path.stem}-{name}.db")
        self._old_path = self._path.with_name(f"{self._path.stem}-before.db")
        _delete_database(self._new_path)
        self.catalogue = open_catalogue(f"sqlite:///{self._new_path}")
        self._swap_requested = False

    @contextmanager
    def block_writes(self) -> Iterator[None]:
        """Holds the file's write lock."""
        self._swap_requested = False
        with translate_errors(), self._engine.execution_options(writes=True).begin():
            yield
        if self._swap_requested:
            self._rename()

    def swap(self) -> None:
        """Raises: Conflict when the outbox of the live catalogue is not empty: its ingestor must send it
        first.
        """
        with self._engine.connect() as connection:
            if connection.execute(text("SELECT count(*) FROM outbox")).scalar_one():
                raise Conflict(
                    "the outbox of the live catalogue is not empty; let the ingestor send it and retry"
                )
        self._swap_requested = True

    def close(self) -> None:
        self.catalogue.close()
        _delete_database(self._new_path)
        self._engine.dispose()

    def _rename(self) -> None:
        with self._engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._engine.dispose()
        self.catalogue.close()  # the last connection writes the WAL into the file
        _delete_database(self._old_path)
        self._path.replace(self._old_path)
        self._new_path.replace(self._path)
        for journal in ("-wal", "-shm"):
            self._path.with_name(self._path.name + journal).unlink(missing_ok=True)


def _delete_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _format_url(url: URL) -> str:
    return url.render_as_string(hide_password=False)
