"""The main job: start everything, crawl a shop, wait until it is searchable, say what came out."""

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from bookcore.domain.errors import Unavailable
from bookstream.audit import Stores
from bookstream.crawl import CrawlSummary, SiteUnreachable, crawl, scraper_log
from bookstream.local_secrets import local_secrets
from bookstream.services import Ports, free_port_like
from bookstream.status import changes_so_far, parked_so_far, pending
from bookstream.supervisor import Processes, Service

_STUCK_AFTER = 60.0  # seconds without any progress
_SHOP_SEED = "1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the main job did."""

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
    """Running services and what they write to."""

    processes: Processes
    stores: Stores
    environment: Mapping[str, str]

    def run(self, url: str, *, books: int) -> Outcome:
        """Crawl the site, or the sample shop of that many books when it can't be reached.

        Raises: CrawlFailed, Unavailable when a service ends or the pipeline is stuck.
        """
        started = time.monotonic()
        changes, parked = changes_so_far(self.stores.log), parked_so_far(self.stores.log)
        source = "books_toscrape"
        try:
            summary = crawl(source, ["--url", url], self.environment)
        except SiteUnreachable as error:
            print(f"{error}; crawling the bundled sample shop instead")
            data = Path(self.environment["BOOKSTREAM_DATA"])
            source = "sample_shop"
            with sample_shop(self.processes, data, books=books) as shop:
                summary = crawl(source, ["--url", shop], self.environment)
        self.settle()
        return Outcome(
            source=source,
            crawl=summary,
            changes=changes_so_far(self.stores.log) - changes,
            parked=parked_so_far(self.stores.log) - parked,
            seconds=time.monotonic() - started,
            failures=summary.failures(scraper_log(Path(self.environment["BOOKSTREAM_DATA"]))),
        )

    def settle(self) -> None:
        """Wait until everything published is searchable.

        Raises: Unavailable when a service ends, or nothing moves for a minute.
        """
        pause, last, moved_at = Event(), "", time.monotonic()
        while not (now := pending(self.stores)).settled:
            self.processes.check()
            if str(now) != last:
                last, moved_at = str(now), time.monotonic()
            if time.monotonic() - moved_at > _STUCK_AFTER:
                raise Unavailable(f"nothing moved for {_STUCK_AFTER:.0f} s ({now}); see the logs")
            pause.wait(0.05)


@contextmanager
def sample_shop(processes: Processes, data: Path, *, books: int) -> Iterator[str]:
    """The sample shop's address while it runs: last time's if that is free, for it stands in every book."""
    remembered = data / "sample-shop.port"
    port = free_port_like(int(remembered.read_text()) if remembered.exists() else 0)
    remembered.write_text(str(port))
    url = f"http://127.0.0.1:{port}/"
    arguments = ["sample_shop", "serve", "--port", str(port), "--books", str(books), "--seed", _SHOP_SEED]
    processes.start([Service("sample-shop", arguments, url)])
    yield url
    processes.stop_one("sample-shop")


def log_in(ports: Ports, data: Path) -> str:
    """An access token of the first administrator.

    Raises: Unavailable when the gateway doesn't give one.
    """
    secrets = local_secrets(data)
    request = urllib.request.Request(
        f"http://127.0.0.1:{ports.gateway}/v1/auth/login",
        data=json.dumps({"email": secrets.admin_email, "password": secrets.admin_password}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own loopback URL
            token: str = json.load(answer)["access_token"]
    except OSError as error:
        raise Unavailable(f"the gateway gives no token ({error}); see its log") from error
    return token


def invitation(ports: Ports, token: str) -> str:
    """The addresses, and three lines to paste."""
    base = f"http://127.0.0.1:{ports.gateway}"
    header = f"-H 'Authorization: Bearer {token}'"
    return "\n".join(
        (
            f"gateway     {base}        (docs: {base}/docs)",
            f"books-api   http://127.0.0.1:{ports.books_api}        search-api  http://127.0.0.1:{ports.search_api}"
            f"        ml-api  http://127.0.0.1:{ports.ml_api}",
            "",
            f"curl {header} '{base}/v1/books?sort=-price&limit=3'",
            f"curl {header} '{base}/v1/search?q=light'",
            f"curl {header} '{base}/v1/statistics'",
        )
    )
