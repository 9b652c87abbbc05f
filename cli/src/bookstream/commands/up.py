"""`bookstream up`: start all services and serve."""

from collections.abc import Mapping
from typing import Annotated

import typer

from booksources.sources.schedule import Schedule
from bookstream.commands.options import Data, Port
from bookstream.local_services import print_endpoints, run_services, serve_until_interrupted
from bookstream.services import build_scheduler
from bookstream.settings import Settings, load_settings
from bookstream.source_folders import scan_source_folders


def serve_all(
    *,
    data: Data = None,
    port: Port = 8080,
    keeps_schedules: Annotated[
        bool,
        typer.Option(
            "--schedules/--no-schedules",
            help="Crawl sources when the [schedule] of their source.toml says. Off for good:"
            " BOOKSTREAM_SCHEDULES=false.",
        ),
    ] = True,
) -> None:
    """Start all services and serve until Ctrl-C.

    Prints their addresses and requests to paste, with an API key that lasts. A service that ends is started
    again. Sources with a schedule are crawled when they are due; a schedule that is new is seen at the next
    start.
    """
    settings = load_settings(data)
    schedules = _find_schedules(settings) if keeps_schedules and settings.schedules else {}
    others = [build_scheduler()] if schedules else []
    with run_services(settings, port, others=others) as (supervisor, ports):
        print_endpoints(ports, settings.data)
        _print_schedules(schedules)
        serve_until_interrupted(supervisor)


def _print_schedules(schedules: Mapping[str, Schedule]) -> None:
    if schedules:
        kept = [f"schedule    {name}: {schedule}" for name, schedule in schedules.items()]
        print("\n".join(["", *kept, "            (`bookstream up --no-schedules` keeps none)"]), flush=True)


def _find_schedules(settings: Settings) -> Mapping[str, Schedule]:
    found = scan_source_folders(settings).definitions
    return {name: each.schedule for name, each in sorted(found.items()) if each.schedule}
