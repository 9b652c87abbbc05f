"""Read-only queries of the catalogue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    String,
    func,
    literal,
    select,
    tuple_,
    type_coerce,
)

from bookcore.catalogue.filters import BookFilter, build_conditions
from bookcore.catalogue.rows import from_row
from bookcore.catalogue.tables import books, offsets
from bookcore.domain.book import BookId, VersionedBook, from_version


class Sort(StrEnum):
    """Sort orders of a list; a leading minus means descending. Ties are broken by id."""

    ID = "id"
    TITLE = "title"
    TITLE_DESC = "-title"
    PRICE = "price"
    PRICE_DESC = "-price"
    RATING = "rating"
    RATING_DESC = "-rating"
    FIRST_SEEN = "first_seen_at"
    FIRST_SEEN_DESC = "-first_seen_at"


@dataclass(frozen=True, slots=True)
class PageKey:
    """Keyset position of a page's end: the last book's sort value (as stored) and id."""

    value: str | int
    id: str


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A category with its number of books; None counts the books without a category."""

    category: str | None
    books: int


_NO_PRICE = -1  # where a page ends among the books without a price
_SORT_COLUMNS: dict[str, ColumnElement[Any]] = {  # Any: each sorts by its own type
    "id": type_coerce(books.c.id, String),
    "title": type_coerce(books.c.title_key, String),
    "price": func.coalesce(type_coerce(books.c.price, BigInteger), literal(_NO_PRICE, BigInteger)),
    "rating": func.coalesce(books.c.rating, 0),
    "first_seen_at": type_coerce(books.c.first_seen_at, BigInteger),
}


def get_book(connection: Connection, book_id: str) -> VersionedBook | None:
    """The book, deleted or not; None for an unknown id."""
    row = connection.execute(select(books).where(books.c.id == book_id)).mappings().first()
    return from_row(row) if row else None


def get_books(connection: Connection, book_ids: Sequence[str]) -> Sequence[VersionedBook]:
    """The known books among these ids, in the requested order, each once."""
    rows = connection.execute(select(books).where(books.c.id.in_(book_ids))).mappings()
    found = {row["id"]: from_row(row) for row in rows}
    return [found[book_id] for book_id in dict.fromkeys(book_ids) if book_id in found]


def list_books(
    connection: Connection, wanted: BookFilter, *, sort: Sort, after: PageKey | None, limit: int
) -> tuple[Sequence[VersionedBook], PageKey | None]:
    """Up to `limit` books after the key, and the key of the next page (None on the last page)."""
    if sort in (Sort.PRICE, Sort.PRICE_DESC):
        return _list_by_price(connection, wanted, sort=sort, after=after, limit=limit)
    column, descending = _SORT_COLUMNS[sort.value.removeprefix("-")], sort.value.startswith("-")
    query = select(books, column.label("sort_value")).where(*build_conditions(wanted))
    if after is not None:
        here, there = tuple_(column, books.c.id), tuple_(literal(after.value), literal(after.id))
        query = query.where(here < there if descending else here > there)
    order = (column.desc(), books.c.id.desc()) if descending else (column, books.c.id)
    rows = connection.execute(query.order_by(*order).limit(limit + 1)).mappings().all()
    more = len(rows) > limit
    return (
        [from_row(row) for row in rows[:limit]],
        PageKey(rows[limit - 1]["sort_value"], rows[limit - 1]["id"]) if more else None,
    )


