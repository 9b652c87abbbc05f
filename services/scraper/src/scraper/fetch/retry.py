"""Retries failed requests and holds a host for as long as it asks.

429 and 503 hold the host, for the whole fleet, for Retry-After (at most a minute). Without that header, and
for other transient errors, the pause is half a second and doubles with each retry; it delays only its own
request.
"""

import asyncio
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.http import Response

from scraper.session.session import SETTING, CrawlSession

TRANSIENT_ERRORS = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)
_TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504, 522, 524})
_OVERLOAD_STATUS = frozenset({429, 503})
_MAX_PAUSE = 60.0
_FIRST_PAUSE = 0.5

HoldHost = Callable[[float], None]
"""Holds the host for so many seconds, for the whole fleet."""


class RetryMiddleware:
    """Downloader middleware. Requests that wait here count as active, so the host receives fewer of them."""

    def __init__(
        self,
        *,
        retries: int,
        stopping: asyncio.Event,
        now: Callable[[], float],
        hold_host: HoldHost,
        on_retry: Callable[[], None] = lambda: None,
    ) -> None:
        self._retries = retries
        self._stopping = stopping
        self._now = now
        self._hold_host = hold_host
        self._on_retry = on_retry
        self._host_until = 0.0
        self._has_responded = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Scrapy's factory."""
        settings = crawler.settings
        session: CrawlSession = settings[SETTING]
        return cls(
            retries=settings.getint("RETRY_TIMES"),
            stopping=session.stop.event,
            now=time.monotonic,
            hold_host=session.pacer.hold_host,
            on_retry=session.counts.record_retry,
        )

    async def process_request(self, request: Request) -> None:
        """Raises: IgnoreRequest when the crawl stops while the request waits; the page stays in the queue."""
        own_until = request.meta.get("not_before", 0.0)
        while (wait := max(self._host_until, own_until) - self._now()) > 0:
            try:
                await asyncio.wait_for(self._stopping.wait(), wait)
            except TimeoutError:
                continue
            raise IgnoreRequest("the crawl is stopping")

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """The request again while retries are left."""
        self._has_responded = True
        if response.status not in _TRANSIENT_STATUS:
            return response
        pause = self._compute_pause(request, response)
        if response.status in _OVERLOAD_STATUS:
            self._pause_host(pause)
        return self._retry(request, pause) or response

    def _pause_host(self, pause: float) -> None:
        self._host_until = max(self._host_until, self._now() + pause)
        self._hold_host(pause)

    def process_exception(self, request: Request, exception: Exception) -> Request | None:
        """The request again while retries are left and the error is transient.

        A host that never responded in this crawl is tried only twice: it is most likely down.
        """
        if not isinstance(exception, TRANSIENT_ERRORS):
            return None
        if not self._has_responded and request.meta.get("retries", 0) >= 1:
            return None
        return self._retry(request, self._compute_backoff(request))

    def _retry(self, request: Request, pause: float) -> Request | None:
        retries: int = request.meta.get("retries", 0)
        if retries >= self._retries or self._stopping.is_set():
            return None
        self._on_retry()
        return request.replace(
            meta={**request.meta, "retries": retries + 1, "not_before": self._now() + pause}
        )

    def _compute_pause(self, request: Request, response: Response) -> float:
        printed = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
        asked = _parse_retry_after(printed)
        return self._compute_backoff(request) if asked is None else min(max(asked, 0.0), _MAX_PAUSE)

    def _compute_backoff(self, request: Request) -> float:
        retries: int = request.meta.get("retries", 0)
        return min(_FIRST_PAUSE * 2.0**retries, _MAX_PAUSE)


def _parse_retry_after(printed: str) -> float | None:
    """Retry-After is a number of seconds or a date; None for anything else."""
    if printed.isascii() and printed.isdecimal():
        return float(printed[:9])
    try:
        return parsedate_to_datetime(printed).timestamp() - time.time()
    except (TypeError, ValueError):
        return None
