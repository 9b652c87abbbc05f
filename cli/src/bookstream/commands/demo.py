"""`bookstream demo`: the whole system on this machine, with a crawled shop."""

import os
from typing import Annotated

import typer

from bookstream.commands.options import Data, Port
from bookstream.demo import Demo
from bookstream.local_services import print_endpoints, run_services, serve_until_interrupted
from bookstream.services import build_environment
from bookstream.settings import load_settings
from bookstream.stores import open_stores
from bookstream.training import train_if_needed

TOSCRAPE = "https://books.toscrape.com/"


def run_demo(
    *,
    data: Data = None,
    port: Port = 8080,
    once: Annotated[bool, typer.Option("--once", help="Exit once everything is searchable.")] = False,
    books: Annotated[int, typer.Option(help="Size of the sample shop, if it is used.", min=1)] = 60,
) -> None:
    """Crawl a bookshop and serve it, all on this machine.

    Starts all services and prints their addresses, crawls a shop, trains a price model where books changed,
    and serves until Ctrl-C.

    Crawls books.toscrape.com, or the copy that BOOKSTREAM_TOSCRAPE_URL names, or the bundled sample shop when
    the site can't be reached. A second start continues with the stored data.

    With --once the exit code is 0 when every page was fetched and all books are searchable, else 1.
    """
    settings = load_settings(data)
    with run_services(settings, port) as (supervisor, ports), open_stores(settings) as stores:
        if not once:
            print_endpoints(ports, settings.data)
            print(flush=True)
        environment = build_environment(settings.data, ports)
        url = os.environ.get("BOOKSTREAM_TOSCRAPE_URL", TOSCRAPE)
        result = Demo(supervisor, stores, environment).run(url, books=books)
        print(result, flush=True)
        if result.crawl.books:
            print(train_if_needed(settings.data, result.source), flush=True)
        if not once:
            serve_until_interrupted(supervisor)
        elif result.crawl.failed:
            raise typer.Exit(1)
