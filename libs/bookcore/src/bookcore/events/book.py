"""The events about books, one frozen model per type and version; JSON Schemas are generated from these."""

from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha1
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from bookcore.domain.book import (
    Availability,
    AvailabilityStatus,
    Book,
    BookId,
    Rating,
    VersionedBook,
    make_book_id,
    to_version,
)
from bookcore.domain.change import FieldChange
from bookcore.domain.details import NO_DETAILS, Details
from bookcore.domain.normalise import Origin, PrintedBook
from bookcore.events.offers import OfferState, Price

__all__ = [
    "BookChanged",
    "BookGone",
    "BookObserved",
    "BookState",
    "BookWithdrawn",
    "ChangeKind",
    "Event",
    "Price",
    "PricedBookState",
    "Stock",
    "make_event_id",
]

_NAMESPACE = UUID("6f4b1c1e-8d0a-5b6e-9a57-0c2b7a4f5d11")


class Event(BaseModel):
    """Base of all events: immutable, and unknown fields are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: ClassVar[str]


class BookObserved(Event):
    """A source stated these printed facts of a book at that time; not validated, kept forever in the lake.

    `page` is the lake key of the stored page, None when an administrator entered the book.
    """

    type = "books.book.observed.v1"

    source: str
    source_id: str | None
    url: str
    observed_at: AwareDatetime
    content_hash: str
    extractor: str
    page: str | None = None
    printed: PrintedBook

    @property
    def event_id(self) -> str:
        """The same content observed by the same extractor has the same id, also after a crash."""
        return make_event_id(self.source, self.source_id or self.url, self.content_hash, self.extractor)

    @property
    def key(self) -> str:
        """Partition key: all events of a book stay in order."""
        return f"{self.source}:{self.source_id or self.url}"

    @property
    def origin(self) -> Origin:
        """Argument of normalise."""
        return Origin(self.source, self.source_id, self.url)

    @property
    def version(self) -> int:
        """Microseconds since 1970: a later observation wins, in any order of arrival."""
        return to_version(self.observed_at)


class BookWithdrawn(Event):
    """A source no longer has the book, or an administrator removed it, for that reason; a later observation
    restores it.
    """

    type = "books.book.withdrawn.v1"

    source: str
    source_id: str
    observed_at: AwareDatetime
    reason: str

    @property
    def event_id(self) -> str:
        """Stable over retries of the same withdrawal."""
        return make_event_id(self.type, self.source, self.source_id, str(self.version))

    @property
    def key(self) -> str:
        """Partition key: all events of a book stay in order."""
        return make_book_id(self.source, self.source_id)

    @property
    def version(self) -> int:
        """Microseconds since 1970."""
        return to_version(self.observed_at)


class ChangeKind(StrEnum):
    """The kind of a change."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class BookChanged(Event):
    """The catalogue accepted a change: each changed field with its value before and after."""

    type = "books.book.changed.v1"

    book_id: BookId
    version: int
    kind: ChangeKind
    changes: tuple[FieldChange, ...]

    @property
    def event_id(self) -> str:
        """One id per version and change: consumers deduplicate by it."""
        return make_event_id(self.type, self.book_id, str(self.version))

    @property
    def key(self) -> str:
        """Partition key."""
        return self.book_id


class Stock(BaseModel):
    """Availability with the number of copies, where the source prints it."""

    model_config = ConfigDict(frozen=True)

    status: AvailabilityStatus
    quantity: int | None = None


class BookState(Event):
    """A whole book of the catalogue; the newest state per key replaces all earlier ones.

    On the topic this version tells of books without a price, PricedBookState of those with one.
    """

    type = "books.book.state.v2"

    id: BookId
    source: str
    source_id: str
    url: str
    title: str
    category: str | None
    rating: int | None
    price: Price | None
    availability: Stock
    identifiers: Mapping[str, str]
    description: str | None
    image_url: str | None
    attributes: Mapping[str, str | int]
    details: Details | None = None
    offers: tuple[OfferState, ...] = ()
    version: int
    first_seen_at: AwareDatetime
    last_seen_at: AwareDatetime

    @property
    def event_id(self) -> str:
        """One id per version."""
        return make_event_id(self.type, self.id, str(self.version))

    @property
    def key(self) -> str:
        """Partition key."""
        return self.id

    @classmethod
    def from_stored(cls, stored: VersionedBook) -> "BookState":
        """The wire form of a catalogue row: a PricedBookState when it has a price."""
        book = stored.book
        model = BookState if book.price is None else PricedBookState
        return model(
            id=book.id,
            source=book.source,
            source_id=book.source_id,
            url=book.url,
            title=book.title,
            category=book.category,
            rating=book.rating,
            price=None if book.price is None else Price.from_money(book.price),
            availability=Stock(status=book.availability.status, quantity=book.availability.quantity),
            identifiers=book.identifiers,
            description=book.description,
            image_url=book.image_url,
            attributes=book.attributes,
            details=None if book.details == NO_DETAILS else book.details,
            offers=tuple(map(OfferState.from_offer, book.offers)),
            version=stored.version,
            first_seen_at=stored.first_seen_at,
            last_seen_at=stored.last_seen_at,
        )

    def to_book(self) -> VersionedBook:
        """Inverse of from_stored."""
        book = Book(
            source=self.source,
            source_id=self.source_id,
            url=self.url,
            title=self.title,
            category=self.category,
            rating=None if self.rating is None else Rating(self.rating),
            price=self.price.to_money() if self.price else None,
            availability=Availability(self.availability.status, self.availability.quantity),
            identifiers=self.identifiers,
            description=self.description,
            image_url=self.image_url,
            attributes=self.attributes,
            details=self.details or NO_DETAILS,
            offers=tuple(each.to_offer() for each in self.offers),
        )
        return VersionedBook(book, self.version, self.first_seen_at, self.last_seen_at)


class PricedBookState(BookState):
    """A whole book that has a price; what is new since version 1 of it is optional, so old readers go on."""

    type = "books.book.state.v1"

    price: Price


class BookGone(Event):
    """The tombstone of the state topic: an empty value under the book's key, the version in a header."""

    type = "books.book.gone.v1"

    book_id: BookId
    version: int

    @property
    def event_id(self) -> str:
        """One id per version."""
        return make_event_id(self.type, self.book_id, str(self.version))

    @property
    def key(self) -> str:
        """Partition key."""
        return self.book_id


def make_event_id(*parts: str) -> str:
    """UUIDv5 of the parts; the standard library's is slower, and every event needs one."""
    digest = bytearray(
        sha1(_NAMESPACE.bytes + "\x1f".join(parts).encode(), usedforsecurity=False).digest()[:16]
    )
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
