"""One crawl process: opens the stores, runs Scrapy, finishes the run and closes the stores."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.utils.misc import load_object

from bookcore.domain.errors import BookstreamError
from bookcore.event_log import open_event_log
from bookcore.events.crawl import REPORT_INTERVAL
from bookcore.events.topics import OBSERVED
from bookcore.kit.admin.server import open_admin_port
from bookcore.kit.clock import SystemClock
from bookcore.kit.logger import get_logger
from bookcore.kit.progress import write_line
from bookcore.lake import open_lake
from scraper.crawl.scrapy_settings import build_scrapy_settings
from scraper.crawl.shutdown import stop_in_order
from scraper.crawl.start_page import find_fault
from scraper.fetch.headers import build_headers
from scraper.frontier import CrawlLimits, CrawlRun, Frontier, PageKind, open_frontier
from scraper.pages.withdrawals import withdraw_books
from scraper.session.admin import ScraperAdmin
from scraper.session.counts import CrawlCounts
from scraper.session.failures import FailureRecorder
from scraper.session.host_pacer import HostPacer
from scraper.session.page_leases import PageLeases
from scraper.session.progress import ProgressTracker
from scraper.session.run_report import RunReporter
from scraper.session.session import SETTING, CrawlSession, Stores
from scraper.session.stop import CrawlResult, ExitCode, StopRequest
from scraper.settings import Settings
from scraper.sources.site import Site

_PROGRESS_INTERVAL = 0.25
_RELEASE_TIMEOUT = 6.0
"""Seconds for the last call of the frontier to end."""
_log = get_logger(__name__)


async def crawl(
    settings: Settings, site: Site, *, only_if_running: bool = False, counts_path: Path | None = None
) -> CrawlResult:
    """Crawl the site until the run is drained or a stop is requested. `only_if_running`: only if the fleet is
    commanded to. `counts_path`: where a fleet's worker reads the counts.

    Raises: Invalid when the source needs a key and there is none, or its own reader can't be run; Conflict
    when another process has the source for itself, or it is paused; Unavailable when a store can't be opened.
    """
    build_headers(settings, site.source)  # what the source lacks is told before anything is asked
    if site.source.reader is not None:
        site.source.reader.load()
    with _open_stores(settings, site) as stores:
        last_site = stores.frontier.read_site()
        if last_site not in (None, site.start):  # a new site discards the pages of the last one
            reason = await asyncio.to_thread(find_fault, site, settings)
            if reason is not None:
                line = f"cannot reach {site.start}: {reason}; the pages of {last_site} are kept"
                return CrawlResult(ExitCode.UNREACHABLE, line)
        run = begin_run(stores.frontier, site, only_if_running=only_if_running)
        session = _create_session(settings, site, stores, run)
        with closing(session.admin.tracer), open_admin_port(settings, session.admin.build_pages()):
            session.admin.health.start()
            await _run_scrapy(session, counts_path)
            session.admin.health.leave()
            return await asyncio.to_thread(lambda: _finish_run(session))


def begin_run(frontier: Frontier, site: Site, *, only_if_running: bool = False) -> CrawlRun:
    """Join or begin a run and add the start page. Raises: Conflict, Unavailable."""
    now, extractor = SystemClock().now(), site.source.extractor
    run = frontier.begin_run(site=site.start, extractor=extractor, now=now, only_if_running=only_if_running)
    frontier.add_pages(PageKind.LISTING, site.starts, depth=0)
    return run


def build_limits(settings: Settings, site: Site) -> CrawlLimits:
    """Limits of the fleet on this site."""
    own = site.source.politeness
    rate = settings.get_host_limit("scraper_host_rate", is_loopback=site.is_loopback)
    concurrency = settings.get_host_limit("scraper_host_concurrency", is_loopback=site.is_loopback)
    return CrawlLimits(
        host=urlsplit(site.start).netloc,
        host_rate=_choose_lower(rate, own.rate),
        host_concurrency=int(_choose_lower(concurrency, own.concurrency)),
        lease_seconds=settings.scraper_lease,
        max_pages=settings.scraper_max_pages,
    )


def _choose_lower(limit: float, own: float | None) -> float:
    """0 is no limit."""
    return min(limit or own, own) if own else limit


def _create_session(settings: Settings, site: Site, stores: Stores, run: CrawlRun) -> CrawlSession:
    limits, patience, frontier = build_limits(settings, site), settings.scraper_patience, stores.frontier
    progress, stop, counts = ProgressTracker(run), StopRequest(), CrawlCounts()
    reporter = RunReporter(stores.log, site.source, progress, SystemClock())
    admin = _create_admin(settings, stores, site.source.name, counts)

    def rejoin() -> None:
        progress.run = begin_run(frontier, site)

    pacer = HostPacer(frontier, is_paced=limits.host_rate > 0, patience=patience)
    leases = PageLeases(frontier, pacer, rejoin=rejoin, lease_seconds=limits.lease_seconds, patience=patience)
    leases.on_turn = lambda: admin.health.beat("leases")
    return CrawlSession(
        settings=settings,
        site=site,
        stores=stores,
        progress=progress,
        reporter=reporter,
        pacer=pacer,
        leases=leases,
        stop=stop,
        failures=FailureRecorder(site.start, leases=leases, progress=progress, stop=stop, counts=counts),
        counts=counts,
        admin=admin,
    )


def _create_admin(settings: Settings, stores: Stores, source: str, counts: CrawlCounts) -> ScraperAdmin:
    checks = {
        "event log": lambda: stores.log.read(OBSERVED.name, 0, 0, 1),
        "frontier": stores.frontier.read_status,
    }
    return ScraperAdmin(settings, checks, lambda: {source: counts})


async def _run_scrapy(session: CrawlSession, counts_path: Path | None) -> None:
    spider = load_object(session.site.source.spider)
    wanted = build_scrapy_settings(session.settings, site=session.site)
    wanted.set(SETTING, session)
    crawler = Crawler(spider, wanted)
    crawler.signals.connect(session.failures.record_response, signal=signals.response_downloaded)
    async with (
        _report_progress(session, counts_path),
        stop_in_order(session.stop, crawler),
        _keep_leases(session),
    ):
        await AsyncCrawlerRunner(crawler.settings).crawl(crawler, session=session)


def _finish_run(session: CrawlSession) -> CrawlResult:
    """The one process that finds the run drained finishes it; every process prints a summary."""
    result = session.stop.result or CrawlResult(ExitCode.DONE)
    frontier, progress = session.stores.frontier, session.progress
    with suppress(BookstreamError):
        progress.status = frontier.read_status()
    if result.code is not ExitCode.DONE:
        with suppress(BookstreamError):  # the crawl may have stopped because the log is away
            session.reporter.report_stop(result)
    else:
        _close_run(session)
        session.admin.record_complete(session.site.source.name)
    with suppress(BookstreamError):
        progress.status = frontier.read_status()
    write_line(progress.build_progress())  # a short crawl may have printed only its beginning
    write_line(progress.build_summary())
    return result


def _close_run(session: CrawlSession) -> None:
    """Withdraw the books that are gone, then finish the run. Raises: Unavailable."""
    stores, progress = session.stores, session.progress
    closing = stores.frontier.close_run(now=SystemClock().now(), is_limited=progress.is_limited)
    if closing:
        withdrawn = withdraw_books(stores, session.site, progress.run, closing)
        progress.record_end(gone=withdrawn.gone, withheld=withdrawn.withheld, fault=closing.fault)
        session.reporter.report_end(closing)
    else:
        session.reporter.report_stop(CrawlResult(ExitCode.DONE))
    stores.frontier.finish_run(now=SystemClock().now(), closing=closing)


@asynccontextmanager
async def _keep_leases(session: CrawlSession) -> AsyncIterator[None]:
    """Lease and renew pages within the block, release them at its end."""
    leases, progress = session.leases, session.progress

    async def run_leases() -> None:
        try:
            await leases.run()
        except BookstreamError as error:
            session.stop.stop(ExitCode.STOPPED, str(error))

    task = asyncio.create_task(run_leases())
    try:
        yield
    finally:
        progress.is_limited = progress.is_limited or leases.is_limited
        leases.close()
        await asyncio.wait([task], timeout=_RELEASE_TIMEOUT)
        task.cancel()
        await leases.release_pages()


@asynccontextmanager
async def _report_progress(session: CrawlSession, counts_path: Path | None) -> AsyncIterator[None]:
    """Print a progress line four times a second, save the counts, and report the run now and then."""
    progress, frontier, source = session.progress, session.stores.frontier, session.site.source.name

    def save_counts() -> None:
        session.admin.show_status(source, progress.status)
        if counts_path is not None:
            with suppress(OSError):  # counts that are missing must not stop a crawl
                session.counts.save(counts_path)

    async def write_lines() -> None:
        report_at = time.monotonic()
        while True:
            if time.monotonic() >= report_at:
                report_at = time.monotonic() + REPORT_INTERVAL
                await _report_run(session)
            write_line(progress.build_progress())
            session.admin.health.beat("event loop")
            save_counts()
            await asyncio.sleep(_PROGRESS_INTERVAL)
            with suppress(BookstreamError):
                progress.status = await asyncio.to_thread(frontier.read_status)

    task = asyncio.create_task(write_lines())
    try:
        yield
    finally:
        task.cancel()
        save_counts()


async def _report_run(session: CrawlSession) -> None:
    """A report that is missing must not stop a crawl."""
    try:
        await asyncio.to_thread(session.reporter.report_progress)
    except BookstreamError as error:
        _log.warning("the run can't be reported", reason=str(error))


@contextmanager
def _open_stores(settings: Settings, site: Site) -> Iterator[Stores]:
    with ExitStack() as stack:
        limits = build_limits(settings, site)
        frontier = open_frontier(settings.frontier_url, site.source.name, limits)
        stack.enter_context(closing(frontier))
        log = stack.enter_context(closing(open_event_log(settings.event_log_url)))
        lake = stack.enter_context(closing(open_lake(settings.lake_url)))
        yield Stores(log, lake, frontier)
