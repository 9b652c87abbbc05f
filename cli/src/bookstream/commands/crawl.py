"""`bookstream crawl`: crawl a source into the event log."""

from pathlib import Path
from typing import Annotated

import typer

from bookstream.commands.options import Data, SiteUrl, Source
from bookstream.crawl import describe_failures, describe_withdrawals, get_scraper_log, run_crawl
from bookstream.interrupts import handle_stop_signals
from bookstream.settings import load_settings
from bookstream.source_folders import create_source, scan_source_folders

_WEB = ("http://", "https://")


def crawl(
    source: Source = "books_toscrape",
    *,
    url: SiteUrl = None,
    named: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="Name of the source to make of a shop's address."),
    ] = None,
    data: Data = None,
) -> None:
    """Crawl a source into the event log.

    A running `bookstream up`, or the next one, ingests it. Ctrl-C stops the crawl;
    the same command resumes it. `bookstream crawl https://any.shop/ --as NAME` makes the source first, as
    `bookstream source new` does; later crawls need the name only.
    """
    handle_stop_signals()
    if source.startswith(_WEB):
        source = _make_source(source, named, data)
    elif named is not None:
        raise typer.BadParameter("--as names the source of a shop's address, such as https://any.shop/")
    folder = load_settings(data).data.absolute()
    summary = run_crawl(source, ["--url", url] if url else [], {"BOOKSTREAM_DATA": str(folder)})
    failures = describe_failures(summary, get_scraper_log(folder))
    print(
        f"{summary.pages} pages · {summary.books} books · {summary.published} published"
        f" · {summary.unchanged} unchanged{describe_withdrawals(summary)}{failures} · {summary.seconds:.1f} s"
    )


def _make_source(address: str, name: str | None, data: Path | None) -> str:
    """Name of the source of this address; made by its first crawl."""
    if name is None:
        raise typer.BadParameter("give the source of this address a name: --as NAME")
    settings = load_settings(data)
    if name not in scan_source_folders(settings).definitions:
        create_source(settings, name, address)
    return name
