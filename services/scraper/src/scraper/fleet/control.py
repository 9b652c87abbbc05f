"""What a fleet is to do with each source, kept beside the frontier; `open_fleet(url)` picks the adapter."""

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Protocol, cast

from bookcore.events.crawl import CrawlCommand
from scraper.frontier import RunStatus, parse_scheme


class SourceMode(StrEnum):
    """Of a source: idle before its first command and after a run that came to its end."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class SourceState:
    """What a source's fleet is to do, and how far it is. `url` None: where the source says that it begins."""

    source: str
    mode: SourceMode
    url: str | None
    status: RunStatus


class FleetControl(Protocol):
    """Safe for several threads and processes. Raises Unavailable when the store is away."""

    def apply(self, command: CrawlCommand) -> bool:
        """Do what a command says, once for each command id; False when it had been done before.

        Start and backfill make the source run, stop ends its run early; pause and resume change only a source
        that runs or is paused. A backfill ends the run under way and forgets what pages said.
        """

    def read_source(self, source: str) -> SourceState:
        """As things are now."""

    def close(self) -> None:
        """Free files and connections."""


class _Adapter(Protocol):
    def open_fleet(self, url: str, *, works: bool) -> FleetControl: ...


def open_fleet(url: str, *, is_worker: bool = False) -> FleetControl:
    """To look or command, or (`works`) to do what is commanded.

    Raises: Invalid when no adapter speaks the URL's scheme; Conflict when it can have only one worker.
    """
    return cast(_Adapter, import_module(f"scraper.fleet.{parse_scheme(url)}")).open_fleet(
        url, works=is_worker
    )
