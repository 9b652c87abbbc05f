"""What the keepers of a fleet of scrapers want it to do."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import uuid4

from pydantic import AwareDatetime

from bookcore.events.book import Event


class Action(StrEnum):
    """`START` begins a run or goes on with an unfinished one; `BACKFILL` begins one in which every page is
    read as if for the first time; `PAUSE` and `RESUME` keep the run; `STOP` ends it early."""

    START = "start"
    BACKFILL = "backfill"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class CrawlCommand(Event):
    """Somebody wants this of a source; done once per `command_id`, in order within a source.

    `url`: where the site, or a copy of it, begins; None leaves it to the fleet's settings. `issued_by` is for
    people to read, for example `cli`.
    """

    type: ClassVar[str] = "books.crawl.command.v1"

    command_id: str
    source: str
    action: Action
    url: str | None = None
    issued_at: AwareDatetime
    issued_by: str

    @property
    def event_id(self) -> str:
        """Given by who issues it: sent again, it is the same command."""
        return self.command_id

    @property
    def key(self) -> str:
        """Partition key: commands to a source stay in order."""
        return self.source

    @classmethod
    def issue(cls, action: Action, source: str, *, url: str | None, issued_by: str) -> "CrawlCommand":
        """A new command, from now."""
        return cls(
            command_id=str(uuid4()),
            source=source,
            action=action,
            url=url,
            issued_at=datetime.now(UTC),
            issued_by=issued_by,
        )
