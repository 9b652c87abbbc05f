"""Scrapy scheduler over the frontier."""

from collections import deque

from scrapy import Request, Spider
from scrapy.core.scheduler import BaseScheduler

from scraper.crawl.spider import BookSpider


class FrontierScheduler(BaseScheduler):
    """Takes requests from the leased pages; only retries and redirects wait in memory."""

    def __init__(self) -> None:
        self._retries: deque[Request] = deque()

    def open(self, spider: Spider) -> None:
        """Raises: TypeError for a spider that takes no pages from a frontier."""
        if not isinstance(spider, BookSpider):
            raise TypeError(f"{spider!r} has no frontier")
        self._spider = spider

    def has_pending_requests(self) -> bool:
        """While false and nothing is active, only the spider's `start` keeps the crawl open."""
        return bool(self._retries) or self._spider.has_pages()

    def enqueue_request(self, request: Request) -> bool:
        """Queue a retry or a redirect."""
        self._retries.append(request)
        return True

    def take_request(self) -> Request | None:
        """Retries and redirects come first."""
        return self._retries.popleft() if self._retries else self._spider.take_request()

    next_request = take_request
    """Scrapy's name."""
