"""Facts of a book without its price: the input of a prediction."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bookcore.domain.book import Book
from bookcore.domain.details import NO_DETAILS, Details

_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class BookFacts:
    """All facts are optional; the price and values derived from it (tax, price without tax) are excluded."""

    title: str = ""
    category: str | None = None
    description: str | None = None
    product_type: str | None = None
    rating: float | None = None
    average_rating: float | None = None
    reviews: int | None = None
    details: Details = NO_DETAILS

    @property
    def work_key(self) -> str:
        """Equal for editions of the same work, by title and first author."""
        author = self.details.authors[0] if self.details.authors else ""
        return f"{_fold(_ASIDE.sub(' ', self.title)) or _fold(self.title)}|{_fold(author)}"

    @property
    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """JSON values; missing facts are left out."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "details"}
        details = self.details.plain
        return {k: v for k, v in values.items() if v is not None} | ({"details": details} if details else {})


def extract_facts(book: Book) -> BookFacts:
    """Facts of a book."""
    attributes = book.attributes
    average, reviews, kind = (attributes.get(n) for n in ("average_rating", "reviews", "product_type"))
    return BookFacts(
        title=book.title,
        category=book.category,
        description=book.description,
        product_type=None if kind is None else str(kind),
        rating=None if book.rating is None else float(book.rating),
        average_rating=None if average is None else float(average),
        reviews=None if reviews is None else int(reviews),
        details=book.details,
    )


def parse_facts(values: Mapping[str, Any]) -> BookFacts:  # Any: JSON
    """The inverse of `as_dict`."""
    return BookFacts(**{**values, "details": Details.from_plain(values.get("details"))})


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(filter(str.isalnum, plain))
