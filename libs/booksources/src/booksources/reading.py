"""What every reader takes and gives.

A reader is a pure function `read(document, profile) -> Iterator[ReadItem]`: no network, clock or store.
Items come in the document's order and one at a time, so that the memory of a feed of any size is flat;
links and the total may come anywhere, because a feed names its next page wherever it likes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol

from bookcore.domain.printed_listing import PrintedListing


@dataclass(frozen=True, slots=True)
class Document:
    """A page or feed: its address, its bytes as a file open for reading, and the Content-Type it came
    with.

    `is_whole`: whether the transport received all of it; readers of pages refuse prices of a truncated
    one.
    """

    url: str
    body: IO[bytes]
    content_type: str = ""
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class SourceProfile:
    """What a source declares about the notation of its documents; nothing of it is guessed.

    `language`: BCP 47 tag. `decimal`: decimal sign of amounts, None for a point, with commas as
    separators of thousands. `currency`: ISO 4217 code of amounts without one. `territory`: ISO 3166 code
    of its customers. `identified_by`: properties that hold the source's own key, the first that a listing
    has; `url` for its address. `sells_only_books`: a product without an ISBN is a book, too.
    """

    language: str = "en"
    decimal: str | None = None
    currency: str | None = None
    territory: str | None = None
    identified_by: tuple[str, ...] = ("sku", "isbn", "productID", "url")
    sells_only_books: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing that was read. `source_id`: the source's own key of it, None where the document has none.
    `as_of`: when the document says that it was true, None where it says nothing.
    """

    source_id: str | None
    url: str
    printed: PrintedListing
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """A listing that the source withdrew, with the source's reason."""

    source_id: str
    reason: str
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """An absolute URL; `role` is `next` (page of the same list), `list` or `book`. `modified`: as the
    document says.
    """

    role: str
    url: str
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A record that cannot become a listing: its place in the document, the raw record, the reason in one
    line.
    """

    place: str
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Total:
    """Number of listings that the document says its list has."""

    count: int


ReadItem = Listing | Gone | Link | Parked | Total


class Reader(Protocol):
    """A format of documents.

    Raises, while items are taken: Invalid when the document is not of the format, or is damaged from here
    on.
    """

    def __call__(self, document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
        """Items in the document's order."""
        ...
