"""Cached responses on two levels; one round trip to the shared one also counts the request.

Level one is local, level two is the cache port. Each round trip returns the purge sequence, so purges by
other processes are applied before a response is sent: after a purge no client gets an older response.
While the cache server is away, requests are counted per process and served from the local level.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from bookcore.cache import Cache, PreparedScript
from bookcore.domain.errors import BookstreamError
from bookcore.kit.logger import get_logger
from gateway.accounts.quota import Quota
from gateway.cache.entry import CacheEntry
from gateway.cache.local import LocalCache
from gateway.cache.purge_log import PurgeLog
from gateway.cache.scripts import ADMIT, FETCH_PURGES, FIND, LOG, PURGE, SAVE, SEQUENCE
from gateway.ratelimit.gcra import compute_step
from gateway.routing.cache_tags import ALL

_log = get_logger(__name__)
_MAX_LOCAL_RATES = 100_000
_MICRO = 1_000_000
_PURGE_KEYS = (SEQUENCE, LOG)
_NO_RATE_LIMIT = (0,) * 5


class RateLimitResult:
    """The decision on one request; times in microseconds. `purge_sequence` is -1 when unknown."""

    __slots__ = ("allowed", "purge_sequence", "remaining", "reset_after", "retry_after")

    def __init__(
        self, allowed: int, remaining: int, retry_after: int, reset_after: int, purge_sequence: int
    ) -> None:
        self.allowed, self.remaining = allowed, remaining
        self.retry_after, self.reset_after = retry_after, reset_after
        self.purge_sequence = purge_sequence


class RateLimitSubject:
    """Who requests are counted for, with the prepared script that counts one."""

    __slots__ = ("key", "quota", "script")

    def __init__(self, key: str, quota: Quota, script: PreparedScript) -> None:
        self.key, self.quota, self.script = key, quota, script


AdmitCallback = Callable[[RateLimitResult, CacheEntry | None], None]
PurgeListener = Callable[[Sequence[str]], None]


class ResponseCache:
    """`now` gives monotonic seconds and measures ages and limits; `wall_now` gives those since 1970.

    `is_shared` is False when the cache port is in this process.
    """

    def __init__(
        self,
        cache: Cache,
        local: LocalCache,
        *,
        now: Callable[[], float],
        wall_now: Callable[[], float],
        is_shared: bool,
    ) -> None:
        self._cache, self._local, self.now, self.wall_now = cache, local, now, wall_now
        self._is_shared = is_shared
        self._purge_log = PurgeLog()
        self._local_rates: OrderedDict[str, int] = OrderedDict()
        self._listeners: list[PurgeListener] = []
        self.counted_locally = 0
        """Requests that were rate-limited per process, while the cache server was away."""

    @property
    def local(self) -> LocalCache:
        return self._local

    def add_purge_listener(self, listener: PurgeListener) -> None:
        """The listener gets the tags of every purge that this process learns of."""
        self._listeners.append(listener)

    def prepare_subject(self, key: str, quota: Quota) -> RateLimitSubject:
        """Prepares the counting of a subject's requests under `key`."""
        script = self._cache.prepare(ADMIT, (key, SEQUENCE), (quota.requests, quota.window))
        return RateLimitSubject(key, quota, script)

    def admit(self, subject: RateLimitSubject, key: str, callback: AdmitCallback) -> None:
        """Counts a request and finds the entry under `key` ("" for none)."""
        purge_log = self._purge_log

        def on_reply(reply: Any) -> None:  # Any: the result of ADMIT, or an error
            if isinstance(reply, BookstreamError):
                callback(self._count_locally(subject), self._get_valid(key))
            elif reply[4] != purge_log.sequence:
                self._catch_up(reply, key, callback)
            else:
                if len(reply) > 5:
                    self._store_locally(key, reply)
                entry = self._local.get(key) if key else None
                if entry is not None and entry.cached_head.purge_version != purge_log.version:
                    entry = self._get_valid(key)
                callback(_build_result(reply, purge_log.sequence), entry)

        if self._is_shared and key and self._local.peek(key) is None:
            quota, keys = subject.quota, (subject.key, SEQUENCE, key)
            self._cache.eval_nowait(ADMIT, keys, (quota.requests, quota.window), on_reply)
        else:
            subject.script.run(on_reply)

    def find(self, key: str, callback: Callable[[CacheEntry | None], None]) -> None:
        """Finds an entry on either level without counting; None also while the cache server is away."""
        entry = self._get_valid(key)
        if entry is not None or not self._is_shared:
            callback(entry)
            return

        def on_reply(reply: Any) -> None:  # Any: the result of FIND, or an error
            if not isinstance(reply, BookstreamError):
                self._store_locally(key, (*_NO_RATE_LIMIT, reply[0]))
            callback(self._get_valid(key))

        self._cache.eval_nowait(FIND, (key,), (), on_reply)

    def is_valid_since(self, purge_sequence: int, tags: Sequence[str]) -> bool:
        """Whether a response requested at `purge_sequence` is still valid."""
        return self._purge_log.is_valid_since(purge_sequence, tags)

    def save(self, key: str, entry: CacheEntry) -> None:
        """Stores an entry on both levels, unless it was purged meanwhile."""
        if not self._is_valid(entry):
            return
        self._local.put(key, entry)
        if self._is_shared:
            lifetime = entry.lifetime
            seconds = lifetime.ttl + max(lifetime.while_revalidating, lifetime.if_error)
            data = entry.pack(wall_offset=self.wall_now() - self.now())
            self._cache.eval_nowait(SAVE, (key,), (data, int(seconds * 1_000)), _log_failure)

    def purge(self, tags: Sequence[str], callback: Callable[[BookstreamError | None], None]) -> None:
        """After `callback(None)` no gateway serves older responses with those tags."""

        def on_reply(reply: Any) -> None:  # Any: the result of PURGE, or an error
            if isinstance(reply, BookstreamError):
                callback(reply)
            else:
                self._fetch_purges(lambda: callback(None))

        self._purge_log.mark_pending(tags)
        self._cache.eval_nowait(PURGE, _PURGE_KEYS, (" ".join(tags).encode(),), on_reply)

    async def purge_and_wait(self, tags: Sequence[str]) -> None:
        """Like `purge`, awaited. Raises: BookstreamError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_purged(error: BookstreamError | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        self.purge(tags, on_purged)
        await done

    def _get_valid(self, key: str) -> CacheEntry | None:
        entry = self._local.get(key) if key else None
        if entry is None or self._is_valid(entry):
            return entry
        self._local.drop(key)
        return None

    def _is_valid(self, entry: CacheEntry) -> bool:
        purge_log = self._purge_log
        if entry.cached_head.purge_version == purge_log.version:
            return True
        is_valid = purge_log.is_valid_since(entry.freshness.purge_sequence, entry.tags)
        if is_valid:
            entry.cached_head.purge_version = purge_log.version
        return is_valid

    def _store_locally(self, key: str, reply: Sequence[Any]) -> None:
        data = reply[5] if len(reply) > 5 else None
        if not data:
            return
        try:
            now = self.now()
            entry = CacheEntry.unpack(data, wall_offset=self.wall_now() - now, now=now)
        except ValueError as error:
            _log.warning("invalid cache entry; fetching the response again", key=key, error=str(error))
            return
        if self._is_valid(entry):
            self._local.put(key, entry)

    def _catch_up(self, reply: Sequence[Any], key: str, callback: AdmitCallback) -> None:
        def on_fetched() -> None:
            self._store_locally(key, reply)
            callback(_build_result(reply, self._purge_log.sequence), self._get_valid(key))

        self._fetch_purges(on_fetched)

    def _fetch_purges(self, callback: Callable[[], None]) -> None:
        def on_reply(reply: Any) -> None:  # Any: the result of FETCH_PURGES, or an error
            new_tags = [ALL] if isinstance(reply, BookstreamError) else self._purge_log.apply(reply)
            if ALL in new_tags:
                self._local.clear()
            for listener in self._listeners if new_tags else ():
                listener(new_tags)
            callback()

        self._cache.eval_nowait(FETCH_PURGES, _PURGE_KEYS, (self._purge_log.sequence,), on_reply)

    def _count_locally(self, subject: RateLimitSubject) -> RateLimitResult:
        self.counted_locally += 1
        step = compute_step(subject.quota, self._local_rates.pop(subject.key, None), now=self.now())
        self._local_rates[subject.key] = step.tat
        if len(self._local_rates) > _MAX_LOCAL_RATES:
            self._local_rates.popitem(last=False)
        decision = step.decision
        wait, reset = round(decision.retry_after * _MICRO), round(decision.reset_after * _MICRO)
        return RateLimitResult(
            int(decision.allowed), decision.remaining, wait, reset, self._purge_log.sequence
        )


def _build_result(reply: Sequence[Any], purge_sequence: int) -> RateLimitResult:
    return RateLimitResult(reply[0], reply[1], reply[2], reply[3], purge_sequence)


def _log_failure(reply: object) -> None:
    if isinstance(reply, BookstreamError):
        _log.warning("storing a response in the cache server failed", error=str(reply))
