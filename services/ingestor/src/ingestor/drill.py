"""Restores catalogue and index from the lake for practice, beside the live ones, and compares.

Nothing live is replaced; on servers the services keep running, and writes are blocked while the two
catalogues are compared. A drill that ends equal leaves a record in the lake, from which the ingestor tells
its age. Not during a replay: both build an index of the same name.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice

import orjson

from bookcore.catalogue import Catalogue, open_catalogue
from bookcore.catalogue.rebuild import begin_rebuild
from bookcore.domain.change import hash_content
from bookcore.lake import Lake, open_lake
from bookcore.lake.layout import make_drill_key, pack_lines
from bookcore.search import begin_rebuild as rebuild_search
from ingestor.index_rebuild import index_newer
from ingestor.replay import CatalogueReplay, ReplayResult
from ingestor.settings import Settings

_NAMED = 5
"""Differences that a report names."""


@dataclass(frozen=True, slots=True)
class DrillReport:
    """RTO: seconds until catalogue and index were restored. RPO: age in seconds of the newest event in the
    lake, None without one: what is younger would have to come from the event log.
    """

    ended_at: str
    rto_seconds: float
    rpo_seconds: float | None
    records: int
    rejected: int
    books: int
    documents: int
    content_hash: str
    live_hash: str
    differences: tuple[str, ...] = ()

    @property
    def is_equal(self) -> bool:
        """Whether the live catalogue equals the restored one."""
        return self.content_hash == self.live_hash

    def to_json(self) -> str:
        """One object."""
        return orjson.dumps({**asdict(self), "equal": self.is_equal}).decode()

    def __str__(self) -> str:
        age = "none" if self.rpo_seconds is None else f"{self.rpo_seconds:.1f} s old"
        lines = [
            f"restored {self.books} books and {self.documents} documents from {self.records} events"
            f" ({self.rejected} parked)",
            f"RTO {self.rto_seconds:.1f} s, RPO: newest event in the lake {age}",
            f"hash={self.content_hash[:16]} living={self.live_hash[:16]}"
            f" {'equal' if self.is_equal else 'DIFFERENT'}",
        ]
        return "\n".join([*lines, *self.differences])


def run_drill(settings: Settings) -> DrillReport:
    """Restore, compare, remove what was restored.

    Raises: Invalid naming a damaged object, Conflict naming offsets that the lake lacks, Unavailable when a
    store can't be used. The live stores are unchanged.
    """
    began = time.monotonic()
    lake = open_lake(settings.lake_url)
    live = open_catalogue(settings.catalogue_url)
    rebuild = begin_rebuild(settings.catalogue_url, "drill")
    restoring = CatalogueReplay(lake, live, rebuild.catalogue)
    try:
        restoring.catch_up()
        documents = _restore_index(settings, rebuild.catalogue)
        rto_seconds = time.monotonic() - began
        with rebuild.block_writes():
            restoring.catch_up()
            restoring.check_completeness()
            result = restoring.compare()
            differences = () if result.is_equal else tuple(_list_differences(rebuild.catalogue, live))
        report = _build_report(result, rto_seconds, documents, restoring.newest, differences)
        if report.is_equal:
            _record(lake, report)
        return report
    finally:
        for store in (rebuild, live, lake):
            store.close()


def _restore_index(settings: Settings, catalogue: Catalogue) -> int:
    """Number of documents, tombstones included."""
    rebuild = rebuild_search(settings.search_url)
    try:
        return index_newer(catalogue, rebuild.index)
    finally:
        rebuild.discard()


def _build_report(
    result: ReplayResult,
    rto_seconds: float,
    documents: int,
    newest: datetime | None,
    differences: tuple[str, ...],
) -> DrillReport:
    now = datetime.now(UTC)
    return DrillReport(
        ended_at=now.isoformat(),
        rto_seconds=round(rto_seconds, 3),
        rpo_seconds=round((now - newest).total_seconds(), 3) if newest else None,
        records=result.records,
        rejected=result.rejected,
        books=result.books,
        documents=documents,
        content_hash=result.content_hash,
        live_hash=result.live_hash,
        differences=differences,
    )


def _list_differences(restored: Catalogue, live: Catalogue) -> Iterator[str]:
    """The first books that differ, and how many there are."""
    here, there = _summarize(restored), _summarize(live)
    wrong = sorted(key for key in here.keys() | there.keys() if here.get(key) != there.get(key))
    for key in islice(wrong, _NAMED):
        if key not in here:
            yield f"{key} is in the live catalogue and not in the lake"
        elif key not in there:
            yield f"{key} is in the lake and not in the live catalogue"
        else:
            yield f"{key} is {here[key][0]} in the lake and {there[key][0]} in the live catalogue"
    yield f"{len(wrong)} books differ" if wrong else "only price histories differ"


def _summarize(catalogue: Catalogue) -> Mapping[str, tuple[str, str]]:
    """Book -> its version in words and the hash of its content, for books that are not deleted."""
    return {
        str(stored.book.id): (f"of version {stored.version}", hash_content(stored.book))
        for stored in catalogue.iterate_books()
        if not stored.deleted
    }


def _record(lake: Lake, report: DrillReport) -> None:
    lake.put(make_drill_key(datetime.fromisoformat(report.ended_at)), pack_lines([asdict(report)]))
