"""What happens with an answer, and when the crawl has to end early."""

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from http import HTTPStatus

import structlog

from bookcore.domain.errors import Invalid, NotFound, Unavailable
from bookcore.lake.layout import unpack_page
from scraper.frontier import Page, PageKind
from scraper.pages.extraction_monitor import ExtractionMonitor
from scraper.pages.parser import FetchedPage, ListingContent, PageParser, ParsedPage
from scraper.pages.publisher import Publisher
from scraper.session.page_leases import Leases
from scraper.session.progress import ProgressTracker
from scraper.sources.site import Site

_SILENT_PAGES = 20
_LOGGED_FAILURES = 20
_log = structlog.get_logger()


class ExitCode(IntEnum):
    """Exit codes of a crawl; 2 is that of a wrong command or setting."""

    DONE = 0
    STOPPED = 1
    UNREACHABLE = 3
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """How the crawl ends; `line` says why when it isn't complete."""

    code: ExitCode
    reason: str | None = None


class _Damaged(Exception):
    """The stored body of a page can't be read; the page is fetched in full."""


class PageProcessor:
    """The one place where a page's fate is decided. The first verdict stands."""

    def __init__(
        self, site: Site, publisher: Publisher, leases: Leases, *, tally: ProgressTracker, max_depth: int
    ) -> None:
        self.site = site
        self.tally = tally
        self.verdict: CrawlResult | None = None
        self.stopping = leases.stopping
        self._reader = PageParser(site)
        self._publisher = publisher
        self._leases = leases
        self._lake = publisher.stores.lake
        self._max_depth = max_depth
        self._extraction = ExtractionMonitor()
        self._failed = 0
        self._silent_in_a_row = 0
        self._is_answered = False

    def record_response(self) -> None:
        """The site is there: it sent something, be it robots.txt, an error or half a page."""
        self._is_answered = True

    def stop(self, verdict: CrawlResult) -> None:
        """Let what is under way finish, begin nothing more."""
        self.verdict = self.verdict or verdict
        self.stopping.set()

    async def process(self, page: Page, answer: FetchedPage) -> bool:
        """Read and keep an answer; False when the page must be asked for again without conditions."""
        self._silent_in_a_row = 0
        try:
            self._reader.check_status(answer)
            read = await self._parse(page, answer)
            if not self.is_extraction_broken(read):
                await self._publisher.publish(read)
                self._leases.settle(page)
        except (NotFound, _Damaged):
            return False
        except Invalid as refusal:
            await self.fail_page(page, refusal.reason)
        except Unavailable as error:
            self.stop(CrawlResult(ExitCode.STOPPED, str(error)))
        return True

    def is_extraction_broken(self, read: ParsedPage) -> bool:
        """Whether the page objects no longer understand the site; that ends the crawl unpublished."""
        complaint = self._extraction.record(read.event.printed) if read.event else None
        if complaint:
            name = self.site.source.name
            self.stop(
                CrawlResult(ExitCode.STOPPED, f"{name} looks broken: {complaint}; check its page objects")
            )
        return complaint is not None

    async def fail_page(self, page: Page, reason: str, *, is_transport: bool = False) -> None:
        """Record that a page couldn't be had; without the start page, or 20 in a row, the crawl ends."""
        if self.stopping.is_set():
            return
        self._silent_in_a_row = self._silent_in_a_row + 1 if is_transport else 0
        self._failed += 1
        if self._failed <= _LOGGED_FAILURES:
            _log.warning("page failed", url=page.url, reason=reason)
        try:
            await self._leases.fail(page, reason)
        except Unavailable as error:
            self.stop(CrawlResult(ExitCode.STOPPED, str(error)))
        if page.url == self.site.start or self._silent_in_a_row >= _SILENT_PAGES:
            self.stop(self._build_result(page, reason, is_transport=is_transport))

    def _build_result(self, page: Page, reason: str, *, is_transport: bool) -> CrawlResult:
        """A site that never answered is unreachable; one that did, and no longer does, stops the crawl."""
        if is_transport and not self._is_answered and self.tally.status.counts.pages == 0:
            return CrawlResult(ExitCode.UNREACHABLE, f"cannot reach {page.url}: {reason}")
        return CrawlResult(
            ExitCode.STOPPED, f"cannot go on at {page.url}: {reason}; the next crawl tries again"
        )

    async def _parse(self, page: Page, answer: FetchedPage) -> ParsedPage:
        """Raises: Invalid, NotFound when the page said to be known isn't in the lake."""
        is_known = answer.status == HTTPStatus.NOT_MODIFIED
        if page.kind is PageKind.BOOK:
            return ParsedPage(page) if is_known else self._reader.parse_book(page, answer)
        body = await self._load_stored_body(page) if is_known else answer.body
        found = self._reader.parse_listing(body, answer.url)
        await self._add_links(page, found)
        if not found.is_complete:
            raise Invalid("the page was cut short")
        return ParsedPage(page) if is_known else self._reader.record_listing(page, answer)

    async def _add_links(self, page: Page, found: ListingContent) -> None:
        """Links go to the frontier at once, not with the page's batch: a pager is a chain."""
        self.tally.record_total(found.total)
        if page.depth >= self._max_depth:
            self.tally.is_limited = True
            return
        await self._leases.add(PageKind.LISTING, found.listings, depth=page.depth + 1)
        await self._leases.add(PageKind.BOOK, found.books, depth=page.depth + 1)

    async def _load_stored_body(self, page: Page) -> bytes:
        packed = await asyncio.to_thread(self._lake.get, page.snapshot.body_key or "")
        try:
            return unpack_page(packed)
        except Invalid as error:
            raise _Damaged(page.url) from error
