"""App factory of the search API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from bookcore.kit.admin.service import ServiceAdmin
from bookcore.kit.app import create_service
from bookcore.kit.auth import InternalTokens, Scope, require_scope
from bookcore.kit.cursor import SignedCursors
from bookcore.search import SearchIndex, open_search_index
from search_api.routes import search
from search_api.settings import Settings

QUERY_HINTS = {
    "isbn": "an ISBN is typed as q",
    "fields": "matches are whole books; a list has fields: /v1/books?fields=",
    "ids": "books by id are at /v1/books?ids=",
    "page": "pages are linked by cursor; send `next` of the page before",
}
"""Parameters that a client may expect: what to use instead."""


def create_app(settings: Settings) -> FastAPI:
    """Opens the index at startup, closes it at shutdown."""
    opened: list[SearchIndex] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        index = open_search_index(settings.search_url)
        app.state.internal_tokens = InternalTokens(settings.internal_secret.get_secret_value())
        app.state.index = index
        app.state.cursors = SignedCursors(settings.internal_secret.get_secret_value())
        opened.append(index)
        yield
        opened.clear()
        index.close()

    def check_index() -> None:
        for index in opened:
            index.suggest("ready", limit=1)

    admin = ServiceAdmin(
        "search-api", {"search": check_index}, request_prefix="search_api", traces=settings.traces
    )
    app = create_service("Bookstream search", lifespan=lifespan, admin=admin)
    app.state.query_hints = QUERY_HINTS
    app.include_router(search.router, dependencies=[require_scope(Scope.SEARCH)])
    return app
