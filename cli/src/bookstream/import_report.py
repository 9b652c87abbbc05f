"""Reports an import as a run of its source, for the history in the catalogue."""

import time
from datetime import datetime

from bookcore.domain.errors import BookstreamError
from bookcore.event_log import EventLog
from bookcore.events.codec import encode
from bookcore.events.crawl import REPORT_INTERVAL, RunKind, RunOutcome, RunReported, compute_report_times
from bookcore.events.topics import RUN
from bookcore.kit.clock import SystemClock
from booksources.intake.account import IntakeAccount

_INTERRUPTED = "it was interrupted; everything published until then is stored"


class ImportReporter:
    """Of one import, which began at `at`; `run` is its name and `reader` what reads the file."""

    def __init__(self, log: EventLog, *, source: str, run: str, reader: str, at: datetime) -> None:
        self._event_log = log
        self._source, self._run, self._reader, self._at = source, run, reader, at
        self._next = 0.0

    def report_progress(self, account: IntakeAccount) -> None:
        """At most every 15 seconds. Raises: Unavailable."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + REPORT_INTERVAL
            self._report(account, RunOutcome.RUNNING)

    def report_complete(self, account: IntakeAccount) -> None:
        """The whole file was read. Raises: Unavailable."""
        self._report(account, RunOutcome.COMPLETE)

    def report_stop(self, account: IntakeAccount, error: BaseException) -> None:
        """Raises: Unavailable."""
        reason = str(error) if isinstance(error, BookstreamError) else _INTERRUPTED
        self._report(account, RunOutcome.STOPPED, reason)

    def _report(self, account: IntakeAccount, outcome: RunOutcome, reason: str | None = None) -> None:
        now = SystemClock().now()
        heard_until, ended_at = compute_report_times(outcome, now)
        report = RunReported(
            source=self._source,
            run=self._run,
            kind=RunKind.IMPORT,
            outcome=outcome,
            reason=reason,
            reader=self._reader,
            started_at=self._at,
            reported_at=now,
            heard_until=heard_until,
            ended_at=ended_at,
            books=account.books,
            changes=account.books,
            remarks=sum(account.dropped.values()),
            refused=account.parked,
            gone=account.gone,
        )
        self._event_log.append(RUN.name, [encode(report, source="bookstream/import")])
