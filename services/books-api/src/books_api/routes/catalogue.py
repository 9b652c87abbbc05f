"""The catalogue as a whole: categories, figures, export."""

from enum import StrEnum

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from bookcore.catalogue import queries
from bookcore.catalogue.export import export_csv, export_jsonl
from books_api.dependencies import Deps, Filter
from books_api.schemas import CategoryOut, FiguresOut, StatisticsOut

router = APIRouter(tags=["catalogue"])


class Format(StrEnum):
    """How an export is written."""

    JSONL = "jsonl"
    CSV = "csv"


@router.get("/categories", operation_id="list_categories")
def list_categories(parts: Deps) -> list[CategoryOut]:
    """Every category with the number of its books, in alphabetical order."""
    with parts.catalogue.begin_read() as connection:
        return [CategoryOut.from_count(found) for found in queries.list_categories(connection)]


@router.get("/statistics", operation_id="get_statistics")
def get_statistics(parts: Deps, wanted: Filter) -> StatisticsOut:
    """Counts, prices and ratings of the books that the filters leave, overall and by category."""
    with parts.catalogue.begin_read() as connection:
        overall = queries.compute_statistics(connection, wanted, by_category=False)
        by_category = queries.compute_statistics(connection, wanted, by_category=True)
    return StatisticsOut(
        overall=[FiguresOut.from_statistics(found) for found in overall],
        by_category=[FiguresOut.from_statistics(found) for found in by_category],
    )


@router.get("/books/export", operation_id="export_books", response_class=StreamingResponse)
def export_books(parts: Deps, wanted: Filter, format: Format = Format.JSONL) -> StreamingResponse:  # noqa: A002
    """All books that the filters leave, by id, streamed: JSON Lines or CSV with a header line."""
    if format is Format.CSV:
        return StreamingResponse(export_csv(parts.catalogue, wanted), media_type="text/csv; charset=utf-8")
    return StreamingResponse(export_jsonl(parts.catalogue, wanted), media_type="application/x-ndjson")
