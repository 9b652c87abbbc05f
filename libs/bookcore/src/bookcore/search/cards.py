"""What the ranking compares with typed text: a book's words by field, kept beside it in the index."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from bookcore.domain.book import Book
from bookcore.search.text import read_text
from bookcore.search.titles import TitleParts, split_title

MAX_POPULARITY = 24
_COUNTS = (
    *("work_ratings_count", "ratings_count", "rating_count", "num_ratings", "ratings", "num_reviews"),
    *("reviews", "review_count", "views", "downloads"),
)
"""Attributes that count readers, the best first; sources name them differently."""
_MOST_NAMES = 12
_MOST_TITLES = 8


@dataclass(frozen=True, slots=True)
class Card:
    """Words joined by spaces: readings of the titles, of the names of people and of the series.

    The first `mains` titles are readings of the whole title, the others of its parts. `number` is the book's
    in the series; `popularity` is 0 (unknown) to MAX_POPULARITY.
    """

    titles: tuple[str, ...]
    people: tuple[str, ...]
    series: tuple[str, ...]
    number: str
    popularity: int
    mains: int

    def encode(self) -> str:
        """The text that the index keeps."""
        facts = [self.titles, self.people, self.series, self.number, self.popularity, self.mains]
        return orjson.dumps(facts).decode()

    @classmethod
    def decode(cls, text: str | bytes) -> "Card":
        """Inverse of `encode`."""
        titles, people, series, *facts = orjson.loads(text)
        return cls(tuple(titles), tuple(people), tuple(series), *facts)


def make_card(book: Book) -> Card:
    """The card of a book, bounded whatever its title holds."""
    parts = split_title(book.title)
    series, number = _find_series(book, parts)
    titles = [parts.main, *parts.pieces, book.details.subtitle or ""]
    people = list_people(book)[:_MOST_NAMES]
    return Card(
        titles=tuple(_list_readings(titles))[:_MOST_TITLES],
        people=tuple(_list_readings(people)),
        series=tuple(_list_readings([series])),
        number=number.replace(" ", "").lstrip("0"),
        popularity=count_popularity(book.attributes),
        mains=len(_list_readings([parts.main])),
    )


def list_people(book: Book) -> list[str]:
    """Authors, then the others with a part in the book, each name once."""
    details = book.details
    return list(dict.fromkeys((*details.authors, *(each.name for each in details.contributors))))


def count_popularity(attributes: Mapping[str, str | int]) -> int:
    """Steps of a doubling of the first known count of readers; 0 without one."""
    for name in _COUNTS:
        value = attributes.get(name)
        if isinstance(value, str) and value.isdecimal() and len(value) < 12:
            value = int(value)
        if isinstance(value, int) and value > 0:
            return min(value.bit_length(), MAX_POPULARITY)
    return 0


def _find_series(book: Book, parts: TitleParts) -> tuple[str, str]:
    for series in book.details.series[:1]:
        return series.name, series.number or parts.number
    return parts.series, parts.number


def _list_readings(texts: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(" ".join(words[:60]) for text in texts if text for words in read_text(text))
