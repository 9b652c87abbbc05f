"""Rebuild catalogue and index from the lake alone, through the same code that fed them."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bookcore.catalogue import Catalogue, Ingest, count_owed, first_owed, open_catalogue, queries, settle
from bookcore.domain.book import VersionedBook
from bookcore.domain.errors import Conflict, Invalid
from bookcore.events.message import Batch, Record
from bookcore.events.topics import OBSERVED
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import topic_prefix, unpack_records
from bookcore.search import Removed, SearchIndex, open_search
from ingestor.accept import accept
from ingestor.settings import Settings

_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came out; the hashes are over content and price history and tell whether nothing is amiss."""

    records: int
    parked: int
    books: int
    content_hash: str
    living_hash: str

    @property
    def equal(self) -> bool:
        """Whether the living catalogue is what the lake says."""
        return self.content_hash == self.living_hash

    def __str__(self) -> str:
        verdict = "equal" if self.equal else "DIFFERENT"
        return (
            f"replayed={self.records} parked={self.parked} books={self.books}"
            f" hash={self.content_hash[:16]} living={self.living_hash[:16]} {verdict}"
        )


def replay(settings: Settings) -> Replayed:
    """Build both anew below DATA/replay; the living ones are only read."""
    folder = _folder(settings)
    shutil.rmtree(folder, ignore_errors=True)
    lake = open_lake(settings.lake_url)
    rebuilt = open_catalogue(f"sqlite:///{folder}/catalogue.db")
    index = open_search(f"tantivy://{folder}/search", writable=True)
    living = open_catalogue(settings.catalogue_url)
    try:
        records, parked = _refill(lake, rebuilt)
        books = _reindex(rebuilt, index)
        return Replayed(records, parked, books, rebuilt.content_hash(), living.content_hash())
    finally:
        for store in (index, rebuilt, living, lake):
            store.close()


def swap_in(settings: Settings) -> None:
    """Put the rebuilt catalogue and index in the place of the living ones; the old catalogue is kept beside.

    Raises: Conflict while an ingestor runs, or when the living catalogue has more or less than the lake.
    """
    folder = _folder(settings)
    open_search(settings.search_url, writable=True).close()  # refuses while an ingestor holds the index
    _refuse_loss(settings, folder)
    catalogue = Path(settings.catalogue_url.removeprefix("sqlite:///"))
    search = Path(settings.search_url.removeprefix("tantivy://"))
    for suffix in ("-wal", "-shm"):
        catalogue.with_name(catalogue.name + suffix).unlink(missing_ok=True)
    catalogue.replace(folder / "catalogue-before.db")
    (folder / "catalogue.db").replace(catalogue)
    search.replace(folder / "search-before")  # aside, not away: the place is empty for one rename only
    (folder / "search").replace(search)
    shutil.rmtree(folder / "search-before")


def _refuse_loss(settings: Settings, folder: Path) -> None:
    """Raises: Conflict when the living catalogue owes events, or isn't where the rebuilt one is."""
    living = open_catalogue(settings.catalogue_url)
    rebuilt = open_catalogue(f"sqlite:///{folder}/catalogue.db")
    with living.reading() as old, rebuilt.reading() as new:
        owed = count_owed(old)
        here = [queries.next_offset(old, OBSERVED.name, p) for p in range(OBSERVED.partitions)]
        there = [queries.next_offset(new, OBSERVED.name, p) for p in range(OBSERVED.partitions)]
    living.close()
    rebuilt.close()
    if owed or here != there:
        raise Conflict(
            f"the living catalogue owes {owed} events and is at offsets {here}, the lake at {there};"
            " let the ingestor catch up, stop it, and try again"
        )


def _folder(settings: Settings) -> Path:
    return settings.data.absolute() / "replay"


def _refill(lake: Lake, catalogue: Catalogue) -> tuple[int, int]:
    records = parked = 0
    for key in sorted(lake.list(topic_prefix(OBSERVED.name)), key=lambda key: key.rpartition("/p-")[2]):
        found = _records(lake, key)
        batch = Batch(OBSERVED.name, found[0].partition, found)
        accepted = accept(batch)
        catalogue.apply(
            Ingest(batch.topic, batch.partition, batch.first, batch.next, key, accepted.observations)
        )
        _forget_owed(catalogue)
        records += len(found)
        parked += len(accepted.parked)
    return records, parked


def _records(lake: Lake, key: str) -> list[Record]:
    try:
        return unpack_records(lake.get(key))
    except Invalid as error:
        raise Invalid(f"{key}: {error}") from error


def _forget_owed(catalogue: Catalogue) -> None:
    """The topics have had these events already."""
    with catalogue.writing() as connection:
        while owed := first_owed(connection, _CHUNK):
            settle(connection, owed)


def _reindex(catalogue: Catalogue, index: SearchIndex) -> int:
    books = catalogue.books()
    living = 0
    while chunk := list(islice(_changes(books), _CHUNK)):
        living += sum(isinstance(change, VersionedBook) for change in chunk)
        index.put(chunk)
    return living


def _changes(books: Iterator[VersionedBook]) -> Iterator[VersionedBook | Removed]:
    for stored in books:
        yield Removed(stored.book.id, stored.version) if stored.deleted else stored
