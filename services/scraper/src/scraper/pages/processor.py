"""Turns a fetched page into the item that is published, and adds its links to the queue."""

import asyncio
from dataclasses import replace
from http import HTTPStatus

from bookcore.domain.errors import Invalid, NotFound, Unavailable
from bookcore.domain.printed_listing import PrintedListing
from bookcore.lake.layout import unpack_page
from scraper.frontier import Page, PageKind
from scraper.frontier.closing import GONE_STATUSES
from scraper.pages.extraction_monitor import ExtractionMonitor
from scraper.pages.parser import FetchedPage, ListingContent, PageParser, ParsedPage, check_response
from scraper.pages.reading import DocumentParser, PageContent
from scraper.session.session import CrawlSession
from scraper.session.stop import ExitCode


class StaleSnapshotError(Exception):
    """The site answered 304 and the stored body is missing or damaged: fetch the page in full."""


class PageProcessor:
    """Processes the pages of one crawl."""

    def __init__(self, session: CrawlSession) -> None:
        self._session = session
        self._parser = PageParser(session.site)
        self._documents = DocumentParser(session.site)
        self._monitor = ExtractionMonitor(session.site.source.required)

    async def process(self, page: Page, fetched: FetchedPage) -> ParsedPage | None:
        """The item to publish; None for a page that failed, and when the crawl is stopping.

        Raises: StaleSnapshotError when the page must be fetched again without conditions.
        """
        session = self._session
        session.failures.record_fetched()
        try:
            check_response(fetched)
            parsed = await self._parse(page, fetched)
        except Invalid as refusal:
            is_missing = fetched.status in GONE_STATUSES
            await session.failures.record_failure(page, refusal.reason, is_missing=is_missing)
        except Unavailable as error:
            session.stop.stop(ExitCode.STOPPED, str(error))
        else:
            return None if self._is_extraction_broken(parsed) else parsed
        return None

    def _is_extraction_broken(self, parsed: ParsedPage) -> bool:
        """Whether the reading no longer understands the site; that stops the crawl."""
        problems = [problem for event in parsed.events if (problem := self._monitor.record(event.printed))]
        if problems:
            self._stop_broken(problems[0])
        return bool(problems)

    def _stop_broken(self, problem: str) -> None:
        source = self._session.site.source
        remedy = "check its page objects" if source.page_objects else "check its source.toml"
        self._session.stop.stop(ExitCode.STOPPED, f"{source.name} looks broken: {problem}; {remedy}")

    async def _parse(self, page: Page, fetched: FetchedPage) -> ParsedPage:
        """Raises: Invalid, StaleSnapshotError, Unavailable."""
        if self._session.site.source.reader is not None:
            return await self._parse_document(page, fetched)
        is_unmodified = fetched.status == HTTPStatus.NOT_MODIFIED
        if page.kind is PageKind.BOOK:
            return ParsedPage(page) if is_unmodified else self._parser.parse_book(page, fetched)
        body = await self._load_stored_body(page) if is_unmodified else fetched.body
        listing = self._parser.parse_listing(body, fetched.url)
        await self._add_links(page, listing)
        if not listing.is_complete:
            raise Invalid("the page was cut short")
        return ParsedPage(page) if is_unmodified else self._parser.record_listing(page, fetched)

    async def _parse_document(self, page: Page, fetched: FetchedPage) -> ParsedPage:
        """Links of an unmodified page come from its stored body."""
        is_unmodified = fetched.status == HTTPStatus.NOT_MODIFIED
        if is_unmodified:
            fetched = replace(fetched, body=await self._load_stored_body(page), is_delimited=True)
        content = await asyncio.to_thread(self._documents.read_content, fetched, page.url)
        await self._add_links(page, content)
        if content.fault:
            raise Invalid(f"the document {content.fault}")
        if is_unmodified:
            return ParsedPage(page, shown=len(content.books_shown))
        try:
            return self._documents.parse(page, fetched, content)
        except Invalid:
            if problem := self._monitor.record(PrintedListing()):
                self._stop_broken(problem)
            raise

    async def _add_links(self, page: Page, listing: ListingContent | PageContent) -> None:
        """Links are added at once, not with the page's batch: a pager is a chain of pages."""
        session = self._session
        session.progress.record_total(listing.total)
        if page.depth >= session.settings.scraper_max_depth:
            session.progress.is_limited = True
            return
        await session.leases.add_pages(PageKind.LISTING, listing.listings, depth=page.depth + 1)
        await session.leases.add_pages(PageKind.BOOK, listing.books, depth=page.depth + 1)

    async def _load_stored_body(self, page: Page) -> bytes:
        lake, key = self._session.stores.lake, page.snapshot.body_key or ""
        try:
            return unpack_page(await asyncio.to_thread(lake.get, key))
        except (NotFound, Invalid) as error:
            raise StaleSnapshotError(page.url) from error
