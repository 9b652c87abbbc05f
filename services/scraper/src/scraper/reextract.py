"""`python -m scraper reextract`: today's page objects over the stored pages of the newest observations.

What they read otherwise than their predecessors is published as an observation one microsecond after the one
that it corrects: it wins over that, and loses to every later sight of the page. So it may be done while
crawls go on, and done again: a book whose newest observation is by today's page objects is left alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from bookcore.domain.errors import Invalid, NotFound
from bookcore.domain.normalise import PrintedBook, hash_printed
from bookcore.event_log import EventLog, open_event_log
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.codec import decode, encode
from bookcore.events.message import Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import (
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
_UNREAD = PrintedBook()
BookEvent = BookObserved | BookWithdrawn


@dataclass(slots=True)
class ReextractResult:
    """Of a source: `books` seen with a stored page, `outdated` of them by other page objects than today's,
    `changed` that those of today read otherwise, `failed` whose page is missing, damaged or cut."""

    books: int = 0
    outdated: int = 0
    changed: int = 0
    failed: int = 0

    def __str__(self) -> str:
        return (
            f"{self.books} books · {self.outdated} outdated · {self.changed} changed · {self.failed} failed"
        )


def reextract(settings: Settings, source: Source, *, dry_run: bool) -> ReextractResult:
    """Read and publish, a partition of the archive at a time: memory holds the newest of its books only.

    Raises: Invalid when the page objects don't understand the pages, before anything of that kind is
    published; Unavailable naming the store.
    """
    result = ReextractResult()
    with (
        closing(open_lake(settings.lake_url)) as lake,
        closing(open_event_log(settings.event_log_url)) as log,
    ):
        run = f"reextract-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        extraction, sequence = ExtractionMonitor(), 0
        for partition in range(OBSERVED.partitions):
            news = _find_corrections(
                lake, source, _find_newest(lake, source, partition), (result, extraction)
            )
            while chunk := list(islice(news, _CHUNK)):
                if not dry_run:
                    _publish_corrections(log, lake, chunk, key=make_ledger_key(source.name, run, sequence))
                sequence += 1
    return result


def _find_newest(lake: Lake, source: Source, partition: int) -> dict[str, BookEvent]:
    """Per book of the source, without what was printed: that is read anew."""
    found: dict[str, BookEvent] = {}
    for key in lake.list(make_topic_prefix(OBSERVED.name)):
        if parse_batch_key(key).partition == partition:
            for fact in _decode_facts(unpack_records(lake.get(key))):
                known = found.get(fact.key)
                if fact.source == source.name and (known is None or _get_order(fact) > _get_order(known)):
                    found[fact.key] = _drop_printed(fact)
    return found


def _decode_facts(records: Sequence[Record]) -> Iterator[BookEvent]:
    """What can be read; the rest was parked by the ingestor."""
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
    return fact.model_copy(update={"printed": _UNREAD}) if isinstance(fact, BookObserved) else fact


def _find_corrections(
    lake: Lake,
    source: Source,
    newest: dict[str, BookEvent],
    counted: tuple[ReextractResult, ExtractionMonitor],
) -> Iterator[BookObserved]:
    result, extraction = counted
    for seen in newest.values():
        if not isinstance(seen, BookObserved) or seen.page is None:
            continue  # withdrawn, or written by people: nothing to read
        result.books += 1
        if seen.extractor == source.extractor:
            continue
        result.outdated += 1
        corrected = _reread_page(lake, source, seen)
        if corrected is None:
            result.failed += 1
            continue
        if complaint := extraction.record(corrected.printed):
            raise Invalid(f"{source.name} looks broken: {complaint}; check its page objects")
        if corrected.content_hash != seen.content_hash:
            result.changed += 1
            yield corrected


def _reread_page(lake: Lake, source: Source, seen: BookObserved) -> BookObserved | None:
    try:
        page = source.book_page(unpack_page(lake.get(seen.page or "")), seen.url)
    except (NotFound, Invalid):
        return None
    if not page.is_complete:
        return None
    printed, origin = page.to_item(), replace(seen.origin, source_id=page.source_id)
    return seen.model_copy(
        update={
            "source_id": page.source_id,
            "observed_at": seen.observed_at + timedelta(microseconds=1),
            "content_hash": hash_printed(origin, printed),
            "extractor": source.extractor,
            "printed": printed,
        }
    )


def _publish_corrections(log: EventLog, lake: Lake, events: Sequence[BookObserved], *, key: str) -> None:
    log.append(OBSERVED.name, [encode(event, source=f"scraper/{events[0].source}") for event in events])
    lake.put(key, build_ledger_segment(events))
