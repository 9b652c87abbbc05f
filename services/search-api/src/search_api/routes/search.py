"""Search routes."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Request

from bookcore.search import SearchIndex
from search_api.schemas import SearchIn, SearchOut, SuggestOut

router = APIRouter(tags=["search"])


@router.get("/search", operation_id="search_books")
def search_books(request: Request, params: Annotated[SearchIn, Query()]) -> SearchOut:
    """Search books that contain all words (the last one may be incomplete) or an identifier.

    Accents and case are ignored. Searched fields: title, category, description and identifiers.
    """
    started = time.perf_counter()
    page = _get_index(request).search(params.to_query())
    return SearchOut.from_page(params, page, took_ms=(time.perf_counter() - started) * 1000)


@router.get("/search/suggest", operation_id="suggest")
def suggest(
    request: Request,
    q: Annotated[str, Query(max_length=1_000, description="text typed so far", examples=["the lam"])],
    limit: Annotated[int, Query(ge=1, le=20, description="most suggestions in the response")] = 8,
) -> SuggestOut:
    """Suggest categories and titles that contain the typed words, the last one as a prefix; those that
    start with them come first."""
    return SuggestOut.from_suggestions(list(_get_index(request).suggest(q, limit=limit)))


def _get_index(request: Request) -> SearchIndex:
    index: SearchIndex = request.app.state.index
    return index
