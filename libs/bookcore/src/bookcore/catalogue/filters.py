"""Filters of books and their conditions in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import ColumnElement, or_

from bookcore.catalogue.tables import books
from bookcore.domain.book import AvailabilityStatus
from bookcore.domain.category_tree import PrintedCategories


@dataclass(frozen=True, slots=True)
class CategoryChoice:
    """Ids of the category tree, and what sources print for the books of these categories now."""

    category_ids: tuple[str, ...]
    printed: PrintedCategories = field(repr=False)


@dataclass(frozen=True, slots=True)
class BookFilter:
    """Filters combined with AND; the values of one filter with OR. Empty or None means no filter.

    Prices are in major units, bounds inclusive.
    """

    category: Sequence[str] = ()
    placed: CategoryChoice | None = None
    source: Sequence[str] = ()
    currency: Sequence[str] = ()
    isbn13: Sequence[str] = ()
    rating: Sequence[int] = ()
    availability: Sequence[AvailabilityStatus] = ()
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_rating: int | None = None

    @property
    def allows_no_price(self) -> bool:
        """Whether a book without a price can match; it has no currency."""
        return not self.currency and self.min_price is None and self.max_price is None


def build_conditions(wanted: BookFilter) -> list[ColumnElement[bool]]:
    """The WHERE clauses of a filter; deleted books never match."""
    accepted = [
        (books.c.category, wanted.category),
        (books.c.source, wanted.source),
        (books.c.currency, wanted.currency),
        (books.c.identifiers["isbn13"].as_string(), wanted.isbn13),
        (books.c.rating, wanted.rating),
        (books.c.availability, [status.value for status in wanted.availability]),
    ]
    narrow = [~books.c.deleted]
    narrow += [column.in_(values) for column, values in accepted if values]
    if wanted.placed is not None:
        narrow.append(_build_printed_condition(wanted.placed.printed))
    if wanted.min_price is not None:
        narrow.append(books.c.price >= wanted.min_price)
    if wanted.max_price is not None:
        narrow.append(books.c.price <= wanted.max_price)
    if wanted.min_rating is not None:
        narrow.append(books.c.rating >= wanted.min_rating)
    return narrow


def _build_printed_condition(printed: PrintedCategories) -> ColumnElement[bool]:
    """False for no printed category at all."""
    excepted = dict(printed.except_sources)
    plain = [name for name in printed.everywhere if name not in excepted]
    parts: list[ColumnElement[bool]] = [books.c.category.in_(plain)]
    parts += [(books.c.category == name) & books.c.source.not_in(away) for name, away in excepted.items()]
    parts += [(books.c.source == source) & (books.c.category == name) for source, name in printed.only]
    return or_(*parts)
