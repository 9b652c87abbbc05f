"""The commands of a fleet of scrapers."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import uuid4

from pydantic import AwareDatetime

from bookcore.events.book import Event


class Action(StrEnum):
    """`START` begins a run or resumes an unfinished one; `BACKFILL` begins a run that reads every page as
    new; `PAUSE` and `RESUME` keep the run; `STOP` ends it early.
    """

    START = "start"
    BACKFILL = "backfill"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class CrawlCommand(Event):
    """A command to a source; executed once per `command_id`, in order within a source.

    `url` is the start URL of the site or of a copy, None for the fleet's setting. `issued_by` is
    informative, for example `cli`.
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
        """The command's id: a command sent again is the same command."""
        return self.command_id

    @property
    def key(self) -> str:
        """Partition key: commands to a source stay in order."""
        return self.source

    @classmethod
    def issue(cls, action: Action, source: str, *, url: str | None, issued_by: str) -> "CrawlCommand":
        """A new command with the current time."""
        return cls(
            command_id=str(uuid4()),
            source=source,
            action=action,
            url=url,
            issued_at=datetime.now(UTC),
            issued_by=issued_by,
        )
