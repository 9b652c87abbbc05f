"""Runs a crawl as a child process: its progress lines become a bar and a summary."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from bookcore.domain.errors import BookstreamError
from bookcore.kit.progress import CrawlSummary, parse_crawl_line
from bookstream.crawl_progress import CrawlProgressBar
from bookstream.programs import ProgramExit, run_program

UNREACHABLE_EXIT_CODE = 3
"""Exit code of the scraper when the start page can't be fetched."""

INVALID_EXIT_CODE = 2
"""Exit code of the scraper for arguments or settings that it can't use; nothing was crawled."""


class SiteUnreachable(BookstreamError):
    """The start page can't be fetched; the text is the scraper's own error line."""


class CrawlFailed(BookstreamError):
    """The crawl ended early; everything published until then is stored."""


def run_crawl(source: str, arguments: Sequence[str], environment: Mapping[str, str]) -> CrawlSummary:
    """Run a crawl to its end; progress goes to standard error, the scraper's errors to logs/scraper.log.

    Ctrl-C is passed on, so that the crawl stops cleanly and can be resumed.
    Raises: SiteUnreachable, CrawlFailed.
    """
    summaries: list[CrawlSummary] = []

    def read_line(text: str) -> None:
        line = parse_crawl_line(text)
        if isinstance(line, CrawlSummary):
            summaries.append(line)
        else:
            bar.update(line)

    with CrawlProgressBar() as bar:
        exited = run_program(["scraper", "crawl", source, *arguments], environment, on_line=read_line)
    if exited.code != INVALID_EXIT_CODE:
        _write_log(get_scraper_log(Path(environment["BOOKSTREAM_DATA"])), exited.errors)
    return _check_exit(exited, summaries)


def get_scraper_log(data: Path) -> Path:
    """Errors of the last crawl: one line for each page that failed."""
    return data / "logs" / "scraper.log"


def describe_failures(summary: CrawlSummary, log: Path) -> str:
    """The count of failed pages and where their errors are; empty when there were none."""
    return f" · {summary.failed} failed (see {log})" if summary.failed else ""


def describe_withdrawals(summary: CrawlSummary) -> str:
    """The count of withdrawn books, or why none was; empty when none is gone and the run is complete."""
    if summary.withheld:
        return f" · {summary.withheld} not withdrawn, because too much of the source is missing"
    fault = f" · not complete: {summary.fault}" if summary.fault else ""
    return f" · {summary.gone} withdrawn{fault}" if summary.gone else fault


def _write_log(log: Path, lines: Sequence[str]) -> None:
    """Best effort: the errors may be about a full disk."""
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(lines))


def _check_exit(exited: ProgramExit, summaries: Sequence[CrawlSummary]) -> CrawlSummary:
    if exited.code == UNREACHABLE_EXIT_CODE:
        raise SiteUnreachable(exited.last_error.removeprefix("scraper: "))
    if exited.code == INVALID_EXIT_CODE:
        raise CrawlFailed(exited.last_error.removeprefix("scraper: "))
    if exited.code != 0 or not summaries:
        raise CrawlFailed(f"the crawl ended with code {exited.code}: {exited.last_error}")
    return summaries[-1]
