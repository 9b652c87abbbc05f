"""The services' OpenAPI documents, fetched as any request is, merged and kept for a minute."""

import asyncio
from collections.abc import Callable, Mapping

import orjson

from bookcore.cache import Cache
from bookcore.kit.logger import get_logger
from bookcore.kit.openapi import Document
from bookcore.kit.problem import ProblemError
from gateway.api.openapi_merge import merge_documents
from gateway.routing.routes import Service
from gateway.upstream.fetch import fetch_body
from gateway.upstream.upstream import Upstream

_log = get_logger(__name__)
_KEY = "openapi"
_KEPT_SECONDS = 60.0
_KEPT_INCOMPLETE_SECONDS = 2.0
_MOST_BYTES = 5_000_000


class MergedDocuments:
    """`own` gives the gateway's document; a service that is away is left out and asked again soon."""

    def __init__(
        self, own: Callable[[], Document], upstreams: Mapping[Service, Upstream], *, cache: Cache
    ) -> None:
        self._own = own
        self._upstreams = upstreams
        self._cache = cache

    async def get_document(self) -> Document:
        """The merged document."""
        kept = await self._cache.get(_KEY)
        if kept is None:
            kept = await self._fetch()
        merged: Document = orjson.loads(kept)
        return merged

    async def _fetch(self) -> bytes:
        found = await asyncio.gather(*(_fetch_document(upstream) for upstream in self._upstreams.values()))
        services = {
            service: document for service, document in zip(self._upstreams, found, strict=True) if document
        }
        merged = orjson.dumps(merge_documents(self._own(), services))
        is_complete = len(services) == len(self._upstreams)
        await self._cache.set(_KEY, merged, ttl=_KEPT_SECONDS if is_complete else _KEPT_INCOMPLETE_SECONDS)
        return merged


async def _fetch_document(upstream: Upstream) -> Document | None:
    try:
        document = orjson.loads(await fetch_body(upstream, b"/openapi.json", most_bytes=_MOST_BYTES))
    except (ProblemError, orjson.JSONDecodeError) as error:
        _log.warning("no OpenAPI document", service=upstream.name, error=str(error))
        return None
    return document if isinstance(document, dict) and "paths" in document else None
