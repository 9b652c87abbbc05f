"""Routes for administrators: response cache."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from gateway.accounts.audit import AuditEvent
from gateway.api.dependencies import Admin, Deps, format_actor
from gateway.api.schemas import WireModel
from gateway.routing.cache_tags import ALL, LISTS

router = APIRouter(prefix="/v1/admin/cache", tags=["admin"])
BookTag = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s*]+$")]


class Purger(Protocol):
    """Purges cached responses in every gateway; at `app.state.purger`."""

    async def purge(self, tags: Sequence[str]) -> None:
        """Raises: Unavailable when the other gateways can't be notified."""


class Purge(WireModel):
    """Responses to purge: about these books, all lists, or everything."""

    books: Annotated[tuple[BookTag, ...], Field(max_length=1_000)] = ()
    lists: Annotated[bool, Field(strict=True)] = False
    everything: Annotated[bool, Field(strict=True)] = False


class Purged(WireModel):
    """The purged tags."""

    tags: Annotated[tuple[str, ...], Field(examples=[["book:books_toscrape:a897fe39b1053632", "list"]])]


async def _get_purger(request: Request) -> Purger:
    purger: Purger = request.app.state.purger
    return purger


ThePurger = Annotated[Purger, Depends(_get_purger)]


@router.post("/purge", summary="Forget cached answers")
async def purge_cache(purge: Purge, caller: Admin, control: Deps, purger: ThePurger) -> Purged:
    """Purge cached responses in every gateway before this responds. Changed books are purged
    automatically."""
    books = tuple(f"book:{book}" for book in purge.books)
    lists = (LISTS,) if purge.lists else ()
    tags = (ALL,) if purge.everything else books + lists
    if tags:
        await purger.purge(tags)
        deed = AuditEvent(format_actor(caller), "cache.purged", tags[0][:80], {"tags": str(len(tags))})
        await asyncio.to_thread(control.stores.audit.append, deed)
    return Purged(tags=tags)
