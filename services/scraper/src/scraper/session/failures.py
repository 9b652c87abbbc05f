"""Failed pages: records each one and stops the crawl when the site is gone."""

from bookcore.domain.errors import Unavailable
from bookcore.kit.logger import get_logger
from scraper.frontier import Page
from scraper.session.counts import CrawlCounts, PageOutcome
from scraper.session.page_leases import PageLeases
from scraper.session.progress import ProgressTracker
from scraper.session.stop import ExitCode, StopRequest

_MAX_TRANSPORT_FAILURES = 20
_MAX_LOGGED = 20
_log = get_logger(__name__)


class FailureRecorder:
    """Records failures. Without the start page, or after 20 pages in a row without a response, the crawl
    stops."""

    def __init__(
        self,
        start_url: str,
        *,
        leases: PageLeases,
        progress: ProgressTracker,
        stop: StopRequest,
        counts: CrawlCounts,
    ) -> None:
        self._start_url = start_url
        self._counts = counts
        self._leases = leases
        self._progress = progress
        self._stop = stop
        self._failed = 0
        self._transport_failures_in_a_row = 0
        self._has_responded = False

    def record_response(self) -> None:
        """The site sent something: robots.txt, an error or part of a page."""
        self._has_responded = True

    def record_fetched(self) -> None:
        """A page came; the count of failures in a row starts anew."""
        self._transport_failures_in_a_row = 0

    async def record_failure(
        self, page: Page, reason: str, *, is_transport: bool = False, is_missing: bool = False
    ) -> None:
        """`is_transport`: no response came, after all retries; `is_missing`: the site says that there is no
        such page. Ignored while the crawl is stopping."""
        if self._stop.is_set:
            return
        self._transport_failures_in_a_row = self._transport_failures_in_a_row + 1 if is_transport else 0
        self._failed += 1
        self._counts.record_page(PageOutcome.FAILED)
        if self._failed <= _MAX_LOGGED:
            _log.warning("page failed", url=page.url, reason=reason)
        try:
            await self._leases.fail_page(page, reason, is_missing=is_missing)
        except Unavailable as error:
            self._stop.stop(ExitCode.STOPPED, str(error))
        if page.url == self._start_url or self._transport_failures_in_a_row >= _MAX_TRANSPORT_FAILURES:
            self._stop_crawl(page, reason, is_transport=is_transport)

    def _stop_crawl(self, page: Page, reason: str, *, is_transport: bool) -> None:
        """A site that never responded is unreachable; one that did and no longer does stops the crawl."""
        if is_transport and not self._has_responded and self._progress.status.counts.pages == 0:
            self._stop.stop(ExitCode.UNREACHABLE, f"cannot reach {page.url}: {reason}")
        else:
            line = f"cannot go on at {page.url}: {reason}; the next crawl tries again"
            self._stop.stop(ExitCode.STOPPED, line)
