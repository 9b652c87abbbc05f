"""Routes over the whole catalogue: categories, statistics, export."""

from enum import StrEnum

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from bookcore.catalogue import queries
from bookcore.catalogue.export import export_csv, export_jsonl
from books_api.dependencies import Deps, Filter
from books_api.schemas import CategoryOut, FiguresOut, StatisticsOut

router = APIRouter(tags=["catalogue"])


class Format(StrEnum):
    """Format of an export."""

    JSONL = "jsonl"
    CSV = "csv"


@router.get("/categories", operation_id="list_categories")
def list_categories(deps: Deps) -> list[CategoryOut]:
    """List all categories with their numbers of books, in alphabetical order."""
    with deps.catalogue.begin_read() as connection:
        return [CategoryOut.from_count(row) for row in queries.list_categories(connection)]


@router.get("/statistics", operation_id="get_statistics")
def get_statistics(deps: Deps, book_filter: Filter) -> StatisticsOut:
    """Get counts, prices and ratings of the books that match the filters, overall and by category."""
    with deps.catalogue.begin_read() as connection:
        overall = queries.compute_statistics(connection, book_filter, by_category=False)
        by_category = queries.compute_statistics(connection, book_filter, by_category=True)
    return StatisticsOut(
        overall=[FiguresOut.from_statistics(row) for row in overall],
        by_category=[FiguresOut.from_statistics(row) for row in by_category],
    )


@router.get("/books/export", operation_id="export_books", response_class=StreamingResponse)
def export_books(deps: Deps, book_filter: Filter, format: Format = Format.JSONL) -> StreamingResponse:  # noqa: A002
    """Stream all books that match the filters, ordered by id, as JSON Lines or as CSV with a header line."""
    if format is Format.CSV:
        return StreamingResponse(
            export_csv(deps.catalogue, book_filter), media_type="text/csv; charset=utf-8"
        )
    return StreamingResponse(export_jsonl(deps.catalogue, book_filter), media_type="application/x-ndjson")
