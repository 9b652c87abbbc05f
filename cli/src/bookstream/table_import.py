"""Publishes the rows of a table as observed listings in batches, with a ledger for `bookstream audit`;
refused rows are parked.

Idempotent: the same rows have the same event ids and content hashes, so the catalogue doesn't change.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

import orjson

from bookcore.domain.book import to_version
from bookcore.event_log import EventLog
from bookcore.events.codec import encode
from bookcore.events.dead_letter import encode_dead_letter
from bookcore.events.listing import BookObservedV2
from bookcore.events.message import Message, Record
from bookcore.events.topics import OBSERVED
from bookcore.kit.clock import Clock
from bookcore.lake import Lake
from bookcore.lake.layout import make_ledger_key, pack_lines
from booksources.tables.intake import TableAccount, TableIntake, TakenRow
from booksources.tables.mapping import TableMapping
from booksources.tables.rows import TableRow

_BATCH = 500
_PRODUCER = "bookstream/import"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class ImportCounts:
    """The account so far; `position` in bytes of the file."""

    account: TableAccount = field(default_factory=TableAccount)
    position: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        account = self.account
        equal = f" · {account.equal} equal" if account.equal else ""
        return (
            f"{account.rows} rows are {account.books} books · {account.books} published{equal}"
            f" · {account.parked} parked · {self.seconds:.1f} s"
        )


class TableImporter:
    """Publishes to the event log and the lake of a data folder."""

    def __init__(self, log: EventLog, lake: Lake, mapping: TableMapping, clock: Clock) -> None:
        self._event_log = log
        self._lake = lake
        self._mapping = mapping
        self._clock = clock

    def run(self, lines: Iterable[TableRow], *, on_progress: Callable[[ImportCounts], None]) -> ImportCounts:
        """Publish every book once, in the order of its first row.

        Raises: Unavailable when a store is down, Invalid when the file is damaged or lacks a column;
        everything published until then is stored.
        """
        started_at, at = time.monotonic(), self._clock.now()
        run = f"import-{to_version(at)}"
        with closing(TableIntake(self._mapping, at)) as intake:
            counts = ImportCounts(intake.account)
            for sequence, batch in enumerate(_split_batches(lines)):
                key = make_ledger_key(self._mapping.source, run, sequence)
                self._publish([(row, intake.take(row)) for row in batch], at=at, segment=key)
                counts.position, counts.seconds = batch[-1].position, time.monotonic() - started_at
                on_progress(counts)
        counts.seconds = time.monotonic() - started_at
        return counts

    def _publish(
        self, batch: list[tuple[TableRow, TakenRow | str | None]], *, at: datetime, segment: str
    ) -> None:
        events: list[BookObservedV2] = []
        letters: list[Message] = []
        for row, taken in batch:
            if isinstance(taken, str):
                message = Message(f"{self._mapping.source}:row-{row.number}", row.raw.encode())
                letters.append(_build_dead_letter(row.number, message, taken))
            elif taken is not None:
                event = self._build_event(taken, at + timedelta(microseconds=row.number))
                if taken.reason:
                    message = encode(event, source=_PRODUCER)
                    letters.append(_build_dead_letter(row.number, message, taken.reason))
                else:
                    events.append(event)
        if letters:
            self._event_log.append(OBSERVED.dead_letter_topic, letters)
        if events:
            self._event_log.append(OBSERVED.name, [encode(event, source=_PRODUCER) for event in events])
            self._lake.put(segment, pack_lines(_format_ledger_line(event) for event in events))

    def _build_event(self, taken: TakenRow, moment: datetime) -> BookObservedV2:
        return BookObservedV2(
            source=taken.origin.source,
            source_id=taken.origin.source_id,
            url=taken.origin.url,
            observed_at=moment,
            content_hash=taken.content_hash,
            extractor=self._mapping.extractor,
            printed=taken.printed,
        )


def _build_dead_letter(row: int, message: Message, reason: str) -> Message:
    """A dead letter like the ingestor's, with the row number as offset."""
    record = Record(OBSERVED.name, 0, row, _NEVER, message.key, message.value, message.headers)
    return encode_dead_letter(record, f"row {row}: {reason}")


def _split_batches(lines: Iterable[TableRow]) -> Iterator[list[TableRow]]:
    rest = iter(lines)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _format_ledger_line(event: BookObservedV2) -> dict[str, str]:
    return {
        "event_id": event.event_id,
        "key": event.key,
        "version": str(event.version),
        "content_hash": event.content_hash,
    }


def to_json(counts: ImportCounts) -> str:
    """A JSON object."""
    account = asdict(counts.account)
    more = {"published": counts.account.books, "position": counts.position, "seconds": counts.seconds}
    return orjson.dumps(account | more).decode()
