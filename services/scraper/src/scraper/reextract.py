"""`python -m scraper reextract`: applies the current page objects to the stored pages of the newest
observations.

A difference is published as an observation one microsecond newer than the one that it corrects: it supersedes
that one and is superseded by every later observation. So the command is safe during crawls and idempotent: a
book whose newest observation is by the current page objects is skipped.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

from bookcore.domain.errors import Invalid, NotFound
from bookcore.domain.normalise import PrintedBook, hash_printed
from bookcore.event_log import EventLog, open_event_log
from bookcore.event_log.oversized import append_or_park
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.codec import decode, encode
from bookcore.events.message import Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import (
    keep_record,
    make_ledger_key,
    make_topic_prefix,
    parse_batch_key,
    unpack_page,
    unpack_records,
)
from scraper.pages.extraction_monitor import ExtractionMonitor
from scraper.pages.publisher import build_ledger_segment
from scraper.settings import Settings
from scraper.sources import Source

_CHUNK = 500
_NOTHING_PRINTED = PrintedBook()
BookEvent = BookObserved | BookWithdrawn


@dataclass(slots=True)
class ReextractResult:
    """Counts for one source. `books`: with a stored page; `outdated`: observed by older page objects;
    `changed`: read differently now; `failed`: the stored page is missing, damaged or truncated."""

    books: int = 0
    outdated: int = 0
    changed: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.books} books · {self.outdated} outdated · {self.changed} changed · {self.failed} failed"
        )


def reextract(settings: Settings, source: Source, *, dry_run: bool) -> ReextractResult:
    """Process the archive one partition at a time; memory holds the newest observations of one partition.

    Raises: Invalid when the page objects don't understand the pages, before such a correction is
    published; Unavailable naming the store.
    """
    result = ReextractResult()
    with (
        closing(open_lake(settings.lake_url)) as lake,
        closing(open_event_log(settings.event_log_url)) as log,
    ):
        ledger = f"reextract-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        monitor, segment = ExtractionMonitor(), 0
        for partition in range(OBSERVED.partitions):
            corrections = _find_corrections(
                lake, source, _find_newest(lake, source, partition), (result, monitor)
            )
            while chunk := list(islice(corrections, _CHUNK)):
                if not dry_run:
                    _publish_corrections(log, lake, chunk, key=make_ledger_key(source.name, ledger, segment))
                segment += 1
    return result


def _find_newest(lake: Lake, source: Source, partition: int) -> dict[str, BookEvent]:
    """Newest observation of each book of the source, without the printed text, which is extracted again."""
    newest: dict[str, BookEvent] = {}
    for key in lake.list(make_topic_prefix(OBSERVED.name)):
        if parse_batch_key(key).partition == partition:
            for fact in _decode_facts(unpack_records(lake.get(key))):
                previous = newest.get(fact.key)
                if fact.source == source.name and (
                    previous is None or _get_order(fact) > _get_order(previous)
                ):
                    newest[fact.key] = _drop_printed(fact)
    return newest


def _decode_facts(records: Sequence[Record]) -> Iterator[BookEvent]:
    """Records that decode; the ingestor has sent the others to the dead-letter topic."""
    for record in records:
        try:
            event = decode(record).event
        except Invalid:
            continue
        if isinstance(event, BookObserved | BookWithdrawn):
            yield event


def _get_order(fact: BookEvent) -> tuple[int, str]:
    return fact.version, fact.event_id


def _drop_printed(fact: BookEvent) -> BookEvent:
    return fact.model_copy(update={"printed": _NOTHING_PRINTED}) if isinstance(fact, BookObserved) else fact


def _find_corrections(
    lake: Lake,
    source: Source,
    newest: dict[str, BookEvent],
    counted: tuple[ReextractResult, ExtractionMonitor],
) -> Iterator[BookObserved]:
    result, monitor = counted
    for observation in newest.values():
        if not isinstance(observation, BookObserved) or observation.page is None:
            continue  # withdrawn or written by an editor: no stored page
        result.books += 1
        if observation.extractor == source.extractor:
            continue
        result.outdated += 1
        corrected = _reread_page(lake, source, observation)
        if corrected is None:
            result.failed += 1
            continue
        if problem := monitor.record(corrected.printed):
            raise Invalid(f"{source.name} looks broken: {problem}; check its page objects")
        if corrected.content_hash != observation.content_hash:
            result.changed += 1
            yield corrected


def _reread_page(lake: Lake, source: Source, observation: BookObserved) -> BookObserved | None:
    try:
        page = source.book_page(unpack_page(lake.get(observation.page or "")), observation.url)
    except (NotFound, Invalid):
        return None
    if not page.is_complete:
        return None
    printed, origin = page.to_item(), replace(observation.origin, source_id=page.source_id)
    return observation.model_copy(
        update={
            "source_id": page.source_id,
            "observed_at": observation.observed_at + timedelta(microseconds=1),
            "content_hash": hash_printed(origin, printed),
            "extractor": source.extractor,
            "printed": printed,
        }
    )


def _publish_corrections(log: EventLog, lake: Lake, events: Sequence[BookObserved], *, key: str) -> None:
    messages = [encode(event, source=f"scraper/{events[0].source}") for event in events]
    parked = append_or_park(log, OBSERVED.name, messages, keep=partial(keep_record, lake))
    safe = [event for place, event in enumerate(events) if place not in parked]
    lake.put(key, build_ledger_segment(safe))
