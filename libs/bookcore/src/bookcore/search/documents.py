"""The words and facts of a book that every engine indexes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bookcore.domain.book import Book, BookId, VersionedBook
from bookcore.domain.details import Details
from bookcore.search import RemovedBook
from bookcore.search.query_plan import PRICE_SCALE, make_title_key
from bookcore.search.text import make_identifier_key, tokenize_for_index

Change = VersionedBook | RemovedBook


@dataclass(frozen=True, slots=True)
class IndexedFields:
    """Words are space-separated, empty where there are none; `price` in ten-thousandths of the major unit."""

    title: str
    authors: str
    category_words: str
    description: str
    title_key: str
    identifiers: frozenset[str]
    source: str
    category: str | None
    currency: str | None
    availability: str
    price: int | None
    rating: int | None


def build_indexed_fields(stored: VersionedBook) -> IndexedFields:
    """The searchable, filterable and countable fields of a book."""
    book = stored.book
    return IndexedFields(
        title=_analyze(book.title),
        authors=_analyze(" ".join(_list_people(book.details))),
        category_words=_analyze(book.category),
        description=_analyze(" ".join(_list_texts(book))),
        title_key=make_title_key(book.title),
        identifiers=frozenset(
            map(make_identifier_key, (book.id, book.source_id, *book.identifiers.values()))
        ),
        source=book.source,
        category=book.category or None,
        currency=book.price.currency if book.price else None,
        availability=book.availability.status.value,
        price=int(book.price.amount * PRICE_SCALE) if book.price else None,
        rating=book.rating,
    )


def get_id(change: Change) -> BookId:
    """The book's id, also for a removed book."""
    return change.id if isinstance(change, RemovedBook) else change.book.id


def compute_tie(key: BookId) -> int:
    """A 56-bit hash of the id: the order of books with equal scores, the same in every index."""
    return int.from_bytes(sha256(key.encode()).digest()[:7])


def keep_newest(changes: Sequence[Change]) -> dict[BookId, Change]:
    """The newest change per id; the first among equal versions."""
    found: dict[BookId, Change] = {}
    for change in changes:
        known = found.get(get_id(change))
        if known is None or change.version > known.version:
            found[get_id(change)] = change
    return found


def _list_people(details: Details) -> Iterable[str]:
    """Authors, then the others with a part in the book, each name once."""
    return dict.fromkeys((*details.authors, *(each.name for each in details.contributors)))


def _list_texts(book: Book) -> Iterator[str]:
    """Subtitle and series are searched with the description's weight: an index of before stays readable."""
    if book.details.subtitle:
        yield book.details.subtitle
    yield from (each.name for each in book.details.series)
    if book.description:
        yield book.description


def _analyze(text: str | None) -> str:
    return " ".join(tokenize_for_index(text)) if text else ""
