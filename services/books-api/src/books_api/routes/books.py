"""Routes that read books."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from bookcore.catalogue import BookFilter, Catalogue, PageKey, Sort, history, queries
from bookcore.domain.book import VersionedBook
from bookcore.domain.errors import Invalid, NotFound
from bookcore.events.book import BookState
from bookcore.kit.openapi import describe_problems, describe_stream
from bookcore.kit.problem import ProblemError
from bookcore.kit.query_parameters import CommaSeparated
from books_api import json_ld
from books_api.dependencies import Dependencies, Deps, Filter, choose_currency
from books_api.schemas import (
    BookField,
    BookPage,
    BookPart,
    BookPartPage,
    HistoryOut,
    PeriodOut,
    WithdrawalOut,
)

router = APIRouter(tags=["books"])


Fields = Annotated[
    tuple[BookField, ...],
    Query(
        max_length=20,
        description="fields to return in addition to `id`; all fields by default. Repeat the parameter or"
        " separate by commas",
        examples=[["title", "price"]],
    ),
    CommaSeparated,
]


BookPath = Annotated[
    str, Path(description="id of a book, `source:source_id`", examples=["books_toscrape:a897fe39b1053632"])
]


class Paging(BaseModel):
    """Order and page of a list."""

    sort: Annotated[
        Sort,
        Field(
            description="order; a leading minus means descending. `price` needs `currency` where the books"
            " have prices in several"
        ),
    ] = Sort.ID
    cursor: Annotated[str | None, Field(max_length=2_000, description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200, description="most books of the page")] = 20


class BookSelection(BaseModel):
    """Books by id, and the fields to return."""

    ids: Annotated[
        tuple[Annotated[str, Field(max_length=200)], ...],
        Query(
            max_length=200,
            description="return these ids in this order; unknown ids are skipped. Repeat the parameter or"
            " separate by commas. Cannot be combined with filters or cursor",
            examples=[["books_toscrape:a897fe39b1053632"]],
        ),
        CommaSeparated,
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
    request: Request, deps: Deps, book_filter: Filter, paging: Annotated[Paging, Query()], choice: Selection
) -> Response:
    """List books by filter in the given order, one page at a time, or by `ids`. `Link: rel="next"` names
    the next page."""
    if choice.ids:
        if book_filter != BookFilter() or paging.cursor:
            raise Invalid("can't be combined with filters or a cursor", field="ids")
        with deps.catalogue.begin_read() as connection:
            selected = [book for book in queries.get_books(connection, choice.ids) if not book.deleted]
        return _build_json_response(
            {"items": [_render_book(book, choice.fields) for book in selected], "next": None}
        )
    after = _resolve_cursor(deps, book_filter, paging)
    if paging.sort in (Sort.PRICE, Sort.PRICE_DESC):
        choose_currency(deps.catalogue, book_filter)  # refuses several; books without a price come last
    with deps.catalogue.begin_read() as connection:
        books, end = queries.list_books(
            connection, book_filter, sort=paging.sort, after=after, limit=paging.limit
        )
    next_cursor = deps.cursors.encode_cursor(end, book_filter, paging.sort) if end else None
    response = _build_json_response(
        {"items": [_render_book(stored, choice.fields) for stored in books], "next": next_cursor}
    )
    if next_cursor:
        others = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        response.headers["Link"] = f'</books?{urlencode([*others, ("cursor", next_cursor)])}>; rel="next"'
    return response


@router.get(
    "/books/{book_id}",
    operation_id="get_book",
    response_model=BookState | BookPart,
    responses=describe_problems("not-found"),
)
def get_book(book_id: BookPath, deps: Deps, fields: Fields = ()) -> Response:
    """Get one book; the ETag is its version."""
    stored = get_live_book(deps.catalogue, book_id)
    response = _build_json_response(_render_book(stored, fields))
    response.headers["ETag"] = format_etag(stored)
    return response


@router.get(
    "/books/{book_id}/history", operation_id="get_book_history", responses=describe_problems("not-found")
)
def get_history(book_id: BookPath, deps: Deps) -> HistoryOut:
    """Get the prices of a book, oldest first, and when and why it was withdrawn; it may be gone now."""
    with deps.catalogue.begin_read() as connection:
        if queries.get_book(connection, book_id) is None:
            raise NotFound(f"no book {book_id!r}")
        periods = history.get_price_history(connection, book_id)
        withdrawals = history.get_withdrawals(connection, book_id)
    found = [PeriodOut.from_period(period) for period in periods]
    withdrawn = [WithdrawalOut.from_withdrawal(each) for each in withdrawals]
    return HistoryOut(id=book_id, items=found, next=None, prices=found, withdrawn=withdrawn)


@router.get(
    "/books/{book_id}/book.jsonld",
    operation_id="get_book_json_ld",
    response_class=Response,
    responses={
        200: describe_stream({json_ld.MEDIA_TYPE: '{"@context": "https://schema.org", "@type": "Book"}'}),
        **describe_problems("not-found"),
    },
)
def get_json_ld(book_id: BookPath, deps: Deps) -> Response:
    """Get one book as schema.org's Book with its Offer, in JSON-LD; the ETag is its version."""
    stored = get_live_book(deps.catalogue, book_id)
    document = orjson.dumps(json_ld.build_json_ld(stored.book))
    return Response(document, media_type=json_ld.MEDIA_TYPE, headers={"ETag": format_etag(stored)})


def _render_book(stored: VersionedBook, fields: Sequence[BookField]) -> dict[str, object]:
    state = BookState.from_stored(stored).model_dump(mode="json")
    return {name: state[name] for name in state if name == "id" or name in fields} if fields else state


def _build_json_response(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _resolve_cursor(deps: Dependencies, book_filter: BookFilter, paging: Paging) -> PageKey | None:
    if not paging.cursor:
        return None
    end = deps.cursors.decode_cursor(paging.cursor, book_filter, paging.sort)
    if end.value is not None:
        return PageKey(end.value, end.book_id)
    with deps.catalogue.begin_read() as connection:
        found = queries.get_page_key(connection, end.book_id, sort=paging.sort)
    if found is None:
        raise ProblemError("bad-cursor", "cursor: the last book of its page was deleted")
    return found


def get_live_book(catalogue: Catalogue, book_id: str) -> VersionedBook:
    """Raises: NotFound for an unknown or deleted book."""
    with catalogue.begin_read() as connection:
        stored = queries.get_book(connection, book_id)
    if stored is None or stored.deleted:
        raise NotFound(f"no book {book_id!r}")
    return stored


def format_etag(stored: VersionedBook) -> str:
    """Strong ETag: the version changes with every accepted observation."""
    return f'"{stored.version}"'
