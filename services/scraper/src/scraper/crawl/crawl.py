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
from scraper.crawl.scrapy_settings import scrapy_settings
from scraper.crawl.shutdown import stopped_in_order
from scraper.crawl.spider import BookSpider
from scraper.frontier import Bounds, Frontier, Kind, Run, open_frontier
from scraper.pages.processor import Exit, Verdict, Work
from scraper.pages.publisher import Limits, Publisher, Stores
from scraper.session.page_leases import Leases
from scraper.session.progress import Tally
from scraper.settings import Settings
from scraper.sources.site import Site

_TELL_EVERY = 0.25
_LET_GO = 6.0
"""Seconds for a question to the frontier to be answered when the crawl is at its end."""


@dataclass(frozen=True, slots=True)
class _Crawl:
    settings: Settings
    site: Site
    stores: Stores
    run: Run


async def crawl(settings: Settings, site: Site, *, only_told: bool = False) -> Verdict:
    """Crawl the site until everything known is fetched, or something ends it early; with `only_told` if the
    fleet is to.

    Raises: Conflict when another process has the source for itself, or it is paused; Unavailable when a store
    can't be opened.
    """
    with _stores(settings, site) as stores:
        run = begin(stores.frontier, site, only_told=only_told)
        return await _run(_Crawl(settings, site, stores, run))


def begin(frontier: Frontier, site: Site, *, only_told: bool = False) -> Run:
    """Join or begin a run that knows at least where the site begins. Raises: Conflict, Unavailable."""
    now, extractor = SystemClock().now(), site.source.extractor
    run = frontier.begin(site=site.start, extractor=extractor, now=now, only_told=only_told)
    frontier.add(Kind.LISTING, [site.start], depth=0)
    return run


def bounds_of(settings: Settings, site: Site) -> Bounds:
    """What the fleet keeps to on this site."""
    return Bounds(
        host=urlsplit(site.start).netloc,
        rate=settings.limit_for("scraper_host_rate", is_loopback=site.is_loopback),
        at_a_time=int(settings.limit_for("scraper_host_concurrency", is_loopback=site.is_loopback)),
        lease=settings.scraper_lease,
        most=settings.scraper_max_pages,
    )


async def _run(crawl: _Crawl) -> Verdict:
    source, settings, frontier = crawl.site.source.name, crawl.settings, crawl.stores.frontier
    tally = Tally(crawl.run)

    def rejoin() -> None:
        tally.run = begin(frontier, crawl.site)

    limits = Limits(batch=settings.scraper_batch, patience=settings.scraper_patience)
    bounds = bounds_of(settings, crawl.site)
    leases = Leases(frontier, rejoin, bounds=bounds, patience=limits.patience)
    publisher = Publisher(crawl.stores, crawl.run, source=source, limits=limits)
    work = Work(crawl.site, publisher, leases, tally=tally, max_depth=settings.scraper_max_depth)
    await _scrape(crawl, work, leases)
    return await asyncio.to_thread(lambda: _end(frontier, work))


async def _scrape(crawl: _Crawl, work: Work, leases: Leases) -> None:
    wanted = scrapy_settings(crawl.settings, site=crawl.site)
    wanted.set("SCRAPER_LEASES", leases)
    crawler = Crawler(BookSpider, wanted)
    crawler.signals.connect(work.note_answer, signal=signals.response_downloaded)
    async with (
        _told(work, crawl.stores.frontier),
        stopped_in_order(work, crawler),
        _kept(work, leases),
    ):
        await AsyncCrawlerRunner(crawler.settings).crawl(
            crawler, work=work, clock=SystemClock(), leases=leases
        )


def _end(frontier: Frontier, work: Work) -> Verdict:
    """The one process that finds the run complete ends it; all of them sum it up."""
    verdict = work.verdict or Verdict(Exit.DONE)
    if verdict.exit is Exit.DONE:
        frontier.end(now=SystemClock().now())
    with suppress(BookstreamError):
        work.tally.standing = frontier.standing()
    write_line(work.tally.progress())  # a short crawl may have told nothing but its beginning
    write_line(work.tally.summary())
    return verdict


@asynccontextmanager
async def _kept(work: Work, leases: Leases) -> AsyncIterator[None]:
    """Leases are kept as long as the crawl goes on, then given back."""

    async def go_on() -> None:
        try:
            await leases.keep()
        except BookstreamError as error:
            work.stop(Verdict(Exit.STOPPED, str(error)))

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        work.tally.limited = work.tally.limited or leases.limited
        leases.stop()
        await asyncio.wait([task], timeout=_LET_GO)
        task.cancel()
        await leases.give_back()


@asynccontextmanager
async def _told(work: Work, frontier: Frontier) -> AsyncIterator[None]:
    """Progress goes out four times a second."""

    async def go_on() -> None:
        while True:
            write_line(work.tally.progress())
            await asyncio.sleep(_TELL_EVERY)
            with suppress(BookstreamError):
                work.tally.standing = await asyncio.to_thread(frontier.standing)

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()


@contextmanager
def _stores(settings: Settings, site: Site) -> Iterator[Stores]:
    with ExitStack() as stack:
        bounds = bounds_of(settings, site)
        opened = open_frontier(settings.frontier_url, site.source.name, bounds)
        frontier = stack.enter_context(closing(opened))
        log = stack.enter_context(closing(open_event_log(settings.event_log_url)))
        lake = stack.enter_context(closing(open_lake(settings.lake_url)))
        yield Stores(log, lake, frontier)
