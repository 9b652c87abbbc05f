"""FastAPI dependencies of the routes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request
from pydantic import AfterValidator, BaseModel, Field

from bookcore.catalogue import BookFilter, Catalogue, categories, queries
from bookcore.catalogue.filters import CategoryChoice
from bookcore.domain.book import AvailabilityStatus
from bookcore.domain.category_tree import select_printed
from bookcore.domain.errors import Invalid, NotFound
from bookcore.domain.printed_details import convert_to_isbn13
from bookcore.kit.book_filters import Currencies, check_listed_names, check_one_currency
from bookcore.kit.clock import Clock
from bookcore.kit.query_parameters import CommaSeparated, CommasInside
from books_api.category_decisions import CategoryDesk
from books_api.cursor import CursorCodec
from books_api.idempotency import IdempotencyStore
from books_api.writes import BookWriter

V = TypeVar("V", str, int, AvailabilityStatus)
_ANY = "a book matches any of them; repeat the parameter or separate by commas"
_ONE_CURRENCY = "needs `currency` where the books have prices in several"


def _check_isbn(text: str) -> str:
    isbn = convert_to_isbn13(text)
    if isbn is None:
        raise ValueError("must be an ISBN of 10 or 13 digits with a right check digit")
    return isbn


Isbn = Annotated[str, AfterValidator(_check_isbn)]
SourceNames = Annotated[
    tuple[Annotated[str, Field(max_length=40)], ...],
    Field(max_length=50, description=f"names of sources; {_ANY}", examples=[["books_toscrape"]]),
    CommaSeparated,
]
Amount = Annotated[Decimal, Field(ge=0, le=1_000_000_000, decimal_places=2, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Collaborators that the app opens and closes; at `app.state.dependencies`."""

    catalogue: Catalogue
    writer: BookWriter
    cursors: CursorCodec
    idempotency: IdempotencyStore
    clock: Clock
    categories: CategoryDesk


def get_dependencies(request: Request) -> Dependencies:
    """Dependencies of this app."""
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies


Deps = Annotated[Dependencies, Depends(get_dependencies)]


class FilterParams(BaseModel):
    """Filters. The values of one filter are alternatives, different filters are combined."""

    category: Annotated[
        tuple[Annotated[str, Field(max_length=200)], ...],
        Field(
            max_length=50,
            description="exact names; a book matches any of them. Repeat the parameter for several: a comma"
            " is part of a name",
            examples=[["Poetry", "Travel"]],
        ),
        CommasInside,
    ] = ()
    category_id: Annotated[
        tuple[Annotated[str, Field(max_length=100)], ...],
        Field(
            max_length=50,
            description="ids of the category tree; books placed in any of them or below one of them",
            examples=[["fiction"]],
        ),
        CommaSeparated,
    ] = ()
    source: SourceNames = ()
    currency: Currencies = ()
    isbn: Annotated[
        tuple[Isbn, ...],
        Field(max_length=100, description=f"ISBN-10 or ISBN-13; {_ANY}", examples=[["9780141439518"]]),
        CommaSeparated,
    ] = ()
    rating: Annotated[
        tuple[Annotated[int, Field(ge=1, le=5)], ...],
        Field(max_length=5, description=f"stars, 1 to 5; {_ANY}", examples=[[4, 5]]),
        CommaSeparated,
    ] = ()
    min_price: Annotated[
        Amount | None,
        Field(description=f"lowest price, inclusive; {_ONE_CURRENCY}", examples=["9.99"]),
    ] = None
    max_price: Annotated[
        Amount | None,
        Field(description=f"highest price, inclusive; {_ONE_CURRENCY}", examples=["20"]),
    ] = None
    min_rating: Annotated[int | None, Field(ge=1, le=5, description="lowest rating, in stars")] = None
    availability: Annotated[
        tuple[AvailabilityStatus, ...],
        Field(max_length=5, description=f"states; {_ANY}", examples=[["in_stock"]]),
        CommaSeparated,
    ] = ()


def build_filter(
    deps: Deps,
    params: Annotated[FilterParams, Query()],
) -> BookFilter:
    """Equal filters are equal whatever the order of their values.

    Raises: Invalid when min_price is above max_price, for a bound on prices of several currencies, and for an
    unknown category that looks like several.
    """
    low, high = params.min_price, params.max_price
    if low is not None and high is not None and low > high:
        raise Invalid(f"{low} is above max_price {high}", field="min_price")
    wanted = BookFilter(
        category=_sort(params.category),
        placed=_place_categories(deps, params.category_id),
        source=_sort(params.source),
        currency=_sort(params.currency),
        isbn13=_sort(params.isbn),
        rating=_sort(params.rating),
        availability=_sort(params.availability),
        min_price=low,
        max_price=high,
        min_rating=params.min_rating,
    )
    _check_categories(deps.catalogue, wanted.category)
    if low is not None or high is not None:
        return choose_currency(deps.catalogue, wanted)
    return wanted


def choose_currency(catalogue: Catalogue, wanted: BookFilter) -> BookFilter:
    """The filter with the one currency in which its books have prices, so that prices can be compared.

    Raises: Invalid with the currencies when there are several.
    """
    with catalogue.begin_read() as connection:
        found = queries.list_currencies(connection, replace(wanted, min_price=None, max_price=None))
    check_one_currency(found)
    return replace(wanted, currency=tuple(found)) if found else wanted


def _place_categories(deps: Dependencies, category_ids: Sequence[str]) -> CategoryChoice | None:
    """Raises: Invalid for an id that no category has or had."""
    if not category_ids:
        return None
    tree = deps.categories.read_tree()
    try:
        wanted = tree.list_below([tree.resolve(each) for each in category_ids])
    except NotFound as error:
        raise Invalid(f"{error}; /v1/category-tree lists them", field="category_id") from error
    with deps.catalogue.begin_read() as connection:
        printed = categories.list_printed_names(connection)
    chosen = select_printed(tree.rules, printed, lambda category: category in wanted)
    return CategoryChoice(_sort(category_ids), chosen)


def _check_categories(catalogue: Catalogue, categories: Sequence[str]) -> None:
    listed = [name for name in categories if "," in name]
    if listed:
        with catalogue.begin_read() as connection:
            check_listed_names(listed, lambda name: queries.has_category(connection, name))


def _sort(values: Sequence[V]) -> tuple[V, ...]:
    return tuple(sorted(set(values)))


Filter = Annotated[BookFilter, Depends(build_filter)]
