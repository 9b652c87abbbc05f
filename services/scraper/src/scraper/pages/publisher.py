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
from scraper.frontier import CrawlRun, FinishedPage, Frontier
from scraper.pages.parser import ParsedPage
from scraper.session.retry import retry_while_unavailable

_BATCH_SECONDS = 0.1

_PendingPage = tuple[ParsedPage, asyncio.Future[None]]


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

    def __init__(self, stores: Stores, run: CrawlRun, *, source: str, limits: Limits) -> None:
        self.stores = stores
        self._run = run
        self._source = source
        self._limits = limits
        self._sequence = run.next_segment
        self._pending: list[_PendingPage] = []
        self._full = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def publish(self, parsed: ParsedPage) -> None:
        """Returns when the page is safe and marked done.

        Raises: Unavailable when it couldn't be made safe; it stays pending.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((parsed, done))
        if len(self._pending) >= self._limits.batch:
            self._full.set()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._publish_batches())
            self._worker.add_done_callback(_retrieve_exception)
        await done

    async def _publish_batches(self) -> None:
        """Until nothing waits; `publish` starts it again."""
        while self._pending:
            await self._wait_for_batch()
            batch, self._pending = self._pending[: self._limits.batch], self._pending[self._limits.batch :]
            try:
                await self._publish_batch([read for read, _ in batch])
            except Unavailable as error:
                _resolve_futures(batch, error)
            except BaseException as error:
                left, self._pending = self._pending, []
                _resolve_futures([*batch, *left], _wrap_error(error))
                raise
            else:
                _resolve_futures(batch, None)

    async def _wait_for_batch(self) -> None:
        self._full.clear()
        if len(self._pending) < self._limits.batch:
            try:
                await asyncio.wait_for(self._full.wait(), _BATCH_SECONDS)
            except TimeoutError:
                return

    async def _publish_batch(self, batch: Sequence[ParsedPage]) -> None:
        patience = self._limits.patience
        await retry_while_unavailable(lambda: self._store_pages(batch), patience=patience)
        events = [read.event for read in batch if read.event]
        if events:
            await retry_while_unavailable(lambda: self._append_events(events), patience=patience)
            await retry_while_unavailable(lambda: self._write_ledger(events), patience=patience)
        await retry_while_unavailable(lambda: self._mark_finished(batch), patience=patience)

    def _mark_finished(self, batch: Sequence[ParsedPage]) -> None:
        """Pages that others have by now stay theirs; what was published twice has the same ids."""
        finished = [FinishedPage(read.page, read.snapshot, read.event is not None) for read in batch]
        self.stores.frontier.finish_pages(finished, next_segment=self._sequence)
        trigger_failpoint(Failpoint.SCRAPER_AFTER_MARK)

    def _store_pages(self, batch: Sequence[ParsedPage]) -> None:
        bodies = [read.body for read in batch if read.body is not None]
        self.stores.lake.put_many({make_page_key(body): pack_page(body) for body in bodies})
        trigger_failpoint(Failpoint.SCRAPER_AFTER_PAGE_STORED)

    def _append_events(self, events: Sequence[BookObserved]) -> None:
        messages = [encode(event, source=f"scraper/{self._source}") for event in events]
        self.stores.log.append(OBSERVED.name, messages)
        trigger_failpoint(Failpoint.SCRAPER_AFTER_APPEND)

    def _write_ledger(self, events: Sequence[BookObserved]) -> None:
        """A segment that a killed process left stays as it is: its events were acknowledged too."""
        segment = build_ledger_segment(events)
        while not self.stores.lake.put(self._take_ledger_key(), segment):
            continue
        trigger_failpoint(Failpoint.SCRAPER_AFTER_LEDGER)

    def _take_ledger_key(self) -> str:
        key = make_ledger_key(self._source, self._run.ledger_name, self._sequence)
        self._sequence += 1
        return key


def build_ledger_segment(events: Sequence[BookObserved]) -> bytes:
    """What `bookstream audit` looks up: a line for each event that was acknowledged."""
    return pack_lines(_build_ledger_line(event) for event in events)


def _resolve_futures(batch: Sequence[_PendingPage], error: Unavailable | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if error:
            done.set_exception(error)
        else:
            done.set_result(None)


def _wrap_error(error: BaseException) -> Unavailable:
    """Whatever it is, the pages aren't safe: for those who wait that is a store that can't be used."""
    return Unavailable(f"pages can't be made safe ({type(error).__name__}: {error}); the crawl can't go on")


def _retrieve_exception(worker: asyncio.Task[None]) -> None:
    """Those who waited were told; asyncio needn't print it as an exception that nobody looked at."""
    if not worker.cancelled():
        worker.exception()


def _build_ledger_line(event: BookObserved) -> dict[str, str]:
    """All values are text, as unpack_lines expects."""
    return {
        "event_id": event.event_id,
        "key": event.key,
        "version": str(event.version),
        "content_hash": event.content_hash,
    }
