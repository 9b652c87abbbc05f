"""The peer: a plain Scrapy spider as one writes it on a Sunday, on the same pages, writing a JSON Lines file.

No events, no lake, no resumption, no conditional requests. `python bench/bare_spider.py URL FILE`
"""

import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response

SETTINGS = {
    "LOG_LEVEL": "WARNING",
    "CONCURRENT_REQUESTS": 16,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 16,
    "ROBOTSTXT_OBEY": True,
    "TELNETCONSOLE_ENABLED": False,
    "COOKIES_ENABLED": False,
}


class BareSpider(scrapy.Spider):
    """Follows every category, page and book link; yields one dictionary per book."""

    name = "bare"

    def __init__(self, url: str, **more: Any) -> None:  # Any: as scrapy.Spider has it
        super().__init__(**more)
        self.url = url

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """The home page."""
        yield scrapy.Request(self.url)

    def parse(self, response: Response) -> Iterator[Any]:
        """Links of a list, or the book of a product page."""
        if response.css("article.product_page"):
            yield self.parse_book(response)
            return
        links = ".side_categories a::attr(href), ul.pager a::attr(href), article.product_pod h3 a::attr(href)"
        yield from response.follow_all(response.css(links).getall())

    def parse_book(self, response: Response) -> dict[str, str | None]:
        """The same twelve fields that ours has."""
        main = response.css(".product_main")
        table = dict(
            zip(
                response.css("table th::text").getall(),
                response.css("table td::text").getall(),
                strict=False,
            )
        )
        return {
            **table,
            "url": response.url,
            "title": main.css("h1::text").get(),
            "price": main.css("p.price_color::text").get(),
            "rating": main.css("p.star-rating::attr(class)").get(),
            "availability": " ".join(main.css("p.availability::text").getall()).strip(),
            "category": response.css("ul.breadcrumb li:nth-child(3) a::text").get(),
            "description": response.css("#product_description + p::text").get(),
            "image_url": response.urljoin(response.css("#product_gallery img::attr(src)").get("")),
        }


def main(url: str, output: str) -> None:
    """Crawl to the end."""
    process = AsyncCrawlerProcess({**SETTINGS, "FEEDS": {output: {"format": "jsonlines"}}})
    process.crawl(BareSpider, url=url)
    process.start()


if __name__ == "__main__":
    main(*sys.argv[1:])
