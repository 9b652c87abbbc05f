"""The words and facts of a book that every engine indexes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from bookcore.domain.book import Book, BookId, VersionedBook
from bookcore.search import RemovedBook
from bookcore.search.cards import Card, list_people, make_card
from bookcore.search.filters import PRICE_SCALE, make_name_keys
from bookcore.search.text import (
    make_grams,
    make_identifier_key,
    make_product_key,
    read_text,
    tokenize_for_index,
)

Change = VersionedBook | RemovedBook

_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class IndexedFields:
    """`words` by field are space-separated, without empty ones; `keys` by field are exact values.

    `card` is what the ranking reads; `price` is in ten-thousandths of the major unit.
    """

    words: dict[str, str]
    keys: dict[str, list[str]]
    card: str
    price: int | None
    rating: int | None
    year: int | None
    first_seen: int


def build_indexed_fields(stored: VersionedBook) -> IndexedFields:
    """The searchable, filterable and countable fields of a book."""
    book = stored.book
    card = make_card(book)
    return IndexedFields(
        words={name: words for name, words in _build_words(book, card).items() if words},
        keys={name: keys for name, keys in _build_keys(book, card).items() if keys},
        card=card.encode(),
        price=int(book.price.amount * PRICE_SCALE) if book.price else None,
        rating=book.rating,
        year=book.details.year,
        first_seen=int(stored.first_seen_at.timestamp()),
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


def _build_words(book: Book, card: Card) -> dict[str, str]:
    joined = dict.fromkeys(title.replace(" ", "") for title in card.titles)
    names = dict.fromkeys(name.replace(" ", "") for name in card.people)
    series = " ".join(each.name for each in book.details.series)
    return {
        "title": _join(_list_words(book.title, book.details.subtitle or "")),
        "authors": _join((*_list_words(*list_people(book)), *_list_initials(card.people))),
        "series": _join((*_list_words(series), *" ".join(card.series).split(), card.number)),
        "category_words": _join(_list_words(book.category or "")),
        "description": " ".join(tokenize_for_index(book.description)) if book.description else "",
        "title_grams": _join(part for title in joined for part in make_grams(title)),
        "author_grams": _join(part for name in names for part in make_grams(name)),
    }


def _build_keys(book: Book, card: Card) -> dict[str, list[str]]:
    values = (book.id, book.source_id, *book.identifiers.values())
    products = filter(None, map(make_product_key, book.identifiers.values()))
    details = book.details
    return {
        "identifier": sorted({*map(make_identifier_key, values), *products} - {""}),
        "title_key": [*dict.fromkeys(title.replace(" ", "")[:_LONGEST_KEY] for title in card.titles)],
        "popularity": [str(card.popularity)] if card.popularity else [],
        "source": [book.source],
        "category": [book.category] if book.category else [],
        "currency": [book.price.currency] if book.price else [],
        "availability": [book.availability.status.value],
        "author": make_name_keys(list_people(book)),
        "publisher": make_name_keys([details.publisher, details.imprint]),
        "language": make_name_keys([details.language, *details.languages]),
    }


def _list_initials(people: Iterable[str]) -> list[str]:
    """`george rr martin` gives `grr`: what is typed for all names before the last one."""
    found = []
    for name in people:
        words = name.split(" ")
        found.append("".join(word if len(word) <= 2 else word[0] for word in words[:-1]))
    return found


def _list_words(*texts: str) -> list[str]:
    """The words of the texts, with parts that may be typed alone, and those of their readings."""
    words = [word for text in texts for word in tokenize_for_index(text)]
    return [*words, *(word for text in texts for reading in read_text(text) for word in reading)]


def _join(words: Iterable[str]) -> str:
    """Each word once."""
    return " ".join(dict.fromkeys(filter(None, words)))
