"""Builders of books that have offers, and of the events that observe them."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from bookcore.domain.book import Availability, AvailabilityStatus, Book, Money, Offer
from bookcore.domain.details import Contributor, Details, Series, Subject
from bookcore.domain.listing import hash_listing
from bookcore.domain.normalise import Origin
from bookcore.domain.offer import PriceType, Unpriced
from bookcore.domain.printed_listing import PrintedContributor, PrintedListing, PrintedOffer, PrintedSeries
from bookcore.events.listing import BookObservedV2
from bookcore.testing.builders import EPOCH, make_book

LISTED = Details(
    authors=("Ana Huang",),
    publisher="Laguna",
    year=2024,
    language="sr",
    subtitle="A Story of Light",
    contributors=(Contributor("Ana Huang", "Huang, Ana"), Contributor("Milena Sekulić", None, "translator")),
    imprint="Lagunica",
    published="2024-03",
    languages=("sr", "en"),
    series=(Series("Harbour Nights", "2"),),
    subjects=(Subject("thema", "FBA", "Modern fiction"),),
    covers=("https://shop.example/cover.jpg",),
)
"""Details with all that a listing has."""


def make_listed_book(source_id: str = "u1", *, price: str | None = "9.99") -> Book:
    """A book with two offers, the second for libraries; without a price it says why."""
    money = None if price is None else Money(Decimal(price), "GBP")
    stock = Availability(AvailabilityStatus.PREORDER)
    offers = (
        Offer(
            price=money,
            unpriced=None if money else Unpriced.ON_REQUEST,
            territories=("GB", "IE"),
            availability=stock.status,
        ),
        Offer(price=Money(Decimal("30.00"), "GBP"), price_type=PriceType.LIBRARY_WITH_TAX, quantity=2),
    )
    book = replace(make_book(source_id), price=money, availability=stock, attributes={}, details=LISTED)
    return replace(book, offers=offers, image_url=LISTED.covers[0])


PRINTED = PrintedListing(
    title="The Lamp",
    subtitle="A Story of Light",
    contributors=(PrintedContributor(name="Ana Huang", sort_name="Huang, Ana"),),
    identifiers={"isbn": "9780439023481"},
    series=(PrintedSeries(name="Harbour Nights", number="2"),),
    offers=(PrintedOffer(price="9.99 GBP", availability="in_stock"),),
    territory="GB",
    currency="GBP",
)
"""A listing with a price."""


def make_listing_observation(
    printed: PrintedListing = PRINTED,
    *,
    source_id: str = "u1",
    source: str = "shop",
    minute: int = 0,
    as_of: datetime | None = None,
) -> BookObservedV2:
    """The event of a reader that saw the listing `minute` minutes after EPOCH."""
    origin = Origin(source, source_id, f"https://{source}.example/{source_id}")
    return BookObservedV2(
        source=source,
        source_id=source_id,
        url=origin.url,
        observed_at=EPOCH + timedelta(minutes=minute),
        as_of=as_of,
        content_hash=hash_listing(origin, printed),
        extractor="test/1",
        printed=printed,
    )
