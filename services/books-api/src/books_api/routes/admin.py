"""Routes that write books, for editors; writes are published as events like those of a crawl."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from bookcore.catalogue import queries
from bookcore.domain.book import Book, VersionedBook, make_book_id
from bookcore.domain.errors import Conflict
from bookcore.events.book import BookState
from bookcore.kit.openapi import describe_problems
from bookcore.kit.problem import ProblemError
from bookcore.kit.validation import build_invalid
from books_api.dependencies import Deps
from books_api.idempotency import HEADER, IdempotentRoute
from books_api.patching import apply_patch
from books_api.routes.books import BookPath, format_etag, get_live_book
from books_api.schemas import BookIn, BookPatch, Pending
from books_api.writes import WriteResult

router = APIRouter(tags=["writing"], route_class=IdempotentRoute)
IfMatch = Annotated[
    str | None, Header(description="ETag of the version that you read; 412 if the book has changed since")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="unique key of this request, 1 to 255 visible ASCII characters; a repeated request with"
        " the same key is processed once",
        examples=["5f0c9c52-2b7e-4f4c-9f0e-6d1f0a1b2c3d"],
    ),
]
"""Read by IdempotentRoute; declared for the OpenAPI document."""
_ACCEPTED_RESPONSES: dict[int | str, dict[str, Any]] = {  # Any: FastAPI's own type for this
    202: {"model": Pending, "description": "stored in the event log; the catalogue will show it soon"}
}
_WRITE_PROBLEMS = describe_problems("not-found", "conflict", "precondition-failed")


@router.post(
    "/books",
    operation_id="create_book",
    status_code=201,
    response_model=BookState,
    responses=_ACCEPTED_RESPONSES | describe_problems("conflict", "idempotency-mismatch"),
)
def create_book(book: BookIn, deps: Deps, _: IdempotencyKey = None) -> Response:
    """Create a book. Repeated with the same Idempotency-Key within a day, it returns the same response."""
    book_id = make_book_id(book.source, book.source_id)
    with deps.writer.lock_book(book_id):
        with deps.catalogue.begin_read() as connection:
            stored = queries.get_book(connection, book_id)
        if stored is not None and not stored.deleted:
            raise Conflict(f"the book {stored.book.id} exists; change it with PATCH")
        return _build_response(deps.writer.put_book(book.to_book(), replaces=stored), status=201)


@router.patch(
    "/books/{book_id}",
    operation_id="update_book",
    response_model=BookState,
    responses=_ACCEPTED_RESPONSES | _WRITE_PROBLEMS,
)
def update_book(book_id: BookPath, patch: BookPatch, deps: Deps, if_match: IfMatch = None) -> Response:
    """Change fields of a book. Fields that are left out stay unchanged."""
    with deps.writer.lock_book(book_id):
        stored = _check_if_match(get_live_book(deps.catalogue, book_id), if_match)
        return _build_response(deps.writer.put_book(_apply_patch(stored, patch), replaces=stored), status=200)


@router.delete(
    "/books/{book_id}",
    operation_id="delete_book",
    status_code=204,
    responses=_ACCEPTED_RESPONSES | _WRITE_PROBLEMS,
)
def delete_book(book_id: BookPath, deps: Deps, if_match: IfMatch = None) -> Response:
    """Withdraw a book. A later crawl that finds it restores it."""
    with deps.writer.lock_book(book_id):
        written = deps.writer.withdraw_book(_check_if_match(get_live_book(deps.catalogue, book_id), if_match))
    return Response(status_code=204) if written.stored else _build_response(written, status=204)


def _apply_patch(stored: VersionedBook, patch: BookPatch) -> Book:
    try:
        return apply_patch(stored, patch)
    except ValidationError as error:
        raise build_invalid(error) from error


def _check_if_match(stored: VersionedBook, if_match: str | None) -> VersionedBook:
    if if_match not in (None, "*", format_etag(stored)):
        raise ProblemError(
            "precondition-failed", f"the book is at {format_etag(stored)}, If-Match names {if_match}"
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
