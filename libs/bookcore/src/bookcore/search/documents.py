"""What an engine keeps of a book: the words and facts that both engines index alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from bookcore.domain.book import BookId, VersionedBook
from bookcore.search import Removed
from bookcore.search.query_plan import PRICE_SCALE, title_key
from bookcore.search.text import identifier_key, indexed_tokens

Change = VersionedBook | Removed


@dataclass(frozen=True, slots=True)
class Indexed:
    """Words space-separated, empty where there are none; `price` in ten-thousandths of the major unit."""

    title: str
    authors: str
    category_words: str
    description: str
    title_key: str
    identifiers: frozenset[str]
    source: str
    category: str | None
    availability: str
    price: int
    rating: int | None


def indexed(stored: VersionedBook) -> Indexed:
    """What can be searched, filtered and counted of a living book."""
    book = stored.book
    return Indexed(
        title=_words(book.title),
        authors=_words(" ".join(book.details.authors)),
        category_words=_words(book.category),
        description=_words(book.description),
        title_key=title_key(book.title),
        identifiers=frozenset(map(identifier_key, (book.id, book.source_id, *book.identifiers.values()))),
        source=book.source,
        category=book.category or None,
        availability=book.availability.status.value,
        price=int(book.price.amount * PRICE_SCALE),
        rating=book.rating,
    )


def id_of(change: Change) -> BookId:
    """Of the book, or of what was one."""
    return change.id if isinstance(change, Removed) else change.book.id


def tie_of(key: BookId) -> int:
    """A number made of the id, 56 bits: the order of books that score the same, in every index."""
    return int.from_bytes(sha256(key.encode()).digest()[:7])


def newest(changes: Sequence[Change]) -> dict[BookId, Change]:
    """One per id; among equal versions the first."""
    found: dict[BookId, Change] = {}
    for change in changes:
        known = found.get(id_of(change))
        if known is None or change.version > known.version:
            found[id_of(change)] = change
    return found


def _words(text: str | None) -> str:
    return " ".join(indexed_tokens(text)) if text else ""
