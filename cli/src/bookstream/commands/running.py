"""`up`, `demo`, `crawl`, `shop`: things that run."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bookstream.commands.learning import trained
from bookstream.crawl import crawl as run_crawl
from bookstream.crawl import scraper_log
from bookstream.data_lock import only_one
from bookstream.demo import Demo, invitation, log_in
from bookstream.services import Ports, choose_ports, environment_of, services
from bookstream.settings import Settings, settings_for
from bookstream.stores import opened, prepare
from bookstream.supervisor import Processes

TOSCRAPE = "https://books.toscrape.com/"
Data = Annotated[Path | None, typer.Option(help="Folder for all data; default: BOOKSTREAM_DATA, or ./var.")]
Port = Annotated[int, typer.Option(help="The gateway's port; 0 takes any free one.", min=0, max=65_535)]


def up(*, data: Data = None, port: Port = 8080) -> None:
    """Start all services, print their addresses and a token, and serve until Ctrl-C."""
    settings = settings_for(data)
    with running(settings, port) as (processes, ports):
        serve(processes, ports, settings.data)


def demo(
    *,
    data: Data = None,
    port: Port = 8080,
    once: Annotated[bool, typer.Option("--once", help="End once everything is searchable.")] = False,
    books: Annotated[int, typer.Option(help="Size of the sample shop, if it is needed.", min=1)] = 60,
) -> None:
    """Start everything, crawl a bookshop, train on its prices, show what came out, and go on serving.

    Crawls books.toscrape.com, or the copy that BOOKSTREAM_TOSCRAPE_URL names, or the bundled sample shop
    when that can't be reached. A second start goes on from what is there. With --once the exit code is 0 when
    every page was had and all is searchable, else 1.
    """
    settings = settings_for(data)
    with running(settings, port) as (processes, ports), opened(settings) as stores:
        environment = environment_of(settings.data, ports)
        url = os.environ.get("BOOKSTREAM_TOSCRAPE_URL", TOSCRAPE)
        outcome = Demo(processes, stores, environment).run(url, books=books)
        print(outcome, flush=True)
        if outcome.crawl.books:
            print(trained(settings.data, ["train", outcome.source])["sentence"], flush=True)
        if not once:
            serve(processes, ports, settings.data)
        elif outcome.crawl.failed:
            raise typer.Exit(1)


def crawl(
    source: Annotated[str, typer.Argument(help="books_toscrape or sample_shop.")] = "books_toscrape",
    *,
    url: Annotated[str | None, typer.Option(help="Another copy of the site.")] = None,
    data: Data = None,
) -> None:
    """Crawl a source into the event log; `bookstream up` takes it from there, now or later."""
    interruptible()
    settings = settings_for(data)
    arguments = ["--url", url] if url else []
    folder = settings.data.absolute()
    summary = run_crawl(source, arguments, {"BOOKSTREAM_DATA": str(folder)})
    print(
        f"{summary.pages} pages · {summary.books} books · {summary.published} published"
        f" · {summary.unchanged} unchanged{summary.failures(scraper_log(folder))} · {summary.seconds:.1f} s"
    )


def shop(context: typer.Context) -> None:
    """Serve the sample shop; flags as `python -m sample_shop`: --books, --change, --fault, --port, --help."""
    os.execv(sys.executable, [sys.executable, "-m", "sample_shop", *context.args])  # noqa: S606 - ours


@contextmanager
def running(settings: Settings, port: int) -> Iterator[tuple[Processes, Ports]]:
    """All services, healthy, until the end of the block; one such block per data folder.

    Raises: Unavailable when a port is taken, a service doesn't start, or another `bookstream` has the folder.
    """
    interruptible()
    data = settings.data
    with only_one(data):
        ports = choose_ports(port)
        environment = environment_of(data, ports)
        prepare(settings)
        with Processes(data / "logs", environment) as processes:
            todo = services(ports)
            print(f"starting {', '.join(service.name for service in todo)}", file=sys.stderr, flush=True)
            processes.start(todo)
            yield processes, ports


def interruptible() -> None:
    """SIGTERM stops as cleanly as Ctrl-C, and Ctrl-C also where a shell started us with it ignored."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


def serve(processes: Processes, ports: Ports, data: Path) -> None:
    """Print addresses, a token and what to paste; return on Ctrl-C or SIGTERM.

    Raises: Unavailable naming a service that ended by itself.
    """
    invited = f"\n{invitation(ports, log_in(ports, data))}\n\nCtrl-C stops everything."
    try:
        print(invited, flush=True)  # whoever reads it may press Ctrl-C before the next line is reached
        processes.watch()
    except KeyboardInterrupt:
        print("stopping", flush=True)
