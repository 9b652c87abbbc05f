"""Reading books."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from bookcore.catalogue import BookFilter, Catalogue, Key, Sort, queries
from bookcore.domain.book import VersionedBook
from bookcore.domain.errors import NotFound
from bookcore.events.book import BookState
from bookcore.kit.openapi import problems
from bookcore.kit.problem import ProblemError
from books_api.dependencies import Collaborators, Parts, Wanted
from books_api.schemas import BookPage, HistoryOut, PeriodOut

router = APIRouter(tags=["books"])


class Paging(BaseModel):
    """Order and page of a list."""

    sort: Sort = Sort.ID
    cursor: Annotated[str | None, Field(max_length=2_000)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 20


@router.get("/books", operation_id="list_books", responses=problems("bad-cursor"))
def list_books(
    request: Request, response: Response, parts: Parts, wanted: Wanted, paging: Annotated[Paging, Depends()]
) -> BookPage:
    """Books by filter, in the order asked for, a page at a time; `Link: rel="next"` leads on."""
    after = _after(parts, wanted, paging)
    with parts.catalogue.reading() as connection:
        books, end = queries.page(connection, wanted, sort=paging.sort, after=after, limit=paging.limit)
    following = parts.cursors.write(end, wanted, paging.sort) if end else None
    if following:
        others = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        response.headers["Link"] = f'</books?{urlencode([*others, ("cursor", following)])}>; rel="next"'
    return BookPage(items=[BookState.of(stored) for stored in books], next=following)


@router.get("/books/{book_id}", operation_id="get_book", responses=problems("not-found"))
def get_book(book_id: str, response: Response, parts: Parts) -> BookState:
    """One book; the ETag is its version."""
    stored = living(parts.catalogue, book_id)
    response.headers["ETag"] = etag(stored)
    return BookState.of(stored)


@router.get("/books/{book_id}/history", operation_id="get_book_history", responses=problems("not-found"))
def get_history(book_id: str, parts: Parts) -> HistoryOut:
    """The prices that a book has had, oldest first."""
    living(parts.catalogue, book_id)
    with parts.catalogue.reading() as connection:
        periods = queries.history(connection, book_id)
    return HistoryOut(id=book_id, prices=[PeriodOut.of(period) for period in periods])


def _after(parts: Collaborators, wanted: BookFilter, paging: Paging) -> Key | None:
    if not paging.cursor:
        return None
    end = parts.cursors.read(paging.cursor, wanted, paging.sort)
    if end.value is not None:
        return Key(end.value, end.id)
    with parts.catalogue.reading() as connection:
        found = queries.key_of(connection, end.id, sort=paging.sort)
    if found is None:
        raise ProblemError("bad-cursor", "cursor: the book that it stands at is gone")
    return found


def living(catalogue: Catalogue, book_id: str) -> VersionedBook:
    """Raises: NotFound when there is no such book, or no longer."""
    with catalogue.reading() as connection:
        stored = queries.get(connection, book_id)
    if stored is None or stored.deleted:
        raise NotFound(f"no book {book_id!r}")
    return stored


def etag(stored: VersionedBook) -> str:
    """Strong: the version moves with every accepted observation."""
    return f'"{stored.version}"'
