"""Rebuilds catalogue and index from the lake, by the same code that fed them, beside the live ones.

On servers the services keep running: writes are blocked while the two catalogues are compared and swapped. On
embedded stores the services must be stopped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from bookcore.catalogue import (
    Catalogue,
    IngestBatch,
    delete_sent,
    open_catalogue,
    queries,
    read_next_messages,
)
from bookcore.catalogue.beside_the_lake import copy_rows
from bookcore.catalogue.rebuild import begin_rebuild
from bookcore.domain.errors import Conflict, Invalid
from bookcore.events.message import Batch, Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import ArchivedBatch, make_topic_prefix, parse_batch_key, unpack_records
from bookcore.search import open_search_index
from ingestor.accept import validate_batch
from ingestor.index_rebuild import rebuild_index
from ingestor.settings import Settings
from ingestor.updates import refuse_baseless_updates

_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Result of a replay. The hashes cover content and price history of the rebuilt and the live
    catalogue."""

    records: int
    rejected: int
    books: int
    content_hash: str
    live_hash: str

    @property
    def is_equal(self) -> bool:
        """Whether the live catalogue equals the rebuilt one."""
        return self.content_hash == self.live_hash

    def __str__(self) -> str:
        verdict = "equal" if self.is_equal else "DIFFERENT"
        return (
            f"replayed={self.records} parked={self.rejected} books={self.books}"
            f" hash={self.content_hash[:16]} living={self.live_hash[:16]} {verdict}"
        )


def replay(settings: Settings, *, swap: bool) -> ReplayResult:
    """Rebuild both and compare; with `swap` replace the live ones.

    Raises: Conflict when an embedded index is in use, or when the live catalogue has batches that the lake
    lacks; Unavailable when a store can't be used. The live stores are unchanged then.
    """
    if swap:
        open_search_index(
            settings.search_url, writable=True
        ).close()  # Conflict while an ingestor has an embedded index
    lake = open_lake(settings.lake_url)
    live = open_catalogue(settings.catalogue_url)
    rebuild = begin_rebuild(settings.catalogue_url)
    catalogue_replay = CatalogueReplay(lake, live, rebuild.catalogue)
    try:
        catalogue_replay.catch_up()
        with rebuild.block_writes():
            catalogue_replay.catch_up()
            catalogue_replay.check_completeness()
            result = catalogue_replay.compare()
            if swap:
                _copy_rows(live, rebuild.catalogue)
                rebuild.swap()
        if swap:
            list(rebuild_index(settings, force=True))  # the catalogues were compared
        return result
    finally:
        for store in (rebuild, live, lake):
            store.close()


class CatalogueReplay:
    """Applies the archived batches that the live catalogue has, in order, to the rebuilt one.

    `newest` is the time of the newest event that was read.

    A batch that is in the lake and not yet in the live catalogue is left to the ingestor, which has to
    publish its changes. If the live catalogue is empty (it was lost), all batches are applied.
    """

    def __init__(self, lake: Lake, live: Catalogue, rebuilt: Catalogue) -> None:
        self._lake, self._live, self._rebuilt = lake, live, rebuilt
        self._records = self._rejected = 0
        self.newest: datetime | None = None

    def catch_up(self) -> None:
        """Apply the batches between the offsets of the rebuilt and the live catalogue.

        Raises: Conflict when the lake lacks one between two others, Invalid for a damaged one.
        """
        end, here = _read_offsets(self._live), dict(_read_offsets(self._rebuilt))
        for batch in sorted(self._list_batches(), key=lambda b: (b.partition, b.first)):
            at = here[batch.partition]
            if batch.first >= at and (not any(end.values()) or batch.first < end[batch.partition]):
                if batch.first > at:
                    missing = f"offsets {at} to {batch.first - 1} of {OBSERVED.name}/{batch.partition}"
                    raise Conflict(f"the lake lacks {missing}, which are before {batch.key}")
                here[batch.partition] = self._apply_archived(batch)

    def check_completeness(self) -> None:
        """Raises: Conflict when the lake lacks batches of the live catalogue."""
        end, here = _read_offsets(self._live), _read_offsets(self._rebuilt)
        if any(end.values()) and end != here:
            raise Conflict(
                f"the live catalogue is at offsets {end}, the lake at {here}: the lake lacks batches"
            )

    def compare(self) -> ReplayResult:
        """Hashes of both catalogues and the counts."""
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

    def _apply_archived(self, archived: ArchivedBatch) -> int:
        """The offset after the batch."""
        records = _read_records(self._lake, archived.key)
        batch = Batch(OBSERVED.name, archived.partition, records)
        validated = refuse_baseless_updates(self._rebuilt, batch, validate_batch(batch))
        self._rebuilt.apply_batch(
            IngestBatch(
                topic=batch.topic,
                partition=batch.partition,
                first=batch.first,
                next=batch.next,
                lake_key=archived.key,
                observations=validated.observations,
            )
        )
        _discard_outbox(self._rebuilt)
        self._records += len(records)
        self._rejected += len(validated.rejected)
        self.newest = max(self.newest or records[-1].timestamp, *(each.timestamp for each in records))
        return batch.next


def _read_offsets(catalogue: Catalogue) -> Mapping[int, int]:
    with catalogue.begin_read() as connection:
        return {p: queries.get_next_offset(connection, OBSERVED.name, p) for p in range(OBSERVED.partitions)}


def _read_records(lake: Lake, key: str) -> list[Record]:
    try:
        return unpack_records(lake.get(key))
    except Invalid as error:
        raise Invalid(f"{key}: {error}") from error


def _discard_outbox(catalogue: Catalogue) -> None:
    """Delete outbox messages without sending: the topics have these events."""
    with catalogue.begin_write() as connection:
        while messages := read_next_messages(connection, _CHUNK):
            delete_sent(connection, messages)


def _copy_rows(live: Catalogue, rebuilt: Catalogue) -> None:
    with live.begin_read() as old, rebuilt.begin_write() as new:
        copy_rows(old, new)
