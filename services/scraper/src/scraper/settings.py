"""Settings of the scraper, in addition to those of all services."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from bookcore.kit import settings as shared


class Settings(shared.Settings):
    """Read once, in main."""

    toscrape_url: str = Field(
        "https://books.toscrape.com/", description="where the books_toscrape site, or a copy of it, begins"
    )
    sources: Path | None = Field(
        None,
        description="folder of your own sources, each a folder with a source.toml; default `DATA/sources`",
    )
    frontier_url: shared.ServerUrl = Field("", description="frontier; default `sqlite://DATA/frontier`")
    scraper_contact: str = Field(
        "https://bookstream.example/crawler",
        description="web or mail address in the User-Agent, for a site's keeper to complain to; set yours",
    )
    schedules: bool = Field(
        default=True, description="whether a fleet's worker keeps the schedules of sources; false: none"
    )
    scraper_keys: Annotated[dict[str, SecretStr], shared.Confidential()] = Field(
        {},
        description="keys of interfaces that need one, by source, as JSON: `${key}` in a source's headers",
    )
    scraper_concurrency: int = Field(16, ge=1, le=64, description="requests at a time")
    scraper_host_rate: float = Field(
        20,
        ge=0,
        le=10_000,
        description="requests a second to one host over the whole fleet, 0 for any number;"
        " a site on this machine is limited only when this is set",
    )
    scraper_host_concurrency: int = Field(
        64,
        ge=0,
        description="pages of one host under way at once over the whole fleet, 0 for any number;"
        " a site on this machine is limited only when this is set",
    )
    scraper_lease: float = Field(
        30,
        ge=0.5,
        le=3_600,
        description="seconds after which pages of a scraper that is not heard of go to another",
    )
    scraper_timeout: float = Field(30, gt=0, le=600, description="seconds until a page must be complete")
    scraper_retries: int = Field(4, ge=0, le=20, description="further tries of a page that fails")
    scraper_max_bytes: int = Field(10_000_000, ge=1_000, description="larger pages are refused")
    scraper_max_pages: int = Field(200_000, ge=1, description="pages in one run; bounds an endless site")
    scraper_max_depth: int = Field(
        10_000, ge=0, description="links from the start page; bounds an endless pager"
    )
    scraper_batch: int = Field(200, ge=1, le=5_000, description="pages made safe together at most")
    scraper_patience: float = Field(
        60, ge=0, description="seconds that the crawl waits for an event log, lake or frontier that is away"
    )

    @property
    def sources_folder(self) -> Path:
        """Where the user's own sources are."""
        return self.sources or self.data / "sources"

    @property
    def user_agent(self) -> str:
        """Names the crawler and its keeper to sites."""
        return f"Bookstream/0.1 (+{self.scraper_contact})"

    @model_validator(mode="after")
    def _check_frontier_url(self) -> Self:
        if not self.frontier_url:
            object.__setattr__(self, "frontier_url", f"sqlite://{self.data.absolute()}/frontier")
        if self.environment is shared.Environment.PRODUCTION and self.frontier_url.startswith("sqlite:"):
            raise ValueError("BOOKSTREAM_FRONTIER_URL is an embedded adapter; production requires a server")
        return self

    def get_host_limit(self, name: str, *, is_loopback: bool) -> float:
        """A limit of the host, 0 for none; a loopback site has only the limits that were set explicitly."""
        return 0 if is_loopback and name not in self.model_fields_set else getattr(self, name)
