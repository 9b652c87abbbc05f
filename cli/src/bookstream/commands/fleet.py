"""`fleet start|backfill|pause|resume|stop|status`: commands to a fleet of scrapers, over their topic."""

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from bookcore.domain.errors import Unavailable
from bookcore.event_log import open_event_log
from bookcore.events.codec import encode
from bookcore.events.crawl import Action, CrawlCommand
from bookcore.events.topics import COMMAND
from bookstream.programs import run_program
from bookstream.settings import settings_for

HELP = """Commands to a fleet of scrapers (`python -m scraper fleet`, any number of them on one Valkey).

A command is kept in its topic until the fleet takes it, now or when it runs again; each is done once.
"""
Data = Annotated[Path | None, typer.Option(help="Folder of all data; default: BOOKSTREAM_DATA, or ./var.")]
Source = Annotated[str, typer.Argument(help="books_toscrape or sample_shop.")]
Url = Annotated[str | None, typer.Option(help="Another copy of the site.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines for programs.")]


def start(source: Source, *, url: Url = None, data: Data = None) -> None:
    """Crawl the source once: the rest of an interrupted run, else a new one."""
    _issue(CrawlCommand.issue(Action.START, source, url=url, issued_by="cli"), data)


def backfill(source: Source, *, url: Url = None, data: Data = None) -> None:
    """Crawl the source once and read every page as if for the first time."""
    _issue(CrawlCommand.issue(Action.BACKFILL, source, url=url, issued_by="cli"), data)


def pause(source: Source, *, data: Data = None) -> None:
    """Fetch nothing more of a running source until `resume`."""
    _issue(CrawlCommand.issue(Action.PAUSE, source, url=None, issued_by="cli"), data)


def resume(source: Source, *, data: Data = None) -> None:
    """Go on with a paused source."""
    _issue(CrawlCommand.issue(Action.RESUME, source, url=None, issued_by="cli"), data)


def stop(source: Source, *, data: Data = None) -> None:
    """End the source's run early; what was acknowledged is kept."""
    _issue(CrawlCommand.issue(Action.STOP, source, url=None, issued_by="cli"), data)


def status(*, data: Data = None, as_json: AsJson = False) -> None:
    """How far each source is: pages waiting, under way and done, pages a second, workers alive."""
    lines: list[str] = []
    environment = {"BOOKSTREAM_DATA": str(settings_for(data).data.absolute())}
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
        print(_row(json.loads(line)))


def fleet() -> typer.Typer:
    """The group of these verbs."""
    group = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
    for verb in (start, backfill, pause, resume, stop, status):
        group.command()(verb)
    return group


def _issue(command: CrawlCommand, data: Path | None) -> None:
    """Returns once the command is acknowledged. Raises: Unavailable."""
    with closing(open_event_log(settings_for(data).event_log_url)) as log:
        log.append(COMMAND.name, [encode(command, source="bookstream/cli")])
    print(f"asked the fleet to {command.action} {command.source} (command {command.command_id})")


def _row(found: dict[str, Any]) -> str:  # Any: JSON as it came
    numbers = f"{found['queued']:>8}{found['leased']:>8}{found['done']:>8}{found['failed']:>8}"
    return f"{found['source']:<18}{found['mode']:<10}{numbers}{found['rate']:>8}{found['workers']:>9}"
