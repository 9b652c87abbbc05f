"""Every sink: a batch twice is a batch once, and any order of batches ends the same."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bookcore.catalogue import Catalogue, IngestBatch, Observation, open_catalogue
from bookcore.domain.errors import Invalid
from bookcore.domain.listing import NormalisedListing, normalise_listing
from bookcore.domain.printed_listing import PrintedListing, PrintedOffer
from bookcore.event_log import EventLog, open_event_log
from bookcore.event_log.consumer_loop import split_batches
from bookcore.event_log.dead_letters import NO_LIMITS, DeadLetterLimits, DeadLetterQueue
from bookcore.events.book import BookState, BookWithdrawn
from bookcore.events.codec import encode
from bookcore.events.dead_letter import decode_dead_letter
from bookcore.events.message import Batch, Message
from bookcore.events.topics import OBSERVED, RUN, STATE, get_topic
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import keep_record
from bookcore.search import SearchIndex, open_search_index
from bookcore.testing.builders import EPOCH, make_book, make_observation, make_versioned_book
from bookcore.testing.contracts.catalogue_runs import make_report, read_sources
from bookcore.testing.listings import PRINTED, make_listing_observation
from ingestor.archive import archive_batch
from ingestor.catalogue import CatalogueSink
from ingestor.index import IndexSink
from ingestor.relay import OutboxRelay
from ingestor.runs import RunSink
from ingestor.source_guard import SourceGuard


@dataclass(frozen=True)
class Stores:
    log: EventLog
    lake: Lake
    catalogue: Catalogue
    index: SearchIndex


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    stores = Stores(
        open_event_log(f"sqlite://{tmp_path}/log.db"),
        open_lake(f"file://{tmp_path}/lake"),
        open_catalogue(f"sqlite:///{tmp_path}/catalogue.db"),
        open_search_index(f"tantivy://{tmp_path}/search", writable=True),
    )
    yield stores
    for store in (stores.log, stores.lake, stores.catalogue, stores.index):
        store.close()


def in_log(log: EventLog, topic: str, messages: Sequence[Message]) -> list[Batch]:
    """The messages as a consumer would get them."""
    log.append(topic, messages)
    return list(
        split_batches(
            [record for p in range(get_topic(topic).partitions) for record in log.read(topic, p, 0, 1_000)]
        )
    )


def indexed(index: SearchIndex) -> dict[str, tuple[int, bool]]:
    found = list(index.read_versions())
    assert len({book_id for book_id, _, _ in found}) == len(found)
    return {str(book_id): (version, deleted) for book_id, version, deleted in found}


def test_what_is_no_report_of_a_run_is_parked_and_the_reports_are_kept(stores: Stores) -> None:
    sink = RunSink(stores.catalogue, DeadLetterQueue(stores.log))
    messages = [Message("shop:r0", b"{"), encode(make_report("r1"), source="test")]
    (batch,) = in_log(stores.log, RUN.name, messages)
    assert [sink.handle(batch), sink.handle(batch)] == [2, 2]
    assert read_sources(stores.catalogue)["shop"].last_run == make_report("r1")
    assert len(stores.log.read(RUN.dead_letter_topic, 0, 0, 9)) == 1


def test_duplicate_batch_changes_nothing_and_returns_the_catalogue_offset(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    seen = [encode(make_observation(make_book(f"u{n}")), source="test") for n in range(9)]
    todo = in_log(stores.log, OBSERVED.name, seen)
    for batch in todo:
        assert sink.handle(batch) == batch.next
    once = stores.catalogue.compute_content_hash()
    for batch in todo:
        assert sink.handle(batch) == batch.next
    assert stores.catalogue.compute_content_hash() == once


def test_catalogue_applies_a_longer_retry_up_to_the_archived_records(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    seen = [encode(make_observation(make_book("u1"), minute=n), source="test") for n in range(5)]
    (batch,) = in_log(stores.log, OBSERVED.name, seen)
    short = replace(batch, records=batch.records[:2])
    archive_batch(stores.lake, short)
    assert sink.handle(batch) == 2
    assert sink.handle(replace(batch, records=batch.records[2:])) == 5


def test_batch_after_a_gap_is_not_archived_and_returns_the_offset_of_the_gap(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    seen = [encode(make_observation(make_book("u1"), minute=n), source="test") for n in range(5)]
    (batch,) = in_log(stores.log, OBSERVED.name, seen)
    assert sink.handle(replace(batch, records=batch.records[2:])) == 0
    assert list(stores.lake.list("events/")) == []


def test_lake_of_another_event_log_is_refused(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    (batch,) = in_log(stores.log, OBSERVED.name, [encode(make_observation(make_book("u1")), source="test")])
    archive_batch(stores.lake, replace(batch, records=[replace(batch.records[0], value=b"another log's")]))
    with pytest.raises(Invalid, match="the log was replaced"):
        sink.handle(batch)


def test_an_older_file_never_wins_whenever_it_arrives(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    newer = make_listing_observation(as_of=EPOCH - timedelta(days=1))
    older = make_listing_observation(
        replace(PRINTED, title="Before"), minute=60, as_of=EPOCH - timedelta(days=30)
    )
    for batch in in_log(stores.log, OBSERVED.name, [encode(each, source="test") for each in (newer, older)]):
        sink.handle(batch)
    (stored,) = stores.catalogue.iterate_books()
    assert (stored.book.title, stored.version) == ("The Lamp", newer.version)


def test_an_update_replaces_its_blocks_only_and_is_refused_where_no_book_is_held(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    cheaper = PrintedOffer(price="7.00 GBP", availability="out_of_stock")
    supply = PrintedListing(offers=(cheaper,), territory="GB", currency="GBP", blocks=("supply",))
    story = [
        make_listing_observation(minute=1),
        make_listing_observation(supply, minute=2),
        make_listing_observation(supply, source="other", minute=3),
    ]
    before = normalise_listing(story[0].origin, story[0].printed, EPOCH)
    assert isinstance(before, NormalisedListing)
    for batch in in_log(stores.log, OBSERVED.name, [encode(event, source="test") for event in story]):
        assert sink.handle(batch) == batch.next
    (stored,) = stores.catalogue.iterate_books()
    assert (str(stored.book.price), stored.book.availability.status) == ("7.00 GBP", "out_of_stock")
    changed = replace(
        before.book, price=stored.book.price, availability=stored.book.availability, offers=stored.book.offers
    )
    assert stored.book == changed
    (letter,) = stores.log.read(OBSERVED.dead_letter_topic, 0, 0, 10)
    assert decode_dead_letter(letter).reason.startswith("blocks: updates a book that isn't held")


def test_an_update_of_a_withdrawn_book_is_refused(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    whole = make_listing_observation(minute=1)
    gone = BookWithdrawn(
        source=whole.source,
        source_id=str(whole.source_id),
        observed_at=EPOCH + timedelta(minutes=2),
        reason="deleted",
    )
    update = make_listing_observation(PrintedListing(blocks=("collateral",), description="New"), minute=3)
    for event in (whole, gone, update):
        stores.log.append(OBSERVED.name, [encode(event, source="test")])
    for batch in split_batches([r for p in range(4) for r in stores.log.read(OBSERVED.name, p, 0, 100)]):
        sink.handle(batch)
    (stored,) = stores.catalogue.iterate_books()
    assert (stored.deleted, stored.version) == (True, gone.version)
    assert len(stores.log.read(OBSERVED.dead_letter_topic, 0, 0, 10)) == 1


def test_a_paused_source_holds_up_no_other_and_its_records_can_be_redriven(stores: Stores) -> None:
    guard = SourceGuard(DeadLetterLimits(consecutive=2))
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log, NO_LIMITS), guard=guard)
    bad = [make_listing_observation(replace(PRINTED, title=None), source="bad") for _ in range(3)]
    held, good = make_listing_observation(source="bad"), make_listing_observation(source="good")
    story = [encode(event, source="test") for event in (*bad, held, good)]
    for batch in in_log(stores.log, OBSERVED.name, story):
        assert sink.handle(batch) == batch.next
    assert [stored.book.id for stored in stores.catalogue.iterate_books()] == ["good:u1"]
    letters = stores.log.read(OBSERVED.dead_letter_topic, 0, 0, 10)
    assert [decode_dead_letter(letter).original.value for letter in letters][3] == story[3].value


def test_an_event_that_is_too_large_for_the_log_does_not_block_the_outbox(stores: Stores) -> None:
    large = replace(make_book("u1"), attributes={"text": "x" * 1_000_000})
    small = make_book("u2")
    seen = [Observation(book.id, book, 1, "e") for book in (large, small)]
    stores.catalogue.apply_batch(IngestBatch(OBSERVED.name, 0, 0, 2, "lake", seen))
    relay = OutboxRelay(stores.catalogue, stores.log, keep=partial(keep_record, stores.lake))
    assert relay.relay_batch() == 4
    sent = [r.key for p in range(4) for r in stores.log.read(STATE.name, p, 0, 100)]
    assert sent == ["shop:u2"]
    (letter,) = stores.log.read(STATE.dead_letter_topic, 0, 0, 10)
    assert list(stores.lake.list("oversized/")) != []
    assert letter.key == "shop:u1"


def test_book_withdrawn_twice_is_deleted_at_the_newest_version_in_all_stores(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    book = make_book("u1")
    ends = [EPOCH + timedelta(minutes=n) for n in (1, 2)]
    gone = [BookWithdrawn(source="shop", source_id="u1", observed_at=at, reason="test") for at in ends]
    story = [encode(event, source="test") for event in (make_observation(book), *gone)]
    for batch in in_log(stores.log, OBSERVED.name, story):
        sink.handle(batch)
    OutboxRelay(stores.catalogue, stores.log).relay_batch()
    indexing = IndexSink(stores.index, DeadLetterQueue(stores.log))
    for batch in split_batches([r for p in range(4) for r in stores.log.read(STATE.name, p, 0, 100)]):
        indexing.handle(batch)
    assert indexed(stores.index) == {"shop:u1": (gone[1].version, True)}


def test_index_keeps_the_newest_version_of_duplicate_and_late_states(stores: Stores) -> None:
    sink = IndexSink(stores.index, DeadLetterQueue(stores.log))
    states = [BookState.from_stored(make_versioned_book(f"u{n % 3}", version=n + 1)) for n in range(12)]
    todo = in_log(stores.log, STATE.name, [encode(state, source="test") for state in states])
    for batch in random.Random(3).sample(todo * 2, len(todo) * 2):
        sink.handle(batch)
    assert indexed(stores.index) == {"shop:u0": (10, False), "shop:u1": (11, False), "shop:u2": (12, False)}


def test_relay_publishes_the_outbox_in_order_and_empties_it(stores: Stores) -> None:
    sink = CatalogueSink(stores.lake, stores.catalogue, DeadLetterQueue(stores.log))
    seen = [
        encode(make_observation(make_book("u1", price=f"{n}.00"), minute=n), source="test") for n in range(4)
    ]
    for batch in in_log(stores.log, OBSERVED.name, seen):
        sink.handle(batch)
    relay = OutboxRelay(stores.catalogue, stores.log)
    assert relay.relay_batch() == 8
    assert relay.relay_batch() == 0
    sent = [r for p in range(4) for r in stores.log.read(STATE.name, p, 0, 100)]
    assert [str(BookState.model_validate_json(r.value or b"").to_book().book.price) for r in sent] == [
        f"{n}.00 GBP" for n in range(4)
    ]
