"""What ties a source to Scrapy: requests come from the frontier, answers go to the publisher."""

from collections import deque
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler
from scrapy.http import Response
from twisted.python.failure import Failure

from bookcore.kit.clock import Clock
from scraper.fetch.retry import TRANSIENT_ERRORS
from scraper.frontier import Page
from scraper.pages.parser import FetchedPage
from scraper.pages.processor import PageProcessor
from scraper.session.page_leases import Leases

_MOVED = frozenset({301, 302, 303, 307, 308})
_MOST_MOVES = 5


class BookSpider(Spider):
    """Callbacks return when the page is safe, so that Scrapy's own limits bound what is in memory."""

    def __init__(self, *, work: PageProcessor, clock: Clock, leases: Leases) -> None:
        super().__init__(name=work.site.source.name)
        self._work = work
        self._clock = clock
        self._leases = leases

    async def start(self) -> AsyncIterator[Any]:
        """A page whenever some are there again after there were none, which wakes the engine: it takes the
        others from the scheduler. The end of this is the end of the run."""
        while page := await self._leases.first_of_more():
            yield self._request(page, page.url, validate=True)

    def next_request(self) -> Request | None:
        """The next page that is leased, with what makes the request conditional."""
        page = self._leases.next()
        return self._request(page, page.url, validate=True) if page else None

    def has_more(self) -> bool:
        """Whether a page is leased and not yet asked for."""
        return self._leases.has_ready()

    async def read(self, response: Response, page: Page) -> Request | None:
        """One answer; gives a request when the site or the lake makes another one necessary.

        Whatever goes wrong with it, the page counts as failed with the reason; none is dropped in silence.
        """
        try:
            return await self._handle(response, page)
        except Exception as error:  # noqa: BLE001 - counted and shown as the page's failure
            await self._work.fail_page(page, f"could not be handled: {type(error).__name__}: {error}")
            return None

    async def _handle(self, response: Response, page: Page) -> Request | None:
        if response.status in _MOVED:
            return await self._follow(response, page)
        answer = FetchedPage(
            status=response.status,
            url=response.url,
            body=response.body,
            etag=_header(response, "ETag"),
            last_modified=_header(response, "Last-Modified"),
            fetched_at=self._clock.now(),
        )
        if await self._work.process(page, answer):
            return None
        return self._request(page, page.url, validate=False)

    async def give_up(self, failure: Failure) -> None:
        """No answer, after all tries."""
        error = failure.value
        request: Request = failure.request  # type: ignore[attr-defined]  # Scrapy adds it
        if "download_latency" in request.meta:  # the headers came, at this try or an earlier one
            self._work.record_response()
        is_transport = isinstance(error, TRANSIENT_ERRORS)
        await self._work.fail_page(request.cb_kwargs["page"], str(error), is_transport=is_transport)

    async def _follow(self, response: Response, page: Page) -> Request | None:
        """The guard refuses a target outside the site before anything is sent."""
        moves: int = response.meta.get("moves", 0)
        target = _header(response, "Location")
        if target is None or moves >= _MOST_MOVES:
            await self._work.fail_page(
                page, f"{response.status} {HTTPStatus(response.status).phrase} without an end"
            )
            return None
        request = self._request(page, urljoin(response.url, target), validate=True)
        request.meta["moves"] = moves + 1
        return request

    def _request(self, page: Page, url: str, *, validate: bool) -> Request:
        headers = {}
        if validate and page.snapshot.body_key:
            if page.snapshot.etag:
                headers["If-None-Match"] = page.snapshot.etag
            if page.snapshot.last_modified:
                headers["If-Modified-Since"] = page.snapshot.last_modified
        return Request(
            url, headers=headers, callback=self.read, errback=self.give_up, cb_kwargs={"page": page}
        )


class FrontierScheduler(BaseScheduler):
    """Scrapy's queue is the frontier; only what is to be tried again waits in memory."""

    def __init__(self) -> None:
        self._again: deque[Request] = deque()

    def open(self, spider: Spider) -> None:
        """Only a BookSpider has a frontier."""
        if not isinstance(spider, BookSpider):
            raise TypeError(f"{spider!r} has no frontier")
        self._spider = spider

    def has_pending_requests(self) -> bool:
        """While false and nothing is under way, only the spider's `start` keeps the crawl from its end."""
        return bool(self._again) or self._spider.has_more()

    def enqueue_request(self, request: Request) -> bool:
        """Another try, or a redirect."""
        self._again.append(request)
        return True

    def next_request(self) -> Request | None:
        """Tries that are under way come first."""
        return self._again.popleft() if self._again else self._spider.next_request()


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None
