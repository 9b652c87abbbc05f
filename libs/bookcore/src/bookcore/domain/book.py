"""The book and its parts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NewType

from bookcore.domain.availability import Availability, AvailabilityStatus
from bookcore.domain.details import NO_DETAILS, Details
from bookcore.domain.errors import Invalid
from bookcore.domain.money import Money
from bookcore.domain.offer import Offer

__all__ = [
    "Availability",
    "AvailabilityStatus",
    "Book",
    "BookId",
    "Money",
    "Offer",
    "Rating",
    "VersionedBook",
    "from_version",
    "make_book_id",
    "to_version",
]

BookId = NewType("BookId", str)
"""`source:source_id`, for example `books_toscrape:a897fe39b1053632`; safe in a URL path as it is."""

Rating = NewType("Rating", int)
"""Whole stars, 1 to 5."""

_SOURCE = re.compile(r"[a-z0-9_]{1,40}")
_SOURCE_ID = re.compile(r"[A-Za-z0-9._~-]{1,128}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def make_book_id(source: str, source_id: str) -> BookId:
    """Key of a book in every topic and table.

    Raises: Invalid when a part holds characters that would need escaping in a URL, or is too long.
    """
    if not _SOURCE.fullmatch(source):
        raise Invalid("must be 1-40 of a-z, 0-9, _", field="source")
    if not _SOURCE_ID.fullmatch(source_id):
        raise Invalid("must be 1-128 of A-Z, a-z, 0-9, . _ ~ -", field="source_id")
    return BookId(f"{source}:{source_id}")


def to_version(moment: datetime) -> int:
    """Version of a book observed at that time: whole microseconds since 1970-01-01 UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_version(version: int) -> datetime:
    """Inverse of to_version."""
    return _EPOCH + timedelta(microseconds=version)


@dataclass(frozen=True, slots=True)
class Book:
    """The facts that a source states about one book; equal content means equal values.

    `price` is chosen among the `offers` by `bookcore.domain.price_rule`, None where none qualifies; a source
    that prints one price has no offers. `attributes` keeps facts that only this source prints (text or whole
    numbers), by the source's own names.
    """

    source: str
    source_id: str
    url: str
    title: str
    category: str | None
    rating: Rating | None
    price: Money | None
    availability: Availability
    identifiers: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    image_url: str | None = None
    attributes: Mapping[str, str | int] = field(default_factory=dict)
    details: Details = NO_DETAILS
    offers: tuple[Offer, ...] = ()

    @property
    def id(self) -> BookId:
        """Key in every topic and table."""
        return make_book_id(self.source, self.source_id)


@dataclass(frozen=True, slots=True)
class VersionedBook:
    """A book of the catalogue; `version` is the microsecond of the newest accepted observation."""

    book: Book
    version: int
    first_seen_at: datetime
    last_seen_at: datetime
    deleted: bool = False
