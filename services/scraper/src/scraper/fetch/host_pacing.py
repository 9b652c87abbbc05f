"""Keeps the pace that the whole fleet has agreed on for the host, at the moment when a request goes out.

Every request needs a slot when the host has a pace: pages come with theirs; robots.txt, tries and redirects
ask for one. A slot missed by a tenth of a second isn't made up for: the page asks for another.
"""

import asyncio
import time
from typing import Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.robotstxt import RobotParser

from scraper.frontier import Page
from scraper.session.page_leases import Leases

_SLOT_TOLERANCE = 0.1
_MAX_CRAWL_DELAY = 60.0


class HostPacingMiddleware:
    """A downloader middleware, the last one before the request goes out."""

    def __init__(self, leases: Leases, *, user_agent: str) -> None:
        self._leases = leases
        self._user_agent = user_agent

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """The leases are among Scrapy's settings."""
        settings = crawler.settings
        pace = cls(settings["SCRAPER_LEASES"], user_agent=settings["ROBOTSTXT_USER_AGENT"])
        crawler.signals.connect(pace.on_robots_parsed, signal=signals.robots_parsed)
        return pace

    async def process_request(self, request: Request) -> None:
        """Raises: IgnoreRequest when the crawl stops meanwhile; Unavailable."""
        page: Page | None = request.cb_kwargs.get("page")
        slot = self._leases.slot(page) if page else None
        while True:
            if self._leases.is_paced and (slot is None or time.monotonic() > slot + _SLOT_TOLERANCE):
                slot = time.monotonic() + await self._leases.reserve()
            wait = max(slot or 0.0, self._leases.host_until) - time.monotonic()
            if wait <= 0:
                return
            await self._wait(wait)

    async def on_robots_parsed(self, robotparser: RobotParser) -> None:
        """The fleet keeps a Crawl-delay, a minute at most; without one it forgets that there was one."""
        delay = robotparser.crawl_delay(self._user_agent) or 0.0
        await self._leases.note_delay(min(max(delay, 0.0), _MAX_CRAWL_DELAY))

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._leases.stopping.wait(), seconds)
        except TimeoutError:
            return
        raise IgnoreRequest("the crawl is stopping")
