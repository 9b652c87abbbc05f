"""Builders of books and events with sensible defaults."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bookcore.domain.book import (
    Availability,
    AvailabilityStatus,
    Book,
    Money,
    Rating,
    VersionedBook,
    to_version,
)
from bookcore.domain.normalise import PrintedBook, hash_printed, print_book
from bookcore.events.book import BookObserved

EPOCH = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When the tests' world begins."""


def make_book(
    source_id: str = "u1", *, price: str = "51.77", quantity: int = 22, title: str | None = None
) -> Book:
    """A book of the source `shop`."""
    return Book(
        source="shop",
        source_id=source_id,
        url=f"https://shop.example/{source_id}",
        title=title or f"The Lamp of Číž, Volume {source_id}",
        category="Poetry",
        rating=Rating(3),
        price=Money(Decimal(price), "GBP"),
        availability=Availability(AvailabilityStatus.IN_STOCK, quantity),
        identifiers={"upc": source_id},
        description="Lamplight, and what it fell upon.",
        image_url="https://shop.example/cover.svg",
        attributes={"price_excl_tax": price, "tax": "0.00", "reviews": 0, "product_type": "Books"},
    )


def get_price(book: Book) -> Money:
    """The price of a book that has one."""
    assert book.price is not None
    return book.price


def make_versioned_book(
    source_id: str = "u1", *, version: int | None = None, title: str | None = None
) -> VersionedBook:
    """A catalogue row; the version defaults to that of EPOCH."""
    book = make_book(source_id, title=title)
    return VersionedBook(book, version or to_version(EPOCH), EPOCH, EPOCH)


def make_observation(book: Book, *, minute: int = 0, printed: PrintedBook | None = None) -> BookObserved:
    """The event of a scraper that saw the book `minute` minutes after EPOCH."""
    shown = printed or print_book(book)
    draft = BookObserved(
        source=book.source,
        source_id=book.source_id,
        url=book.url,
        observed_at=EPOCH + timedelta(minutes=minute),
        content_hash="",
        extractor="test/1",
        printed=shown,
    )
    return draft.model_copy(update={"content_hash": hash_printed(draft.origin, shown)})


def print_as(book: Book, **fields: str | None) -> PrintedBook:
    """The book's print with some fields replaced."""
    return replace(print_book(book), **fields)  # type: ignore[arg-type]  # the plain fields; details are none
