"""All sources that can be crawled, by name."""

from dataclasses import dataclass

from scraper.sources.books_toscrape import page as books_toscrape
from scraper.sources.page_objects import BookPage, ListPage


@dataclass(frozen=True, slots=True)
class Source:
    """A site, its page objects and its spider.

    `hosts`: names by which the site links to itself; such links are followed on the copy being crawled.
    `index_file`: file name that stands for a folder, so that `/` and `/index.html` are one page. `extractor`:
    version of the page objects; a new one makes all pages be fetched in full. `spider`: import path of a
    BookSpider.
    """

    name: str
    start_url: str
    hosts: frozenset[str]
    index_file: str
    allows_private_addresses: bool
    book_page: type[BookPage]
    list_page: type[ListPage]
    extractor: str
    spider: str = "scraper.crawl.spider.BookSpider"

    def read_ids(self, html: bytes, url: str) -> tuple[str, ...]:
        """The source's own keys of the books on a page."""
        source_id = self.book_page(html, url).source_id
        return (source_id,) if source_id else ()


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="books_toscrape",
            start_url="https://books.toscrape.com/",
            hosts=frozenset({"books.toscrape.com"}),
            index_file="index.html",
            allows_private_addresses=False,
            book_page=books_toscrape.ToscrapeBookPage,
            list_page=books_toscrape.ToscrapeListPage,
            extractor="books_toscrape/1",
        ),
        Source(
            name="sample_shop",
            start_url="http://127.0.0.1:8090/",
            hosts=frozenset(),
            index_file="index.html",
            allows_private_addresses=True,
            book_page=books_toscrape.ToscrapeBookPage,
            list_page=books_toscrape.ToscrapeListPage,
            extractor="sample_shop/1",
        ),
    )
}
