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
from gateway.cache.entry import Entry
from gateway.cache.local import Shelf
from gateway.cache.purge_log import Purges
from gateway.cache.scripts import ADMIT, KEEP, LEARN, LOG, LOOK, PURGE, SEQUENCE
from gateway.ratelimit.gcra import step
from gateway.routing.cache_tags import EVERYTHING

_log = structlog.get_logger()
_MOST_LOCAL = 100_000
_MICRO = 1_000_000
_PURGE_KEYS = (SEQUENCE, LOG)
_NUMBERS = (0,) * 5


class Counted:
    """Whether a request may go on; times in microseconds. `ticket` is the purge sequence, -1 when unknown."""

    __slots__ = ("allowed", "remaining", "reset_after", "retry_after", "ticket")

    def __init__(self, allowed: int, remaining: int, retry_after: int, reset_after: int, ticket: int) -> None:
        self.allowed, self.remaining = allowed, remaining
        self.retry_after, self.reset_after = retry_after, reset_after
        self.ticket = ticket


class Admission:
    """Whom requests are counted for, with the question that counts one made ready."""

    __slots__ = ("question", "quota", "subject")

    def __init__(self, subject: str, quota: Quota, question: PreparedScript) -> None:
        self.subject, self.quota, self.question = subject, quota, question


Then = Callable[[Counted, Entry | None], None]
OnNews = Callable[[Sequence[str]], None]


class Store:
    """`now` gives seconds since 1970; `is_shared` says whether the cache port is more than this process."""

    def __init__(self, cache: Cache, shelf: Shelf, *, now: Callable[[], float], is_shared: bool) -> None:
        self._cache, self._shelf, self.now = cache, shelf, now
        self._is_shared = is_shared
        self._purges = Purges()
        self._local: OrderedDict[str, int] = OrderedDict()
        self._listeners: list[OnNews] = []
        self.counted_here = 0
        """Requests that were counted without the cache server."""

    @property
    def shelf(self) -> Shelf:
        """Level one."""
        return self._shelf

    def on_news(self, listener: OnNews) -> None:
        """Call it with the tags of every purge that this process hears of."""
        self._listeners.append(listener)

    def admission(self, subject: str, quota: Quota) -> Admission:
        """For every request of the subject."""
        question = self._cache.prepare(ADMIT, (subject, SEQUENCE), (quota.requests, quota.window))
        return Admission(subject, quota, question)

    def admit(self, admission: Admission, key: str, then: Then) -> None:
        """Count a request and find what is kept under `key` ("": nothing is)."""
        purges = self._purges

        def answered(reply: Any) -> None:  # Any: as ADMIT answers, or an error
            if isinstance(reply, BookstreamError):
                then(self._count_here(admission), self._held(key))
            elif reply[4] != purges.sequence:
                self._catch_up(reply, key, then)
            else:
                if len(reply) > 5:
                    self._take_in(key, reply)
                entry = self._shelf.get(key) if key else None
                if entry is not None and entry.seen.purges != purges.version:
                    entry = self._held(key)
                then(_counted(reply, purges.sequence), entry)

        if self._is_shared and key and self._shelf.peek(key) is None:
            quota, keys = admission.quota, (admission.subject, SEQUENCE, key)
            self._cache.eval_nowait(ADMIT, keys, (quota.requests, quota.window), answered)
        else:
            admission.question.run(answered)

    def look(self, key: str, then: Callable[[Entry | None], None]) -> None:
        """What either level holds, without counting anything; None also when the server is away."""
        held = self._held(key)
        if held is not None or not self._is_shared:
            then(held)
            return

        def answered(reply: Any) -> None:  # Any: as LOOK answers, or an error
            if not isinstance(reply, BookstreamError):
                self._take_in(key, (*_NUMBERS, reply[0]))
            then(self._held(key))

        self._cache.eval_nowait(LOOK, (key,), (), answered)

    def spares(self, ticket: int, tags: Sequence[str]) -> bool:
        """Whether what was asked for at purge sequence `ticket` is still good."""
        return self._purges.spares(ticket, tags)

    def keep(self, key: str, entry: Entry) -> None:
        """Hold it here, and there for as long as it may be of use; nothing that was purged meanwhile."""
        if not self._is_good(entry):
            return
        self._shelf.put(key, entry)
        if self._is_shared:
            life = entry.lifetime
            seconds = life.ttl + max(life.while_revalidating, life.if_error)
            packed = entry.pack()
            self._cache.eval_nowait(KEEP, (key,), (packed, int(seconds * 1_000)), _ignored)

    def purge(self, tags: Sequence[str], then: Callable[[BookstreamError | None], None]) -> None:
        """Nobody gets an older answer of those tags once `then` was called with None."""

        def answered(reply: Any) -> None:  # Any: as PURGE answers, or an error
            if isinstance(reply, BookstreamError):
                then(reply)
            else:
                self._learn(lambda: then(None))

        self._purges.expect(tags)
        self._cache.eval_nowait(PURGE, _PURGE_KEYS, (" ".join(tags).encode(),), answered)

    async def purged(self, tags: Sequence[str]) -> None:
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

    def _held(self, key: str) -> Entry | None:
        entry = self._shelf.get(key) if key else None
        if entry is None or self._is_good(entry):
            return entry
        self._shelf.drop(key)
        return None

    def _is_good(self, entry: Entry) -> bool:
        purges = self._purges
        if entry.seen.purges == purges.version:
            return True
        is_good = purges.spares(entry.known.ticket, entry.tags)
        if is_good:
            entry.seen.purges = purges.version
        return is_good

    def _take_in(self, key: str, reply: Sequence[Any]) -> None:
        packed = reply[5] if len(reply) > 5 else None
        if not packed:
            return
        try:
            entry = Entry.unpack(packed)
        except ValueError as error:
            _log.warning("a kept answer can't be read and is fetched anew", key=key, error=str(error))
            return
        if self._is_good(entry):
            self._shelf.put(key, entry)

    def _catch_up(self, reply: Sequence[Any], key: str, then: Then) -> None:
        def learnt() -> None:
            self._take_in(key, reply)
            then(_counted(reply, self._purges.sequence), self._held(key))

        self._learn(learnt)

    def _learn(self, then: Callable[[], None]) -> None:
        def answered(reply: Any) -> None:  # Any: as LEARN answers, or an error
            news = [EVERYTHING] if isinstance(reply, BookstreamError) else self._purges.learn(reply)
            if EVERYTHING in news:
                self._shelf.clear()
            for listener in self._listeners if news else ():
                listener(news)
            then()

        self._cache.eval_nowait(LEARN, _PURGE_KEYS, (self._purges.sequence,), answered)

    def _count_here(self, admission: Admission) -> Counted:
        self.counted_here += 1
        subject, quota = admission.subject, admission.quota
        done = step(quota, self._local.pop(subject, None), now=self.now())
        self._local[subject] = done.tat
        if len(self._local) > _MOST_LOCAL:
            self._local.popitem(last=False)
        verdict = done.verdict
        wait, reset = round(verdict.retry_after * _MICRO), round(verdict.reset_after * _MICRO)
        return Counted(int(verdict.allowed), verdict.remaining, wait, reset, self._purges.sequence)


def _counted(reply: Sequence[Any], ticket: int) -> Counted:
    return Counted(reply[0], reply[1], reply[2], reply[3], ticket)


def _ignored(reply: object) -> None:
    if isinstance(reply, BookstreamError):
        _log.warning("an answer was not kept", error=str(reply))
