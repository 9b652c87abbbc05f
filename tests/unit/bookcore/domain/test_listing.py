"""A wrong value costs its field, never the book; only source, id, title and address are required."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.promises import carries

from bookcore.domain.book import Availability, AvailabilityStatus, Book, Money
from bookcore.domain.details import Contributor, Series, Subject
from bookcore.domain.listing import NormalisedListing, hash_listing, normalise_listing
from bookcore.domain.listing_print import print_listing
from bookcore.domain.normalise import Origin, PrintedBook, normalise
from bookcore.domain.offer import Condition, PriceType, Unpriced
from bookcore.domain.printed_listing import (
    PrintedContributor,
    PrintedListing,
    PrintedOffer,
    PrintedSeries,
    PrintedSubject,
    Remark,
)
from bookcore.domain.rejection import Rejected

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ORIGIN = Origin("shop", "b1", "https://shop.example/b1")
WHOLE = PrintedListing(
    title="The Lamp",
    subtitle="A Story of Light",
    contributors=(
        PrintedContributor(name="Ana Huang", sort_name="Huang, Ana"),
        PrintedContributor(name="Milena Sekulić", role="translator"),
    ),
    identifiers={"isbn": "0-439-02348-3", "oclc": "12345"},
    publisher="Laguna",
    imprint="Lagunica",
    published="2024-03-09",
    format="Paperback",
    pages="288",
    languages=("sr", "en"),
    series=(PrintedSeries(name="Lamps", number="2"),),
    subjects=(PrintedSubject(scheme="thema", code="FBA", heading="Modern fiction"),),
    category="Fiction",
    description="Lamplight.\nAnd more.",
    covers=("https://shop.example/b1.jpg", "https://shop.example/b1-back.jpg"),
    dimensions="130 x 205 x 20 mm",
    weight="350",
    edition="2nd",
    rating="4",
    average_rating="4.256",
    reviews="12",
    attributes={"binding_colour": "red"},
    offers=(PrintedOffer(price="9.99 GBP", availability="in_stock", quantity="3", seller="Shop"),),
    territory="GB",
    currency="GBP",
)


def read(printed: PrintedListing, origin: Origin = ORIGIN) -> NormalisedListing:
    found = normalise_listing(origin, printed, NOW)
    assert isinstance(found, NormalisedListing), found
    return found


def test_a_listing_becomes_a_book_with_all_its_facts() -> None:
    found = read(WHOLE)
    book = found.book
    assert found.remarks == ()
    assert (book.id, book.title, book.category, book.rating) == ("shop:b1", "The Lamp", "Fiction", 4)
    assert book.price == Money(Decimal("9.99"), "GBP")
    assert book.availability == Availability(AvailabilityStatus.IN_STOCK, 3)
    assert book.identifiers == {"oclc": "12345", "isbn13": "9780439023481"}
    assert book.image_url == "https://shop.example/b1.jpg"
    assert book.attributes == {"binding_colour": "red", "reviews": 12, "average_rating": "4.26"}
    assert book.details.contributors == (
        Contributor("Ana Huang", "Huang, Ana", "author"),
        Contributor("Milena Sekulić", None, "translator"),
    )
    assert (book.details.series, book.details.subjects) == (
        (Series("Lamps", "2"),),
        (Subject("thema", "FBA", "Modern fiction"),),
    )
    assert (book.details.width_mm, book.details.height_mm, book.details.thickness_mm) == (130, 205, 20)


def test_the_fields_of_before_are_filled_from_their_new_forms() -> None:
    details = read(WHOLE).book.details
    assert (details.authors, details.year, details.language) == (("Ana Huang",), 2024, "sr")
    assert (details.published, details.languages) == ("2024-03-09", ("sr", "en"))


@pytest.mark.parametrize(
    ("origin", "printed", "complaint"),
    [
        (ORIGIN, PrintedListing(), "title is missing"),
        (ORIGIN, PrintedListing(title="  "), "title is missing"),
        (replace(ORIGIN, source_id=None), WHOLE, "source_id is missing"),
        (replace(ORIGIN, source_id="a/b"), WHOLE, "source_id must be"),
        (replace(ORIGIN, source="A B"), WHOLE, "source must be"),
        (replace(ORIGIN, url="javascript:alert(1)"), WHOLE, "url is not an http(s) address"),
        (replace(ORIGIN, url="java\tscript:alert(1)"), WHOLE, "url is not an http(s) address"),
        (replace(ORIGIN, url="/b1"), WHOLE, "url is not an http(s) address"),
        (replace(ORIGIN, url="https://"), WHOLE, "url is not an http(s) address"),
        (replace(ORIGIN, url="https://[shop/b1"), WHOLE, "url is not an http(s) address"),
        (ORIGIN, replace(WHOLE, title="x" * 1_001), "title is longer than"),
        (ORIGIN, replace(WHOLE, title="caf\ufffd"), "title holds bytes"),
    ],
)
def test_a_listing_without_source_id_title_or_web_address_is_rejected(
    origin: Origin, printed: PrintedListing, complaint: str
) -> None:
    refusal = normalise_listing(origin, printed, NOW)
    assert isinstance(refusal, Rejected)
    assert str(refusal).startswith(complaint)


def test_a_row_of_a_table_may_be_named_by_its_table() -> None:
    assert read(WHOLE, replace(ORIGIN, url="table:shop/b1")).book.url == "table:shop/b1"


@carries("fields-apart")
@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("rating", "4.5"),
        ("average_rating", "5.1"),
        ("reviews", "many"),
        ("published", "2014-02-30"),
        ("published", "March 2014"),
        ("pages", "xii, 200"),
        ("pages", "0"),
        ("dimensions", "large"),
        ("weight", "heavy"),
        ("category", "x" * 201),
        ("subtitle", "x" * 1_001),
        ("description", "x" * 100_001),
        ("publisher", "Caf\ufffd"),
        ("territory", "Britain"),
        ("currency", "ZZZ"),
    ],
)
def test_a_value_that_cannot_be_read_costs_its_field_and_leaves_a_remark(field: str, wrong: str) -> None:
    found = read(replace(WHOLE, **{field: wrong}))  # type: ignore[arg-type]  # fields of text only
    (remark,) = found.remarks
    assert (remark.field, remark.printed) == (field, wrong[:200])
    without = read(replace(WHOLE, **{field: None})).book  # type: ignore[arg-type]
    assert found.book == without


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"identifiers": {"isbn": "9780439023482"}}, "identifiers.isbn"),
        ({"identifiers": {"a b": "x"}}, "identifiers"),
        ({"attributes": {"long": "x" * 1_001}}, "attributes"),
        ({"covers": ("javascript:alert(1)",)}, "covers"),
        ({"covers": ("data:image/png;base64,AAAA",)}, "covers"),
        ({"contributors": (PrintedContributor(name="A", role="Ünknown!"),)}, "contributors.role"),
        ({"contributors": (PrintedContributor(name="x" * 501),)}, "contributors"),
        ({"subjects": (PrintedSubject(scheme="bad scheme!", code="1"),)}, "subjects.scheme"),
        ({"contributors": tuple(PrintedContributor(name=f"N{n}") for n in range(101))}, "contributors"),
    ],
)
def test_a_part_that_cannot_be_read_costs_that_part(change: Mapping[str, object], field: str) -> None:
    found = read(replace(WHOLE, **change))  # type: ignore[arg-type]  # the fields' own types
    assert [remark.field for remark in found.remarks] == [field]


@pytest.mark.parametrize(
    ("offer", "field"),
    [
        (PrintedOffer(price="9.99 ZZZ"), "offers.price"),
        (PrintedOffer(price="1.234 GBP"), "offers.price"),
        (PrintedOffer(price="-1 GBP"), "offers.price"),
        (PrintedOffer(price="£9.99"), "offers.price"),
        (PrintedOffer(unpriced="perhaps"), "offers.unpriced"),
        (PrintedOffer(availability="Only 3 left"), "offers.availability"),
        (PrintedOffer(quantity="-1"), "offers.quantity"),
        (PrintedOffer(url="javascript:alert(1)"), "offers.url"),
        (PrintedOffer(seller="x" * 301), "offers.seller"),
    ],
)
def test_a_fact_of_an_offer_that_cannot_be_read_costs_that_fact(offer: PrintedOffer, field: str) -> None:
    found = read(replace(WHOLE, offers=(offer,)))
    assert [remark.field for remark in found.remarks] == [field]
    assert len(found.book.offers) == 1
    assert found.book.price is None


@pytest.mark.parametrize(
    ("limit", "field"),
    [
        ({"territories": ("GB", "Great Britain")}, "offers.territories"),
        ({"excluded_territories": ("??",)}, "offers.territories"),
        ({"valid_until": "next week"}, "offers.valid_until"),
        ({"valid_from": "2026-01-01T00:00:00"}, "offers.valid_from"),
        ({"price_type": "cheap"}, "offers.price_type"),
        ({"condition": "as new"}, "offers.condition"),
        ({"minimum_quantity": "a few"}, "offers.quantity"),
        ({"price_qualifier": "Members only"}, "offers.price_qualifier"),
    ],
)
def test_an_offer_whose_limits_cannot_be_read_is_left_out(limit: Mapping[str, object], field: str) -> None:
    offer = PrintedOffer(price="9.99 GBP", **limit)  # type: ignore[arg-type]  # fields of an offer
    found = read(replace(WHOLE, offers=(offer,)))
    assert [remark.field for remark in found.remarks] == [field]
    assert (found.book.offers, found.book.price) == ((), None)


def test_a_listing_without_a_price_is_a_book_that_says_why() -> None:
    book = read(replace(WHOLE, offers=(PrintedOffer(unpriced="free", availability="in_stock"),))).book
    assert book.price is None
    assert book.offers[0].unpriced is Unpriced.FREE
    assert book.availability.status is AvailabilityStatus.IN_STOCK


def test_the_remarks_of_the_reader_come_first() -> None:
    noted = Remark("title", "x" * 300, "was cut")
    found = read(replace(WHOLE, remarks=(noted,), rating="9"))
    assert [(remark.field, len(remark.printed)) for remark in found.remarks] == [
        ("title", 200),
        ("rating", 1),
    ]


def test_equal_listings_have_equal_hashes_and_each_field_counts() -> None:
    known = hash_listing(ORIGIN, WHOLE)
    turned = {"oclc": "12345", "isbn": "0-439-02348-3"}
    assert known == hash_listing(ORIGIN, replace(WHOLE, identifiers=turned))
    changed = [
        replace(WHOLE, title="Other"),
        replace(WHOLE, subtitle=None),
        replace(WHOLE, offers=()),
        replace(WHOLE, remarks=(Remark("pages", "x", "y"),)),
        replace(WHOLE, contributors=WHOLE.contributors[::-1]),
    ]
    hashes = {hash_listing(ORIGIN, printed) for printed in changed}
    assert len({known, hash_listing(replace(ORIGIN, url="https://x.example"), WHOLE), *hashes}) == 7


@pytest.mark.parametrize("with_offers", [True, False])
def test_a_printed_book_reads_as_the_same_book(with_offers: bool) -> None:  # noqa: FBT001 - a parameter
    book = read(WHOLE).book
    again = read(print_listing(book, with_offers=with_offers)).book
    assert replace(again, offers=book.offers) == book


@pytest.mark.parametrize("field", ["url", "image_url"])
@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
    ],
)
def test_a_printed_book_with_an_address_that_browsers_run_is_rejected(field: str, address: str) -> None:
    shown = PrintedBook(title="T", price="1.00 GBP", image_url=address if field == "image_url" else None)
    origin = replace(ORIGIN, url=address) if field == "url" else ORIGIN
    refusal = normalise(origin, shown)
    assert isinstance(refusal, Rejected)
    assert (refusal.field, refusal.reason) == (field, "is not an http(s) address")


@pytest.mark.parametrize(
    "address", ["cover.jpg", "/covers/1.jpg", "//cdn.example/1.jpg", "HTTPS://a.example/"]
)
def test_a_printed_book_keeps_other_addresses_as_before(address: str) -> None:
    book = normalise(ORIGIN, PrintedBook(title="T", price="1.00 GBP", image_url=address))
    assert isinstance(book, Book)
    assert book.image_url == address


def test_every_kind_of_offer_is_kept_typed() -> None:
    offers = (
        PrintedOffer(price="8.00 GBP", price_type="library_without_tax", territories=("GB", "IE")),
        PrintedOffer(price="5.00 GBP", condition="used", minimum_quantity="1", seller="Second Hand"),
        PrintedOffer(price="9.99 GBP", valid_from="2026-01-01", valid_until="2027-01-01T00:00:00+01:00"),
    )
    first, second, third = read(replace(WHOLE, offers=offers)).book.offers
    assert (first.price_type, first.territories) == (PriceType.LIBRARY_WITHOUT_TAX, ("GB", "IE"))
    assert (second.condition, second.minimum_quantity) == (Condition.USED, 1)
    assert (third.valid_from, third.valid_until) == ("2026-01-01", "2027-01-01T00:00:00+01:00")
