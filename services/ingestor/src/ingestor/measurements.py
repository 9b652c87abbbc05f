"""Measures the ingestor: records, freshness, and how far groups and outbox are behind."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from threading import Event

from bookcore.catalogue import Catalogue, count_messages, read_next_messages
from bookcore.domain.book import VersionedBook
from bookcore.domain.printed_listing import PrintedListing, PrintedOffer, Remark
from bookcore.event_log import EventLog
from bookcore.event_log.consumer_loop import Handler
from bookcore.event_log.dead_letters import OnHandled, RejectedRecord
from bookcore.events.crawl import RunOutcome, RunReported
from bookcore.events.message import Batch
from bookcore.kit.admin.metrics import ProcessMetrics
from bookcore.kit.logger import get_logger
from bookcore.search import RemovedBook
from ingestor.source_guard import OnRemarks

MEASURE_SECONDS = 5.0
_LAST_COMPLETE = "ingestor_source_last_complete_timestamp_seconds"
REASONS = frozenset(
    [
        "source",
        "source_id",
        "url",
        "title",
        "price",
        "currency",
        "rating",
        "availability",
        "category",
        "description",
        "image_url",
        "identifiers",
        "attributes",
        "details",
        "observed_at",
    ]
)
"""Fields that a rejection begins with; the label of a dead letter is one of them, `format` or `other`."""
REMARKED = frozenset(
    [
        *(each.name for each in fields(PrintedListing)),
        *(f"offers.{each.name}" for each in fields(PrintedOffer)),
        *("identifiers.isbn", "contributors.role", "subjects.scheme"),
    ]
)
"""Fields of a remark; the label of another is `other`."""
_MICROSECONDS = 1_000_000
_log = get_logger(__name__)


def create_record_counter(metrics: ProcessMetrics, group: str) -> OnHandled:
    """Counts records by outcome, and dead letters by reason."""

    def count(accepted: int, rejected: Sequence[RejectedRecord]) -> None:
        metrics.count("ingestor_records_total", group, "accepted", by=accepted)
        metrics.count("ingestor_records_total", group, "rejected", by=len(rejected))
        for one in rejected:
            metrics.count("ingestor_dead_letters_total", group, classify_reason(one.reason))

    return count


def create_remark_counter(metrics: ProcessMetrics) -> OnRemarks:
    """Counts optional values that could not be read, by source and field."""

    def count(remarks: Sequence[tuple[str, Remark]]) -> None:
        for source, remark in remarks:
            field = remark.field if remark.field in REMARKED else "other"
            metrics.count("ingestor_remarks_total", source, field)

    return count


def classify_reason(reason: str) -> str:
    """The field at fault; `format` for a record that can't be decoded, `other` for the rest."""
    first = re.split(r"[ :]", reason, maxsplit=1)[0]
    if first in REASONS:
        return first
    return "format" if first.startswith("books.") or reason.startswith("unknown event type") else "other"


def create_freshness_observer(
    metrics: ProcessMetrics,
) -> Callable[[Sequence[VersionedBook | RemovedBook]], None]:
    """Observes the time from the observation of each book; its version is the microsecond of that."""

    def observe(changes: Sequence[VersionedBook | RemovedBook]) -> None:
        now = time.time()
        for change in changes:
            seconds = max(0.0, now - change.version / _MICROSECONDS)
            metrics.observe("ingestor_freshness_seconds", value=seconds)

    return observe


def create_completion_observer(metrics: ProcessMetrics) -> Callable[[Sequence[RunReported]], None]:
    """Sets when the last complete run of each source ended, whichever process ran it."""
    newest: dict[str, float] = {}

    def observe(reports: Sequence[RunReported]) -> None:
        for report in reports:
            if report.outcome is RunOutcome.COMPLETE and report.ended_at:
                newest[report.source] = max(report.ended_at.timestamp(), newest.get(report.source, 0.0))
                metrics.set(_LAST_COMPLETE, report.source, value=newest[report.source])

    return observe


def measure_batches(handle: Handler, metrics: ProcessMetrics, group: str) -> Handler:
    """The handler, timed; a batch that fails counts too."""

    def handle_timed(batch: Batch) -> int:
        began = time.perf_counter()
        try:
            return handle(batch)
        finally:
            metrics.observe("ingestor_batch_seconds", group, value=time.perf_counter() - began)

    return handle_timed


def repeat_until(stop: Event, measure: Callable[[], None], *, every: float, failure: str) -> None:
    """Calls `measure` every so many seconds until `stop` is set; logs `failure` with an error's reason."""
    while not stop.is_set():
        try:
            measure()
        except Exception as error:  # noqa: BLE001 - a figure that is missing must not stop the ingestor
            _log.warning(failure, reason=str(error))
        stop.wait(every)


class BacklogMeter:
    """Sets the gauges of lag and outbox every five seconds. While a store is unavailable they keep their last
    values; bookstream_dependency_up tells. `groups`: topic by consumer group."""

    def __init__(
        self, log: EventLog, catalogue: Catalogue, metrics: ProcessMetrics, groups: Mapping[str, str]
    ) -> None:
        self._event_log, self._catalogue, self._metrics, self._groups = log, catalogue, metrics, groups
        self._oldest: tuple[int, float] | None = None

    def run(self, stop: Event) -> None:
        """Measures until `stop` is set."""
        repeat_until(stop, self.measure, every=MEASURE_SECONDS, failure="lag and outbox can't be measured")

    def measure(self) -> None:
        """Raises: Unavailable."""
        for group, topic in self._groups.items():
            self._measure_group(group, topic)
        self._measure_outbox()

    def _measure_group(self, group: str, topic: str) -> None:
        for progress in self._event_log.read_progress(topic, group):
            labels = (group, str(progress.partition))
            seconds = 0.0
            if progress.lag:
                first = self._event_log.read(topic, progress.partition, progress.committed, 1)
                seconds = max(0.0, time.time() - first[0].timestamp.timestamp()) if first else 0.0
            self._metrics.set("ingestor_lag_messages", *labels, value=progress.lag)
            self._metrics.set("ingestor_lag_seconds", *labels, value=seconds)

    def _measure_outbox(self) -> None:
        with self._catalogue.begin_read() as connection:
            waiting = count_messages(connection)
            oldest = read_next_messages(connection, 1) if waiting else []
        now = time.monotonic()
        if not oldest:
            self._oldest = None
        elif self._oldest is None or self._oldest[0] != oldest[0].sequence:
            self._oldest = (oldest[0].sequence, now)
        self._metrics.set("ingestor_outbox_messages", value=waiting)
        age = now - self._oldest[1] if self._oldest else 0.0
        self._metrics.set("ingestor_outbox_oldest_seconds", value=age)
