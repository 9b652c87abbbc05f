"""Compares the ledger of acknowledged events with lake, catalogue and index: nothing lost, nothing twice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bookcore.catalogue import queries
from bookcore.event_log import EventLog
from bookcore.events.book import BookChanged, ChangeKind
from bookcore.events.codec import decode
from bookcore.events.message import Record
from bookcore.events.topics import CHANGED, OBSERVED
from bookcore.lake import Lake
from bookcore.lake.layout import make_topic_prefix, unpack_lines, unpack_records
from bookstream.stores import Stores
from bookstream.topics import read_topic


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Counts of acknowledged events by the store that has their effect."""

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
    def is_sound(self) -> bool:
        """Whether no event is lost and no effect is there twice."""
        return self.lost == 0 and self.dup_effects == 0


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """An event that the event log acknowledged to a crawl. `is_withdrawal`: it prints nothing."""

    event_id: str
    key: str
    version: int
    is_withdrawal: bool = False

    def has_effect(self, versions: Mapping[str, int]) -> bool:
        """Whether a store with these versions has it; a book that isn't there needs no withdrawal."""
        return versions.get(self.key, self.version if self.is_withdrawal else -1) >= self.version


def audit_stores(stores: Stores) -> AuditReport:
    """Look up every acknowledged event in every store.

    Catalogue and index have an event's effect when the book's version is the event's or a later one.
    """
    acked = {line.event_id: line for line in read_ledger(stores.lake)}
    archived = set(_read_archived_ids(stores.lake)) & acked.keys()
    parked = {
        _get_event_id(record) for record in read_topic(stores.log, OBSERVED.dead_letter_topic)
    } & acked.keys()
    with stores.catalogue.begin_read() as connection:
        rows: dict[str, int] = {
            str(book_id): version for book_id, version, _ in queries.read_versions(connection)
        }
    documents: dict[str, int] = {}
    duplicates = 0
    for book_id, version, _ in stores.index.read_versions():
        duplicates += book_id in documents
        documents[book_id] = version
    in_catalogue = {e.event_id for e in acked.values() if e.has_effect(rows)}
    in_search = {e.event_id for e in acked.values() if e.has_effect(documents)}
    complete = archived & (parked | (in_catalogue & in_search))
    return AuditReport(
        acked=len(acked),
        lake=len(archived),
        catalogue=len(in_catalogue - parked),
        search=len(in_search - parked),
        parked=len(parked),
        lost=len(acked) - len(complete),
        dup_effects=duplicates + _count_broken_changes(stores.log),
    )


def read_ledger(lake: Lake) -> Iterator[LedgerLine]:
    """The ledger lines of all crawls."""
    for key in lake.list("ledger/"):
        for row in unpack_lines(lake.get(key)):
            yield LedgerLine(
                row["event_id"], row["key"], int(row["version"]), is_withdrawal=not row["content_hash"]
            )


def _read_archived_ids(lake: Lake) -> Iterator[str]:
    for key in lake.list(make_topic_prefix(OBSERVED.name)):
        for record in unpack_records(lake.get(key)):
            yield _get_event_id(record)


def _get_event_id(record: Record) -> str:
    return record.get_header("ce_id") or f"{record.partition}/{record.offset}"


def _count_broken_changes(log: EventLog) -> int:
    """Count changes whose old values differ from the new values of the book's previous change.

    A message that was sent twice has the same id and counts once, as for every subscriber.
    """
    states: dict[str, Mapping[str, object]] = {}
    breaks = 0
    for change in _read_changes(log):
        before = states.get(change.book_id)
        if change.kind is ChangeKind.CREATED:
            breaks += before is not None
        elif before is not None:
            breaks += any(before.get(c.field, c.before) != c.before for c in change.changes)
        if change.kind is ChangeKind.DELETED:
            states.pop(change.book_id, None)
        else:
            states[change.book_id] = {**(before or {}), **{c.field: c.after for c in change.changes}}
    return breaks


def _read_changes(log: EventLog) -> list[BookChanged]:
    changes: dict[str, BookChanged] = {}
    for record in read_topic(log, CHANGED.name):
        event = decode(record).event
        if isinstance(event, BookChanged):
            changes[event.event_id] = event
    return sorted(changes.values(), key=lambda change: (change.book_id, change.version))
