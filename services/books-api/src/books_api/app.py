"""App factory of the books API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from bookcore.cache import open_cache
from bookcore.catalogue import Catalogue, open_catalogue, queries
from bookcore.event_log import open_event_log
from bookcore.kit.admin.service import ServiceAdmin
from bookcore.kit.app import create_service
from bookcore.kit.auth import InternalTokens, Scope, require_scope
from bookcore.kit.clock import SystemClock
from books_api.category_decisions import CategoryDesk
from books_api.cursor import CursorCodec
from books_api.dependencies import Dependencies
from books_api.idempotency import IdempotencyStore
from books_api.routes import admin, books, catalogue, category_tree, changes, prices, sources
from books_api.settings import Settings
from books_api.writes import BookWriter

QUERY_HINTS = {
    "q": "search by text at /v1/search?q=",
    "query": "search by text at /v1/search?q=",
    "search": "search by text at /v1/search?q=",
    "modified_since": "what became of books since then is at /v1/changes?since=; new books come first with"
    " sort=-first_seen_at",
    "offset": "pages are linked by cursor; send `next` of the page before",
    "page": "pages are linked by cursor; send `next` of the page before",
    "per_page": "the size of a page is limit",
}
"""Parameters that a client may expect: what to use instead."""


def create_app(settings: Settings) -> FastAPI:
    """Opens the stores at startup, closes them at shutdown."""
    opened: list[Catalogue] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        secret = settings.internal_secret.get_secret_value()
        store = open_catalogue(settings.catalogue_url)
        log = open_event_log(settings.event_log_url)
        clock = SystemClock()
        writer = BookWriter(log, store, clock, wait=settings.books_api_write_wait, tracer=process.tracer)
        app.state.internal_tokens = InternalTokens(secret)
        idempotency = IdempotencyStore(open_cache(settings.cache_url))
        desk = CategoryDesk(log, store, clock, wait=settings.books_api_write_wait, tracer=process.tracer)
        cursors = CursorCodec(secret)
        app.state.dependencies = Dependencies(store, writer, cursors, idempotency, clock, desk)
        opened.append(store)
        yield
        opened.clear()
        await idempotency.close()
        log.close()
        store.close()

    def check_catalogue() -> None:
        for store in opened:
            with store.begin_read() as connection:
                queries.get_next_offset(connection, "", 0)

    process = ServiceAdmin(
        "books-api", {"catalogue": check_catalogue}, request_prefix="books_api", traces=settings.traces
    )
    app = create_service("Bookstream books", lifespan=lifespan, admin=process)
    app.state.query_hints = QUERY_HINTS
    reading = (catalogue, books, prices, sources, changes)
    for router in (*(room.router for room in reading), category_tree.reading):
        app.include_router(router, dependencies=[require_scope(Scope.BOOKS_READ)])
    for router in (admin.router, category_tree.deciding):
        app.include_router(router, dependencies=[require_scope(Scope.BOOKS_WRITE)])
    return app
