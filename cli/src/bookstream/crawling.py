"""A crawl as a child process: its JSON lines become a progress bar and a summary."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from bookcore.domain.errors import BookstreamError
from bookcore.kit.parent_process import ENVIRONMENT_VARIABLE as PARENT_PIPE
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
    alive = os.pipe()  # the scraper sees our end of it close, however we end
    child = subprocess.Popen(
        [sys.executable, "-m", "scraper", "crawl", source, *arguments],
        env={**os.environ, **environment, PARENT_PIPE: str(alive[0])},
        pass_fds=alive[:1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with ThreadPoolExecutor(1) as reading, child:
        complaints = reading.submit(lambda: list(child.stderr or ()))
        try:
            summary = _follow(child)
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
            raise
        finally:
            child.wait()
            for descriptor in alive:
                os.close(descriptor)
        _keep(scraper_log(Path(environment["BOOKSTREAM_DATA"])), complaints.result())
        return _verdict(child.returncode, summary, complaints.result())


def _keep(log: Path, lines: Sequence[str]) -> None:
    """Best effort: the disk may be what is complained about."""
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(lines))


def scraper_log(data: Path) -> Path:
    """Where the last crawl's complaints are kept: one line for each page that failed."""
    return data / "logs" / "scraper.log"


def _follow(child: subprocess.Popen[str]) -> CrawlSummary | None:
    """Show progress until the child closes its output; the summary, if there was one."""
    summary: CrawlSummary | None = None
    with ProgressDisplay() as display:
        for text in child.stdout or ():
            line = json.loads(text)
            if line["event"] == "progress":
                display.show(_fields_of(CrawlProgress, line))
            else:
                summary = _fields_of(CrawlSummary, line)
    return summary


def _verdict(code: int, summary: CrawlSummary | None, complaints: Sequence[str]) -> CrawlSummary:
    last = complaints[-1].strip() if complaints else "it said nothing"
    if code == UNREACHABLE:
        raise SiteUnreachable(last.removeprefix("scraper: "))
    if code != 0 or summary is None:
        raise CrawlFailed(f"the crawl ended with code {code}: {last}")
    return summary


def _fields_of(kind: type[T], line: dict[str, Any]) -> T:  # Any: JSON that our own scraper wrote
    return kind(**{f.name: line[f.name] for f in fields(kind)})