def _list_by_price(
    connection: Connection, wanted: BookFilter, *, sort: Sort, after: PageKey | None, limit: int
) -> tuple[Sequence[VersionedBook], PageKey | None]:
    """Books without a price come last in both directions, by id."""
    descending = sort is Sort.PRICE_DESC
    rows: list[RowMapping] = []
    if after is None or after.value != _NO_PRICE:
        rows += _read_priced(connection, wanted, descending=descending, after=after, limit=limit + 1)
        after = None
    if len(rows) <= limit and wanted.allows_no_price:
        query = select(books).where(*build_conditions(wanted), books.c.currency.is_(None))
        if after is not None:
            query = query.where(books.c.id < after.id if descending else books.c.id > after.id)
        order = books.c.id.desc() if descending else books.c.id
        rows += connection.execute(query.order_by(order).limit(limit + 1 - len(rows))).mappings()
    found = [from_row(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return found, None
    price = found[-1].book.price
    return found, PageKey(_NO_PRICE if price is None else int(price.amount * 10_000), found[-1].book.id)


def _read_priced(
    connection: Connection, wanted: BookFilter, *, descending: bool, after: PageKey | None, limit: int
) -> Sequence[RowMapping]:
    """Within one currency they are read from the index in order."""
    currencies = wanted.currency or list_currencies(connection, wanted)
    narrowed = replace(wanted, currency=tuple(currencies)) if len(currencies) == 1 else wanted
    column = type_coerce(books.c.price, BigInteger)
    query = select(books).where(*build_conditions(narrowed), books.c.price.is_not(None))
    if after is not None:
        here, there = tuple_(column, books.c.id), tuple_(literal(after.value), literal(after.id))
        query = query.where(here < there if descending else here > there)
    order = (column.desc(), books.c.id.desc()) if descending else (column, books.c.id)
    return connection.execute(query.order_by(*order).limit(limit)).mappings().all()


def get_page_key(connection: Connection, book_id: str, *, sort: Sort) -> PageKey | None:
    """Position of a book in that order; None for an unknown id."""
    column = _SORT_COLUMNS[sort.value.removeprefix("-")]
    row = connection.execute(select(column).where(books.c.id == book_id)).first()
    return None if row is None else PageKey(row[0], book_id)


def count_books(connection: Connection, wanted: BookFilter) -> int:
    query = select(func.count()).select_from(books).where(*build_conditions(wanted))
    return connection.execute(query).scalar_one()


def list_categories(connection: Connection) -> Sequence[CategoryCount]:
    """Every category in alphabetical order."""
    query = (
        select(books.c.category, func.count())
        .where(~books.c.deleted)
        .group_by(books.c.category)
        .order_by(books.c.category)
    )
    return [CategoryCount(category, number) for category, number in connection.execute(query).all()]


def list_currencies(connection: Connection, wanted: BookFilter) -> Sequence[str]:
    """The currencies of the books that match, in alphabetical order; one lookup in the index for each."""
    every = list(_iterate_currencies(connection))
    if len(every) < 2:
        return every
    return [currency for currency in every if _has_book(connection, wanted, books.c.currency == currency)]


def has_category(connection: Connection, category: str) -> bool:
    """Whether some book has the category."""
    return _has_book(connection, BookFilter(), books.c.category == category)


def get_newest_observation(connection: Connection) -> datetime | None:
    """Time of the newest accepted observation; None in an empty catalogue."""
    version = connection.execute(select(func.max(books.c.version))).scalar_one()
    return None if version is None else from_version(version)


def get_next_offset(connection: Connection, topic: str, partition: int) -> int:
    """The first offset of the partition that the catalogue has not applied."""
    here = (offsets.c.topic == topic) & (offsets.c.partition == partition)
    return connection.execute(select(offsets.c.next).where(here)).scalar_one_or_none() or 0


def read_books(connection: Connection, *, after: str = "", limit: int = 1_000) -> Sequence[VersionedBook]:
    """The next books by id, deleted ones included; empty at the end."""
    query = select(books).where(books.c.id > after).order_by(books.c.id).limit(limit)
    return [from_row(row) for row in connection.execute(query).mappings()]


def read_versions(connection: Connection) -> Iterator[tuple[BookId, int, bool]]:
    """(id, version, deleted) of every row."""
    query = select(books.c.id, books.c.version, books.c.deleted)
    for book_id, version, deleted in connection.execute(query):
        yield BookId(book_id), version, deleted


def _iterate_currencies(connection: Connection) -> Iterator[str]:
    """Every currency, also of deleted books."""
    last = ""
    while last is not None:
        query = select(func.min(books.c.currency)).where(books.c.currency > last)
        last = connection.execute(query).scalar_one()
        if last is not None:
            yield last


def _has_book(connection: Connection, wanted: BookFilter, condition: ColumnElement[bool]) -> bool:
    query = select(books.c.id).where(*build_conditions(wanted), condition).limit(1)
    return connection.execute(query).first() is not None
