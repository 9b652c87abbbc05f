"""Counting what each caller asks for, cheaply: a dictionary now, the database every few seconds.

The quotas of a day and a month are held by what the database then says. A request costs nothing for them: who
has used one up is forgotten by the fast lane and refused by the slow one. So a user may go beyond by what the
quota of a minute lets through until each process has stored its counts, which is five seconds.
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from bookcore.domain.errors import BookstreamError
from bookcore.kit.clock import Clock, make_seconds_clock
from bookcore.kit.problem import ProblemError
from gateway.accounts.caller import Caller
from gateway.accounts.flushing import Flushing
from gateway.accounts.periods import Period, period
from gateway.accounts.quota import Quota
from gateway.accounts.usage import HOUR, NO_KEY, Cell, Tally, UsageTable
from gateway.ratelimit.gcra import format_policy

_log = structlog.get_logger()
_EVERY_SECONDS = 5.0
_MOST_CELLS = 100_000
"""Past that many cells waiting for a database that is away, new ones aren't counted any more."""


class UsageRecorder(Flushing):
    """For one event loop. A process that is killed loses the last few seconds of its counts."""

    def __init__(self, table: UsageTable, *, clock: Clock) -> None:
        super().__init__(every=_EVERY_SECONDS)
        self._table = table
        self._now = make_seconds_clock(clock)
        self._pending: dict[tuple[str, str, int], list[int]] = {}
        self._quotas: dict[str, Quota] = {}
        """Of those who asked since the last flush."""
        self._exhausted: dict[tuple[str, str], tuple[Period, int]] = {}
        self._listeners: list[Callable[[str], None]] = []

    def count(self, caller: Caller, status: int) -> None:
        """One answered request of the caller; blocks for nothing."""
        now = int(self._now())
        key = (caller.user_id, caller.key_id or NO_KEY, now - now % HOUR)
        numbers = self._pending.get(key)
        if numbers is None:
            if len(self._pending) >= _MOST_CELLS:
                return
            numbers = self._pending[key] = [0, 0, 0, 0]
            self._quotas[caller.user_id] = caller.quota
        numbers[0] += 1
        numbers[1] += 400 <= status < 500
        numbers[2] += status >= 500
        numbers[3] = now

    def add_exhausted_listener(self, callback: Callable[[str], None]) -> None:
        """Call it with the id of each user who is found to have used a quota up."""
        self._listeners.append(callback)

    def check_quotas(self, caller: Caller) -> None:
        """Raises: ProblemError(too-many-requests) for who has used up a day or month of today's plan."""
        now = int(self._now())
        for quota in caller.quota.beside:
            span, used = self._exhausted.get((caller.user_id, quota.name), (None, 0))
            if span is not None and span.end > now and used >= quota.requests:
                raise _build_exhausted_problem(caller.quota, quota, wait=span.end - now)

    async def flush(self) -> None:
        """Into the database; what it can't take now is kept and added to."""
        taken, self._pending = self._pending, {}
        quotas, self._quotas = self._quotas, {}
        if not taken:
            return
        tallies = {Cell(*key): Tally(*numbers) for key, numbers in taken.items()}
        try:
            await asyncio.to_thread(self._table.add, tallies)
        except BookstreamError as error:
            self._restore(taken)
            self._quotas = {**quotas, **self._quotas}
            _log.warning("usage not stored yet", error=str(error))
            return
        await self._find_exhausted(quotas)

    async def _find_exhausted(self, quotas: Mapping[str, Quota]) -> None:
        now = int(self._now())
        self._exhausted = {key: kept for key, kept in self._exhausted.items() if kept[0].end > now}
        try:
            totals = await asyncio.to_thread(self._table.totals, quotas, at=now)
        except BookstreamError as error:
            _log.warning("the quotas of days and months were not looked at", error=str(error))
            return
        for user_id, quota in quotas.items():
            over = [each for each in quota.beside if totals.get((user_id, each.name), 0) >= each.requests]
            for each in over:
                self._exhausted[user_id, each.name] = (period(each.name, now), totals[user_id, each.name])
            for watcher in self._listeners if over else ():
                watcher(user_id)

    def _restore(self, taken: dict[tuple[str, str, int], list[int]]) -> None:
        for key, numbers in taken.items():
            newer = self._pending.get(key, [0, 0, 0, 0])
            total = [old + new for old, new in zip(numbers[:3], newer[:3], strict=True)]
            self._pending[key] = [*total, max(numbers[3], newer[3])]


def _build_exhausted_problem(told: Quota, quota: Quota, *, wait: int) -> ProblemError:
    detail = f"the {quota.requests} requests of your plan for this {quota.name} are used up; wait {wait} s"
    headers = {
        "Retry-After": str(wait),
        "RateLimit-Policy": format_policy(told),
        "RateLimit": f'"{quota.name}";r=0;t={wait}',
    }
    return ProblemError("too-many-requests", detail, headers=headers)
