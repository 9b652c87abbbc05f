"""Conversion between books and rows of the `books` table."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import RowMapping

from bookcore.catalogue.fold import StoredBook
from bookcore.catalogue.tables import books
from bookcore.domain.book import (
    Availability,
    AvailabilityStatus,
    Book,
    BookId,
    Money,
    Offer,
    Rating,
    VersionedBook,
)
from bookcore.domain.details import Details

_CHUNK = 500  # ids
_LONGEST_KEY = 200
"""Characters by which titles are sorted; an index entry has to fit in a third of a page."""

Row = dict[str, Any]  # Any: a row holds every column type; SQLAlchemy takes it so


def to_row(held: StoredBook) -> Row:
    stored, book = held.versioned, held.versioned.book
    return {
        "id": book.id,
        "source": book.source,
        "source_id": book.source_id,
        "url": book.url,
        "title": book.title,
        "title_key": book.title.casefold()[:_LONGEST_KEY],
        "category": book.category,
        "rating": book.rating,
        "price": book.price.amount if book.price else None,
        "currency": book.price.currency if book.price else None,
        "availability": book.availability.status.value,
        "quantity": book.availability.quantity,
        "identifiers": dict(book.identifiers),
        "description": book.description,
        "image_url": book.image_url,
        "attributes": dict(book.attributes),
        "details": book.details.plain,
        "offers": [offer.plain for offer in book.offers] or None,
        "version": stored.version,
        "event_id": held.event_id,
        "first_seen_at": stored.first_seen_at,
        "last_seen_at": stored.last_seen_at,
        "deleted": stored.deleted,
    }


def from_row(row: RowMapping | Mapping[str, Any]) -> VersionedBook:
    book = Book(
        source=row["source"],
        source_id=row["source_id"],
        url=row["url"],
        title=row["title"],
        category=row["category"],
        rating=None if row["rating"] is None else Rating(row["rating"]),
        price=None if row["price"] is None else Money(row["price"], row["currency"]),
        availability=Availability(AvailabilityStatus(row["availability"]), row["quantity"]),
        identifiers=row["identifiers"],
        description=row["description"],
        image_url=row["image_url"],
        attributes=row["attributes"],
        details=Details.from_plain(row["details"]),
        offers=tuple(map(Offer.from_plain, row["offers"] or ())),
    )
    return VersionedBook(book, row["version"], row["first_seen_at"], row["last_seen_at"], row["deleted"])


COLUMNS = [column.name for column in books.columns]


def split_chunks(ids: Collection[BookId]) -> Iterator[list[BookId]]:
    """Sorted, in lists that are short enough for one statement."""
    rest = iter(sorted(ids))
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
