"""Listings one by one: a book, an equal one, or one to park with the reason.

Listings of one id that state the same are counted once; one that differs from the first is parked, so that
nothing is merged or overwritten.
"""

from dataclasses import dataclass
from datetime import datetime

from bookcore.domain.book import Book, make_book_id
from bookcore.domain.errors import Invalid
from bookcore.domain.listing import hash_listing, normalise_listing
from bookcore.domain.normalise import Origin
from bookcore.domain.printed_listing import PrintedListing
from bookcore.domain.rejection import Rejected
from booksources.intake.account import IntakeAccount
from booksources.intake.ids import ListingIds
from booksources.reading import Gone, Listing


@dataclass(frozen=True, slots=True)
class TakenListing:
    """A listing that states a book; `reason` is why it is parked, empty for one to publish."""

    number: int
    origin: Origin
    printed: PrintedListing
    content_hash: str
    as_of: datetime | None = None
    book: Book | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TakenGone:
    """A book that the source withdrew."""

    number: int
    source_id: str
    reason: str
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that is no listing, as it was read, and the reason."""

    number: int
    raw: bytes
    reason: str


Taken = TakenListing | TakenGone | RefusedRecord | None
"""None for a record that is equal to an earlier one."""


class ListingIntake:
    """Takes the listings of one file in order, and keeps the account.

    `at`: when it is read. `as_of`: when it held, for records that don't say so themselves. `record`: its word
    for a record.
    """

    def __init__(self, source: str, at: datetime, *, record: str, as_of: datetime | None = None) -> None:
        self.account = IntakeAccount()
        self._source = source
        self._at = at
        self._as_of = as_of
        self._record = record
        self._ids = ListingIds()

    def close(self) -> None:
        """Forget the ids."""
        self._ids.close()

    def refuse(self, number: int, raw: bytes, reason: str) -> RefusedRecord:
        """A record that can't be read."""
        self.account.rows += 1
        self.account.count_refusal(reason)
        return RefusedRecord(number, raw, reason)

    def withdraw(self, number: int, gone: Gone) -> TakenGone | RefusedRecord:
        """A withdrawn book; refused when its id is none."""
        try:
            make_book_id(self._source, gone.source_id)
        except Invalid as error:
            return self.refuse(number, gone.source_id.encode(), str(error))
        self.account.rows += 1
        self.account.gone += 1
        return TakenGone(number, gone.source_id, gone.reason, gone.as_of or self._as_of)

    def take(self, number: int, listing: Listing) -> TakenListing | None:
        """The listing's book; None for a listing equal to an earlier one."""
        self.account.rows += 1
        taken = self._normalise(number, listing)
        if taken is None:
            self.account.equal += 1
        elif taken.reason:
            self.account.count_refusal(taken.reason)
        else:
            self.account.books += 1
        return taken

    def _normalise(self, number: int, listing: Listing) -> TakenListing | None:
        url = listing.url or f"table:{self._source}/{listing.source_id}"
        origin, printed = Origin(self._source, listing.source_id, url), listing.printed
        as_of = listing.as_of or self._as_of
        content = hash_listing(origin, printed)
        result = normalise_listing(origin, printed, as_of or self._at)
        if isinstance(result, Rejected):
            return TakenListing(number, origin, printed, content, as_of, reason=str(result))
        earlier = self._ids.add(result.book.source_id, content, number)
        if earlier is None:
            for remark in result.remarks:
                self.account.count_remark(remark, f"{self._record} {number}")
            return TakenListing(number, origin, printed, content, as_of, result.book)
        first, is_equal = earlier
        if is_equal:
            return None
        word = self._record
        reason = f"states something else than an earlier {word} of the same id: {word} {first}"
        return TakenListing(number, origin, printed, content, as_of, reason=reason)
