"""Counts requests by caller and hour in memory; writes them to the database every 5 seconds.

Quotas by day and month are checked against the database after each write, so they cost a request nothing:
a caller who exhausted one leaves the caller cache and is refused by the full check. A user may exceed a
quota by what the quota of a minute allows in 5 seconds.
"""

import asyncio
from collections.abc import Callable, Mapping

from bookcore.domain.errors import BookstreamError
from bookcore.kit.clock import Clock, make_seconds_clock
from bookcore.kit.logger import get_logger
from bookcore.kit.problem import ProblemError
from gateway.accounts.caller import Caller
from gateway.accounts.flushing import PeriodicFlusher
from gateway.accounts.periods import Period, get_period
from gateway.accounts.quota import Quota
from gateway.accounts.usage import HOUR, NO_KEY, RequestCounts, UsageKey, UsageTable
from gateway.ratelimit.gcra import format_policy

_log = get_logger(__name__)
_EVERY_SECONDS = 5.0
_MOST_CELLS = 100_000
"""With that many cells pending while the database is away, new ones are dropped."""


class UsageRecorder(PeriodicFlusher):
    """For one event loop. A killed process loses the counts of its last 5 seconds."""

    def __init__(self, table: UsageTable, *, clock: Clock) -> None:
        super().__init__(every=_EVERY_SECONDS)
        self._table = table
        self._now = make_seconds_clock(clock)
        self._pending: dict[tuple[str, str, int], list[int]] = {}
        self._quotas: dict[str, Quota] = {}
        """Of the users with requests since the last flush."""
        self._exhausted: dict[tuple[str, str], tuple[Period, int]] = {}
        self._listeners: list[Callable[[str], None]] = []

    def count(self, caller: Caller, status: int) -> None:
        """Counts one response; never blocks."""
        now = int(self._now())
        key = (caller.user_id, caller.key_id or NO_KEY, now - now % HOUR)
        counts = self._pending.get(key)
        if counts is None:
            if len(self._pending) >= _MOST_CELLS:
                return
            counts = self._pending[key] = [0, 0, 0, 0]
            self._quotas[caller.user_id] = caller.quota
        counts[0] += 1
        counts[1] += 400 <= status < 500
        counts[2] += status >= 500
        counts[3] = now

    def add_exhausted_listener(self, callback: Callable[[str], None]) -> None:
        """`callback` gets the id of each user who exhausted a quota."""
        self._listeners.append(callback)

    def check_quotas(self, caller: Caller) -> None:
        """Raises: ProblemError(too-many-requests) for a user who exhausted the quota of a day or month."""
        now = int(self._now())
        for quota in caller.quota.beside:
            span, used = self._exhausted.get((caller.user_id, quota.name), (None, 0))
            if span is not None and span.start <= now < span.end and used >= quota.requests:
                raise _build_exhausted_problem(caller.quota, quota, wait=span.end - now)

    async def flush(self) -> None:
        """Writes to the database; counts that can't be written stay pending."""
        pending, self._pending = self._pending, {}
        quotas, self._quotas = self._quotas, {}
        if not pending:
            return
        tallies = {UsageKey(*key): RequestCounts(*counts) for key, counts in pending.items()}
        try:
            await asyncio.to_thread(self._table.add, tallies)
        except BookstreamError as error:
            self._restore(pending)
            self._quotas = {**quotas, **self._quotas}
            _log.warning("writing usage failed; retrying", error=str(error))
            return
        await self._find_exhausted(quotas)

    async def _find_exhausted(self, quotas: Mapping[str, Quota]) -> None:
        now = int(self._now())
        self._exhausted = {
            key: exhausted for key, exhausted in self._exhausted.items() if exhausted[0].end > now
        }
        try:
            totals = await asyncio.to_thread(self._table.read_totals, quotas, at=now)
        except BookstreamError as error:
            _log.warning("reading usage failed; quotas of days and months not checked", error=str(error))
            return
        for user_id, quota in quotas.items():
            over = [
                period_quota
                for period_quota in quota.beside
                if totals.get((user_id, period_quota.name), 0) >= period_quota.requests
            ]
            for period_quota in over:
                self._exhausted[user_id, period_quota.name] = (
                    get_period(period_quota.name, now),
                    totals[user_id, period_quota.name],
                )
            for watcher in self._listeners if over else ():
                watcher(user_id)

    def _restore(self, pending: dict[tuple[str, str, int], list[int]]) -> None:
        for key, counts in pending.items():
            newer = self._pending.get(key, [0, 0, 0, 0])
            total = [old + new for old, new in zip(counts[:3], newer[:3], strict=True)]
            self._pending[key] = [*total, max(counts[3], newer[3])]


def _build_exhausted_problem(minute_quota: Quota, quota: Quota, *, wait: int) -> ProblemError:
    detail = f"the {quota.requests} requests of your plan for this {quota.name} are used up; wait {wait} s"
    headers = {
        "Retry-After": str(wait),
        "RateLimit-Policy": format_policy(minute_quota),
        "RateLimit": f'"{quota.name}";r=0;t={wait}',
    }
    return ProblemError("too-many-requests", detail, headers=headers)
