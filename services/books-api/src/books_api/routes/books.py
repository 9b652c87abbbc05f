"""Reading books."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from bookcore.catalogue import BookFilter, Catalogue, PageKey, Sort, queries
from bookcore.domain.book import VersionedBook
from bookcore.domain.errors import Invalid, NotFound
from bookcore.events.book import BookState
from bookcore.kit.openapi import describe_problems
from bookcore.kit.problem import ProblemError
from books_api.dependencies import Dependencies, Deps, Filter
from books_api.schemas import BookField, BookPage, BookPart, BookPartPage, HistoryOut, PeriodOut

router = APIRouter(tags=["books"])


Fields = Annotated[
    tuple[BookField, ...],
    Query(
        max_length=20,
        description="only these of each book, and its id; all when left out",
        examples=[["title"]],
    ),
]


class Paging(BaseModel):
    """Order and page of a list."""

    sort: Sort = Sort.ID
    cursor: Annotated[str | None, Field(max_length=2_000)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 20


class BookSelection(BaseModel):
    """Which books by name, and what of each."""

    ids: Annotated[
        tuple[Annotated[str, Field(max_length=200)], ...],
        Query(
            max_length=100,
            description="exactly these, in this order, as far as there are such; not with filters or cursor",
            examples=[["books_toscrape:a897fe39b1053632"]],
        ),
    ] = ()
    fields: Fields = ()


Selection = Annotated[BookSelection, Query()]


@router.get(
    "/books",
    operation_id="list_books",
    response_model=BookPage | BookPartPage,
    responses=describe_problems("bad-cursor"),
)
def list_books(
    request: Request, parts: Deps, wanted: Filter, paging: Annotated[Paging, Depends()], choice: Selection
) -> Response:
    """Books by filter, in the order asked for, a page at a time; `Link: rel="next"` leads on. Or by `ids`."""
    if choice.ids:
        if wanted != BookFilter() or paging.cursor:
            raise Invalid("can't be combined with filters or a cursor", field="ids")
        with parts.catalogue.begin_read() as connection:
            named = [book for book in queries.get_books(connection, choice.ids) if not book.deleted]
        return _build_json_response(
            {"items": [_render_book(book, choice.fields) for book in named], "next": None}
        )
    after = _resolve_cursor(parts, wanted, paging)
    with parts.catalogue.begin_read() as connection:
        books, end = queries.list_books(connection, wanted, sort=paging.sort, after=after, limit=paging.limit)
    following = parts.cursors.encode_cursor(end, wanted, paging.sort) if end else None
    answer = _build_json_response(
        {"items": [_render_book(stored, choice.fields) for stored in books], "next": following}
    )
    if following:
        others = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        answer.headers["Link"] = f'</books?{urlencode([*others, ("cursor", following)])}>; rel="next"'
    return answer


@router.get(
    "/books/{book_id}",
    operation_id="get_book",
    response_model=BookState | BookPart,
    responses=describe_problems("not-found"),
)
def get_book(book_id: str, parts: Deps, fields: Fields = ()) -> Response:
    """One book; the ETag is its version."""
    stored = get_live_book(parts.catalogue, book_id)
    answer = _build_json_response(_render_book(stored, fields))
    answer.headers["ETag"] = format_etag(stored)
    return answer


@router.get(
    "/books/{book_id}/history", operation_id="get_book_history", responses=describe_problems("not-found")
)
def get_history(book_id: str, parts: Deps) -> HistoryOut:
    """The prices that a book has had, oldest first."""
    get_live_book(parts.catalogue, book_id)
    with parts.catalogue.begin_read() as connection:
        periods = queries.get_price_history(connection, book_id)
    return HistoryOut(id=book_id, prices=[PeriodOut.from_period(period) for period in periods])


def _render_book(stored: VersionedBook, fields: Sequence[BookField]) -> dict[str, object]:
    whole = BookState.from_stored(stored).model_dump(mode="json")
    return {name: whole[name] for name in whole if name == "id" or name in fields} if fields else whole


def _build_json_response(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _resolve_cursor(parts: Dependencies, wanted: BookFilter, paging: Paging) -> PageKey | None:
    if not paging.cursor:
        return None
    end = parts.cursors.decode_cursor(paging.cursor, wanted, paging.sort)
    if end.value is not None:
        return PageKey(end.value, end.book_id)
    with parts.catalogue.begin_read() as connection:
        found = queries.get_page_key(connection, end.book_id, sort=paging.sort)
    if found is None:
        raise ProblemError("bad-cursor", "cursor: the book that it stands at is gone")
    return found


def get_live_book(catalogue: Catalogue, book_id: str) -> VersionedBook:
    """Raises: NotFound when there is no such book, or no longer."""
    with catalogue.begin_read() as connection:
        stored = queries.get_book(connection, book_id)
    if stored is None or stored.deleted:
        raise NotFound(f"no book {book_id!r}")
    return stored


def format_etag(stored: VersionedBook) -> str:
    """Strong: the version moves with every accepted observation."""
    return f'"{stored.version}"'
