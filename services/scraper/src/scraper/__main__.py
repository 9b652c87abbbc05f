"""`python -m scraper crawl|rebuild|reextract|fleet|status`: results on standard output, logs on the other."""

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

from bookcore.domain.errors import BookstreamError, Invalid
from bookcore.kit.logging import configure_logging
from bookcore.kit.parent_process import stop_with_parent
from bookcore.kit.settings import read_settings
from scraper.crawl.crawl import crawl
from scraper.fleet.status import read_statuses
from scraper.fleet.worker import run_worker
from scraper.pages.processor import ExitCode
from scraper.reextract import reextract
from scraper.settings import Settings
from scraper.sources import SOURCES
from scraper.sources.site import Site, parse_site

_WRONG_USAGE = 2
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
    parser = argparse.ArgumentParser(prog="scraper", description="Crawl a source and publish what it shows.")
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("crawl", help="one run, or the rest of an interrupted one, or a part in it")
    one.set_defaults(run=_run_crawl)
    one.add_argument("--told", action="store_true", help="only while the fleet is to crawl the source")
    again = commands.add_parser(
        "rebuild", help="make the catalogue's books known to a frontier that was lost"
    )
    again.set_defaults(run=_run_rebuild)
    for command in (one, again):
        command.add_argument("source", choices=sorted(SOURCES))
        command.add_argument("--url", help="where the site, or a copy of it, begins")
    anew = commands.add_parser("reextract", help="read the stored pages with today's page objects")
    anew.set_defaults(run=_run_reextract)
    anew.add_argument("source", choices=sorted(SOURCES))
    anew.add_argument("--dry-run", action="store_true", help="count, publish nothing")
    commands.add_parser("fleet", help="a worker that does what commands say").set_defaults(run=_run_fleet)
    commands.add_parser("status", help="how far each source is").set_defaults(run=_print_status)
    return parser


def _run_crawl(settings: Settings, options: argparse.Namespace) -> int:
    site = _find_site(settings, options.source, options.url)
    _tune_garbage_collector()
    verdict = asyncio.run(crawl(settings, site, only_if_running=options.told))
    return _print_error(verdict.reason, verdict.code) if verdict.reason else verdict.code


def _run_rebuild(settings: Settings, options: argparse.Namespace) -> int:
    """Imported by name: it alone needs the catalogue, which would cost each crawl half a second and 30 MB."""
    module = cast(_RebuildModule, import_module("scraper.rebuild"))
    added = module.rebuild(settings, _find_site(settings, options.source, options.url))
    sys.stdout.write(f"added {added} pages\n")
    return ExitCode.DONE


def _run_reextract(settings: Settings, options: argparse.Namespace) -> int:
    result = reextract(settings, SOURCES[options.source], dry_run=options.dry_run)
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
    source = SOURCES[name]
    configured = {"books_toscrape": settings.toscrape_url}
    return parse_site(source, url or configured.get(name, source.start_url))


def _configure_logging(settings: Settings) -> None:
    """Scrapy tells every step at INFO; a robots.txt that can't be had is told with the page that can't."""
    configure_logging(settings, service="scraper")
    stop_with_parent()
    for name in ("scrapy", "asyncio", "twisted", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)


def _tune_garbage_collector() -> None:
    """What was imported stays for good; looking through it, and for the few cycles of each page, took a
    seventh of a crawl's CPU time."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS_PER_COLLECTION, 20, 50)


def _print_error(line: str, code: int) -> int:
    sys.stderr.write(f"{line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
