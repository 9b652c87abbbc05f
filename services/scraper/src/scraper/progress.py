"""How far the crawl is, as JSON Lines on standard output for the program that started it."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Literal

from scraper.frontier import Run, Standing


@dataclass(frozen=True, slots=True)
class Progress:
    """`queued`: pages known and not yet fetched. `total_books`: as the site prints it, None until then."""

    pages: int
    books: int
    queued: int
    failed: int
    total_books: int | None
    seconds: float
    event: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True)
class Summary:
    """Of the whole run; `seconds` are those of this process. `limited`: pages were left out because of
    scraper_max_pages or scraper_max_depth."""

    run: str
    pages: int
    books: int
    published: int
    unchanged: int
    failed: int
    seconds: float
    resumed: bool
    limited: bool
    event: Literal["summary"] = "summary"


class Tally:
    """Where the run stands, as last heard: it may have other processes, and had some before."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._began = time.monotonic()
        self.standing = Standing(run.counts)
        self.total_books: int | None = None
        self.limited = False

    @property
    def seconds(self) -> float:
        """Since this process began the crawl, to the millisecond."""
        return round(time.monotonic() - self._began, 3)

    def listed(self, total: int | None) -> None:
        """A listing printed how many books it has; the largest listing is that of all books."""
        if total is not None:
            self.total_books = max(total, self.total_books or 0)

    def progress(self) -> Progress:
        """Now; what is under way counts as queued."""
        now = self.standing
        queued = now.queued + now.leased
        return Progress(
            now.counts.pages, now.counts.books, queued, now.failed, self.total_books, self.seconds
        )

    def summary(self) -> Summary:
        """At the end."""
        return Summary(
            run=self.run.name,
            **asdict(self.standing.counts),
            failed=self.standing.failed,
            seconds=self.seconds,
            resumed=self.run.resumed,
            limited=self.limited,
        )


def tell(line: Progress | Summary) -> None:
    """One line on standard output; whoever read it may be gone, which doesn't concern the crawl."""
    try:
        sys.stdout.write(json.dumps(asdict(line)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return
