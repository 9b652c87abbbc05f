"""Delays each request until the host's next slot, which the whole fleet shares.

A leased page brings its slot; robots.txt, retries and redirects reserve one. A slot that was missed by more
than 0.1 s is given up and another one is reserved.
"""

import asyncio
import time
from typing import Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.robotstxt import RobotParser

from scraper.frontier import Page
from scraper.session.host_pacer import HostPacer
from scraper.session.session import SETTING, CrawlSession
from scraper.session.stop import StopRequest

_SLOT_TOLERANCE = 0.1
_MAX_CRAWL_DELAY = 60.0


class HostPacingMiddleware:
    """A downloader middleware, the last one before the request goes out."""

    def __init__(self, pacer: HostPacer, stop: StopRequest, *, user_agent: str) -> None:
        self._pacer = pacer
        self._stop = stop
        self._user_agent = user_agent

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Scrapy's factory."""
        session: CrawlSession = crawler.settings[SETTING]
        user_agent = crawler.settings["ROBOTSTXT_USER_AGENT"]
        middleware = cls(session.pacer, session.stop, user_agent=user_agent)
        crawler.signals.connect(middleware.on_robots_parsed, signal=signals.robots_parsed)
        return middleware

    async def process_request(self, request: Request) -> None:
        """Raises: IgnoreRequest when the crawl stops while the request waits; Unavailable."""
        page: Page | None = request.cb_kwargs.get("page")
        slot = self._pacer.take_slot(page) if page else None
        while True:
            if self._pacer.is_paced and (slot is None or time.monotonic() > slot + _SLOT_TOLERANCE):
                slot = time.monotonic() + await self._pacer.reserve_slot()
            wait = max(slot or 0.0, self._pacer.held_until) - time.monotonic()
            if wait <= 0:
                return
            await self._wait(wait)

    async def on_robots_parsed(self, robotparser: RobotParser) -> None:
        """Share the Crawl-delay with the fleet, at most a minute; without one, remove the stored one."""
        delay = robotparser.crawl_delay(self._user_agent) or 0.0
        await self._pacer.set_crawl_delay(min(max(delay, 0.0), _MAX_CRAWL_DELAY))

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.event.wait(), seconds)
        except TimeoutError:
            return
        raise IgnoreRequest("the crawl is stopping")
