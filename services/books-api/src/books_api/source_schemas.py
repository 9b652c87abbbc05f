"""Response models of sources and their runs."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from bookcore.catalogue.runs import SourceOverview
from bookcore.events.crawl import RunKind, RunReported
from bookcore.kit.openapi import NextCursor

_RUN: JsonDict = {
    "run": "20260101T120000Z-7",
    "kind": "crawl",
    "outcome": "complete",
    "reason": None,
    "started_at": "2026-01-01T12:00:00Z",
    "ended_at": "2026-01-01T12:02:00Z",
    "reported_at": "2026-01-01T12:02:00Z",
    "pages": 1100,
    "failed": 0,
    "books": 998,
    "changes": 12,
    "unchanged": 986,
    "remarks": 2,
    "refused": 0,
    "gone": 2,
    "withheld": 0,
    "seen": 998,
    "expected": 1000,
    "coverage": 0.998,
}
_SOURCE: JsonDict = {
    "name": "sample_shop",
    "reader": "schema_org",
    "schedule": "every 1h",
    "next_due": "2026-01-01T13:00:00Z",
    "books": 998,
    "paused": None,
    "last_run": _RUN,
    "last_complete_run": _RUN,
}
_PAUSE_REASON = "most of its records are rejected; `bookstream dlq list` shows them"


class ShownOutcome(StrEnum):
    """`running`: it goes on; `complete`: every page was read, and enough books were seen; `partial`: it
    ended without that; `stopped`: it was ended early, and the next run resumes it; `unreachable`: the site
    gave no answer; `lost`: it should have reported again and did not, so its process has died.
    """

    RUNNING = "running"
    COMPLETE = "complete"
    PARTIAL = "partial"
    STOPPED = "stopped"
    UNREACHABLE = "unreachable"
    LOST = "lost"


class RunOut(BaseModel):
    """What one run of a source did; the numbers are of the whole run so far."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RUN]})

    run: str
    kind: Annotated[RunKind, Field(description="a crawl of a site, or an import of a file")]
    outcome: ShownOutcome
    reason: Annotated[str | None, Field(description="why the run is not complete")]
    started_at: AwareDatetime
    ended_at: Annotated[AwareDatetime | None, Field(description="null while it goes on, and when it is lost")]
    reported_at: Annotated[AwareDatetime, Field(description="when these numbers were counted")]
    pages: Annotated[int, Field(description="pages that were read")]
    failed: Annotated[int, Field(description="pages that could not be read")]
    books: Annotated[int, Field(description="books that the pages show")]
    changes: Annotated[
        int, Field(description="events of books: of new and different ones; an import publishes all")
    ]
    unchanged: Annotated[int, Field(description="books that were as in the run before")]
    remarks: Annotated[int, Field(description="values that the reader could not read; their books are kept")]
    refused: Annotated[int, Field(description="records that the reader refused; they are dead letters")]
    gone: Annotated[int, Field(description="books that the source no longer has, and were withdrawn")]
    withheld: Annotated[
        int, Field(description="books that were missing and not withdrawn, because the run saw too little")
    ]
    seen: Annotated[int | None, Field(description="books that the run saw; null until it has ended")]
    expected: Annotated[int | None, Field(description="books that the complete run before it saw")]
    coverage: Annotated[
        float | None, Field(description="`seen` by `expected`; below 0.8 nothing is withdrawn")
    ]

    @classmethod
    def from_report(cls, report: RunReported, *, now: datetime) -> "RunOut":
        """A run that is silent for too long is lost."""
        is_lost = report.is_lost(now)
        silence = f"it was not heard of since {report.reported_at:%Y-%m-%d %H:%M:%S} UTC"
        coverage = (
            round(report.seen / report.expected, 4) if report.seen is not None and report.expected else None
        )
        return cls(
            **report.model_dump(include=set(cls.model_fields) - {"outcome", "reason"}),
            outcome=ShownOutcome.LOST if is_lost else ShownOutcome(report.outcome),
            reason=silence if is_lost else report.reason,
            coverage=coverage,
        )


class PauseOut(BaseModel):
    """Since when and why the records of a source are held back."""

    since: AwareDatetime
    reason: str


class SourceOut(BaseModel):
    """A source with its last runs. Reader and schedule are those that its last run reported."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SOURCE]})

    name: str
    reader: Annotated[str | None, Field(description="what reads its pages; null when it never ran")]
    schedule: Annotated[str | None, Field(description="as its source.toml says; null for none")]
    next_due: Annotated[AwareDatetime | None, Field(description="when its next run is due; null for none")]
    books: Annotated[int, Field(description="books that it offers now")]
    paused: Annotated[PauseOut | None, Field(description="null for a source that is not paused")]
    last_run: RunOut | None
    last_complete_run: RunOut | None

    @classmethod
    def from_overview(cls, source: SourceOverview, *, now: datetime) -> "SourceOut":
        last, complete = source.last_run, source.last_complete
        return cls(
            name=source.name,
            reader=last.reader if last else None,
            schedule=last.schedule if last else None,
            next_due=last.next_due if last else None,
            books=source.books,
            paused=PauseOut(since=source.paused_at, reason=_PAUSE_REASON) if source.paused_at else None,
            last_run=RunOut.from_report(last, now=now) if last else None,
            last_complete_run=RunOut.from_report(complete, now=now) if complete else None,
        )


class SourcesOut(BaseModel):
    """All sources that have runs or books, by name."""

    items: list[SourceOut]
    next: NextCursor


class RunPage(BaseModel):
    """A page of runs, the newest first."""

    items: list[RunOut]
    next: NextCursor
