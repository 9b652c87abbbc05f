"""The commands of a fleet of scrapers, and what becomes of their runs."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import uuid4

from pydantic import AwareDatetime

from bookcore.events.book import Event, make_event_id


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


class RunKind(StrEnum):
    """How a source was read."""

    CRAWL = "crawl"
    IMPORT = "import"


class RunOutcome(StrEnum):
    """`COMPLETE`: every page was read, and enough books were seen to tell which are gone; `PARTIAL`: it
    ended without that; `STOPPED`: it was ended early, and the next run resumes it; `UNREACHABLE`: the site
    gave no answer.
    """

    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"
    STOPPED = "stopped"
    UNREACHABLE = "unreachable"

    @property
    def is_final(self) -> bool:
        """Whether the run can't go on."""
        return self in (RunOutcome.COMPLETE, RunOutcome.PARTIAL)


REPORT_INTERVAL = 15.0
"""Seconds between two reports of a run that goes on."""
_SILENCE = timedelta(seconds=4 * REPORT_INTERVAL)


def compute_report_times(outcome: RunOutcome, now: datetime) -> tuple[datetime | None, datetime | None]:
    """`heard_until` and `ended_at` of a report that is made now: a run that goes on is heard of again."""
    return (now + _SILENCE, None) if outcome is RunOutcome.RUNNING else (None, now)


class RunReported(Event):
    """What a run of a source has done so far; sent at its begin, every few seconds, and at its end.

    Numbers are of the whole run over all its processes. `run` is its name, and a source has one run of a
    name. `heard_until`: when the next report is due at the latest; a run without one has died. `changes`:
    published events of books that are new or have changed; `refused`: records that became dead letters;
    `remarks`: values that the reader could not read; `withheld`: books that were not withdrawn because the
    run saw too little. `seen` of the `expected` books of the last complete run, None before the end or the
    first one. `schedule` and `next_due` are those of the source, None without a schedule.
    """

    type: ClassVar[str] = "books.crawl.run.v1"

    source: str
    run: str
    kind: RunKind
    outcome: RunOutcome
    reason: str | None = None
    reader: str
    schedule: str | None = None
    next_due: AwareDatetime | None = None
    started_at: AwareDatetime
    reported_at: AwareDatetime
    heard_until: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    pages: int = 0
    failed: int = 0
    books: int = 0
    changes: int = 0
    unchanged: int = 0
    remarks: int = 0
    refused: int = 0
    gone: int = 0
    withheld: int = 0
    seen: int | None = None
    expected: int | None = None

    def is_lost(self, now: datetime) -> bool:
        """Whether the next report is overdue, so that the run's process has died."""
        return self.heard_until is not None and self.heard_until < now

    @property
    def event_id(self) -> str:
        """Of this report."""
        return make_event_id(self.source, self.run, self.outcome, self.reported_at.isoformat())

    @property
    def key(self) -> str:
        """Compaction keeps the last report of each run."""
        return f"{self.source}:{self.run}"
