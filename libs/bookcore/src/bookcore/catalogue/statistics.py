"""Figures of sets of books: by currency, by category, and of those without a price."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from sqlalchemy import BigInteger, Connection, RowMapping, case, func, literal, select, type_coerce

from bookcore.catalogue.filters import BookFilter, build_conditions
from bookcore.catalogue.tables import books
from bookcore.domain.book import AvailabilityStatus
from bookcore.domain.currencies import MINOR_DIGITS, USUAL_DIGITS


@dataclass(frozen=True, slots=True)
class Statistics:
    """Aggregates of a set of books in one currency; means are rounded half-even to the currency's
    minor unit, at most cents, and to hundredths of a star.
    """

    category: str | None
    currency: str
    books: int
    in_stock: int
    min_price: Decimal
    max_price: Decimal
    mean_price: Decimal
    mean_rating: Decimal | None


@dataclass(frozen=True, slots=True)
class UnpricedCount:
    """Number of books without a price in a category; None counts the books without a category."""

    category: str | None
    books: int
    in_stock: int


def compute_statistics(
    connection: Connection, wanted: BookFilter, *, by_category: bool
) -> Sequence[Statistics]:
    """One entry per currency, or per category and currency; books without a price are not in them."""
    group = [books.c.category, books.c.currency] if by_category else [books.c.currency]
    amount = type_coerce(books.c.price, BigInteger)
    in_stock = case((books.c.availability == AvailabilityStatus.IN_STOCK.value, 1), else_=0)
    query = (
        select(
            (books.c.category if by_category else literal(None)).label("category"),
            books.c.currency,
            func.count().label("books"),
            func.sum(in_stock).label("in_stock"),
            func.min(amount).label("lowest"),
            func.max(amount).label("highest"),
            func.sum(amount).label("total"),
            func.sum(books.c.rating).label("stars"),
            func.count(books.c.rating).label("rated"),
        )
        .where(*build_conditions(wanted), books.c.price.is_not(None))
        .group_by(*group)
        .order_by(*group)
    )
    return [_build_statistics(row) for row in connection.execute(query).mappings()]


def count_unpriced(connection: Connection, wanted: BookFilter) -> Sequence[UnpricedCount]:
    """Books without a price by category, in alphabetical order; only categories that have some."""
    in_stock = case((books.c.availability == AvailabilityStatus.IN_STOCK.value, 1), else_=0)
    query = (
        select(books.c.category, func.count(), func.sum(in_stock))
        .where(*build_conditions(wanted), books.c.currency.is_(None))
        .group_by(books.c.category)
        .order_by(books.c.category)
    )
    return [UnpricedCount(*row) for row in connection.execute(query)]


def _build_statistics(row: RowMapping) -> Statistics:
    cent = Decimal("0.01")
    unit = min(cent, Decimal(1).scaleb(-MINOR_DIGITS.get(row["currency"], USUAL_DIGITS)))
    mean = Decimal(row["total"]) / row["books"] / 10_000
    stars = Decimal(row["stars"]) / row["rated"] if row["rated"] else None
    return Statistics(
        category=row["category"],
        currency=row["currency"],
        books=row["books"],
        in_stock=row["in_stock"],
        min_price=(Decimal(row["lowest"]) / 10_000).quantize(unit),
        max_price=(Decimal(row["highest"]) / 10_000).quantize(unit),
        mean_price=mean.quantize(unit, ROUND_HALF_EVEN),
        mean_rating=None if stars is None else stars.quantize(cent, ROUND_HALF_EVEN),
    )
