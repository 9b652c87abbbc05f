"""The online store as one table, on SQLite or PostgreSQL."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import SQLAlchemyError

from bookcore.domain.errors import Unavailable
from bookcore.sql import create_tables, open_engine
from bookml.facts import parse_facts
from bookml.online import StoredFacts

_metadata = MetaData()
_books = Table(
    "ml_online_books",
    _metadata,
    Column("id", String(170), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("price", String(20), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("facts", LargeBinary),
)


def open_store(url: str) -> "SqlStore":
    """Makes the table when it isn't there."""
    return SqlStore(url)


class SqlStore:
    """One row for each book, replaced by newer versions only."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        try:
            create_tables(self._engine, _metadata)
        except (SQLAlchemyError, OSError) as error:
            raise _build_error(error) from error

    def put(self, books: Sequence[StoredFacts]) -> None:
        newest = {book.id: book for book in sorted(books, key=lambda book: book.version)}
        make = sqlite_insert if self._engine.dialect.name == "sqlite" else postgresql_insert
        statement: Any = make(_books)  # Any: two dialects' inserts share no type
        new = statement.excluded
        changed = {name: new[name] for name in ("version", "price", "currency", "facts")}
        statement = statement.on_conflict_do_update(
            index_elements=["id"], set_=changed, where=_books.c.version < new.version
        )
        try:
            with self._engine.begin() as connection:
                connection.execute(statement, [_build_row(book) for _, book in sorted(newest.items())])
        except SQLAlchemyError as error:
            raise _build_error(error) from error

    def get(self, ids: Sequence[str]) -> dict[str, StoredFacts]:
        query = select(_books).where(_books.c.id.in_(ids), _books.c.facts.is_not(None))
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
        except SQLAlchemyError as error:
            raise _build_error(error) from error
        return {
            r.id: StoredFacts(r.id, r.version, r.price, r.currency, parse_facts(orjson.loads(r.facts)))
            for r in rows
        }

    def close(self) -> None:
        self._engine.dispose()


def _build_row(book: StoredFacts) -> dict[str, object]:
    facts = None if book.facts is None else orjson.dumps(book.facts.as_dict)
    return {
        "id": book.id,
        "version": book.version,
        "price": book.price,
        "currency": book.currency,
        "facts": facts,
    }


def _build_error(error: Exception) -> Unavailable:
    return Unavailable(f"the store of features can't be used ({type(error).__name__}); check its URL")
