"""Events of version 1 give the catalogue and the dead letters that they gave to the code of before."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from bookcore.catalogue import IngestBatch, open_catalogue
from bookcore.domain.normalise import PrintedDetails
from bookcore.events.book import BookObserved, BookWithdrawn
from bookcore.events.codec import encode
from bookcore.events.message import Batch, Record
from bookcore.events.topics import OBSERVED
from bookcore.testing.builders import EPOCH, make_book, make_observation, print_as
from ingestor.accept import validate_batch

HASH = "85f5221170b5f40f4e01a3f867a10f57b4c2d3db16b84a6bd4d6f4635df488f3"
"""Of the story's catalogue, computed by the code of before there were listings."""


def tell_story() -> Iterator[BookObserved | BookWithdrawn]:
    for n in range(6):
        yield make_observation(make_book(f"u{n}", price=f"{n}.50"), minute=n)
    yield make_observation(make_book("u1"), printed=print_as(make_book("u1"), price=None), minute=9)
    yield make_observation(make_book("u2", price="7.25"), minute=10)
    dinars = print_as(make_book("u3"), price="1.234 KWD", price_excl_tax=None, tax=None)
    details = PrintedDetails(authors="Ana; Bo", published="2024-03", isbn="0-439-02348-3")
    yield make_observation(make_book("u3"), printed=replace(dinars, details=details), minute=11)
    gone = EPOCH + timedelta(minutes=12)
    yield BookWithdrawn(source="shop", source_id="u4", observed_at=gone, reason="gone")
    few = print_as(make_book("u5"), availability="Only 3 left")
    yield make_observation(make_book("u5"), printed=few, minute=13)


def test_events_of_version_1_give_the_same_catalogue_and_dead_letters(tmp_path: Path) -> None:
    messages = [encode(event, source="test") for event in tell_story()]
    late = EPOCH + timedelta(hours=1)
    records = [Record(OBSERVED.name, 0, n, late, m.key, m.value, m.headers) for n, m in enumerate(messages)]
    validated = validate_batch(Batch(OBSERVED.name, 0, records))
    assert [(one.record.offset, one.reason) for one in validated.rejected] == [
        (6, "price is missing"),
        (10, "availability is not a known state: 'Only 3 left'"),
    ]
    catalogue = open_catalogue(f"sqlite:///{tmp_path}/catalogue.db")
    catalogue.apply_batch(IngestBatch(OBSERVED.name, 0, 0, len(records), "lake", validated.observations))
    assert catalogue.compute_content_hash() == HASH
    catalogue.close()
