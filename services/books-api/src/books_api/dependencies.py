"""What the routes need, as FastAPI hands it to them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Query, Request

from bookcore.catalogue import BookFilter, Catalogue
from bookcore.domain.book import AvailabilityStatus
from bookcore.domain.errors import Invalid
from books_api.cursor import CursorCodec
from books_api.idempotency import IdempotencyStore
from books_api.writes import BookWriter


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Opened by the app, closed by the app."""

    catalogue: Catalogue
    writer: BookWriter
    cursors: CursorCodec
    idempotency: IdempotencyStore


def get_dependencies(request: Request) -> Dependencies:
    """Those of this app."""
    found: Dependencies = request.app.state.collaborators
    return found


Amount = Annotated[Decimal | None, Query(ge=0, le=1_000_000_000, decimal_places=2, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class PriceRange:
    """`min_price` and `max_price` of a question, in major units, inclusive."""

    min_price: Amount = None
    max_price: Amount = None


@dataclass(frozen=True, slots=True)
class FilterParams:
    """The other filters of a question."""

    category: Annotated[str | None, Query(max_length=200)] = None
    source: Annotated[str | None, Query(max_length=40)] = None
    min_rating: Annotated[int | None, Query(ge=1, le=5)] = None
    availability: AvailabilityStatus | None = None


def build_filter(
    prices: Annotated[PriceRange, Depends()], narrowing: Annotated[FilterParams, Depends()]
) -> BookFilter:
    """The filters of a question.

    Raises: Invalid when the price range is the wrong way round.
    """
    low, high = prices.min_price, prices.max_price
    if low is not None and high is not None and low > high:
        raise Invalid(f"{low} is above max_price {high}", field="min_price")
    return BookFilter(
        category=narrowing.category,
        source=narrowing.source,
        min_price=low,
        max_price=high,
        min_rating=narrowing.min_rating,
        availability=narrowing.availability,
    )


Filter = Annotated[BookFilter, Depends(build_filter)]
Deps = Annotated[Dependencies, Depends(get_dependencies)]
