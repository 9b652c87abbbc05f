"""Scrapy item pipeline that publishes the ParsedPage items of any spider."""

from typing import Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from bookcore.domain.errors import Unavailable
from bookcore.kit.tracing.messages import MessageTracer
from scraper.frontier import FinishedPage
from scraper.pages.parser import ParsedPage
from scraper.pages.publisher import Publisher
from scraper.session.counts import PageOutcome
from scraper.session.session import SETTING, CrawlSession
from scraper.session.stop import ExitCode


class PublishPipeline:
    """Holds an item until it is published and its page is marked as done.

    Scrapy counts the page as active meanwhile, so its limits bound the items in memory and the crawl doesn't
    end before they are published. Other items pass unchanged.
    """

    def __init__(self, session: CrawlSession, publisher: Publisher) -> None:
        self._session = session
        self._publisher = publisher

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Scrapy's factory."""
        session: CrawlSession = crawler.settings[SETTING]
        settings = session.settings
        publisher = Publisher(
            session.stores,
            session.progress.run,
            source=session.site.source.name,
            batch_size=settings.scraper_batch,
            patience=settings.scraper_patience,
        )
        publisher.tracer = MessageTracer(session.admin.tracer)
        return cls(session, publisher)

    async def process_item(self, item: object) -> object:
        """Raises: DropItem when the item can't be published; an unavailable store stops the crawl."""
        if not isinstance(item, ParsedPage):
            return item
        try:
            await self._publisher.publish(item)
        except Unavailable as error:
            self._session.stop.stop(ExitCode.STOPPED, str(error))
            raise DropItem(str(error)) from error
        self._session.counts.record_page(_classify(item))
        if item.page:
            self._session.leases.remove_lease(item.page)
        return item


def _classify(item: ParsedPage) -> PageOutcome:
    if not item.events and item.snapshot is None:
        return PageOutcome.UNMODIFIED
    if item.page is None:
        return PageOutcome.BOOK if item.events else PageOutcome.LISTING
    finished = FinishedPage(item.page, item.snapshot, is_published=bool(item.events), shown=item.shown)
    return PageOutcome.BOOK if finished.books else PageOutcome.LISTING
