"""Streams the whole catalogue in blocks of 500 books, in constant memory."""

import csv
import io
from collections.abc import Iterator, Sequence

import orjson

from bookcore.catalogue import BookFilter, Catalogue, PageKey, Sort, queries
from bookcore.domain.book import Book, VersionedBook
from bookcore.events.book import BookState

_BLOCK = 500
_DETAILS = (
    *("publisher", "year", "pages", "format", "edition", "language"),
    *("width_mm", "height_mm", "thickness_mm", "weight_g"),
)
_LISTS = ("contributors", "languages", "series", "subjects", "covers", "offers")
_TEXTS = ("subtitle", "imprint", "published")
CSV_COLUMNS: tuple[str, ...] = (
    *("id", "source", "source_id", "url", "title", "category", "rating", "price", "currency"),
    *("availability", "quantity", "upc", "description", "image_url", "price_excl_tax", "tax"),
    *("reviews", "product_type", "version", "first_seen_at", "last_seen_at"),
    *("isbn13", "authors", *_DETAILS, "average_rating"),
    *(*_TEXTS, *_LISTS),
)


def export_jsonl(catalogue: Catalogue, wanted: BookFilter) -> Iterator[bytes]:
    """One book per line, in the format of the state topic."""
    for books in _read_blocks(catalogue, wanted):
        yield "".join(f"{BookState.from_stored(stored).model_dump_json()}\n" for stored in books).encode()


def export_csv(catalogue: Catalogue, wanted: BookFilter) -> Iterator[bytes]:
    """RFC 4180 with a header line; absent values are empty, and lists of facts are JSON."""
    yield _format_csv([CSV_COLUMNS])
    for books in _read_blocks(catalogue, wanted):
        yield _format_csv([_build_row(stored) for stored in books])


def _read_blocks(catalogue: Catalogue, wanted: BookFilter) -> Iterator[Sequence[VersionedBook]]:
    after: PageKey | None = None
    while True:
        with catalogue.begin_read() as connection:
            books, after = queries.list_books(connection, wanted, sort=Sort.ID, after=after, limit=_BLOCK)
        if books:
            yield books
        if after is None:
            return


def _build_row(stored: VersionedBook) -> list[str | int | None]:
    book = stored.book
    return [
        book.id,
        book.source,
        book.source_id,
        book.url,
        book.title,
        book.category,
        book.rating,
        book.price and book.price.plain,
        book.price and book.price.currency,
        book.availability.status.value,
        book.availability.quantity,
        book.identifiers.get("upc"),
        book.description,
        book.image_url,
        *(book.attributes.get(name) for name in ("price_excl_tax", "tax", "reviews", "product_type")),
        stored.version,
        stored.first_seen_at.isoformat(),
        stored.last_seen_at.isoformat(),
        book.identifiers.get("isbn13"),
        "; ".join(book.details.authors) or None,
        *(getattr(book.details, name) for name in _DETAILS),
        book.attributes.get("average_rating"),
        *(getattr(book.details, name) for name in _TEXTS),
        *_build_lists(book),
    ]


def _build_lists(book: Book) -> Iterator[str | None]:
    lists = {**(book.details.plain or {}), "offers": [offer.plain for offer in book.offers]}
    for name in _LISTS:
        yield orjson.dumps(lists[name]).decode() if lists.get(name) else None


def _format_csv(rows: Sequence[Sequence[str | int | None]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
