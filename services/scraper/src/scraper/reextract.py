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
from scraper.pages.extraction_monitor import Extraction
from scraper.pages.publisher import ledger_segment
from scraper.settings import Settings
from scraper.sources import Source

_CHUNK = 500
_UNREAD = PrintedBook()
Fact = BookObserved | BookWithdrawn


@dataclass(slots=True)
class Reextracted:
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


def reextract(settings: Settings, source: Source, *, dry_run: bool) -> Reextracted:
    """Read and publish, a partition of the archive at a time: memory holds the newest of its books only.

    Raises: Invalid when the page objects don't understand the pages, before anything of that kind is
    published; Unavailable naming the store.
    """
    result = Reextracted()
    with (
        closing(open_lake(settings.lake_url)) as lake,
        closing(open_event_log(settings.event_log_url)) as log,
    ):
        run = f"reextract-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
        extraction, sequence = Extraction(), 0
        for partition in range(OBSERVED.partitions):
            news = _news(lake, source, _newest(lake, source, partition), (result, extraction))
            while chunk := list(islice(news, _CHUNK)):
                if not dry_run:
                    _publish(log, lake, chunk, key=make_ledger_key(source.name, run, sequence))
                sequence += 1
    return result


def _newest(lake: Lake, source: Source, partition: int) -> dict[str, Fact]:
    """Per book of the source, without what was printed: that is read anew."""
    found: dict[str, Fact] = {}
    for key in lake.list(make_topic_prefix(OBSERVED.name)):
        if parse_batch_key(key).partition == partition:
            for fact in _facts(unpack_records(lake.get(key))):
                known = found.get(fact.key)
                if fact.source == source.name and (known is None or _order(fact) > _order(known)):
                    found[fact.key] = _slim(fact)
    return found


def _facts(records: Sequence[Record]) -> Iterator[Fact]:
    """What can be read; the rest was parked by the ingestor."""
    for record in records:
        try:
            event = decode(record).event
        except Invalid:
            continue
        if isinstance(event, BookObserved | BookWithdrawn):
            yield event


def _order(fact: Fact) -> tuple[int, str]:
    return fact.version, fact.event_id


def _slim(fact: Fact) -> Fact:
    return fact.model_copy(update={"printed": _UNREAD}) if isinstance(fact, BookObserved) else fact


def _news(
    lake: Lake, source: Source, newest: dict[str, Fact], counted: tuple[Reextracted, Extraction]
) -> Iterator[BookObserved]:
    result, extraction = counted
    for seen in newest.values():
        if not isinstance(seen, BookObserved) or seen.page is None:
            continue  # withdrawn, or written by people: nothing to read
        result.books += 1
        if seen.extractor == source.extractor:
            continue
        result.outdated += 1
        corrected = _read(lake, source, seen)
        if corrected is None:
            result.failed += 1
            continue
        if complaint := extraction.note(corrected.printed):
            raise Invalid(f"{source.name} looks broken: {complaint}; check its page objects")
        if corrected.content_hash != seen.content_hash:
            result.changed += 1
            yield corrected


def _read(lake: Lake, source: Source, seen: BookObserved) -> BookObserved | None:
    try:
        page = source.book_page(unpack_page(lake.get(seen.page or "")), seen.url)
    except (NotFound, Invalid):
        return None
    if not page.is_whole:
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


def _publish(log: EventLog, lake: Lake, events: Sequence[BookObserved], *, key: str) -> None:
    log.append(OBSERVED.name, [encode(event, source=f"scraper/{events[0].source}") for event in events])
    lake.put(key, ledger_segment(events))
