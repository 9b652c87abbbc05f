"""FastAPI dependencies of the routes."""

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
    """Collaborators that the app opens and closes; at `app.state.dependencies`."""

    catalogue: Catalogue
    writer: BookWriter
    cursors: CursorCodec
    idempotency: IdempotencyStore


def get_dependencies(request: Request) -> Dependencies:
    """Dependencies of this app."""
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies


Amount = Annotated[Decimal | None, Query(ge=0, le=1_000_000_000, decimal_places=2, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Price filters in major units, inclusive."""

    min_price: Amount = None
    max_price: Amount = None


@dataclass(frozen=True, slots=True)
class FilterParams:
    """Filters by category, source, rating and availability."""

    category: Annotated[str | None, Query(max_length=200)] = None
    source: Annotated[str | None, Query(max_length=40)] = None
    min_rating: Annotated[int | None, Query(ge=1, le=5)] = None
    availability: AvailabilityStatus | None = None


def build_filter(
    prices: Annotated[PriceRange, Depends()], params: Annotated[FilterParams, Depends()]
) -> BookFilter:
    """Raises: Invalid when min_price is above max_price."""
    low, high = prices.min_price, prices.max_price
    if low is not None and high is not None and low > high:
        raise Invalid(f"{low} is above max_price {high}", field="min_price")
    return BookFilter(
        category=params.category,
        source=params.source,
        min_price=low,
        max_price=high,
        min_rating=params.min_rating,
        availability=params.availability,
    )


Filter = Annotated[BookFilter, Depends(build_filter)]
Deps = Annotated[Dependencies, Depends(get_dependencies)]
