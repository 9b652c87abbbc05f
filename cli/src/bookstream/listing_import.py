"""Publishes the records of a file as observed listings in batches, with a ledger for `bookstream audit`;
refused records are parked.

Idempotent: the same records have the same event ids and content hashes, so the catalogue doesn't change.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import orjson

from bookcore.domain.book import to_version
from bookcore.domain.errors import BookstreamError
from bookcore.event_log import EventLog
from bookcore.event_log.oversized import KeepRecord, append_or_park, encode_fitting_letter
from bookcore.events.book import BookWithdrawn
from bookcore.events.codec import encode
from bookcore.events.listing import BookObservedV2
from bookcore.events.message import Message, Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import Lake
from bookcore.lake.layout import keep_record, make_ledger_key, pack_lines
from booksources.intake.account import IntakeAccount
from booksources.intake.intake import RefusedRecord, Taken, TakenGone, TakenListing
from bookstream.import_report import ImportReporter

_BATCH = 500
_PRODUCER = "bookstream/import"
_TOO_LARGE = "the record is larger than an event may be"
_LONGEST_REASON = 1_000
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class ImportCounts:
    """The account so far; `position` in bytes of the file."""

    account: IntakeAccount
    position: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.account.format_counts('published')} · {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class ImportRecords:
    """What becomes of each record, with the position in the file; `word` names a record to people."""

    source: str
    extractor: str
    word: str
    account: IntakeAccount
    taken: Iterator[tuple[int, Taken]]


class ListingImporter:
    """Publishes the records of one file to the event log and the lake of a data folder."""

    def __init__(self, log: EventLog, lake: Lake, records: ImportRecords, at: datetime) -> None:
        self._event_log = log
        self._lake = lake
        self._records = records
        self._at = at

    def run(self, *, on_progress: Callable[[ImportCounts], None]) -> ImportCounts:
        """Publish every book once, in the order of its first record.

        Raises: Unavailable when a store is down, Invalid when the file is damaged or lacks a column;
        everything published until then is stored.
        """
        started_at, counts = time.monotonic(), ImportCounts(self._records.account)
        run = f"import-{to_version(self._at)}"
        with self._report_run(run) as reporter:
            for sequence, batch in enumerate(_split_batches(self._records.taken)):
                key = make_ledger_key(self._records.source, run, sequence)
                self._publish([one for _, one in batch], segment=key)
                counts.position, counts.seconds = batch[-1][0], time.monotonic() - started_at
                reporter.report_progress(counts.account)
                on_progress(counts)
        counts.seconds = time.monotonic() - started_at
        return counts

    @contextmanager
    def _report_run(self, run: str) -> Iterator[ImportReporter]:
        """The begin and the end of the block are those of the run."""
        records, account = self._records, self._records.account
        reporter = ImportReporter(
            self._event_log, source=records.source, run=run, reader=records.extractor, at=self._at
        )
        reporter.report_progress(account)
        try:
            yield reporter
        except BaseException as error:
            with suppress(BookstreamError):  # the log may be what is down
                reporter.report_stop(account, error)
            raise
        reporter.report_complete(account)

    def _publish(self, batch: Sequence[Taken], *, segment: str) -> None:
        keep = partial(keep_record, self._lake)
        letters = [letter for one in batch if (letter := self._build_letter(one, keep)) is not None]
        events = [event for one in batch if (event := self._build_event(one)) is not None]
        if letters:
            self._event_log.append(OBSERVED.dead_letter_topic, letters)
        if not events:
            return
        messages = [encode(event, source=_PRODUCER) for event in events]
        too_large = append_or_park(self._event_log, OBSERVED.name, messages, keep=keep)
        for _ in too_large:
            self._records.account.books -= 1
            self._records.account.count_refusal(_TOO_LARGE)
        published = [event for place, event in enumerate(events) if place not in too_large]
        self._lake.put(segment, pack_lines(_format_ledger_line(event) for event in published))

    def _build_event(self, taken: Taken) -> BookObservedV2 | BookWithdrawn | None:
        if isinstance(taken, TakenListing) and not taken.reason:
            return self._build_observation(taken)
        if isinstance(taken, TakenGone):
            return BookWithdrawn(
                source=self._records.source,
                source_id=taken.source_id,
                observed_at=taken.as_of or self._compute_moment(taken.number),
                reason=taken.reason[:_LONGEST_REASON],
            )
        return None

    def _build_observation(self, taken: TakenListing) -> BookObservedV2:
        return BookObservedV2(
            source=self._records.source,
            source_id=taken.origin.source_id,
            url=taken.origin.url,
            observed_at=self._compute_moment(taken.number),
            as_of=taken.as_of,
            content_hash=taken.content_hash,
            extractor=self._records.extractor,
            printed=taken.printed,
        )

    def _build_letter(self, taken: Taken, keep: KeepRecord) -> Message | None:
        """A dead letter like the ingestor's, with the record's number as offset."""
        if isinstance(taken, RefusedRecord):
            message = Message(f"{self._records.source}:{self._records.word}-{taken.number}", taken.raw)
        elif isinstance(taken, TakenListing) and taken.reason:
            message = encode(self._build_observation(taken), source=_PRODUCER)
        else:
            return None
        record = Record(OBSERVED.name, 0, taken.number, _NEVER, message.key, message.value, message.headers)
        return encode_fitting_letter(
            record, f"{self._records.word} {taken.number}: {taken.reason}", keep=keep
        )

    def _compute_moment(self, number: int) -> datetime:
        """Later records are observed later."""
        return self._at + timedelta(microseconds=number)


def _split_batches(taken: Iterable[tuple[int, Taken]]) -> Iterator[list[tuple[int, Taken]]]:
    rest = iter(taken)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _format_ledger_line(event: BookObservedV2 | BookWithdrawn) -> dict[str, str]:
    content = event.content_hash if isinstance(event, BookObservedV2) else ""
    return {
        "event_id": event.event_id,
        "key": event.key,
        "version": str(event.version),
        "content_hash": content,
    }


def to_json(counts: ImportCounts) -> str:
    """A JSON object."""
    account = asdict(counts.account)
    more = {"published": counts.account.books, "position": counts.position, "seconds": counts.seconds}
    return orjson.dumps(account | more).decode()
