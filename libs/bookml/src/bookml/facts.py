"""What is known of a book without its price: all that a prediction may look at."""

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
    """Everything may be missing; the price and what follows from it (tax, price without tax) is not here."""

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
        """The same for all editions of a work, as far as title and first author tell."""
        author = self.details.authors[0] if self.details.authors else ""
        return f"{_fold(_ASIDE.sub(' ', self.title)) or _fold(self.title)}|{_fold(author)}"

    @property
    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """JSON values; what is missing is left out."""
        told = {name: getattr(self, name) for name in self.__slots__ if name != "details"}
        details = self.details.plain
        return {k: v for k, v in told.items() if v is not None} | ({"details": details} if details else {})


def extract_facts(book: Book) -> BookFacts:
    """The book without its price."""
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


def parse_facts(told: Mapping[str, Any]) -> BookFacts:  # Any: JSON
    """The inverse of `plain`."""
    details = dict(told.get("details") or {})
    details["authors"] = tuple(details.get("authors", ()))
    return BookFacts(**{**told, "details": Details(**details)})


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(filter(str.isalnum, plain))
