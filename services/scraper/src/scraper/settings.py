"""What can be set for a crawl, on top of what all services share."""

from pydantic import Field

from bookcore.kit import settings as shared


class Settings(shared.Settings):
    """Read once, in main."""

    toscrape_url: str = Field(
        "https://books.toscrape.com/", description="where the books_toscrape site, or a copy of it, begins"
    )
    scraper_contact: str = Field(
        "https://bookstream.example/crawler",
        description="web or mail address in the User-Agent, for a site's keeper to complain to; set yours",
    )
    scraper_concurrency: int = Field(16, ge=1, le=64, description="requests at a time")
    scraper_timeout: float = Field(30, gt=0, le=600, description="seconds until a page must be complete")
    scraper_retries: int = Field(4, ge=0, le=20, description="further tries of a page that fails")
    scraper_max_bytes: int = Field(10_000_000, ge=1_000, description="larger pages are refused")
    scraper_max_pages: int = Field(200_000, ge=1, description="pages in one run; bounds an endless site")
    scraper_max_depth: int = Field(
        10_000, ge=0, description="links from the start page; bounds an endless pager"
    )
    scraper_batch: int = Field(200, ge=1, le=5_000, description="pages made safe together at most")
    scraper_patience: float = Field(
        60, ge=0, description="seconds that the crawl waits for an event log or lake that is away"
    )
