"""Refuses requests that leave the site; PublicAddressResolver checks what the permitted names resolve to."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from scraper.session.session import SETTING, CrawlSession
from scraper.sources.site import Site


class OffsiteMiddleware:
    """Downloader middleware in front of all others that send something."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Scrapy's factory."""
        session: CrawlSession = crawler.settings[SETTING]
        return cls(session.site)

    def process_request(self, request: Request) -> None:
        """Raises: IgnoreRequest."""
        if not self._site.is_internal(request.url):
            raise IgnoreRequest(f"{request.url} is outside of {self._site.start}; refused")
