"""The demo: crawl a shop, wait until all books are searchable, summarise."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from bookcore.domain.errors import Unavailable
from bookcore.kit.progress import CrawlSummary
from bookstream.crawl import SiteUnreachable, describe_failures, get_scraper_log, run_crawl
from bookstream.services import choose_port
from bookstream.status import count_changes, count_dead_letters, read_pending
from bookstream.stores import Stores
from bookstream.supervisor import Service, Supervisor

_STUCK_AFTER = 60.0  # seconds without any progress
_SHOP_SEED = "1"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Counts of one run; `source` is the crawled site, `failures` the remark on failed pages."""

    source: str
    crawl: CrawlSummary
    changes: int
    parked: int
    seconds: float
    failures: str

    def __str__(self) -> str:
        note = " (resumed)" if self.crawl.resumed else ""
        return (
            f"{self.crawl.pages} pages · {self.crawl.books} books · {self.changes} changes"
            f" · {self.parked} parked{self.failures} · {self.seconds:.1f} s{note}"
        )


@dataclass(frozen=True, slots=True)
class Demo:
    """Running services and the stores that they write to."""

    supervisor: Supervisor
    stores: Stores
    environment: Mapping[str, str]

    def run(self, url: str, *, books: int) -> DemoResult:
        """Crawl the site, or the sample shop of that many books when the site can't be reached.

        Raises: CrawlFailed, Unavailable when the pipeline is stuck.
        """
        started = time.monotonic()
        log = self.stores.log
        changes, parked = count_changes(log), count_dead_letters(log)
        source, summary = self._crawl(url, books=books)
        self.wait_until_searchable()
        return DemoResult(
            source=source,
            crawl=summary,
            changes=count_changes(log) - changes,
            parked=count_dead_letters(log) - parked,
            seconds=time.monotonic() - started,
            failures=describe_failures(summary, get_scraper_log(self._data)),
        )

    def wait_until_searchable(self) -> None:
        """Wait until everything published is searchable; services that end are started again.

        Raises: Unavailable when nothing moves for a minute.
        """
        pause, last, moved_at = Event(), "", time.monotonic()
        while not (now := read_pending(self.stores)).is_done:
            self.supervisor.check()
            if str(now) != last:
                last, moved_at = str(now), time.monotonic()
            if time.monotonic() - moved_at > _STUCK_AFTER:
                logs = self._data / "logs"
                raise Unavailable(f"no progress for {_STUCK_AFTER:.0f} s ({now}); see the logs in {logs}")
            pause.wait(0.05)

    @property
    def _data(self) -> Path:
        return Path(self.environment["BOOKSTREAM_DATA"])

    def _crawl(self, url: str, *, books: int) -> tuple[str, CrawlSummary]:
        try:
            return "books_toscrape", run_crawl("books_toscrape", ["--url", url], self.environment)
        except SiteUnreachable as error:
            print(f"{error}; crawling the bundled sample shop instead")
        with serve_sample_shop(self.supervisor, self._data, books=books) as shop:
            return "sample_shop", run_crawl("sample_shop", ["--url", shop], self.environment)


@contextmanager
def serve_sample_shop(supervisor: Supervisor, data: Path, *, books: int) -> Iterator[str]:
    """The sample shop's URL while it runs.

    Every book contains it, so the last run's port is reused if free.
    """
    port_file = data / "sample-shop.port"
    port = choose_port(int(port_file.read_text()) if port_file.exists() else 0)
    port_file.write_text(str(port))
    url = f"http://127.0.0.1:{port}/"
    arguments = ["sample_shop", "serve", "--port", str(port), "--books", str(books), "--seed", _SHOP_SEED]
    supervisor.start_all([Service("sample-shop", arguments, url)])
    try:
        yield url
    finally:
        supervisor.stop("sample-shop")
