"""Searching books."""

import time
from typing import Annotated

from fastapi import APIRouter, Query, Request

from bookcore.search import SearchIndex
from search_api.schemas import SearchIn, SearchOut, SuggestOut

router = APIRouter(tags=["search"])


@router.get("/search", operation_id="search_books")
def search_books(request: Request, question: Annotated[SearchIn, Query()]) -> SearchOut:
    """Books that have all the words (the last one may be unfinished), or an identifier as typed.

    Accents and case don't matter. Words are looked for in title, category,
    description and identifiers.
    """
    started = time.perf_counter()
    page = _get_index(request).search(question.to_query())
    return SearchOut.from_page(question, page, took_ms=(time.perf_counter() - started) * 1000)


@router.get("/search/suggest", operation_id="suggest")
def suggest(
    request: Request,
    q: Annotated[
        str, Query(max_length=1_000, description="what has been typed so far", examples=["the lam"])
    ],
    limit: Annotated[int, Query(ge=1, le=20, description="suggestions in the answer at most")] = 8,
) -> SuggestOut:
    """Categories and titles that have the typed words, the last as a beginning; first those that begin so."""
    return SuggestOut.from_suggestions(list(_get_index(request).suggest(q, limit=limit)))


def _get_index(request: Request) -> SearchIndex:
    index: SearchIndex = request.app.state.index
    return index
