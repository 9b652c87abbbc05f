"""The session of one crawl process; Scrapy's settings carry it to the spider, middlewares and pipeline."""

from dataclasses import dataclass
from typing import Self

from bookcore.event_log import EventLog
from bookcore.lake import Lake
from scraper.frontier import Frontier
from scraper.session.admin import ScraperAdmin
from scraper.session.counts import CrawlCounts
from scraper.session.failures import FailureRecorder
from scraper.session.host_pacer import HostPacer
from scraper.session.page_leases import PageLeases
from scraper.session.progress import ProgressTracker
from scraper.session.run_report import RunReporter
from scraper.session.stop import StopRequest
from scraper.settings import Settings
from scraper.sources.site import Site

SETTING = "SCRAPER_SESSION"
"""Name of the Scrapy setting."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Stores of a crawl; their methods block and are called in threads."""

    log: EventLog
    lake: Lake
    frontier: Frontier


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlSession:
    """Shared state of one crawl process, for one event loop."""

    settings: Settings
    site: Site
    stores: Stores
    progress: ProgressTracker
    reporter: RunReporter
    pacer: HostPacer
    leases: PageLeases
    stop: StopRequest
    failures: FailureRecorder
    counts: CrawlCounts
    admin: ScraperAdmin

    def __deepcopy__(self, _: object) -> Self:
        """Scrapy copies its settings deeply; there is one session."""
        return self
