"""Routes of the figures of a book's prices."""

from typing import Annotated

from fastapi import APIRouter, Query

from bookcore.catalogue import history, queries
from bookcore.domain.errors import NotFound
from bookcore.domain.price_figures import compute_price_report
from bookcore.kit.openapi import describe_problems
from books_api.dependencies import Deps
from books_api.price_schemas import BookPricesOut, PriceFiguresOut, PriorPriceOut
from books_api.routes.books import BookPath

router = APIRouter(tags=["books"])
Days = Annotated[int, Query(ge=1, le=3650, description="`low` is the lowest price of so many last days")]


@router.get(
    "/books/{book_id}/prices", operation_id="get_book_prices", responses=describe_problems("not-found")
)
def get_prices(book_id: BookPath, deps: Deps, days: Days = 30) -> BookPricesOut:
    """Get lowest, highest, mean and current price by currency and the price before a reduction, with how much
    of the time was observed; the book may be gone now."""
    with deps.catalogue.begin_read() as connection:
        stored = queries.get_book(connection, book_id)
        if stored is None:
            raise NotFound(f"no book {book_id!r}")
        points = history.get_price_points(connection, book_id)
    now = deps.clock.now()
    report = compute_price_report(points, now=now, days=days)
    return BookPricesOut(
        id=book_id,
        as_of=now,
        withdrawn=stored.deleted,
        items=[PriceFiguresOut.from_figures(each, days) for each in report.figures],
        next=None,
        prior_price=PriorPriceOut.from_prior(report.prior),
        ignored_observations=report.ignored,
    )
