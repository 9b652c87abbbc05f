"""Routes of the figures of a book's prices."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from bookcore.catalogue import history, queries
from bookcore.domain.errors import NotFound
from bookcore.domain.price_figures import build_price_spans, compute_price_report
from bookcore.kit.openapi import describe_problems, describe_stream
from books_api.dependencies import Deps
from books_api.price_chart import CONTENT_POLICY, MEDIA_TYPE, PriceChart, draw_chart
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


class ChartParams(BaseModel):
    """What a chart shows, and its size."""

    days: Annotated[int, Field(ge=1, le=3650, description="the last days that are drawn")] = 90
    currency: Annotated[
        str | None,
        Field(pattern="^[A-Z]{3}$", description="of the newest price by default", examples=["GBP"]),
    ] = None
    width: Annotated[int, Field(ge=240, le=2_000, description="in pixels")] = 720
    height: Annotated[int, Field(ge=140, le=1_000, description="in pixels")] = 280


@router.get(
    "/books/{book_id}/prices.svg",
    operation_id="draw_book_prices",
    response_class=Response,
    responses={
        200: describe_stream({MEDIA_TYPE: '<svg xmlns="http://www.w3.org/2000/svg"/>'}),
        **describe_problems("not-found"),
    },
)
def draw_prices(book_id: BookPath, deps: Deps, params: Annotated[ChartParams, Query()]) -> Response:
    """Draw the prices of a book in one currency as SVG: a step line, gaps where the price isn't known, the
    lowest price marked, for light and dark pages."""
    with deps.catalogue.begin_read() as connection:
        stored = queries.get_book(connection, book_id)
        if stored is None:
            raise NotFound(f"no book {book_id!r}")
        points = history.get_price_points(connection, book_id)
    now = deps.clock.now()
    spans = build_price_spans(points, now=now)
    currency = params.currency or (spans[-1].price.currency if spans else "any currency")
    chart = PriceChart(
        title=stored.book.title,
        currency=currency,
        spans=[span for span in spans if span.price.currency == currency],
        since=now - timedelta(days=params.days),
        until=now,
        size=(params.width, params.height),
    )
    headers = {"Content-Security-Policy": CONTENT_POLICY}
    return Response(draw_chart(chart), media_type=MEDIA_TYPE, headers=headers)
