"""A book as schema.org: what is written is read back as the same facts."""

from dataclasses import replace
from io import BytesIO

import orjson
import pytest

from bookcore.domain.book import Availability, AvailabilityStatus, Book
from bookcore.domain.details import Details
from bookcore.domain.printed_listing import PrintedListing
from bookcore.testing.builders import make_book
from bookcore.testing.listings import make_listed_book
from books_api.json_ld import build_json_ld
from booksources.reading import Document, Listing, SourceProfile
from booksources.schema_org.reader import read_page

ISBN = "9780439023481"


def read_back(book: Book) -> PrintedListing:
    """As a crawler reads a page that holds the book."""
    block = orjson.dumps(build_json_ld(book)).replace(b"<", b"\\u003c")
    page = b'<html><head><script type="application/ld+json">' + block + b"</script></head></html>"
    items = list(read_page(Document(book.url, BytesIO(page), "text/html"), SourceProfile()))
    (listing,) = [item for item in items if isinstance(item, Listing)]
    return listing.printed


def test_a_listed_book_is_read_back_as_the_same_facts() -> None:
    book = replace(make_listed_book(), identifiers={"isbn13": ISBN})
    found = read_back(book)
    assert (found.title, found.subtitle, found.publisher) == (book.title, "A Story of Light", "Laguna")
    assert [(each.name, each.role) for each in found.contributors] == [
        ("Ana Huang", "author"),
        ("Milena Sekulić", "translator"),
    ]
    assert (found.identifiers, found.published, found.languages) == ({"isbn": ISBN}, "2024-03", ("sr", "en"))
    assert [(each.name, each.number) for each in found.series] == [("Harbour Nights", "2")]
    assert (found.description, found.covers) == (book.description, book.details.covers)
    assert [(each.price, each.availability) for each in found.offers] == [("9.99 GBP", "preorder")]
    assert found.remarks == ()


def test_the_simple_form_of_details_is_read_back() -> None:
    details = Details(authors=("Ana Huang",), year=1999, language="sr", pages=321, format="Hardcover")
    found = read_back(replace(make_book(), details=details, identifiers={"isbn13": ISBN}))
    assert [each.name for each in found.contributors] == ["Ana Huang"]
    assert (found.published, found.languages, found.pages) == ("1999", ("sr",), "321")
    assert (found.format, found.offers[0].quantity) == ("Hardcover", "22")


READ_AS = {AvailabilityStatus.UNKNOWN: None, AvailabilityStatus.DELISTED: AvailabilityStatus.OUT_OF_STOCK}
"""`Discontinued` of a page is out of stock: pages use it for both."""


@pytest.mark.parametrize("status", list(AvailabilityStatus))
def test_each_availability_is_read_back_or_left_out(status: AvailabilityStatus) -> None:
    (offer,) = read_back(replace(make_book(), availability=Availability(status))).offers
    assert offer.availability == READ_AS.get(status, status)


def test_a_book_of_unknown_price_and_availability_makes_no_offer() -> None:
    book = replace(make_book(), price=None, availability=Availability(AvailabilityStatus.UNKNOWN))
    assert "offers" not in build_json_ld(book)


def test_offers_that_not_everybody_gets_are_left_out() -> None:
    assert build_json_ld(make_listed_book(price=None))["offers"] == {
        "@type": "Offer",
        "url": "https://shop.example/u1",
        "availability": "https://schema.org/PreOrder",
    }
