"""Publishes rows as observed events in batches, with a ledger for `bookstream audit`; rejected rows are
parked.

Idempotent: the same rows have the same event ids and content hashes, so the catalogue doesn't change.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import orjson

from bookcore.domain.book import to_version
from bookcore.domain.normalise import Rejected, hash_printed, normalise
from bookcore.event_log import EventLog
from bookcore.event_log.oversized import KeepRecord, append_or_park, encode_fitting_letter
from bookcore.events.book import BookObserved
from bookcore.events.codec import encode
from bookcore.events.message import Message, Record
from bookcore.events.topics import OBSERVED
from bookcore.kit.clock import Clock
from bookcore.lake import Lake
from bookcore.lake.layout import keep_record, make_ledger_key, pack_lines
from booksources.tables.mapping import TableMapping
from booksources.tables.rows import TableRow

_BATCH = 500
_PRODUCER = "bookstream/import"
_TOO_LARGE = "the row is larger than an event may be"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class ImportCounts:
    """Counts so far; `position` in bytes of the file, `reasons` of parked rows without the printed values."""

    rows: int = 0
    published: int = 0
    parked: int = 0
    position: int = 0
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rows} rows · {self.published} published · {self.parked} parked · {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class _RejectedRow:
    line: TableRow
    message: Message
    reason: str


class TableImporter:
    """Publishes to the event log and the lake of a data folder."""

    def __init__(self, log: EventLog, lake: Lake, mapping: TableMapping, clock: Clock) -> None:
        self._event_log = log
        self._lake = lake
        self._mapping = mapping
        self._clock = clock

    def run(self, lines: Iterable[TableRow], *, on_progress: Callable[[ImportCounts], None]) -> ImportCounts:
        """Publish every row in order; a later row of the same book has a later observation time.

        Raises: Unavailable when a store is down, Invalid when the file is damaged or lacks a column;
        everything published until then is stored.
        """
        started_at, at = time.monotonic(), self._clock.now()
        counts, run = ImportCounts(), f"import-{to_version(at)}"
        for sequence, batch in enumerate(_split_batches(lines)):
            self._publish(
                batch, at=at, segment=make_ledger_key(self._mapping.source, run, sequence), counts=counts
            )
            counts.position, counts.seconds = batch[-1].position, time.monotonic() - started_at
            on_progress(counts)
        counts.seconds = time.monotonic() - started_at
        return counts

    def _publish(self, batch: list[TableRow], *, at: datetime, segment: str, counts: ImportCounts) -> None:
        events: list[BookObserved] = []
        rejected: list[_RejectedRow] = []
        for line in batch:
            event = self._build_event(line, at + timedelta(microseconds=line.number))
            if isinstance(event, BookObserved):
                events.append(event)
            else:
                rejected.append(event)
        keep = partial(keep_record, self._lake)
        if rejected:
            letters = [_build_dead_letter(row, keep) for row in rejected]
            self._event_log.append(OBSERVED.dead_letter_topic, letters)
        if events:
            messages = [encode(event, source=_PRODUCER) for event in events]
            too_large = append_or_park(self._event_log, OBSERVED.name, messages, keep=keep)
            events = [event for place, event in enumerate(events) if place not in too_large]
            counts.parked += len(too_large)
            if too_large:
                counts.reasons[_TOO_LARGE] = counts.reasons.get(_TOO_LARGE, 0) + len(too_large)
            self._lake.put(segment, pack_lines(_format_ledger_line(event) for event in events))
        counts.rows += len(batch)
        counts.published += len(events)
        counts.parked += len(rejected)
        for row in rejected:
            reason = row.reason.partition(": ")[0]
            counts.reasons[reason] = counts.reasons.get(reason, 0) + 1

    def _build_event(self, line: TableRow, moment: datetime) -> BookObserved | _RejectedRow:
        self._mapping.check_columns(line)
        if line.cells is None:
            key = f"{self._mapping.source}:row-{line.number}"
            return _RejectedRow(line, Message(key, line.raw.encode()), line.fault)
        origin, printed = self._mapping.map_row(line.cells)
        event = BookObserved(
            source=origin.source,
            source_id=origin.source_id,
            url=origin.url,
            observed_at=moment,
            content_hash=hash_printed(origin, printed),
            extractor=self._mapping.extractor,
            printed=printed,
        )
        book = normalise(origin, printed)
        if isinstance(book, Rejected):
            return _RejectedRow(line, encode(event, source=_PRODUCER), str(book))
        return event


def _build_dead_letter(rejected: _RejectedRow, keep: KeepRecord) -> Message:
    """A dead letter like the ingestor's, with the row number as offset."""
    message = rejected.message
    row = rejected.line.number
    record = Record(OBSERVED.name, 0, row, _NEVER, message.key, message.value, message.headers)
    return encode_fitting_letter(record, f"row {row}: {rejected.reason}", keep=keep)


def _split_batches(lines: Iterable[TableRow]) -> Iterator[list[TableRow]]:
    rest = iter(lines)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _format_ledger_line(event: BookObserved) -> dict[str, str]:
    return {
        "event_id": event.event_id,
        "key": event.key,
        "version": str(event.version),
        "content_hash": event.content_hash,
    }


def list_reasons(counts: ImportCounts, *, most: int = 5) -> list[str]:
    """The most frequent reasons with their counts, most frequent first."""
    ordered = sorted(counts.reasons.items(), key=lambda item: (-item[1], item[0]))
    return [f"{count} x {reason}" for reason, count in ordered[:most]]


def to_json(counts: ImportCounts) -> str:
    """A JSON object."""
    return orjson.dumps({name: getattr(counts, name) for name in ImportCounts.__slots__}).decode()
