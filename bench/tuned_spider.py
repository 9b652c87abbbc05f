"""The tuned peer: Scrapy with lxml, 32 concurrent requests and nothing that a crawl can do without.

No storage at all: no file, no events, no lake, no resumption. `python bench/tuned_spider.py URL`
"""

import gc
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urljoin

import scrapy
from lxml import etree  # type: ignore[import-untyped]  # ships no types
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response

SETTINGS = {
    "LOG_ENABLED": False,
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 32,
    "ROBOTSTXT_OBEY": True,
    "TELNETCONSOLE_ENABLED": False,
    "COOKIES_ENABLED": False,
    "RETRY_ENABLED": False,
    "REDIRECT_ENABLED": False,
    "METAREFRESH_ENABLED": False,
    "HTTPPROXY_ENABLED": False,
    "DOWNLOADER_STATS": False,
    "EXTENSIONS_BASE": {},
    "SPIDER_MIDDLEWARES_BASE": {},
    "DOWNLOADER_MIDDLEWARES_BASE": {
        "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": 100,
        "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    },
}
PARSER = etree.HTMLParser(encoding="utf-8")
LINKS = etree.XPath(
    "//div[@class='side_categories']//a/@href | //ul[@class='pager']//a/@href"
    " | //article[@class='product_pod']/h3/a/@href"
)
PRODUCT = etree.XPath("//article[@class='product_page']")


class TunedSpider(scrapy.Spider):
    """Follows every category, page and book link; yields one dictionary per book, which nothing keeps."""

    name = "tuned"

    def __init__(self, url: str, **more: Any) -> None:  # Any: as scrapy.Spider has it
        super().__init__(**more)
        self.url = url
        self.books = 0

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """The home page."""
        yield scrapy.Request(self.url)

    def parse(self, response: Response) -> Iterator[Any]:
        """Links of a list, each once, or the book of a product page."""
        page = etree.fromstring(response.body, PARSER)
        products = PRODUCT(page)
        if products:
            self.books += 1
            yield read_book(page, products[0], response.url)
            return
        for link in dict.fromkeys(LINKS(page)):
            yield scrapy.Request(urljoin(response.url, link))


def read_book(page: Any, product: Any, url: str) -> dict[str, str | None]:  # Any: elements of lxml
    """The same twelve fields that ours has."""
    table = {row.findtext("th"): row.findtext("td") for row in product.iterfind(".//table//tr")}
    heading = product.find("div[@id='product_description']")
    paragraph = None if heading is None else heading.getnext()
    image = product.find(".//div[@id='product_gallery']//img")
    stars = product.find(".//p[@class]")
    return {
        **table,
        "url": url,
        "title": product.findtext(".//h1"),
        "price": product.findtext(".//p[@class='price_color']"),
        "rating": None if stars is None else stars.get("class"),
        "availability": "".join(product.find(".//p[@class='instock availability']").itertext()).strip(),
        "category": page.findtext(".//ul[@class='breadcrumb']/li[3]/a"),
        "description": None if paragraph is None else paragraph.text,
        "image_url": None if image is None else urljoin(url, image.get("src")),
    }


def main(url: str) -> None:
    """Crawl to the end and print the number of books."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    process = AsyncCrawlerProcess(SETTINGS)
    crawler = process.create_crawler(TunedSpider)
    process.crawl(crawler, url=url)
    process.start()
    assert isinstance(crawler.spider, TunedSpider)
    sys.stdout.write(f"{crawler.spider.books} books\n")


if __name__ == "__main__":
    main(sys.argv[1])
