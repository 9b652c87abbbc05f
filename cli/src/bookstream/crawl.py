"""A crawl as a child process: its JSON lines become a progress bar and a summary."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from bookcore.domain.errors import BookstreamError
from bookstream.programs import ProgramExit, run_program
from bookstream.progress import CrawlProgress, ProgressDisplay

T = TypeVar("T", CrawlProgress, "CrawlSummary")

UNREACHABLE = 3
"""Exit code of the scraper when the start page can't be had."""


@dataclass(frozen=True, slots=True)
class CrawlSummary:
    """What a crawl did; `published` books were new or changed."""

    pages: int
    books: int
    published: int
    unchanged: int
    failed: int
    seconds: float
    resumed: bool

    def failures(self, log: Path) -> str:
        """A remark on pages that could not be had; empty when there were none."""
        return f" · {self.failed} failed (see {log})" if self.failed else ""


class SiteUnreachable(BookstreamError):
    """The start page can't be had; the text is the scraper's own line."""


class CrawlFailed(BookstreamError):
    """The crawl ended early; what it had published is safe."""


def crawl(source: str, arguments: Sequence[str], environment: Mapping[str, str]) -> CrawlSummary:
    """Run a crawl to its end, showing progress on standard error; what it says is kept in logs/scraper.log.

    Ctrl-C is passed on, so that the crawl stops cleanly and can be resumed.
    Raises: SiteUnreachable, CrawlFailed.
    """
    summary: CrawlSummary | None = None

    def follow(text: str) -> None:
        nonlocal summary
        line = json.loads(text)
        if line["event"] == "progress":
            display.show(_fields_of(CrawlProgress, line))
        else:
            summary = _fields_of(CrawlSummary, line)

    with ProgressDisplay() as display:
        exited = run_program(["scraper", "crawl", source, *arguments], environment, on_line=follow)
    _keep(scraper_log(Path(environment["BOOKSTREAM_DATA"])), exited.errors)
    return _verdict(exited, summary)


def _keep(log: Path, lines: Sequence[str]) -> None:
    """Best effort: the disk may be what is complained about."""
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(lines))


def scraper_log(data: Path) -> Path:
    """Where the last crawl's complaints are kept: one line for each page that failed."""
    return data / "logs" / "scraper.log"


def _verdict(exited: ProgramExit, summary: CrawlSummary | None) -> CrawlSummary:
    if exited.code == UNREACHABLE:
        raise SiteUnreachable(exited.last_error.removeprefix("scraper: "))
    if exited.code != 0 or summary is None:
        raise CrawlFailed(f"the crawl ended with code {exited.code}: {exited.last_error}")
    return summary


def _fields_of(kind: type[T], line: dict[str, Any]) -> T:  # Any: JSON that our own scraper wrote
    return kind(**{f.name: line[f.name] for f in fields(kind)})
