"""Responses kept for all readers, by group; a group is forgotten at once when something in it changes."""

from dataclasses import dataclass

import orjson

from bookcore.cache import Cache
from bookcore.kit.clock import Clock
from gateway.cache.generations import Generations
from gateway.core.headers import Header

_SET_ANEW = frozenset({b"content-length", b"etag", b"age"})


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A 200 with its whole body; `stored_at` is in seconds since 1970, `ttl` in seconds."""

    headers: tuple[Header, ...]
    body: bytes
    etag: bytes
    stored_at: float
    ttl: float

    def pack(self) -> bytes:
        """One line of JSON, then the body as it is."""
        text = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in self.headers]
        return orjson.dumps([text, self.etag.decode("latin-1"), self.stored_at, self.ttl]) + b"\n" + self.body

    @classmethod
    def unpack(cls, packed: bytes) -> "StoredResponse":
        """The inverse of pack."""
        line, _, body = packed.partition(b"\n")
        text, etag, stored_at, ttl = orjson.loads(line)
        headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in text)
        return cls(headers, body, etag.encode("latin-1"), stored_at, ttl)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a response belongs; taken before the service is asked, so that a purge in between counts."""

    key: str


class ResponseCache:
    """Cache-aside over the cache port."""

    def __init__(self, cache: Cache, *, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock
        self._generations = Generations(cache)

    async def slot(self, group: str, key: str) -> Slot:
        """The place of `key` in the group's present generation."""
        return Slot(f"response:{group}:{await self._generations.current(group)}:{key}")

    async def get(self, slot: Slot) -> StoredResponse | None:
        """What is kept there."""
        packed = await self._cache.get(slot.key)
        return None if packed is None else StoredResponse.unpack(packed)

    async def put(self, slot: Slot, response: StoredResponse) -> None:
        """Keep it for its time to live; unreachable at once when the group was purged since."""
        await self._cache.set(slot.key, response.pack(), ttl=response.ttl)

    async def purge(self, group: str) -> None:
        """Forget the group; dropping the old entries only frees their memory."""
        await self._generations.advance(group)
        await self._cache.delete(f"response:{group}:")

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock.now().timestamp()


def kept_headers(headers: list[Header]) -> tuple[Header, ...]:
    """The headers that a stored response keeps."""
    return tuple(header for header in headers if header[0] not in _SET_ANEW)
