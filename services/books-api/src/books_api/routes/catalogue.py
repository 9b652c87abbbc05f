"""Routes over the whole catalogue: categories, statistics, export."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from bookcore.catalogue import queries, statistics
from bookcore.catalogue.export import export_csv, export_jsonl
from bookcore.kit.openapi import JSON_LINES, describe_stream
from books_api.dependencies import Deps, Filter
from books_api.schemas import CategoriesOut, CategoryOut, FiguresOut, StatisticsOut, UnpricedOut

router = APIRouter(tags=["catalogue"])


_EXAMPLES = {
    JSON_LINES: '{"id": "books_toscrape:a897fe39b1053632", "title": "A Light in the Attic"}\n',
    "text/csv": "id,title\r\nbooks_toscrape:a897fe39b1053632,A Light in the Attic\r\n",
}
"""Shortened: a line has all fields of a book."""


class Format(StrEnum):
    """Format of an export."""

    JSONL = "jsonl"
    CSV = "csv"


@router.get("/categories", operation_id="list_categories")
def list_categories(deps: Deps) -> CategoriesOut:
    """List all categories with their numbers of books, in alphabetical order."""
    with deps.catalogue.begin_read() as connection:
        rows = queries.list_categories(connection)
    return CategoriesOut(items=[CategoryOut.from_count(row) for row in rows], next=None)


@router.get("/statistics", operation_id="get_statistics")
def get_statistics(deps: Deps, book_filter: Filter) -> StatisticsOut:
    """Get counts, prices and ratings of the books that match the filters, overall and by category."""
    with deps.catalogue.begin_read() as connection:
        overall = statistics.compute_statistics(connection, book_filter, by_category=False)
        by_category = statistics.compute_statistics(connection, book_filter, by_category=True)
        unpriced = statistics.count_unpriced(connection, book_filter)
    return StatisticsOut(
        overall=[FiguresOut.from_statistics(row) for row in overall],
        by_category=[FiguresOut.from_statistics(row) for row in by_category],
        without_price=[UnpricedOut.from_count(row) for row in unpriced],
    )


@router.get(
    "/books/export",
    operation_id="export_books",
    response_class=StreamingResponse,
    responses={200: describe_stream(_EXAMPLES)},
)
def export_books(
    deps: Deps,
    book_filter: Filter,
    format: Annotated[Format, Query(description="JSON Lines, or CSV with a header line")] = Format.JSONL,  # noqa: A002
) -> StreamingResponse:
    """Stream all books that match the filters, ordered by id, as JSON Lines or as CSV with a header line."""
    if format is Format.CSV:
        return StreamingResponse(
            export_csv(deps.catalogue, book_filter), media_type="text/csv; charset=utf-8"
        )
    return StreamingResponse(export_jsonl(deps.catalogue, book_filter), media_type=JSON_LINES)
