"""One crawl from beginning to end: opens everything, runs Scrapy, closes everything."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler

from bookcore.domain.errors import BookstreamError
from bookcore.event_log import open_event_log
from bookcore.kit.clock import SystemClock
from bookcore.kit.progress import write_line
from bookcore.lake import open_lake
from scraper.crawl.scrapy_settings import build_scrapy_settings
from scraper.crawl.shutdown import stop_in_order
from scraper.crawl.spider import BookSpider
from scraper.frontier import CrawlLimits, CrawlRun, Frontier, PageKind, open_frontier
from scraper.pages.processor import CrawlResult, ExitCode, PageProcessor
from scraper.pages.publisher import Limits, Publisher, Stores
from scraper.session.page_leases import Leases
from scraper.session.progress import ProgressTracker
from scraper.settings import Settings
from scraper.sources.site import Site

_PROGRESS_INTERVAL = 0.25
_RELEASE_TIMEOUT = 6.0
"""Seconds for a question to the frontier to be answered when the crawl is at its end."""


@dataclass(frozen=True, slots=True)
class _Crawl:
    settings: Settings
    site: Site
    stores: Stores
    run: CrawlRun


async def crawl(settings: Settings, site: Site, *, only_if_running: bool = False) -> CrawlResult:
    """Crawl the site until everything known is fetched, or something ends it early; with `only_told` if the
    fleet is to.

    Raises: Conflict when another process has the source for itself, or it is paused; Unavailable when a store
    can't be opened.
    """
    with _stores(settings, site) as stores:
        run = begin_run(stores.frontier, site, only_told=only_if_running)
        return await _run(_Crawl(settings, site, stores, run))


def begin_run(frontier: Frontier, site: Site, *, only_told: bool = False) -> CrawlRun:
    """Join or begin a run that knows at least where the site begins. Raises: Conflict, Unavailable."""
    now, extractor = SystemClock().now(), site.source.extractor
    run = frontier.begin_run(site=site.start, extractor=extractor, now=now, only_if_running=only_told)
    frontier.add_pages(PageKind.LISTING, [site.start], depth=0)
    return run


def build_limits(settings: Settings, site: Site) -> CrawlLimits:
    """What the fleet keeps to on this site."""
    return CrawlLimits(
        host=urlsplit(site.start).netloc,
        host_rate=settings.limit_for("scraper_host_rate", is_loopback=site.is_loopback),
        host_concurrency=int(settings.limit_for("scraper_host_concurrency", is_loopback=site.is_loopback)),
        lease_seconds=settings.scraper_lease,
        max_pages=settings.scraper_max_pages,
    )


async def _run(crawl: _Crawl) -> CrawlResult:
    source, settings, frontier = crawl.site.source.name, crawl.settings, crawl.stores.frontier
    tally = ProgressTracker(crawl.run)

    def rejoin() -> None:
        tally.run = begin_run(frontier, crawl.site)

    limits = Limits(batch=settings.scraper_batch, patience=settings.scraper_patience)
    bounds = build_limits(settings, crawl.site)
    leases = Leases(frontier, rejoin, bounds=bounds, patience=limits.patience)
    publisher = Publisher(crawl.stores, crawl.run, source=source, limits=limits)
    work = PageProcessor(crawl.site, publisher, leases, tally=tally, max_depth=settings.scraper_max_depth)
    await _scrape(crawl, work, leases)
    return await asyncio.to_thread(lambda: _end(frontier, work))


async def _scrape(crawl: _Crawl, work: PageProcessor, leases: Leases) -> None:
    wanted = build_scrapy_settings(crawl.settings, site=crawl.site)
    wanted.set("SCRAPER_LEASES", leases)
    crawler = Crawler(BookSpider, wanted)
    crawler.signals.connect(work.record_response, signal=signals.response_downloaded)
    async with (
        _told(work, crawl.stores.frontier),
        stop_in_order(work, crawler),
        _kept(work, leases),
    ):
        await AsyncCrawlerRunner(crawler.settings).crawl(
            crawler, work=work, clock=SystemClock(), leases=leases
        )


def _end(frontier: Frontier, work: PageProcessor) -> CrawlResult:
    """The one process that finds the run complete ends it; all of them sum it up."""
    verdict = work.verdict or CrawlResult(ExitCode.DONE)
    if verdict.code is ExitCode.DONE:
        frontier.finish_run(now=SystemClock().now())
    with suppress(BookstreamError):
        work.tally.status = frontier.read_status()
    write_line(work.tally.build_progress())  # a short crawl may have told nothing but its beginning
    write_line(work.tally.build_summary())
    return verdict


@asynccontextmanager
async def _kept(work: PageProcessor, leases: Leases) -> AsyncIterator[None]:
    """Leases are kept as long as the crawl goes on, then given back."""

    async def go_on() -> None:
        try:
            await leases.keep()
        except BookstreamError as error:
            work.stop(CrawlResult(ExitCode.STOPPED, str(error)))

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        work.tally.is_limited = work.tally.is_limited or leases.limited
        leases.stop()
        await asyncio.wait([task], timeout=_RELEASE_TIMEOUT)
        task.cancel()
        await leases.give_back()


@asynccontextmanager
async def _told(work: PageProcessor, frontier: Frontier) -> AsyncIterator[None]:
    """Progress goes out four times a second."""

    async def go_on() -> None:
        while True:
            write_line(work.tally.build_progress())
            await asyncio.sleep(_PROGRESS_INTERVAL)
            with suppress(BookstreamError):
                work.tally.status = await asyncio.to_thread(frontier.read_status)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def _stores(settings: Settings, site: Site) -> Iterator[Stores]:
    with ExitStack() as stack:
        bounds = build_limits(settings, site)
        opened = open_frontier(settings.frontier_url, site.source.name, bounds)
        frontier = stack.enter_context(closing(opened))
        log = stack.enter_context(closing(open_event_log(settings.event_log_url)))
        lake = stack.enter_context(closing(open_lake(settings.lake_url)))
        yield Stores(log, lake, frontier)
