"""`python -m scraper crawl|rebuild|reextract|fleet|status`: results on standard output, logs on standard
error."""

import argparse
import asyncio
import gc
import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from threading import Event
from typing import Protocol, cast

import uvloop

from bookcore.domain.errors import BookstreamError, Invalid
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent_process import stop_with_parent
from bookcore.kit.settings import read_settings
from booksources.sources.registry import scan_sources
from scraper.crawl.crawl import crawl
from scraper.fleet.crawl_counts import get_counts_path
from scraper.fleet.status import read_statuses
from scraper.fleet.worker import run_worker
from scraper.reextract import reextract
from scraper.session.stop import ExitCode
from scraper.settings import Settings
from scraper.sources import SOURCES, Source, build_source
from scraper.sources.site import Site, parse_site

_WRONG_USAGE = 2
_SOURCE_HELP = f"one of your own, or {', '.join(sorted(SOURCES))}"
_NEW_OBJECTS_PER_COLLECTION = 20_000


class _RebuildModule(Protocol):
    def rebuild(self, settings: Settings, site: Site) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 complete, 1 stopped by a failure, 2 wrong usage, 3 site unreachable, 130 signal."""
    options = _build_parser().parse_args(arguments)
    run: Callable[[Settings, argparse.Namespace], int] = options.run
    try:
        settings = read_settings(Settings)
        _configure_logging(settings)
        return run(settings, options)
    except Invalid as error:
        return _print_error(str(error), _WRONG_USAGE)
    except BookstreamError as error:
        return _print_error(str(error), ExitCode.STOPPED)


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scraper", description="Crawl a source of books and publish its observations."
    )
    commands = parser.add_subparsers(required=True)
    crawl_parser = commands.add_parser("crawl", help="begin a run, resume an interrupted one, or join one")
    crawl_parser.set_defaults(run=_run_crawl)
    crawl_parser.add_argument(
        "--only-if-running", action="store_true", help="only if the fleet is commanded to crawl the source"
    )
    rebuild_parser = commands.add_parser(
        "rebuild", help="add the books of the catalogue to a frontier that was lost"
    )
    rebuild_parser.set_defaults(run=_run_rebuild)
    for command in (crawl_parser, rebuild_parser):
        command.add_argument("source", help=_SOURCE_HELP)
        command.add_argument("--url", help="start URL of the site or of a copy of it")
    reextract_parser = commands.add_parser(
        "reextract", help="apply the current page objects to the stored pages"
    )
    reextract_parser.set_defaults(run=_run_reextract)
    reextract_parser.add_argument("source", help=_SOURCE_HELP)
    reextract_parser.add_argument("--dry-run", action="store_true", help="count without publishing")
    commands.add_parser("fleet", help="run a worker that executes crawl commands").set_defaults(
        run=_run_fleet
    )
    commands.add_parser("status", help="print mode and progress of each source").set_defaults(
        run=_print_status
    )
    return parser


def _load_source(settings: Settings, name: str) -> Source:
    """Raises: Invalid."""
    return build_source(scan_sources([settings.sources_folder]).find(name))


def _run_crawl(settings: Settings, options: argparse.Namespace) -> int:
    site = _find_site(settings, options.source, options.url)
    _tune_garbage_collector()
    crawling = crawl(settings, site, only_if_running=options.only_if_running, counts_path=get_counts_path())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(crawling)
    return _print_error(result.reason, result.code) if result.reason else result.code


def _run_rebuild(settings: Settings, options: argparse.Namespace) -> int:
    """Imports its module by name: the catalogue would cost each crawl half a second and 30 MB."""
    module = cast(_RebuildModule, import_module("scraper.rebuild"))
    added = module.rebuild(settings, _find_site(settings, options.source, options.url))
    sys.stdout.write(f"added {added} pages\n")
    return ExitCode.DONE


def _run_reextract(settings: Settings, options: argparse.Namespace) -> int:
    source = _load_source(settings, options.source)
    if source.page_objects is None:
        raise Invalid(
            f"{source.name} has no page objects; a crawl with a new `extractor` reads its pages again"
        )
    result = reextract(settings, source, dry_run=options.dry_run)
    sys.stdout.write(f"{result}\n")
    return ExitCode.STOPPED if result.failed else ExitCode.DONE


def _run_fleet(settings: Settings, _: argparse.Namespace) -> int:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_worker(settings, stop)
    return ExitCode.DONE


def _print_status(settings: Settings, _: argparse.Namespace) -> int:
    for status in read_statuses(settings):
        sys.stdout.write(json.dumps(asdict(status)) + "\n")
    return ExitCode.DONE


def _find_site(settings: Settings, name: str, url: str | None) -> Site:
    source = _load_source(settings, name)
    configured = {"books_toscrape": settings.toscrape_url}
    return parse_site(source, url or configured.get(name, source.start_url))


def _configure_logging(settings: Settings) -> None:
    """Scrapy logs every step at INFO; a failed robots.txt is reported with the page that fails for it."""
    configure_logging(settings, service="scraper")
    stop_with_parent()
    for name in ("scrapy", "asyncio", "twisted", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)


def _tune_garbage_collector() -> None:
    """Imported objects live as long as the process; scanning them took a seventh of a crawl's CPU time."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS_PER_COLLECTION, 20, 50)


def _print_error(line: str, code: int) -> int:
    sys.stderr.write(f"{line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
