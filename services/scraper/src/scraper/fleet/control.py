"""Fleet control port: the commanded state of each source, stored beside the frontier."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, cast

from bookcore.events.crawl import CrawlCommand
from bookcore.kit.adapters import load_adapter
from scraper.frontier import RunStatus


class SourceMode(StrEnum):
    """IDLE: before the first command and after a finished run."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class SourceState:
    """Commanded mode of a source and progress of its run. `url`: start URL, None for the default of the
    source. `last_begun`: when its last run began, or was claimed; None for a source that never ran."""

    source: str
    mode: SourceMode
    url: str | None
    status: RunStatus
    last_begun: datetime | None = None


class FleetControl(Protocol):
    """Thread-safe and process-safe. Methods raise Unavailable when the store can't be used."""

    def apply(self, command: CrawlCommand) -> bool:
        """Apply a command, once for each command id; False when it was applied before.

        Start and backfill make the source run, stop finishes its run early; pause and resume change only a
        source that runs or is paused. A backfill finishes the current run and discards all snapshots.
        """

    def claim_run(self, source: str, *, due: datetime, now: datetime) -> bool:
        """Make an idle or stopped source run from its own start; True for exactly one of the callers for each
        `due` time. A server doesn't believe a clock that is ahead of its own."""

    def read_source(self, source: str) -> SourceState:
        """Current state of a source."""

    def close(self) -> None:
        """Free files and connections."""


_ADAPTERS = {
    "sqlite": "scraper.fleet.sqlite",
    "redis": "scraper.fleet.redis",
    "rediss": "scraper.fleet.redis",
}


class _Adapter(Protocol):
    def open_fleet(self, url: str, *, is_worker: bool) -> FleetControl: ...


def open_fleet(url: str, *, is_worker: bool = False) -> FleetControl:
    """`is_worker`: to run crawls, not only to read and command.

    Raises: Invalid when no adapter speaks the URL's scheme; Conflict when it can have only one worker.
    """
    adapter = cast(_Adapter, load_adapter(url, _ADAPTERS, port="fleet", field="frontier_url"))
    return adapter.open_fleet(url, is_worker=is_worker)
