"""Consumes the reports of runs into the catalogue.

They are not archived in the lake: the topic keeps the last report of each run for ever, and an empty
catalogue reads it from its begin.
"""

from collections.abc import Callable, Sequence

from bookcore.catalogue import Catalogue, runs
from bookcore.event_log import Consumer, EventLog
from bookcore.event_log.dead_letters import DeadLetterQueue
from bookcore.events.crawl import RunReported
from bookcore.events.message import Batch
from bookcore.events.topics import RUN
from ingestor.catalogue import create_offset_lookup
from ingestor.decoding import decode_records

GROUP = "ingestor.runs"
OnRecorded = Callable[[Sequence[RunReported]], None]


class RunSink:
    """Handler of the topic of runs. Idempotent by source, run and the time of the report. `on_recorded` gets
    the reports that the catalogue has."""

    def __init__(
        self,
        catalogue: Catalogue,
        dead_letters: DeadLetterQueue,
        *,
        on_recorded: OnRecorded = lambda reports: None,
    ) -> None:
        self._catalogue = catalogue
        self._dead_letters = dead_letters
        self._on_recorded = on_recorded

    def handle(self, batch: Batch) -> int:
        """Write the batch in one transaction; what is no report of a run becomes a dead letter."""
        decoded, rejected = decode_records(batch.records, RunReported)
        reports = [report for _, report in decoded]
        self._dead_letters.park(batch.records, rejected)
        with self._catalogue.begin_write() as connection:
            runs.record_reports(connection, reports, partition=batch.partition, end=batch.next)
        self._on_recorded(reports)
        return batch.next


def list_complete_runs(catalogue: Catalogue) -> Sequence[RunReported]:
    """The last complete run of each source that has one."""
    with catalogue.begin_read() as connection:
        return runs.list_complete_runs(connection)


def create_run_consumer(log: EventLog, catalogue: Catalogue) -> Consumer:
    """A member of the group that feeds the history of runs."""
    return log.create_consumer(GROUP, [RUN.name], start=create_offset_lookup(catalogue))
