"""What crawls were told is safe, compared with what is there: nothing lost, nothing counted twice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bookcore.catalogue import Catalogue, queries
from bookcore.event_log import EventLog
from bookcore.events.book import BookChanged, ChangeKind
from bookcore.events.codec import decode
from bookcore.events.message import Record
from bookcore.events.topics import CHANGED, OBSERVED, get_topic
from bookcore.lake import Lake
from bookcore.lake.layout import make_topic_prefix, unpack_lines, unpack_records
from bookcore.search import SearchIndex

_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Audit:
    """Counts of acknowledged events by where their effect is found."""

    acked: int
    lake: int
    catalogue: int
    search: int
    parked: int
    lost: int
    dup_effects: int

    def __str__(self) -> str:
        return (
            f"acked={self.acked} lake={self.lake} catalogue={self.catalogue} search={self.search}"
            f" parked={self.parked} lost={self.lost} dup_effects={self.dup_effects}"
        )

    @property
    def sound(self) -> bool:
        """Whether nothing is lost and nothing doubled."""
        return self.lost == 0 and self.dup_effects == 0


@dataclass(frozen=True, slots=True)
class Stores:
    """All that an audit looks at."""

    log: EventLog
    lake: Lake
    catalogue: Catalogue
    index: SearchIndex


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One line of a ledger."""

    event_id: str
    key: str
    version: int


def audit(stores: Stores) -> Audit:
    """Look every acknowledged event up everywhere.

    In the catalogue and the index an event's effect is there when the book's version is the event's or later.
    """
    acked = {line.event_id: line for line in acknowledged(stores.lake)}
    archived = set(_archived_ids(stores.lake)) & acked.keys()
    parked = {_id(record) for record in every_record(stores.log, OBSERVED.dead_letter_topic)} & acked.keys()
    with stores.catalogue.begin_read() as connection:
        rows: dict[str, int] = {
            str(book_id): version for book_id, version, _ in queries.read_versions(connection)
        }
    documents: dict[str, int] = {}
    doubled = 0
    for book_id, version, _ in stores.index.read_versions():
        doubled += book_id in documents
        documents[book_id] = version
    in_catalogue = {e.event_id for e in acked.values() if rows.get(e.key, -1) >= e.version}
    in_search = {e.event_id for e in acked.values() if documents.get(e.key, -1) >= e.version}
    kept = archived & (parked | (in_catalogue & in_search))
    return Audit(
        acked=len(acked),
        lake=len(archived),
        catalogue=len(in_catalogue - parked),
        search=len(in_search - parked),
        parked=len(parked),
        lost=len(acked) - len(kept),
        dup_effects=doubled + _doubled_changes(stores.log),
    )


def acknowledged(lake: Lake) -> Iterator[Acknowledged]:
    """Every line of every crawl's ledger."""
    for key in lake.list("ledger/"):
        for row in unpack_lines(lake.get(key)):
            yield Acknowledged(row["event_id"], row["key"], int(row["version"]))


def every_record(log: EventLog, topic: str) -> Iterator[Record]:
    """A topic from its beginning to where it ends now, partition by partition."""
    for partition in range(get_topic(topic).partitions):
        offset = 0
        while records := log.read(topic, partition, offset, _CHUNK):
            yield from records
            offset = records[-1].offset + 1


def _archived_ids(lake: Lake) -> Iterator[str]:
    for key in lake.list(make_topic_prefix(OBSERVED.name)):
        for record in unpack_records(lake.get(key)):
            yield _id(record)


def _id(record: Record) -> str:
    return record.get_header("ce_id") or f"{record.partition}/{record.offset}"


def _doubled_changes(log: EventLog) -> int:
    """Changes that can't follow from those before: each must begin where the last one of its book ended.

    A message that was sent twice has the same id and counts once, as for every subscriber.
    """
    known: dict[str, Mapping[str, object]] = {}
    breaks = 0
    for change in _changes(log):
        before = known.get(change.book_id)
        if change.kind is ChangeKind.CREATED:
            breaks += before is not None
        elif before is not None:
            breaks += any(before.get(c.field, c.before) != c.before for c in change.changes)
        if change.kind is ChangeKind.DELETED:
            known.pop(change.book_id, None)
        else:
            known[change.book_id] = {**(before or {}), **{c.field: c.after for c in change.changes}}
    return breaks


def _changes(log: EventLog) -> list[BookChanged]:
    found: dict[str, BookChanged] = {}
    for record in every_record(log, CHANGED.name):
        event = decode(record).event
        if isinstance(event, BookChanged):
            found[event.event_id] = event
    return sorted(found.values(), key=lambda change: (change.book_id, change.version))
