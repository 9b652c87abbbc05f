"""One crawl from beginning to end: opens everything, runs Scrapy, closes everything."""

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler

from bookcore.domain.errors import Conflict
from bookcore.event_log import open_event_log
from bookcore.kit.clock import SystemClock
from bookcore.lake import open_lake
from scraper.engine import scrapy_settings
from scraper.frontier import Kind, Run
from scraper.frontier.sqlite import Frontier
from scraper.frontier.waiting import WaitingPages
from scraper.progress import Tally, tell
from scraper.publish import Limits, Publisher, Stores
from scraper.settings import Settings
from scraper.site import Site
from scraper.spider import BookSpider
from scraper.work import Exit, Verdict, Work

_TELL_EVERY = 0.25
_STOPPED = "stopped by a signal; what was acknowledged is kept, the next crawl goes on from here"


@dataclass(frozen=True, slots=True)
class _Crawl:
    settings: Settings
    site: Site
    stores: Stores
    run: Run


async def crawl(settings: Settings, site: Site) -> Verdict:
    """Crawl the site until everything known is fetched, or something ends it early.

    Raises: Conflict when another process crawls the source; Unavailable when a store can't be opened.
    """
    clock = SystemClock()
    with _stores(settings, site) as stores:
        run = stores.frontier.begin(site=site.start, extractor=site.source.extractor, now=clock.now())
        stores.frontier.add(Kind.LISTING, [site.start], depth=0)
        verdict = await _run(_Crawl(settings, site, stores, run))
        if verdict.exit is Exit.DONE:
            stores.frontier.end(now=clock.now())
    return verdict


async def _run(crawl: _Crawl) -> Verdict:
    source, settings = crawl.site.source.name, crawl.settings
    tally = Tally(crawl.run)
    limits = Limits(batch=settings.scraper_batch, patience=settings.scraper_patience)
    publisher = Publisher(crawl.stores, crawl.run, source=source, limits=limits)
    work = Work(crawl.site, publisher, tally=tally, max_depth=settings.scraper_max_depth)
    crawler = Crawler(BookSpider, scrapy_settings(settings, site=crawl.site, stopping=work.stopping))
    crawler.signals.connect(work.note_answer, signal=signals.response_downloaded)
    async with _told(work, crawl.stores.frontier), _stopped(work, crawler):
        await _scrape(crawl, work, crawler)
    tell(tally.summary())
    return work.verdict or Verdict(Exit.DONE)


async def _scrape(crawl: _Crawl, work: Work, crawler: Crawler) -> None:
    await AsyncCrawlerRunner(crawler.settings).crawl(
        crawler,
        work=work,
        clock=SystemClock(),
        waiting=WaitingPages(crawl.stores.frontier),
        max_pages=max(0, crawl.settings.scraper_max_pages - crawl.run.counts.pages),
    )


@asynccontextmanager
async def _told(work: Work, frontier: Frontier) -> AsyncIterator[None]:
    """Progress goes out four times a second."""

    async def go_on() -> None:
        while True:
            tell(work.tally.progress(known=frontier.known))
            await asyncio.sleep(_TELL_EVERY)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()


@asynccontextmanager
async def _stopped(work: Work, crawler: Crawler) -> AsyncIterator[None]:
    """The first signal, like any verdict, ends the crawl in order; the second one at once."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if work.stopping.is_set():
            os._exit(Exit.INTERRUPTED)
        work.stop(Verdict(Exit.INTERRUPTED, _STOPPED))

    async def on_stop() -> None:
        await work.stopping.wait()
        await crawler.stop_async()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    task = asyncio.create_task(on_stop())
    try:
        yield
    finally:
        if work.stopping.is_set():
            await task
        task.cancel()


@contextmanager
def _stores(settings: Settings, site: Site) -> Iterator[Stores]:
    folder = settings.data.absolute() / "frontier"
    with ExitStack() as stack:
        stack.enter_context(_alone(folder / f"{site.source.name}.lock"))
        frontier = stack.enter_context(closing(Frontier(folder / f"{site.source.name}.db")))
        log = stack.enter_context(closing(open_event_log(settings.event_log_url)))
        lake = stack.enter_context(closing(open_lake(settings.lake_url)))
        yield Stores(log, lake, frontier)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """The lock dies with the process. Raises: Conflict."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"another crawl holds {path}; wait for it or stop it") from error
        yield
