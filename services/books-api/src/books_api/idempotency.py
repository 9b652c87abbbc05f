"""`Idempotency-Key` on POST: the same request again gets the same answer, and nothing is done twice.

Kept for a day in the cache port, under the user, the address and the key. Only what was done is kept: a
refusal or a failure frees the key, so that a corrected request or a retry can have it. While the cache is
away a POST with a key is refused (503), since nobody could tell whether it was done already.
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
"""Key: one; arguments: bytes, milliseconds. Answers 0 when it was free, else 1 and what stands there."""


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request with a key; equal fingerprints mean the same request."""

    cache_key: str
    fingerprint: bytes

    @classmethod
    async def from_request(cls, request: Request, key: str) -> "IdempotentRequest":
        """Raises: Invalid for a key of odd form, ProblemError(unauthorized)."""
        if not _KEY.fullmatch(key):
            raise Invalid("must be 1 to 255 visible ASCII characters", field=HEADER)
        tokens: InternalTokens = request.app.state.internal_tokens
        user_id = tokens.verify(request.headers.get(INTERNAL_TOKEN, "")).user_id
        place = sha256(f"{user_id}\n{request.url.path}\n{key}".encode()).hexdigest()
        said = request.url.query.encode() + b"\n" + await request.body()
        return cls(f"idempotency:{place}", sha256(said).hexdigest().encode())


class IdempotencyStore:
    """What was answered to which key."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def run_once(self, ask: IdempotentRequest, work: Callable[[], Awaitable[Response]]) -> Response:
        """The answer of the work, or the one that it gave before.

        Raises: ProblemError, conflict while the first is under way, idempotency-mismatch for another request;
        Unavailable without the cache.
        """
        stored = await self._claim_key(ask)
        if stored is not None:
            return _replay_response(ask, stored)
        try:
            response = await work()
        except BaseException:
            await self._release_key(ask)
            raise
        if response.status_code < 300:
            await self._cache.set(
                ask.cache_key, ask.fingerprint + b"\n" + _pack_response(response), ttl=_RESPONSE_SECONDS
            )
        else:
            await self._release_key(ask)
        return response

    async def close(self) -> None:
        """Free the cache."""
        await self._cache.close()

    async def _release_key(self, ask: IdempotentRequest) -> None:
        await self._cache.set(ask.cache_key, b"", ttl=0.001)  # the port deletes by prefix, which is dear

    async def _claim_key(self, ask: IdempotentRequest) -> bytes | None:
        done: asyncio.Future[Sequence[Any]] = asyncio.get_running_loop().create_future()

        def answered(answer: Any) -> None:  # Any: as the port says
            if isinstance(answer, BookstreamError):
                done.set_exception(answer)
            else:
                done.set_result(answer)

        held = int(_CLAIM_SECONDS * 1_000)
        self._cache.eval_nowait(CLAIM_SCRIPT, [ask.cache_key], [ask.fingerprint + b"\n", held], answered)
        answer = await done
        return bytes(answer[1]) if answer[0] else None


class IdempotentRoute(APIRoute):
    """A route whose POST takes the header. Needs `app.state.collaborators.answers`."""

    def get_route_handler(self) -> Handler:
        """As APIRoute's."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None or request.method != "POST":
                return await inner(request)
            answers: IdempotencyStore = request.app.state.collaborators.answers
            return await answers.run_once(
                await IdempotentRequest.from_request(request, key), lambda: inner(request)
            )

        return handler


def _replay_response(ask: IdempotentRequest, stored: bytes) -> Response:
    fingerprint, _, packed = stored.partition(b"\n")
    if fingerprint != ask.fingerprint:
        raise ProblemError("idempotency-mismatch", f"{HEADER}: this key came with another request before")
    if not packed:
        detail = "the first request with this key is still under way"
        raise ProblemError("conflict", detail, headers={"Retry-After": "1"})
    line, _, body = packed.partition(b"\n")
    status, headers = orjson.loads(line)
    return Response(body, status, {**headers, "Idempotency-Replayed": "true"})


def _pack_response(response: Response) -> bytes:
    headers = {name: value for name, value in response.headers.items() if name in _STORED_HEADERS}
    return orjson.dumps([response.status_code, headers]) + b"\n" + bytes(response.body)
