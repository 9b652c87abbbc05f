"""Rebuild catalogue and index from the lake, through the same code that fed them, beside the living ones.

On servers everything goes on meanwhile: the ingestor pauses while the two catalogues are compared, then
readers and writers find the new one under the old name. On a laptop's files the services must be stopped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from bookcore.catalogue import (
    Catalogue,
    IngestBatch,
    delete_sent,
    open_catalogue,
    queries,
    read_next_messages,
)
from bookcore.catalogue.rebuild import begin_rebuild
from bookcore.domain.book import VersionedBook
from bookcore.domain.errors import Conflict, Invalid
from bookcore.events.message import Batch, Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import ArchivedBatch, make_topic_prefix, parse_batch_key, unpack_records
from bookcore.search import RemovedBook, SearchIndex, open_search_index
from bookcore.search import begin_rebuild as rebuild_search
from ingestor.accept import validate_batch
from ingestor.settings import Settings

_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What came out; the hashes are over content and price history and tell whether nothing is amiss."""

    records: int
    rejected: int
    books: int
    content_hash: str
    live_hash: str

    @property
    def is_equal(self) -> bool:
        """Whether the living catalogue is what the lake says."""
        return self.content_hash == self.live_hash

    def __str__(self) -> str:
        verdict = "equal" if self.is_equal else "DIFFERENT"
        return (
            f"replayed={self.records} parked={self.rejected} books={self.books}"
            f" hash={self.content_hash[:16]} living={self.live_hash[:16]} {verdict}"
        )


def replay(settings: Settings, *, swap: bool) -> ReplayResult:
    """Build both anew and compare; with `swap` put them in the place of the living ones.

    Raises: Conflict when a laptop's index is in use, or when the living catalogue knows batches that the
    lake hasn't; Unavailable when a store is away. The living ones are as they were then.
    """
    if swap:
        open_search_index(
            settings.search_url, writable=True
        ).close()  # refuses while a laptop's ingestor has it
    lake = open_lake(settings.lake_url)
    living = open_catalogue(settings.catalogue_url)
    beside = begin_rebuild(settings.catalogue_url)
    refilling = _CatalogueReplay(lake, living, beside.catalogue)
    try:
        refilling.catch_up()
        with beside.block_writes():
            refilling.catch_up()
            refilling.check_completeness()
            result = refilling.compare()
            if swap:
                beside.swap()
        if swap:
            _rebuild_index(settings)
        return result
    finally:
        for store in (beside, living, lake):
            store.close()


class _CatalogueReplay:
    """The archived batches that the living catalogue has had, in order, into the new one.

    A batch that is in the lake and not yet in the living catalogue is left to the ingestor, which owes the
    topics its changes. Into a living catalogue that is empty (it was lost) everything goes.
    """

    def __init__(self, lake: Lake, living: Catalogue, built: Catalogue) -> None:
        self._lake, self._live, self._rebuilt = lake, living, built
        self._records = self._rejected = 0

    def catch_up(self) -> None:
        """From where the new one is to where the living one is."""
        end, here = _read_offsets(self._live), _read_offsets(self._rebuilt)
        for batch in sorted(self._list_batches(), key=lambda each: (each.partition, each.first)):
            if batch.first >= here[batch.partition] and (
                not any(end.values()) or batch.first < end[batch.partition]
            ):
                self._apply_archived(batch)

    def check_completeness(self) -> None:
        """Raises: Conflict when the lake lacks what the living catalogue has."""
        end, here = _read_offsets(self._live), _read_offsets(self._rebuilt)
        if any(end.values()) and end != here:
            raise Conflict(
                f"the living catalogue is at offsets {end}, the lake at {here}: the lake lacks some"
            )

    def compare(self) -> ReplayResult:
        """Both hashes, and how much there was."""
        with self._rebuilt.begin_read() as connection:
            books = sum(not deleted for _, _, deleted in queries.read_versions(connection))
        return ReplayResult(
            self._records,
            self._rejected,
            books,
            self._rebuilt.compute_content_hash(),
            self._live.compute_content_hash(),
        )

    def _list_batches(self) -> Iterator[ArchivedBatch]:
        return map(parse_batch_key, self._lake.list(make_topic_prefix(OBSERVED.name)))

    def _apply_archived(self, archived: ArchivedBatch) -> None:
        records = _read_records(self._lake, archived.key)
        batch = Batch(OBSERVED.name, archived.partition, records)
        accepted = validate_batch(batch)
        self._rebuilt.apply_batch(
            IngestBatch(
                topic=batch.topic,
                partition=batch.partition,
                first=batch.first,
                next=batch.next,
                lake_key=archived.key,
                observations=accepted.observations,
            )
        )
        _discard_outbox(self._rebuilt)
        self._records += len(records)
        self._rejected += len(accepted.rejected)


def _read_offsets(catalogue: Catalogue) -> Mapping[int, int]:
    with catalogue.begin_read() as connection:
        return {p: queries.get_next_offset(connection, OBSERVED.name, p) for p in range(OBSERVED.partitions)}


def _read_records(lake: Lake, key: str) -> list[Record]:
    try:
        return unpack_records(lake.get(key))
    except Invalid as error:
        raise Invalid(f"{key}: {error}") from error


def _discard_outbox(catalogue: Catalogue) -> None:
    """The topics have had these events already."""
    with catalogue.begin_write() as connection:
        while owed := read_next_messages(connection, _CHUNK):
            delete_sent(connection, owed)


def _rebuild_index(settings: Settings) -> None:
    """From the catalogue, which by now is the new one."""
    catalogue = open_catalogue(settings.catalogue_url)
    beside = rebuild_search(settings.search_url)
    try:
        _index_newer(catalogue, beside.index)
        beside.swap()
        _index_newer(catalogue, beside.index)  # what went to the old index until then
        beside.delete_old()
    finally:
        beside.discard()
        catalogue.close()


def _index_newer(catalogue: Catalogue, index: SearchIndex) -> None:
    """Index what is newer in the catalogue."""
    there = {book_id: version for book_id, version, _ in index.read_versions()}
    news = (stored for stored in catalogue.iterate_books() if stored.version > there.get(stored.book.id, -1))
    while chunk := list(islice(_build_changes(news), _CHUNK)):
        index.put(chunk)


def _build_changes(books: Iterator[VersionedBook]) -> Iterator[VersionedBook | RemovedBook]:
    for stored in books:
        yield RemovedBook(stored.book.id, stored.version) if stored.deleted else stored
