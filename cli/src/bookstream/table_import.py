"""Rows -> observed events in batches, with a ledger for `bookstream audit`; what can't be accepted is parked.

Done twice, the same rows make the same event ids, and the catalogue sees no change.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

import orjson

from bookcore.domain.book import version_at
from bookcore.domain.normalise import Rejected, normalise, printed_hash
from bookcore.event_log import EventLog
from bookcore.events.book import BookObserved
from bookcore.events.codec import encode
from bookcore.events.letters import letter_message
from bookcore.events.message import Message, Record
from bookcore.events.topics import OBSERVED
from bookcore.kit.clock import Clock
from bookcore.lake import Lake
from bookcore.lake.layout import ledger_key, pack_lines
from booksources.tables.mapping import Mapping
from booksources.tables.reader import Line

_BATCH = 500
_PRODUCER = "bookstream/import"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Imported:
    """Counts so far; `reasons` counts the parked by reason without what was printed."""

    rows: int = 0
    published: int = 0
    parked: int = 0
    position: int = 0
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rows} rows · {self.published} published · {self.parked} parked · {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class _Refused:
    line: Line
    message: Message
    reason: str


class Importer:
    """Publishes through the log and lake of a data folder."""

    def __init__(self, log: EventLog, lake: Lake, mapping: Mapping, clock: Clock) -> None:
        self._event_log = log
        self._lake = lake
        self._mapping = mapping
        self._clock = clock

    def run(self, lines: Iterable[Line], *, show: Callable[[Imported], None]) -> Imported:
        """Every row, in order; a later row of the same book counts as seen later.

        Raises: Unavailable when a store is away, Invalid when the file is damaged or lacks a column; what was
        published until then is safe.
        """
        began, at = time.monotonic(), self._clock.now()
        done, run = Imported(), f"import-{version_at(at)}"
        for sequence, batch in enumerate(_batches(lines)):
            self._publish(batch, at=at, segment=ledger_key(self._mapping.source, run, sequence), done=done)
            done.position, done.seconds = batch[-1].position, time.monotonic() - began
            show(done)
        done.seconds = time.monotonic() - began
        return done

    def _publish(self, batch: list[Line], *, at: datetime, segment: str, done: Imported) -> None:
        events: list[BookObserved] = []
        refused: list[_Refused] = []
        for line in batch:
            made = self._event(line, at + timedelta(microseconds=line.number))
            if isinstance(made, BookObserved):
                events.append(made)
            else:
                refused.append(made)
        if refused:
            self._event_log.append(OBSERVED.dead_letters, [_letter(each) for each in refused])
        if events:
            self._event_log.append(OBSERVED.name, [encode(event, source=_PRODUCER) for event in events])
            self._lake.put(segment, pack_lines(_ledger_line(event) for event in events))
        done.rows += len(batch)
        done.published += len(events)
        done.parked += len(refused)
        for each in refused:
            reason = each.reason.partition(": ")[0]
            done.reasons[reason] = done.reasons.get(reason, 0) + 1

    def _event(self, line: Line, moment: datetime) -> BookObserved | _Refused:
        if line.cells is None:
            key = f"{self._mapping.source}:row-{line.number}"
            return _Refused(line, Message(key, line.raw.encode()), line.fault)
        origin, printed = self._mapping.read(line.cells)
        event = BookObserved(
            source=origin.source,
            source_id=origin.source_id,
            url=origin.url,
            observed_at=moment,
            content_hash=printed_hash(origin, printed),
            extractor=self._mapping.extractor,
            printed=printed,
        )
        book = normalise(origin, printed)
        if isinstance(book, Rejected):
            return _Refused(line, encode(event, source=_PRODUCER), str(book))
        return event


def _letter(refused: _Refused) -> Message:
    """As the ingestor would have parked it, but with the row's number for an offset: it has none."""
    told = refused.message
    row = refused.line.number
    record = Record(OBSERVED.name, 0, row, _NEVER, told.key, told.value, told.headers)
    return letter_message(record, f"row {row}: {refused.reason}")


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _ledger_line(event: BookObserved) -> dict[str, str]:
    return {
        "event_id": event.id,
        "key": event.key,
        "version": str(event.version),
        "content_hash": event.content_hash,
    }


def reasons_of(done: Imported, *, most: int = 5) -> list[str]:
    """The most frequent reasons, most first, each with its count."""
    ordered = sorted(done.reasons.items(), key=lambda each: (-each[1], each[0]))
    return [f"{count} x {reason}" for reason, count in ordered[:most]]


def as_json(done: Imported) -> str:
    """For programs."""
    return orjson.dumps({name: getattr(done, name) for name in Imported.__slots__}).decode()
