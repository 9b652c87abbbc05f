"""Spider of a source: requests come from the leased pages, items go to the publishing pipeline."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

from scrapy import Request, Spider
from scrapy.http import Response
from twisted.python.failure import Failure

from bookcore.kit.clock import SystemClock
from booksources.web_pages.charset import is_xml, keep_charset
from scraper.fetch.retry import TRANSIENT_ERRORS
from scraper.frontier import Page
from scraper.pages.parser import FetchedPage, ParsedPage
from scraper.pages.processor import PageProcessor, StaleSnapshotError
from scraper.session.session import CrawlSession

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5


class BookSpider(Spider):
    """Yields a ParsedPage for each page. A source may name a subclass that overrides `parse_page`."""

    def __init__(self, *, session: CrawlSession) -> None:
        super().__init__(name=session.site.source.name)
        self._leases = session.leases
        self._failures = session.failures
        self._processor = PageProcessor(session)
        self._clock = SystemClock()

    async def start(self) -> AsyncIterator[Any]:
        """Yield a page whenever pages are leased again after there were none, which wakes the engine; it
        takes the others from the scheduler. The crawl ends when this ends."""
        while page := await self._leases.wait_for_page():
            yield self._build_request(page, page.url, is_conditional=True)

    def take_request(self) -> Request | None:
        """Conditional request for the next leased page."""
        page = self._leases.take_page()
        return self._build_request(page, page.url, is_conditional=True) if page else None

    def has_pages(self) -> bool:
        """Whether a page is leased and not yet requested."""
        return self._leases.has_pages()

    async def parse_response(self, response: Response, page: Page) -> Request | ParsedPage | None:
        """Callback of all requests. Any error counts as a failure of the page, with its reason."""
        try:
            if response.status in _REDIRECTS:
                return await self._follow_redirect(response, page)
            if response.status == HTTPStatus.NOT_MODIFIED and not response.meta["is_conditional"]:
                return await self._ask_again(response, page)
            return await self.parse_page(_build_fetched_page(response, self._clock), page)
        except StaleSnapshotError:
            return self._build_request(page, page.url, is_conditional=False)
        except Exception as error:  # noqa: BLE001 - recorded as the page's failure
            reason = f"could not be handled: {type(error).__name__}: {error}"
            await self._failures.record_failure(page, reason)
            return None

    async def parse_page(self, fetched: FetchedPage, page: Page) -> ParsedPage | None:
        """The item to publish; None for a page that failed. Raises: StaleSnapshotError to fetch it in
        full."""
        return await self._processor.process(page, fetched)

    async def on_error(self, failure: Failure) -> None:
        """Errback of all requests, after all retries."""
        error = failure.value
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy adds it
        if "download_latency" in request.meta:  # headers came, at this try or an earlier one
            self._failures.record_response()
        is_transport = isinstance(error, TRANSIENT_ERRORS)
        await self._failures.record_failure(request.cb_kwargs["page"], str(error), is_transport=is_transport)

    async def _follow_redirect(self, response: Response, page: Page) -> Request | None:
        """OffsiteMiddleware refuses a target outside the site before anything is sent."""
        redirects: int = response.meta.get("redirects", 0)
        target = _read_header(response, "Location")
        if target is None or redirects >= _MAX_REDIRECTS:
            reason = f"{response.status} {HTTPStatus(response.status).phrase} without an end"
            await self._failures.record_failure(page, reason)
            return None
        is_conditional: bool = response.meta["is_conditional"]
        request = self._build_request(page, urljoin(response.url, target), is_conditional=is_conditional)
        request.meta["redirects"] = redirects + 1
        return request

    async def _ask_again(self, response: Response, page: Page) -> Request | None:
        """A cache answered 304 although nothing was asked on a condition; it is asked once more."""
        if response.meta.get("is_asked_again"):
            await self._failures.record_failure(page, "304 Not Modified to a request without conditions")
            return None
        request = self._build_request(page, response.url, is_conditional=False)
        request.headers["Cache-Control"] = "no-cache"
        request.meta.update(is_asked_again=True, redirects=response.meta.get("redirects", 0))
        return request

    def _build_request(self, page: Page, url: str, *, is_conditional: bool) -> Request:
        headers = {}
        if is_conditional and page.snapshot.body_key:
            if page.snapshot.etag:
                headers["If-None-Match"] = page.snapshot.etag
            if page.snapshot.last_modified:
                headers["If-Modified-Since"] = page.snapshot.last_modified
        return Request(
            url,
            headers=headers,
            callback=self.parse_response,
            errback=self.on_error,
            cb_kwargs={"page": page},
            meta={"is_conditional": bool(headers)},
        )


def _build_fetched_page(response: Response, clock: SystemClock) -> FetchedPage:
    content_type = _read_header(response, "Content-Type") or ""
    return FetchedPage(
        status=response.status,
        url=response.url,
        body=response.body if is_xml(content_type) else keep_charset(response.body, content_type),
        etag=_read_header(response, "ETag"),
        last_modified=_read_header(response, "Last-Modified"),
        fetched_at=clock.now(),
        content_type=content_type,
        is_delimited=response.meta.get("is_delimited", True),
        span=response.meta.get("span"),
    )


def _read_header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
