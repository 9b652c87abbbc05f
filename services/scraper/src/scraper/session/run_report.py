"""Reports what a run does to the event log, for its history in the catalogue."""

from bookcore.event_log import EventLog
from bookcore.events.codec import encode
from bookcore.events.crawl import RunKind, RunOutcome, RunReported, compute_report_times
from bookcore.events.topics import RUN
from bookcore.kit.clock import Clock
from scraper.frontier.closing import RunClosing
from scraper.session.progress import ProgressTracker
from scraper.session.stop import CrawlResult, ExitCode
from scraper.sources import Source

_COMMANDED = "it was ended by a command, or by another scraper"
_OUTCOMES = {ExitCode.UNREACHABLE: RunOutcome.UNREACHABLE}


class RunReporter:
    """Every process of a run reports the numbers of the whole run; a report of its end is the last one."""

    def __init__(self, log: EventLog, source: Source, progress: ProgressTracker, clock: Clock) -> None:
        self._event_log = log
        self._source = source
        self._progress = progress
        self._clock = clock

    def report_progress(self) -> None:
        """The run goes on. Raises: Unavailable."""
        self._report(RunOutcome.RUNNING)

    def report_end(self, closing: RunClosing) -> None:
        """Every page was asked for. Raises: Unavailable."""
        outcome = RunOutcome.COMPLETE if closing.is_reference else RunOutcome.PARTIAL
        self._report(outcome, closing.fault, closing)

    def report_stop(self, result: CrawlResult) -> None:
        """This process ends before the run is drained, or another has ended it. Raises: Unavailable."""
        self._report(_OUTCOMES.get(result.code, RunOutcome.STOPPED), result.reason or _COMMANDED)

    def _report(
        self, outcome: RunOutcome, reason: str | None = None, closing: RunClosing | None = None
    ) -> None:
        report = self._build_report(outcome, reason, closing)
        self._event_log.append(RUN.name, [encode(report, source=f"scraper/{self._source.name}")])

    def _build_report(
        self, outcome: RunOutcome, reason: str | None, closing: RunClosing | None
    ) -> RunReported:
        progress, now = self._progress, self._clock.now()
        heard_until, ended_at = compute_report_times(outcome, now)
        counts, started = progress.status.counts, progress.run.started_at
        schedule = self._source.schedule
        return RunReported(
            source=self._source.name,
            run=progress.run.name,
            kind=RunKind.CRAWL,
            outcome=outcome,
            reason=reason,
            reader=self._source.reader_label,
            schedule=str(schedule) if schedule else None,
            next_due=schedule.compute_due(started) if schedule else None,
            started_at=started,
            reported_at=now,
            heard_until=heard_until,
            ended_at=ended_at,
            pages=counts.pages,
            failed=progress.status.failed,
            books=counts.books,
            changes=counts.published,
            unchanged=counts.unchanged,
            remarks=counts.remarks,
            refused=counts.refused,
            gone=progress.gone,
            withheld=progress.withheld,
            seen=closing.seen if closing else None,
            expected=closing.expected if closing else None,
        )
