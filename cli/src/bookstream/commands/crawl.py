"""`bookstream crawl`: crawl a source into the event log."""

from bookstream.commands.options import Data, SiteUrl, Source
from bookstream.crawl import describe_failures, describe_withdrawals, get_scraper_log, run_crawl
from bookstream.interrupts import handle_stop_signals
from bookstream.settings import load_settings


def crawl(source: Source = "books_toscrape", *, url: SiteUrl = None, data: Data = None) -> None:
    """Crawl a source into the event log.

    A running `bookstream up`, or the next one, ingests it. Ctrl-C stops the crawl;
    the same command resumes it.
    """
    handle_stop_signals()
    folder = load_settings(data).data.absolute()
    summary = run_crawl(source, ["--url", url] if url else [], {"BOOKSTREAM_DATA": str(folder)})
    failures = describe_failures(summary, get_scraper_log(folder))
    print(
        f"{summary.pages} pages · {summary.books} books · {summary.published} published"
        f" · {summary.unchanged} unchanged{describe_withdrawals(summary)}{failures} · {summary.seconds:.1f} s"
    )
