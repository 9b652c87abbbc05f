"""A small bookshop of our own whose prices follow from pages, format and publisher, or from nothing."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bookcore.domain.book import Book, BookId, Money, VersionedBook, to_version
from bookcore.domain.details import Details
from bookcore.event_log import EventLog
from bookcore.events.book import BookGone, BookState, Event
from bookcore.events.codec import encode
from bookcore.events.topics import STATE
from bookcore.testing.builders import EPOCH, make_book

_WORDS = ("lamp", "river", "winter", "garden", "atlas", "empire", "salt", "mirror", "horse", "letter")


def make_books(books: int, *, signal: bool, source: str = "shop", seed: int = 1) -> list[Book]:
    """The same every time; each work has about one and a half editions."""
    drawing = random.Random(seed)
    return [_book(number, drawing, signal=signal, source=source) for number in range(books)]


def _book(number: int, drawing: random.Random, *, signal: bool, source: str) -> Book:
    work = drawing.randrange(max(1, int(number / 1.5) + 1))
    told = random.Random(work)
    words = " ".join(told.choice(_WORDS) for _ in range(3))
    pages, hard, publisher = drawing.randrange(60, 900), drawing.random() < 0.3, drawing.randrange(6)
    worth = 4 + pages * 0.03 + 9 * hard + 2 * publisher if signal else drawing.uniform(10, 60)
    details = Details(
        authors=(f"Author {told.randrange(40)}",),
        publisher=f"House {publisher}",
        year=drawing.randrange(1990, 2026),
        pages=pages,
        format="Hardback" if hard else "Paperback",
    )
    return replace(
        make_book(f"b{number:05d}", title=f"The {words} {work}"),
        source=source,
        category=f"Shelf {told.randrange(3)}",
        price=Money(Decimal(f"{worth * drawing.uniform(0.9, 1.1):.2f}"), "GBP"),
        description=f"Of {words}, by somebody.",
        attributes={"reviews": drawing.randrange(50)},
        details=details,
    )


def publish_books(log: EventLog, books: Sequence[Book], *, minute: int = 0) -> None:
    """Put the states of these books, as seen `minute` minutes after EPOCH, on the state topic."""
    moment = EPOCH + timedelta(minutes=minute)
    stored = [VersionedBook(book, to_version(moment), EPOCH, moment) for book in books]
    log.append(STATE.name, [encode(BookState.from_stored(each), source="test") for each in stored])


def publish_tombstone(log: EventLog, book: Book, *, minute: int) -> None:
    """The book's tombstone."""
    event: Event = BookGone(book_id=BookId(book.id), version=to_version(EPOCH + timedelta(minutes=minute)))
    log.append(STATE.name, [encode(event, source="test")])
