"""The online store in Valkey or Redis: one value per book, replaced only by a newer version."""

from collections.abc import Sequence
from typing import cast

import orjson
import redis

from bookcore.cache.redis.server import split_prefix
from bookcore.domain.errors import Unavailable
from bookml.facts import parse_facts
from bookml.online import StoredFacts

_FIELD = "BOOKSTREAM_ML_FEATURES_URL"
_PREFIX = "bookml:book:"
_PUT = """
local known = redis.call('HGET', KEYS[1], 'v')
if known and tonumber(known) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'b', ARGV[2])
return 1
"""


def open_store(url: str) -> "RedisStore":
    """`redis://host:port/database`, `rediss://` with TLS and the options of `bookcore.kit.tls`."""
    return RedisStore(url)


class RedisStore:
    """One hash for each book: version and encoded facts."""

    def __init__(self, url: str) -> None:
        address, prefix = split_prefix(url, field=_FIELD)
        self._prefix = prefix + _PREFIX
        self._client = redis.Redis.from_url(address, socket_timeout=5, socket_connect_timeout=2)
        self._put = self._client.register_script(_PUT)

    def put(self, books: Sequence[StoredFacts]) -> None:
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for book in books:
                    self._put(keys=[self._prefix + book.id], args=[book.version, _encode(book)], client=pipe)
                pipe.execute()
        except redis.RedisError as error:
            raise _build_error(error) from error

    def get(self, ids: Sequence[str]) -> dict[str, StoredFacts]:
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for book_id in ids:
                    pipe.hget(self._prefix + book_id, "b")
                bodies = cast(list[bytes | None], pipe.execute())
        except redis.RedisError as error:
            raise _build_error(error) from error
        return {
            i: stored for i, body in zip(ids, bodies, strict=True) if body and (stored := _decode(i, body))
        }

    def close(self) -> None:
        self._client.close()


def _encode(book: StoredFacts) -> bytes:
    facts = None if book.facts is None else book.facts.as_dict
    return orjson.dumps([book.version, book.price, book.currency, facts])


def _decode(book_id: str, body: bytes) -> StoredFacts | None:
    version, price, currency, facts = orjson.loads(body)
    return None if facts is None else StoredFacts(book_id, version, price, currency, parse_facts(facts))


def _build_error(error: redis.RedisError) -> Unavailable:
    return Unavailable(f"the store of features can't be used ({type(error).__name__}); check its URL")
