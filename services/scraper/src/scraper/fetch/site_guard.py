"""The first lock: no request leaves the site, whoever asked for it."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from scraper.sources.site import Site


class OffsiteMiddleware:
    """A downloader middleware in front of all others that send something."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """The site is among Scrapy's settings."""
        return cls(crawler.settings["SCRAPER_SITE"])

    def process_request(self, request: Request) -> None:
        """Raises: IgnoreRequest with the reason for people."""
        if not self._site.is_internal(request.url):
            raise IgnoreRequest(f"{request.url} is outside of {self._site.start}; refused")
