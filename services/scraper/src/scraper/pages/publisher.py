"""Publishes parsed pages in batches: bodies to the lake, events to the log, ledger to the lake, then marks.

A page is done only after all of these steps, in this order. Killed between two of them, the next try makes
the same keys and event ids, so no event is lost and none counts twice.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from bookcore.domain.errors import Unavailable
from bookcore.event_log.oversized import append_or_park, encode_fitting_letter
from bookcore.events.book import BookWithdrawn
from bookcore.events.codec import encode
from bookcore.events.listing import BookObservedV2
from bookcore.events.message import Message, Record
from bookcore.events.topics import OBSERVED
from bookcore.kit.failpoint import Failpoint, trigger_failpoint
from bookcore.kit.tracing.messages import MessageTracer, write_context
from bookcore.kit.tracing.tracer import Tracer
from bookcore.lake.layout import keep_record, make_ledger_key, make_page_key, pack_lines, pack_page
from scraper.frontier import CrawlRun, FinishedPage, Page
from scraper.pages.parser import ParsedPage, PublishedEvent
from scraper.session.retry import retry_while_unavailable
from scraper.session.session import Stores

_BATCH_SECONDS = 0.1
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

_PendingPage = tuple[ParsedPage, asyncio.Future[None]]


class Publisher:
    """Publishes one batch at a time, of the pages of 100 ms; the next batch fills meanwhile.

    `batch_size`: most pages in a batch. `patience`: seconds to wait for a store that is unavailable.
    """

    def __init__(
        self, stores: Stores, run: CrawlRun, *, source: str, batch_size: int, patience: float
    ) -> None:
        self._stores = stores
        self._ledger_name = run.ledger_name
        self._next_segment = run.next_segment
        self._source = source
        self._batch_size = batch_size
        self._patience = patience
        self.tracer = MessageTracer(Tracer())
        self._pending: list[_PendingPage] = []
        self._batch_full = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    async def publish(self, parsed: ParsedPage) -> None:
        """Return when the page is published and marked as done.

        Raises: Unavailable when a store can't be used; the page stays in the queue.
        """
        published: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((parsed, published))
        if len(self._pending) >= self._batch_size:
            self._batch_full.set()
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._publish_pending())
            self._worker.add_done_callback(_retrieve_exception)
        await published

    async def _publish_pending(self) -> None:
        """Runs until nothing is pending; `publish` starts it again."""
        while self._pending:
            await self._wait_for_batch()
            batch, self._pending = self._pending[: self._batch_size], self._pending[self._batch_size :]
            try:
                await self._publish_batch([parsed for parsed, _ in batch])
            except Unavailable as error:
                _resolve_futures(batch, error)
            except BaseException as error:
                rest, self._pending = self._pending, []
                _resolve_futures([*batch, *rest], _wrap_error(error))
                raise
            else:
                _resolve_futures(batch, None)

    async def _wait_for_batch(self) -> None:
        self._batch_full.clear()
        if len(self._pending) < self._batch_size:
            try:
                await asyncio.wait_for(self._batch_full.wait(), _BATCH_SECONDS)
            except TimeoutError:
                return

    async def _publish_batch(self, batch: Sequence[ParsedPage]) -> None:
        await self._call(lambda: self._store_bodies(batch))
        letters = [letter for parsed in batch for letter in self._build_letters(parsed)]
        if letters:
            await self._call(lambda: self._park(letters))
        events = [event for parsed in batch for event in _list_events(parsed)]
        if events:
            await self._call(lambda: self._append_events(batch, events))
            await self._call(lambda: self._write_ledger(events))
        await self._call(lambda: self._mark_finished(batch))

    async def _call(self, step: Callable[[], None]) -> None:
        await retry_while_unavailable(step, patience=self._patience)

    def _store_bodies(self, batch: Sequence[ParsedPage]) -> None:
        bodies = [parsed.body for parsed in batch if parsed.body is not None]
        self._stores.lake.put_many({make_page_key(body): pack_page(body) for body in bodies})
        trigger_failpoint(Failpoint.SCRAPER_AFTER_PAGE_STORED)

    def _append_events(self, batch: Sequence[ParsedPage], events: list[PublishedEvent]) -> None:
        """Takes the events out that are too large for the log: they are dead letters, not in the ledger."""
        source = f"scraper/{self._source}"
        messages = [
            write_context(encode(event, source=source), parsed.span)
            for parsed in batch
            for event in _list_events(parsed)
        ]
        with self.tracer.send(OBSERVED.name, messages) as outgoing:
            parked = append_or_park(
                self._stores.log, OBSERVED.name, outgoing, keep=partial(keep_record, self._stores.lake)
            )
        events[:] = [event for place, event in enumerate(events) if place not in parked]
        trigger_failpoint(Failpoint.SCRAPER_AFTER_APPEND)

    def _park(self, letters: Sequence[Message]) -> None:
        self._stores.log.append(OBSERVED.dead_letter_topic, letters)

    def _build_letters(self, parsed: ParsedPage) -> Iterator[Message]:
        """A dead letter for each refused record, with its place among them as offset."""
        url = parsed.page.url if parsed.page else ""
        keep = partial(keep_record, self._stores.lake)
        for place, refused in enumerate(parsed.refused):
            key = f"{self._source}:{url}"
            record = Record(OBSERVED.name, OBSERVED.assign_partition(key), place, _NEVER, key, refused.raw)
            reason = f"{refused.place} {refused.reason}: {url}"
            yield encode_fitting_letter(record, reason, keep=keep)

    def _write_ledger(self, events: Sequence[PublishedEvent]) -> None:
        """A segment that a killed process left stays as it is: its events were acknowledged too."""
        segment = build_ledger_segment(events)
        while not self._stores.lake.put(self._take_ledger_key(), segment):
            continue
        trigger_failpoint(Failpoint.SCRAPER_AFTER_LEDGER)

    def _mark_finished(self, batch: Sequence[ParsedPage]) -> None:
        """Pages whose lease was lost are ignored; events that were published twice have the same ids."""
        finished = [_build_finished_page(parsed.page, parsed) for parsed in batch if parsed.page]
        self._stores.frontier.finish_pages(finished, next_segment=self._next_segment)
        trigger_failpoint(Failpoint.SCRAPER_AFTER_MARK)

    def _take_ledger_key(self) -> str:
        key = make_ledger_key(self._source, self._ledger_name, self._next_segment)
        self._next_segment += 1
        return key


def _build_finished_page(page: Page, parsed: ParsedPage) -> FinishedPage:
    return FinishedPage(
        page,
        parsed.snapshot,
        is_published=bool(parsed.events),
        shown=parsed.shown,
        remarks=sum(
            len(event.printed.remarks) for event in parsed.events if isinstance(event, BookObservedV2)
        ),
        refused=len(parsed.refused),
    )


def _list_events(parsed: ParsedPage) -> tuple[PublishedEvent, ...]:
    return (*parsed.events, *parsed.withdrawn)


def build_ledger_segment(events: Sequence[PublishedEvent]) -> bytes:
    """One line for each acknowledged event, which `bookstream audit` looks up."""
    return pack_lines(_build_ledger_line(event) for event in events)


def _build_ledger_line(event: PublishedEvent) -> dict[str, str]:
    """All values are text, as unpack_lines expects."""
    return {
        "event_id": event.event_id,
        "key": event.key,
        "version": str(event.version),
        "content_hash": "" if isinstance(event, BookWithdrawn) else event.content_hash,
    }


def _resolve_futures(batch: Sequence[_PendingPage], error: Unavailable | None) -> None:
    for _, published in batch:
        if published.done():
            continue
        if error:
            published.set_exception(error)
        else:
            published.set_result(None)


def _wrap_error(error: BaseException) -> Unavailable:
    """Any other error means that the pages aren't published, as for a store that can't be used."""
    return Unavailable(f"pages can't be published ({type(error).__name__}: {error}); the crawl can't go on")


def _retrieve_exception(worker: asyncio.Task[None]) -> None:
    """The futures carry the error; without this asyncio logs it as never retrieved."""
    if not worker.cancelled():
        worker.exception()
