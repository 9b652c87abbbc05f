"""`Idempotency-Key` on POST: a repeated request gets the stored response and has no second effect.

Responses are stored for a day in the cache, by user, path and key. Only successful responses are stored: an
error releases the key, so that a corrected request or a retry can use it. While the cache is unavailable, a
POST with a key gets 503, since nothing can tell whether it was processed before.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

from bookcore.cache import Cache, Script, ScriptResult
from bookcore.domain.errors import BookstreamError, Invalid
from bookcore.kit.auth import HEADER as INTERNAL_TOKEN
from bookcore.kit.auth import InternalTokens
from bookcore.kit.problem import ProblemError

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_CLAIM_SECONDS, _RESPONSE_SECONDS = 60.0, 86_400.0
_STORED_HEADERS = ("content-type", "etag", "location")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]  # Any: asyncio's own type for this


def _run_claim(values: Sequence[bytes | None], args: Sequence[Any], now: float) -> ScriptResult:
    # Any: the fingerprint and the milliseconds to hold it
    if values[0]:
        return ScriptResult([None], [1, values[0]])
    return ScriptResult([(args[0], args[1] / 1_000)], [0])


_CLAIM_LUA = """
local stored = redis.call('GET', KEYS[1])
if stored and #stored > 0 then return {1, stored} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {0}
"""
CLAIM_SCRIPT = Script("idempotency.claim", _CLAIM_LUA, _run_claim)
"""Key: one; arguments: value, milliseconds. Returns 0 if the key was free, else 1 and the stored value."""


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with an Idempotency-Key; equal fingerprints mean equal requests."""

    cache_key: str
    fingerprint: bytes

    @classmethod
    async def from_request(cls, request: Request, key: str) -> "IdempotentRequest":
        """Raises: Invalid for a malformed key, ProblemError(unauthorized)."""
        if not _KEY.fullmatch(key):
            raise Invalid("must be 1 to 255 visible ASCII characters", field=HEADER)
        tokens: InternalTokens = request.app.state.internal_tokens
        user_id = tokens.verify(request.headers.get(INTERNAL_TOKEN, "")).user_id
        digest = sha256(f"{user_id}\n{request.url.path}\n{key}".encode()).hexdigest()
        content = request.url.query.encode() + b"\n" + await request.body()
        return cls(f"idempotency:{digest}", sha256(content).hexdigest().encode())


class IdempotencyStore:
    """Responses by idempotency key."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def run_once(self, keyed: IdempotentRequest, work: Callable[[], Awaitable[Response]]) -> Response:
        """Response of `work`, or the stored response of an equal request.

        Raises: ProblemError, conflict while the first request is in progress, idempotency-mismatch for
        another request; Unavailable without the cache.
        """
        stored = await self._claim_key(keyed)
        if stored is not None:
            return _replay_response(keyed, stored)
        try:
            response = await work()
        except BaseException:
            await self._release_key(keyed)
            raise
        if response.status_code < 300:
            await self._cache.set(
                keyed.cache_key, keyed.fingerprint + b"\n" + _pack_response(response), ttl=_RESPONSE_SECONDS
            )
        else:
            await self._release_key(keyed)
        return response

    async def close(self) -> None:
        """Close the cache."""
        await self._cache.close()

    async def _release_key(self, keyed: IdempotentRequest) -> None:
        await self._cache.set(
            keyed.cache_key, b"", ttl=0.001
        )  # the port deletes by prefix only, which is expensive

    async def _claim_key(self, keyed: IdempotentRequest) -> bytes | None:
        reply: asyncio.Future[Sequence[Any]] = asyncio.get_running_loop().create_future()

        def on_reply(result: Any) -> None:  # Any: as the port says
            if isinstance(result, BookstreamError):
                reply.set_exception(result)
            else:
                reply.set_result(result)

        claim_ms = int(_CLAIM_SECONDS * 1_000)
        self._cache.eval_nowait(
            CLAIM_SCRIPT, [keyed.cache_key], [keyed.fingerprint + b"\n", claim_ms], on_reply
        )
        claimed = await reply
        return bytes(claimed[1]) if claimed[0] else None


class IdempotentRoute(APIRoute):
    """Route whose POST accepts the header. Needs `app.state.dependencies.idempotency`."""

    def get_route_handler(self) -> Handler:
        """Wraps the handler of APIRoute."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None or request.method != "POST":
                return await inner(request)
            store: IdempotencyStore = request.app.state.dependencies.idempotency
            return await store.run_once(
                await IdempotentRequest.from_request(request, key), lambda: inner(request)
            )

        return handle


def _replay_response(keyed: IdempotentRequest, stored: bytes) -> Response:
    fingerprint, _, packed = stored.partition(b"\n")
    if fingerprint != keyed.fingerprint:
        raise ProblemError("idempotency-mismatch", f"{HEADER}: this key was used with another request")
    if not packed:
        detail = "the first request with this key is in progress"
        raise ProblemError("conflict", detail, headers={"Retry-After": "1"})
    line, _, body = packed.partition(b"\n")
    status, headers = orjson.loads(line)
    return Response(body, status, {**headers, "Idempotency-Replayed": "true"})


def _pack_response(response: Response) -> bytes:
    headers = {name: value for name, value in response.headers.items() if name in _STORED_HEADERS}
    return orjson.dumps([response.status_code, headers]) + b"\n" + bytes(response.body)
