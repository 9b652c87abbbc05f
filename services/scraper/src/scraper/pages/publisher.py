"""Makes pages safe, in batches: bodies to the lake, events to the log, the ledger to the lake, then marks.

A page is done only when all of this has happened, in this order. Killed in between, the next try makes the
same keys and event ids again, so nothing is lost and nothing counts twice.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from bookcore.domain.errors import Unavailable
from bookcore.event_log import EventLog
from bookcore.events.book import BookObserved
from bookcore.events.codec import encode
from bookcore.events.topics import OBSERVED
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.lake import Lake
from bookcore.lake.layout import make_ledger_key, make_page_key, pack_lines, pack_page
from scraper.frontier import Finished, Frontier, Run
from scraper.pages.parser import Read
from scraper.session.retry import patiently

_WINDOW = 0.1

_Waiting = tuple[Read, asyncio.Future[None]]


@dataclass(frozen=True, slots=True)
class Stores:
    """Where a crawl keeps what it saw; all of them block and are called in threads."""

    log: EventLog
    lake: Lake
    frontier: Frontier


@dataclass(frozen=True, slots=True)
class Limits:
    """`batch`: pages made safe together at most; `patience`: seconds to wait for a store."""

    batch: int
    patience: float


class Publisher:
    """One batch at a time, of what came within 100 ms; the next one fills meanwhile."""

    def __init__(self, stores: Stores, run: Run, *, source: str, limits: Limits) -> None:
        self.stores = stores
        self._run = run
        self._source = source
        self._limits = limits
        self._sequence = run.sequence
        self._waiting: list[_Waiting] = []
        self._full = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def publish(self, read: Read) -> None:
        """Returns when the page is safe and marked done.

        Raises: Unavailable when it couldn't be made safe; it stays pending.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((read, done))
        if len(self._waiting) >= self._limits.batch:
            self._full.set()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
            self._worker.add_done_callback(_heard)
        await done

    async def _work(self) -> None:
        """Until nothing waits; `publish` starts it again."""
        while self._waiting:
            await self._window()
            batch, self._waiting = self._waiting[: self._limits.batch], self._waiting[self._limits.batch :]
            try:
                await self._make_safe([read for read, _ in batch])
            except Unavailable as error:
                _tell(batch, error)
            except BaseException as error:
                left, self._waiting = self._waiting, []
                _tell([*batch, *left], _unforeseen(error))
                raise
            else:
                _tell(batch, None)

    async def _window(self) -> None:
        self._full.clear()
        if len(self._waiting) < self._limits.batch:
            try:
                await asyncio.wait_for(self._full.wait(), _WINDOW)
            except TimeoutError:
                return

    async def _make_safe(self, batch: Sequence[Read]) -> None:
        patience = self._limits.patience
        await patiently(lambda: self._store_pages(batch), patience=patience)
        events = [read.event for read in batch if read.event]
        if events:
            await patiently(lambda: self._append(events), patience=patience)
            await patiently(lambda: self._write_ledger(events), patience=patience)
        await patiently(lambda: self._mark(batch), patience=patience)

    def _mark(self, batch: Sequence[Read]) -> None:
        """Pages that others have by now stay theirs; what was published twice has the same ids."""
        finished = [Finished(read.page, read.known, read.event is not None) for read in batch]
        self.stores.frontier.finish_pages(finished, sequence=self._sequence)
        trigger_failpoint(Failpoint.SCRAPER_AFTER_MARK)

    def _store_pages(self, batch: Sequence[Read]) -> None:
        bodies = [read.body for read in batch if read.body is not None]
        self.stores.lake.put_many({make_page_key(body): pack_page(body) for body in bodies})
        trigger_failpoint(Failpoint.SCRAPER_AFTER_PAGE_STORED)

    def _append(self, events: Sequence[BookObserved]) -> None:
        messages = [encode(event, source=f"scraper/{self._source}") for event in events]
        self.stores.log.append(OBSERVED.name, messages)
        trigger_failpoint(Failpoint.SCRAPER_AFTER_APPEND)

    def _write_ledger(self, events: Sequence[BookObserved]) -> None:
        """A segment that a killed process left stays as it is: its events were acknowledged too."""
        segment = ledger_segment(events)
        while not self.stores.lake.put(self._next_ledger_key(), segment):
            continue
        trigger_failpoint(Failpoint.SCRAPER_AFTER_LEDGER)

    def _next_ledger_key(self) -> str:
        key = make_ledger_key(self._source, self._run.ledger, self._sequence)
        self._sequence += 1
        return key


def ledger_segment(events: Sequence[BookObserved]) -> bytes:
    """What `bookstream audit` looks up: a line for each event that was acknowledged."""
    return pack_lines(_ledger_line(event) for event in events)


def _tell(batch: Sequence[_Waiting], error: Unavailable | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if error:
            done.set_exception(error)
        else:
            done.set_result(None)


def _unforeseen(error: BaseException) -> Unavailable:
    """Whatever it is, the pages aren't safe: for those who wait that is a store that can't be used."""
    return Unavailable(f"pages can't be made safe ({type(error).__name__}: {error}); the crawl can't go on")


def _heard(worker: asyncio.Task[None]) -> None:
    """Those who waited were told; asyncio needn't print it as an exception that nobody looked at."""
    if not worker.cancelled():
        worker.exception()


def _ledger_line(event: BookObserved) -> dict[str, str]:
    """All values are text, as unpack_lines expects."""
    return {
        "event_id": event.event_id,
        "key": event.key,
        "version": str(event.version),
        "content_hash": event.content_hash,
    }
