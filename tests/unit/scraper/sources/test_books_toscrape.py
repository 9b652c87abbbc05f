"""The whole site as it was kept, against the table that others made of it."""

import gzip
import json
import os
import tarfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bookcore.domain.book import Book
from bookcore.domain.normalise import Origin, normalise
from scraper.sources import SOURCES

_SOURCE = SOURCES["books_toscrape"]
_DATA = os.environ.get("BOOKSTREAM_TEST_DATA")
_NEEDS_DATA = pytest.mark.skipif(
    not _DATA, reason="BOOKSTREAM_TEST_DATA names no folder with the site and table"
)


@pytest.fixture(scope="module")
def mirror() -> dict[str, bytes]:
    """Every page of the site by its path."""
    with tarfile.open(Path(_DATA or "") / "books_toscrape_site" / "site_mirror_1181_pages.tar.gz") as archive:
        return dict(_pages(archive))


def _pages(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive.getmembers():
        file = archive.extractfile(member) if member.name.endswith(".html") else None
        if file:
            yield member.name.removeprefix("./"), file.read()


def _table() -> dict[str, dict[str, Any]]:  # Any: JSON as it stands in the table
    with gzip.open(Path(_DATA or "") / "books_toscrape_table" / "books_1000.jsonl.gz", "rt") as lines:
        return {row["upc"]: row for row in map(json.loads, lines)}


def _book(path: str, html: bytes) -> Book:
    page = _SOURCE.book_page(html, f"http://books.toscrape.com/{path}")
    book = normalise(
        Origin(_SOURCE.name, page.source_id, f"http://books.toscrape.com/{path}"), page.to_item()
    )
    assert isinstance(book, Book), (path, book)
    return book


def _twelve_of_book(book: Book) -> tuple[object, ...]:
    attributes = book.attributes
    return (
        *(book.source_id, book.title, book.category, book.rating, str(book.price)),
        *(Decimal(attributes["price_excl_tax"]), Decimal(attributes["tax"]), attributes["reviews"]),
        *(attributes["product_type"], book.availability.quantity, book.description),
    )


def _twelve_of_row(row: dict[str, Any]) -> tuple[object, ...]:
    prices = [Decimal(str(row[name])) for name in ("price_incl_tax", "price_excl_tax", "tax")]
    return (
        *(row["upc"], row["title"], row["category"], row["rating"], f"{prices[0]:.2f} {row['currency']}"),
        *(
            prices[1],
            prices[2],
            row["num_reviews"],
            row["product_type"],
            row["stock"],
            row["description"] or None,
        ),
    )


@_NEEDS_DATA
def test_all_1000_books_equal_the_table_in_12_fields_as_printed(mirror: dict[str, bytes]) -> None:
    """Neither side needs its white space touched."""
    product = [(path, html) for path, html in mirror.items() if b'class="product_page"' in html]
    found = {book.source_id: book for book in (_book(path, html) for path, html in product)}
    table = _table()
    assert len(found) == len(table) == 1_000
    assert [upc for upc, row in table.items() if _twelve_of_book(found[upc]) != _twelve_of_row(row)] == []


@_NEEDS_DATA
def test_listings_have_their_total_and_links(mirror: dict[str, bytes]) -> None:
    home = _SOURCE.list_page(mirror["index.html"], "http://a/index.html")
    travel = "catalogue/category/books/travel_2/index.html"
    assert (home.total, len(home.list_links().books)) == (1_000, 20)
    assert "http://a/catalogue/page-2.html" in home.list_links().listings
    assert _SOURCE.list_page(mirror[travel], f"http://a/{travel}").total == 11
