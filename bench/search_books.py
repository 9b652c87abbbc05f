"""Real books for the benchmarks of search, from the files in BOOKSTREAM_TEST_DATA."""

import csv
import gzip
import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

from bookcore.domain.book import Availability, AvailabilityStatus, Book, Money, VersionedBook
from bookcore.domain.details import Details

SEEN = datetime(2026, 1, 1, tzinfo=UTC)


def get_data_folder() -> Path:
    """Where the public data is; SOURCE.md of each folder names its origin."""
    return Path(os.environ.get("BOOKSTREAM_TEST_DATA", "/work/shared/data"))


def read_shelf() -> list[VersionedBook]:
    """The books that the generator asks for: goodbooks, a Serbian bookshop and Waterstones."""
    return [*_read_goodbooks(), *_read_serbian(), *_read_waterstones()]


def read_library(count: int) -> list[VersionedBook]:
    """The shelf among other real books, and copies under other numbers where these are too few."""
    books = [*read_shelf(), *_read_crossing(), *_read_gutenberg()]
    round_ = 0
    while len(books) < count:
        round_ += 1
        others = islice((*_read_crossing(), *_read_gutenberg()), count - len(books))
        books += [_rename(stored, round_) for stored in others]
    return books[:count]


def _rename(stored: VersionedBook, round_: int) -> VersionedBook:
    """Another book whose title has the same words in another order, so that it is no second right answer."""
    book = stored.book
    words = book.title.split()
    at = round_ % max(len(words), 1)
    title = " ".join((*words[at:], *words[:at], f"edition{round_}"))
    return _make(book.source, f"{book.source_id}-{round_}", title, Details(authors=book.details.authors))


def _read_goodbooks() -> Iterator[VersionedBook]:
    for row in _read_rows("goodbooks_10k/books.csv.gz"):
        yield _make(
            "goodbooks",
            row["book_id"],
            row["title"],
            Details(authors=tuple(name.strip() for name in row["authors"].split(","))[:8]),
            identifiers={"isbn": row["isbn"]} if row["isbn"] else {},
            ratings=int(row["ratings_count"]),
        )


def _read_serbian() -> Iterator[VersionedBook]:
    for number, row in enumerate(_read_rows("serbian_bookshop/books.csv.gz")):
        details = Details(
            authors=(row["Autor"].strip(),) if row["Autor"].strip() else (), publisher=row["Izdavac"]
        )
        yield _make(
            "serbian", str(number), row["Naziv"].strip(), details, price=row["Cena"], description=row["Opis"]
        )


def _read_waterstones() -> Iterator[VersionedBook]:
    seen = set()
    with gzip.open(get_data_folder() / "waterstones/waterstones_records.jsonl.gz", "rt") as file:
        for row in map(json.loads, file):
            if row["ISBN"] not in seen:
                seen.add(row["ISBN"])
                details = Details(authors=(row["Author"],) if row["Author"] else ())
                yield _make(
                    "waterstones",
                    row["ISBN"],
                    row["Book Title"],
                    details,
                    identifiers={"isbn13": row["ISBN"]},
                )


def _read_crossing() -> Iterator[VersionedBook]:
    for row in _read_rows("bx_books/bx_books_15780.csv.gz", encoding="latin-1"):
        details = Details(authors=(row["author"],) if row["author"] else ())
        yield _make("crossing", row["isbn10"], row["title"], details, identifiers={"isbn": row["isbn10"]})


def _read_gutenberg() -> Iterator[VersionedBook]:
    for row in _read_rows("gutenberg/pg_catalog_first_7702.csv.gz"):
        names = [", ".join(name.split(", ")[:2]) for name in row["Authors"].split("; ") if name]
        yield _make(
            "gutenberg", row["Text#"], " ".join(row["Title"].split()), Details(authors=tuple(names[:8]))
        )


def _read_rows(name: str, *, encoding: str = "utf-8") -> Iterator[dict[str, str]]:
    with gzip.open(get_data_folder() / name) as file:
        yield from csv.DictReader(io.TextIOWrapper(file, encoding, newline=""))


def _make(
    source: str,
    key: str,
    title: str,
    details: Details,
    *,
    identifiers: dict[str, str] | None = None,
    ratings: int | None = None,
    price: str | None = None,
    description: str | None = None,
) -> VersionedBook:
    book = Book(
        source=source,
        source_id=key,
        url=f"https://bench.example/{source}/{key}",
        title=title or "?",
        category=None,
        rating=None,
        price=Money(Decimal(price), "RSD") if price else None,
        availability=Availability(AvailabilityStatus.IN_STOCK, None),
        identifiers=identifiers or {},
        description=description,
        attributes={"ratings_count": ratings} if ratings else {},
        details=details,
    )
    return VersionedBook(book, 1, SEEN, SEEN)
