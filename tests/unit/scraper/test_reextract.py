"""Today's page objects over stored pages, on a real lake and log."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bookcore.domain.errors import Invalid
from bookcore.domain.normalise import PrintedBook
from bookcore.event_log import open_event_log
from bookcore.events.book import BookObserved, BookWithdrawn, Event
from bookcore.events.codec import decode, encode
from bookcore.events.message import Batch
from bookcore.events.topics import OBSERVED
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import make_batch_key, make_page_key, pack_page, pack_records
from scraper.reextract import reextract
from scraper.settings import Settings
from scraper.sources import SOURCES

SOURCE = SOURCES["books_toscrape"]
CASES = Path(__file__).parents[2] / "pages" / "books_toscrape"
URL = "https://books.toscrape.com/catalogue/a-light_1000/index.html"
SEEN = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def body() -> bytes:
    """A whole product page."""
    return max((page.read_bytes() for page in CASES.glob("*/inputs/*.html")), key=_is_whole)


def _is_whole(body: bytes) -> int:
    page = SOURCE.book_page(body, URL)
    return len(body) if page.is_complete and page.to_item().upc and page.to_item().price else 0


def observation(body: bytes, *, extractor: str = "books_toscrape/0", after: float = 0) -> BookObserved:
    """As a forgetful predecessor read it."""
    return BookObserved(
        source=SOURCE.name,
        source_id=SOURCE.book_page(body, URL).source_id,
        url=URL,
        observed_at=SEEN + timedelta(seconds=after),
        content_hash="0" * 64,
        extractor=extractor,
        page=make_page_key(body),
        printed=PrintedBook(title="misread", price="£1.00"),
    )


def archive(settings: Settings, events: list[Event], *, bodies: list[bytes]) -> None:
    """Published, archived by the ingestor, pages stored."""
    log, lake = open_event_log(settings.event_log_url), open_lake(settings.lake_url)
    lake.put_many({make_page_key(body): pack_page(body) for body in bodies})
    log.append(OBSERVED.name, [encode(event, source="test") for event in events])
    _archive_all(settings, lake)
    log.close()
    lake.close()


def _archive_all(settings: Settings, lake: Lake) -> None:
    log = open_event_log(settings.event_log_url)
    done = {int(key.rpartition("/p-")[2][:5]) for key in lake.list("events/")}
    for partition in range(OBSERVED.partitions):
        first = sum(len(log.read(OBSERVED.name, p, 0, 100)) for p in done if p == partition)
        if records := log.read(OBSERVED.name, partition, 0 if partition not in done else first - 1, 100):
            batch = Batch(OBSERVED.name, partition, list(records))
            lake.put(make_batch_key(batch), pack_records(records))
    log.close()


def published(settings: Settings) -> list[BookObserved]:
    """What the page objects of today said."""
    log = open_event_log(settings.event_log_url)
    records = [r for p in range(OBSERVED.partitions) for r in log.read(OBSERVED.name, p, 0, 100)]
    log.close()
    events = [decode(record).event for record in records]
    return [e for e in events if isinstance(e, BookObserved) and e.extractor == SOURCE.extractor]


def test_correction_is_one_microsecond_newer_than_the_observation(settings: Settings, body: bytes) -> None:
    archive(settings, [observation(body)], bodies=[body])
    assert str(reextract(settings, SOURCE, dry_run=False)) == "1 books · 1 outdated · 1 changed · 0 failed"
    (event,) = published(settings)
    assert event.printed == SOURCE.book_page(body, URL).to_item()
    assert event.version == observation(body).version + 1


def test_reextraction_is_idempotent(settings: Settings, body: bytes) -> None:
    archive(settings, [observation(body)], bodies=[body])
    reextract(settings, SOURCE, dry_run=False)
    lake = open_lake(settings.lake_url)
    _archive_all(settings, lake)
    lake.close()
    assert str(reextract(settings, SOURCE, dry_run=False)) == "1 books · 0 outdated · 0 changed · 0 failed"
    assert len(published(settings)) == 1


def test_dry_run_counts_and_publishes_nothing(settings: Settings, body: bytes) -> None:
    archive(settings, [observation(body)], bodies=[body])
    assert reextract(settings, SOURCE, dry_run=True).changed == 1
    assert published(settings) == []


def test_reextraction_reads_the_newest_observation_and_skips_withdrawn_books(
    settings: Settings, body: bytes
) -> None:
    seen = observation(body)
    gone = BookWithdrawn(
        source=SOURCE.name,
        source_id=seen.source_id or "",
        observed_at=SEEN + timedelta(seconds=5),
        reason="test",
    )
    archive(settings, [seen, gone], bodies=[body])
    assert reextract(settings, SOURCE, dry_run=False).books == 0
    assert published(settings) == []


def test_page_missing_from_the_lake_is_counted_as_failed(settings: Settings, body: bytes) -> None:
    lost = observation(body).model_copy(update={"source_id": "other", "page": make_page_key(b"gone")})
    archive(settings, [observation(body), lost], bodies=[body])
    assert str(reextract(settings, SOURCE, dry_run=False)) == "2 books · 2 outdated · 1 changed · 1 failed"


def test_broken_page_objects_publish_nothing(settings: Settings) -> None:
    bodies = [b"<html><body>%d</body></html>" % n for n in range(60)]
    events: list[Event] = [
        observation(b"").model_copy(update={"source_id": f"b{n}", "page": make_page_key(body)})
        for n, body in enumerate(bodies)
    ]
    archive(settings, events, bodies=bodies)
    with pytest.raises(Invalid, match="looks broken"):
        reextract(settings, replace(SOURCE, extractor="books_toscrape/2"), dry_run=False)
    assert published(settings) == []
