"""Events of books that an editor wrote; a value that a crawl would drop or park is refused here."""

from datetime import datetime

from bookcore.domain.book import Book
from bookcore.domain.errors import Invalid
from bookcore.domain.listing import NormalisedListing, hash_listing, normalise_listing
from bookcore.domain.listing_print import print_listing
from bookcore.domain.normalise import Origin, hash_printed, normalise, print_book
from bookcore.domain.printed_listing import PrintedListing
from bookcore.domain.rejection import Rejected
from bookcore.events.book import BookObserved
from bookcore.events.listing import BookObservedV2

EXTRACTOR = "books-api/1"


def build_observation(book: Book, at: datetime) -> BookObserved:
    """Raises: Invalid when the ingestor would reject the book."""
    origin, printed = Origin(book.source, book.source_id, book.url), print_book(book)
    checked = normalise(origin, printed)
    if isinstance(checked, Rejected):
        raise Invalid(checked.reason, field=checked.field)
    return BookObserved(
        source=book.source,
        source_id=book.source_id,
        url=book.url,
        observed_at=at,
        content_hash=hash_printed(origin, printed),
        extractor=EXTRACTOR,
        printed=printed,
    )


def build_listing_observation(book: Book, at: datetime) -> BookObservedV2:
    """Keeps the offers, unless the rule would choose another price or availability than the editor gave.

    Raises: Invalid when the ingestor would reject the book or remark on a field.
    """
    origin, printed = Origin(book.source, book.source_id, book.url), print_listing(book, with_offers=True)
    checked = _check(origin, printed, at)
    if (checked.book.price, checked.book.availability) != (book.price, book.availability):
        printed = print_listing(book, with_offers=False)
        _check(origin, printed, at)
    return BookObservedV2(
        source=book.source,
        source_id=book.source_id,
        url=book.url,
        observed_at=at,
        content_hash=hash_listing(origin, printed),
        extractor=EXTRACTOR,
        printed=printed,
    )


def _check(origin: Origin, printed: PrintedListing, at: datetime) -> NormalisedListing:
    checked = normalise_listing(origin, printed, at)
    if isinstance(checked, Rejected):
        raise Invalid(checked.reason, field=checked.field)
    for remark in checked.remarks:
        raise Invalid(remark.reason, field=remark.field)
    return checked
