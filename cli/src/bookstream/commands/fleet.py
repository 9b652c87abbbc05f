"""`bookstream fleet start|backfill|pause|resume|stop|status`: commands to a fleet of scrapers."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import typer

from bookcore.domain.errors import Unavailable
from bookcore.event_log import open_event_log
from bookcore.events.codec import encode
from bookcore.events.crawl import Action, CrawlCommand
from bookcore.events.topics import COMMAND
from bookstream.commands.options import AsJson, Data, SiteUrl, Source
from bookstream.programs import run_program
from bookstream.settings import load_settings

HELP = """Commands to a fleet of scrapers.

A fleet is any number of `python -m scraper fleet` on one Valkey. A command stays in its topic until the fleet
executes it, now or at its next start; each is executed once.
"""


def start(source: Source, *, url: SiteUrl = None, data: Data = None) -> None:
    """Crawl the source once.

    Resumes an interrupted run, else starts a new one.
    """
    _issue(CrawlCommand.issue(Action.START, source, url=url, issued_by="cli"), data)


def backfill(source: Source, *, url: SiteUrl = None, data: Data = None) -> None:
    """Crawl the source once and parse unchanged pages as well."""
    _issue(CrawlCommand.issue(Action.BACKFILL, source, url=url, issued_by="cli"), data)


def pause(source: Source, *, data: Data = None) -> None:
    """Stop fetching pages of a running source until `resume`."""
    _issue(CrawlCommand.issue(Action.PAUSE, source, url=None, issued_by="cli"), data)


def resume(source: Source, *, data: Data = None) -> None:
    """Continue a paused source."""
    _issue(CrawlCommand.issue(Action.RESUME, source, url=None, issued_by="cli"), data)


def stop(source: Source, *, data: Data = None) -> None:
    """End the run of a source early; its events are kept."""
    _issue(CrawlCommand.issue(Action.STOP, source, url=None, issued_by="cli"), data)


def print_status(*, data: Data = None, as_json: AsJson = False) -> None:
    """Print the state of each source.

    Pages queued, leased and done, pages a second, and workers alive.
    """
    lines: list[str] = []
    environment = {"BOOKSTREAM_DATA": str(load_settings(data).data.absolute())}
    exited = run_program(["scraper", "status"], environment, on_line=lines.append)
    if exited.code:
        raise Unavailable(exited.last_error)
    if as_json:
        print("".join(lines), end="")
        return
    print(
        f"{'source':<18}{'state':<10}{'queued':>8}{'leased':>8}{'done':>8}{'failed':>8}{'/s':>8}{'workers':>9}"
    )
    for line in lines:
        print(_format_row(json.loads(line)))


def create_group() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    for verb in (start, backfill, pause, resume, stop):
        group.command()(verb)
    group.command("status")(print_status)
    return group


def _issue(command: CrawlCommand, data: Path | None) -> None:
    """Append the command to its topic. Raises: Unavailable."""
    with closing(open_event_log(load_settings(data).event_log_url)) as log:
        log.append(COMMAND.name, [encode(command, source="bookstream/cli")])
    print(f"asked the fleet to {command.action} {command.source} (command {command.command_id})")


def _format_row(status: dict[str, Any]) -> str:  # Any: JSON as it came
    numbers = f"{status['queued']:>8}{status['leased']:>8}{status['done']:>8}{status['failed']:>8}"
    return f"{status['source']:<18}{status['mode']:<10}{numbers}{status['rate']:>8}{status['workers']:>9}"
