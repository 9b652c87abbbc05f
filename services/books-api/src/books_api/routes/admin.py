"""Writing books: for editors, through the same events as a crawl."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from bookcore.catalogue import queries
from bookcore.domain.book import Book, VersionedBook, make_book_id
from bookcore.domain.errors import Conflict, Invalid
from bookcore.events.book import BookState
from bookcore.kit.openapi import describe_problems
from bookcore.kit.problem import ProblemError
from bookcore.kit.validation import explain_error, locate_error
from books_api.dependencies import Deps
from books_api.idempotency import HEADER, IdempotentRoute
from books_api.routes.books import format_etag, get_live_book
from books_api.schemas import BookIn, BookPatch, Pending, apply_patch
from books_api.writes import WriteResult

router = APIRouter(tags=["writing"], route_class=IdempotentRoute)
IfMatch = Annotated[
    str | None, Header(description="the ETag that you read; refused with 412 if it has moved")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="a name of your own for this request; send it again to be sure that it was done once",
        examples=["5f0c9c52-2b7e-4f4c-9f0e-6d1f0a1b2c3d"],
    ),
]
"""Read by IdempotentRoute; here so that the OpenAPI document says so."""
_ACCEPTED_RESPONSES: dict[int | str, dict[str, Any]] = {  # Any: FastAPI's own type for this
    202: {"model": Pending, "description": "safe in the event log, in the catalogue soon"}
}
_WRITE_PROBLEMS = describe_problems("not-found", "conflict", "precondition-failed")


@router.post(
    "/books",
    operation_id="create_book",
    status_code=201,
    response_model=BookState,
    responses=_ACCEPTED_RESPONSES | describe_problems("conflict", "idempotency-mismatch"),
)
def create_book(book: BookIn, parts: Deps, _: IdempotencyKey = None) -> Response:
    """A new book. Sent again with the same Idempotency-Key within a day, it gets the same answer."""
    wanted = make_book_id(book.source, book.source_id)
    with parts.writer.lock_book(wanted):
        with parts.catalogue.begin_read() as connection:
            stored = queries.get_book(connection, wanted)
        if stored is not None and not stored.deleted:
            raise Conflict(f"there is a book {stored.book.id} already; change it with PATCH")
        return _build_response(parts.writer.put_book(book.to_book(), over=stored), status=201)


@router.patch(
    "/books/{book_id}",
    operation_id="update_book",
    response_model=BookState,
    responses=_ACCEPTED_RESPONSES | _WRITE_PROBLEMS,
)
def update_book(book_id: str, patch: BookPatch, parts: Deps, if_match: IfMatch = None) -> Response:
    """Change some fields of a book."""
    with parts.writer.lock_book(book_id):
        stored = _check_if_match(get_live_book(parts.catalogue, book_id), if_match)
        return _build_response(parts.writer.put_book(_apply_patch(stored, patch), over=stored), status=200)


@router.delete(
    "/books/{book_id}",
    operation_id="delete_book",
    status_code=204,
    responses=_ACCEPTED_RESPONSES | _WRITE_PROBLEMS,
)
def delete_book(book_id: str, parts: Deps, if_match: IfMatch = None) -> Response:
    """Take a book out; a crawl that sees it again brings it back."""
    with parts.writer.lock_book(book_id):
        written = parts.writer.withdraw_book(
            _check_if_match(get_live_book(parts.catalogue, book_id), if_match)
        )
    return Response(status_code=204) if written.stored else _build_response(written, status=204)


def _apply_patch(stored: VersionedBook, patch: BookPatch) -> Book:
    try:
        return apply_patch(stored, patch).to_book()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Invalid(explain_error(first), field=locate_error(first)) from error


def _check_if_match(stored: VersionedBook, if_match: str | None) -> VersionedBook:
    if if_match not in (None, "*", format_etag(stored)):
        raise ProblemError(
            "precondition-failed", f"the book is at {format_etag(stored)}, you named {if_match}"
        )
    return stored


def _build_response(written: WriteResult, *, status: int) -> Response:
    headers = {"Location": f"/books/{written.book_id}"}
    if written.stored is None:
        pending = Pending(id=written.book_id, version=written.version)
        return JSONResponse(pending.model_dump(), 202, headers)
    headers["ETag"] = format_etag(written.stored)
    body = BookState.from_stored(written.stored).model_dump_json()
    return Response(body, status, headers, media_type="application/json")
