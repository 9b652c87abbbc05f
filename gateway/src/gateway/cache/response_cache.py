"""Cached answers on two levels, and the trip to the shared one that also counts the request.

Level one is this process's shelf, level two the cache port. What another process purges is heard of with the
next request's own trip, before anything is answered from either level: after a purge nobody gets an old
answer. Without the cache server requests are counted here and answered from the shelf.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from bookcore.cache import Cache, PreparedScript
from bookcore.domain.errors import BookstreamError
from gateway.accounts.quota import Quota
from gateway.cache.entry import CacheEntry
from gateway.cache.local import LocalCache
from gateway.cache.purge_log import PurgeLog
from gateway.cache.scripts import ADMIT, FETCH_PURGES, FIND, LOG, PURGE, SAVE, SEQUENCE
from gateway.ratelimit.gcra import compute_step
from gateway.routing.cache_tags import ALL

_log = structlog.get_logger()
_MOST_LOCAL = 100_000
_MICRO = 1_000_000
_PURGE_KEYS = (SEQUENCE, LOG)
_NUMBERS = (0,) * 5


class RateLimitResult:
    """Whether a request may go on; times in microseconds. `ticket` is the purge sequence, -1 when unknown."""

    __slots__ = ("allowed", "purge_sequence", "remaining", "reset_after", "retry_after")

    def __init__(self, allowed: int, remaining: int, retry_after: int, reset_after: int, ticket: int) -> None:
        self.allowed, self.remaining = allowed, remaining
        self.retry_after, self.reset_after = retry_after, reset_after
        self.purge_sequence = ticket


class RateLimitSubject:
    """Whom requests are counted for, with the question that counts one made ready."""

    __slots__ = ("key", "quota", "script")

    def __init__(self, subject: str, quota: Quota, question: PreparedScript) -> None:
        self.key, self.quota, self.script = subject, quota, question


AdmitCallback = Callable[[RateLimitResult, CacheEntry | None], None]
PurgeListener = Callable[[Sequence[str]], None]


class ResponseCache:
    """`now` gives seconds since 1970; `is_shared` says whether the cache port is more than this process."""

    def __init__(self, cache: Cache, shelf: LocalCache, *, now: Callable[[], float], is_shared: bool) -> None:
        self._cache, self._local, self.now = cache, shelf, now
        self._is_shared = is_shared
        self._purge_log = PurgeLog()
        self._local_rates: OrderedDict[str, int] = OrderedDict()
        self._listeners: list[PurgeListener] = []
        self.counted_locally = 0
        """Requests that were counted without the cache server."""

    @property
    def local(self) -> LocalCache:
        """Level one."""
        return self._local

    def add_purge_listener(self, listener: PurgeListener) -> None:
        """Call it with the tags of every purge that this process hears of."""
        self._listeners.append(listener)

    def prepare_subject(self, subject: str, quota: Quota) -> RateLimitSubject:
        """For every request of the subject."""
        question = self._cache.prepare(ADMIT, (subject, SEQUENCE), (quota.requests, quota.window))
        return RateLimitSubject(subject, quota, question)

    def admit(self, admission: RateLimitSubject, key: str, then: AdmitCallback) -> None:
        """Count a request and find what is kept under `key` ("": nothing is)."""
        purges = self._purge_log

        def answered(reply: Any) -> None:  # Any: as ADMIT answers, or an error
            if isinstance(reply, BookstreamError):
                then(self._count_locally(admission), self._get_valid(key))
            elif reply[4] != purges.sequence:
                self._catch_up(reply, key, then)
            else:
                if len(reply) > 5:
                    self._store_locally(key, reply)
                entry = self._local.get(key) if key else None
                if entry is not None and entry.cached_head.purge_version != purges.version:
                    entry = self._get_valid(key)
                then(_build_result(reply, purges.sequence), entry)

        if self._is_shared and key and self._local.peek(key) is None:
            quota, keys = admission.quota, (admission.key, SEQUENCE, key)
            self._cache.eval_nowait(ADMIT, keys, (quota.requests, quota.window), answered)
        else:
            admission.script.run(answered)

    def find(self, key: str, then: Callable[[CacheEntry | None], None]) -> None:
        """What either level holds, without counting anything; None also when the server is away."""
        held = self._get_valid(key)
        if held is not None or not self._is_shared:
            then(held)
            return

        def answered(reply: Any) -> None:  # Any: as LOOK answers, or an error
            if not isinstance(reply, BookstreamError):
                self._store_locally(key, (*_NUMBERS, reply[0]))
            then(self._get_valid(key))

        self._cache.eval_nowait(FIND, (key,), (), answered)

    def is_valid_since(self, ticket: int, tags: Sequence[str]) -> bool:
        """Whether what was asked for at purge sequence `ticket` is still good."""
        return self._purge_log.is_valid_since(ticket, tags)

    def save(self, key: str, entry: CacheEntry) -> None:
        """Hold it here, and there for as long as it may be of use; nothing that was purged meanwhile."""
        if not self._is_valid(entry):
            return
        self._local.put(key, entry)
        if self._is_shared:
            life = entry.lifetime
            seconds = life.ttl + max(life.while_revalidating, life.if_error)
            packed = entry.pack()
            self._cache.eval_nowait(SAVE, (key,), (packed, int(seconds * 1_000)), _log_failure)

    def purge(self, tags: Sequence[str], then: Callable[[BookstreamError | None], None]) -> None:
        """Nobody gets an older answer of those tags once `then` was called with None."""

        def answered(reply: Any) -> None:  # Any: as PURGE answers, or an error
            if isinstance(reply, BookstreamError):
                then(reply)
            else:
                self._fetch_purges(lambda: then(None))

        self._purge_log.mark_pending(tags)
        self._cache.eval_nowait(PURGE, _PURGE_KEYS, (" ".join(tags).encode(),), answered)

    async def purge_and_wait(self, tags: Sequence[str]) -> None:
        """The same, awaited. Raises: BookstreamError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def settle(error: BookstreamError | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        self.purge(tags, settle)
        await done

    def _get_valid(self, key: str) -> CacheEntry | None:
        entry = self._local.get(key) if key else None
        if entry is None or self._is_valid(entry):
            return entry
        self._local.drop(key)
        return None

    def _is_valid(self, entry: CacheEntry) -> bool:
        purges = self._purge_log
        if entry.cached_head.purge_version == purges.version:
            return True
        is_good = purges.is_valid_since(entry.freshness.purge_sequence, entry.tags)
        if is_good:
            entry.cached_head.purge_version = purges.version
        return is_good

    def _store_locally(self, key: str, reply: Sequence[Any]) -> None:
        packed = reply[5] if len(reply) > 5 else None
        if not packed:
            return
        try:
            entry = CacheEntry.unpack(packed)
        except ValueError as error:
            _log.warning("a kept answer can't be read and is fetched anew", key=key, error=str(error))
            return
        if self._is_valid(entry):
            self._local.put(key, entry)

    def _catch_up(self, reply: Sequence[Any], key: str, then: AdmitCallback) -> None:
        def learnt() -> None:
            self._store_locally(key, reply)
            then(_build_result(reply, self._purge_log.sequence), self._get_valid(key))

        self._fetch_purges(learnt)

    def _fetch_purges(self, then: Callable[[], None]) -> None:
        def answered(reply: Any) -> None:  # Any: as LEARN answers, or an error
            news = [ALL] if isinstance(reply, BookstreamError) else self._purge_log.apply(reply)
            if ALL in news:
                self._local.clear()
            for listener in self._listeners if news else ():
                listener(news)
            then()

        self._cache.eval_nowait(FETCH_PURGES, _PURGE_KEYS, (self._purge_log.sequence,), answered)

    def _count_locally(self, admission: RateLimitSubject) -> RateLimitResult:
        self.counted_locally += 1
        subject, quota = admission.key, admission.quota
        done = compute_step(quota, self._local_rates.pop(subject, None), now=self.now())
        self._local_rates[subject] = done.tat
        if len(self._local_rates) > _MOST_LOCAL:
            self._local_rates.popitem(last=False)
        verdict = done.decision
        wait, reset = round(verdict.retry_after * _MICRO), round(verdict.reset_after * _MICRO)
        return RateLimitResult(int(verdict.allowed), verdict.remaining, wait, reset, self._purge_log.sequence)


def _build_result(reply: Sequence[Any], ticket: int) -> RateLimitResult:
    return RateLimitResult(reply[0], reply[1], reply[2], reply[3], ticket)


def _log_failure(reply: object) -> None:
    if isinstance(reply, BookstreamError):
        _log.warning("an answer was not kept", error=str(reply))
