"""Search routes."""

import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from bookcore.domain.book import BookId
from bookcore.domain.errors import Invalid
from bookcore.kit.book_filters import check_listed_names, check_one_currency
from bookcore.kit.cursor import SignedCursors
from bookcore.kit.openapi import describe_problems
from bookcore.search import SearchFilters, SearchIndex, SearchOrder, SearchPage, SearchQuery
from bookcore.search.query_plan import MAX_RESULTS
from search_api.schemas import SearchIn, SearchOut, SimilarOut, SuggestOut

router = APIRouter(tags=["search"])


@router.get("/search", operation_id="search_books", responses=describe_problems("bad-cursor"))
def search_books(request: Request, params: Annotated[SearchIn, Query()]) -> SearchOut:
    """Search books by any text: titles, authors, series with a number, ISBNs, words of the description.

    Accents, case, spelling, spacing and an incomplete last word are forgiven. Well-known books come first
    among equals. A checked ISBN or UPC, or `source:id`, finds exactly that book.
    """
    started = time.perf_counter()
    index, cursors = _get_index(request), _get_cursors(request)
    query = params.to_query()
    question = repr((query.text, query.filters, query.sort))
    if params.cursor:
        if params.offset:
            raise Invalid("can't be combined with a cursor", field="offset")
        query = replace(query, offset=_read_offset(cursors, params.cursor, question))
    _check_filters(index, query)
    page = index.search(query)
    end = query.offset + query.limit
    has_more = end < page.total and end + query.limit <= MAX_RESULTS
    next_cursor = cursors.encode([end], question=question) if has_more else None
    took_ms = (time.perf_counter() - started) * 1000
    return SearchOut.from_page(params, page, next_cursor=next_cursor, took_ms=took_ms)


@router.get("/search/suggest", operation_id="suggest")
def suggest(
    request: Request,
    q: Annotated[str, Query(max_length=1_000, description="text typed so far", examples=["the lam"])],
    limit: Annotated[int, Query(ge=1, le=20, description="most suggestions in the response")] = 8,
) -> SuggestOut:
    """Suggest categories, people, series and titles that contain the typed words, the last one as a prefix;
    misspelled ones too. Titles that start with the text come before other titles."""
    return SuggestOut.from_suggestions(list(_get_index(request).suggest(q, limit=limit)))


@router.get(
    "/search/similar/{book_id}", operation_id="find_similar_books", responses=describe_problems("not-found")
)
def find_similar_books(
    request: Request,
    book_id: Annotated[
        str,
        Path(max_length=600, description="`source:source_id`", examples=["books_toscrape:a897fe39b1053632"]),
    ],
    limit: Annotated[int, Query(ge=1, le=200, description="most books in the response")] = 20,
) -> SimilarOut:
    """Books like this one: of its series, by its authors, of its category and subjects, or with words of its
    title and description; each with the reasons. Other listings of the same book are left out."""
    return SimilarOut.from_books(_get_index(request).find_similar(BookId(book_id), limit=limit))


def _read_offset(cursors: SignedCursors, cursor: str, question: str) -> int:
    return int(cursors.decode(cursor, question=question)[0] or 0)


def _check_filters(index: SearchIndex, query: SearchQuery) -> None:
    """Raises: Invalid for bounds on or an order by prices of several currencies, and for a name that looks
    like several.
    """
    filters = query.filters
    check_listed_names(
        filters.category, lambda name: bool(_count(index, SearchFilters(category=(name,))).total)
    )
    by_price = query.sort in (SearchOrder.PRICE, SearchOrder.PRICE_DESCENDING)
    if filters.min_price is None and filters.max_price is None and not by_price:
        return
    others = replace(filters, currency=(), min_price=None, max_price=None)
    found = _count(index, others, text=query.text).facets["currency"]
    check_one_currency(sorted(set(found) & set(filters.currency or found)))


def _count(index: SearchIndex, filters: SearchFilters, *, text: str = "") -> SearchPage:
    return index.search(SearchQuery(text, filters, limit=0))


def _get_index(request: Request) -> SearchIndex:
    index: SearchIndex = request.app.state.index
    return index


def _get_cursors(request: Request) -> SignedCursors:
    cursors: SignedCursors = request.app.state.cursors
    return cursors
