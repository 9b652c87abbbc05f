"""The feed of changes: what became of books and prices, numbered in the order of commits.

Kept from the topic of changes, so that writing books costs nothing more. Inside the caller's transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    delete,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from bookcore.catalogue.beside_the_lake import advance_offset
from bookcore.catalogue.rows import split_chunks
from bookcore.catalogue.tables import books, change_entries, change_feed
from bookcore.domain.availability import AvailabilityStatus
from bookcore.domain.book import BookId, Money, from_version, to_version
from bookcore.domain.change import Plain
from bookcore.events.book import BookChanged, ChangeKind
from bookcore.events.topics import CHANGED

_HUNDREDTHS = 100
_IN_STOCK = AvailabilityStatus.IN_STOCK.value


class EntryKind(StrEnum):
    """What became of a book. `RETURNED` was withdrawn before; `CHANGED` is any change that is none of the
    others.
    """

    NEW = "new"
    RETURNED = "returned"
    GONE = "gone"
    PRICE_DROP = "price_drop"
    PRICE_RISE = "price_rise"
    BACK_IN_STOCK = "back_in_stock"
    OUT_OF_STOCK = "out_of_stock"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """One change. `before` and `after` are prices of one currency, None where there was or is none; title and
    category are those that the book has now. `at` is when its source was read, `recorded_at` when the feed
    got it.
    """

    sequence: int
    book_id: BookId
    kind: EntryKind
    at: datetime
    recorded_at: datetime
    source: str
    title: str | None
    category: str | None
    before: Money | None
    after: Money | None


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Filters combined with AND, the values of one with OR; empty or None means no filter.

    `min_percent` is a price's change of at least so many percent, up or down, exact to hundredths.
    """

    kind: Sequence[EntryKind] = ()
    source: Sequence[str] = ()
    category: Sequence[str] = ()
    currency: Sequence[str] = ()
    book_id: str | None = None
    min_percent: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FeedState:
    """Numbers of one epoch can be compared: the last one given, and the greatest one that was deleted."""

    epoch: str
    last: int
    pruned: int


def record_changes(
    connection: Connection, events: Sequence[BookChanged], *, now: datetime, partition: int, end: int
) -> None:
    """Append the entries of events to the feed, and keep the offset after them; a known one is skipped.

    Writers take turns until they commit, so that a reader who has seen a number has seen all before it.
    """
    advance_offset(connection, CHANGED.name, partition, end)
    lock = update(change_feed).values(last=change_feed.c.last).returning(change_feed.c.last)
    number = connection.execute(lock).scalar_one()
    first_seen = _read_first_seen(connection, {event.book_id for event in events})
    known = _read_known(connection, events)
    rows: dict[tuple[str, int, str], Mapping[str, object]] = {}
    for event in events:
        for kind in classify_change(event, is_first=first_seen.get(event.book_id) == event.version):
            key = (event.book_id, event.version, kind.value)
            if key not in known and key not in rows:
                number += 1
                rows[key] = _build_row(event, kind, number, now)
    if rows:
        connection.execute(insert(change_entries), list(rows.values()))
        connection.execute(update(change_feed).values(last=number))


def classify_change(event: BookChanged, *, is_first: bool) -> list[EntryKind]:
    """What a change is; `is_first` is whether a created book had never been seen before."""
    if event.kind is ChangeKind.DELETED:
        return [EntryKind.GONE]
    if event.kind is ChangeKind.CREATED:
        return [EntryKind.NEW if is_first else EntryKind.RETURNED]
    before, after = _extract_prices(event)
    found = []
    if before and after and before.currency == after.currency and before != after:
        found.append(EntryKind.PRICE_DROP if after.amount < before.amount else EntryKind.PRICE_RISE)
    was, now = (_get_status(value) for value in _get_values(event, "availability"))
    if was != now:
        found += [EntryKind.BACK_IN_STOCK] if now == _IN_STOCK else []
        found += [EntryKind.OUT_OF_STOCK] if was == _IN_STOCK else []
    return found or [EntryKind.CHANGED]


def read_state(connection: Connection) -> FeedState:
    """The feed's state."""
    row = connection.execute(select(change_feed)).one()
    return FeedState(row.epoch, row.last, row.pruned)


def find_place(connection: Connection, since: datetime) -> int | None:
    """The number after which the changes recorded since then come; None when some of them are deleted."""
    oldest = connection.execute(
        select(func.min(type_coerce(change_entries.c.recorded_at, BigInteger)))
    ).scalar()
    state = read_state(connection)
    if state.pruned and (oldest is None or to_version(since) < oldest):
        return None
    later = select(func.min(change_entries.c.sequence)).where(change_entries.c.recorded_at >= since)
    first = connection.execute(later).scalar()
    return state.last if first is None else first - 1


def list_changes(
    connection: Connection, wanted: ChangeFilter, *, after: int, limit: int
) -> tuple[Sequence[ChangeEntry], int, bool]:
    """Up to `limit` entries after that number, the number to go on after, and whether there are more now."""
    entries = change_entries
    query = (
        select(entries, books.c.title, books.c.category)
        .outerjoin(books, books.c.id == entries.c.book_id)
        .where(entries.c.sequence > after, *_build_conditions(wanted))
        .order_by(entries.c.sequence)
        .limit(limit + 1)
    )
    rows = connection.execute(query).mappings().all()
    has_more = len(rows) > limit
    found = [_to_entry(dict(row)) for row in rows[:limit]]
    place = found[-1].sequence if has_more else max(after, read_state(connection).last)
    return found, place, has_more


def prune_changes(connection: Connection, *, before: datetime, limit: int) -> int:
    """Delete up to `limit` of the oldest entries that were recorded before then; their number."""
    old = (
        select(change_entries.c.sequence)
        .where(change_entries.c.recorded_at < before)
        .order_by(change_entries.c.recorded_at, change_entries.c.sequence)
        .limit(limit)
    )
    numbers = list(connection.execute(old).scalars())
    if numbers:
        connection.execute(delete(change_entries).where(change_entries.c.sequence.in_(numbers)))
        pruned = max(read_state(connection).pruned, *numbers)
        connection.execute(update(change_feed).values(pruned=pruned))
    return len(numbers)


def _build_conditions(wanted: ChangeFilter) -> Iterator[ColumnElement[bool]]:
    entries = change_entries
    accepted = [
        (entries.c.kind, [kind.value for kind in wanted.kind]),
        (entries.c.source, wanted.source),
        (entries.c.currency, wanted.currency),
        (books.c.category, wanted.category),
        (entries.c.book_id, [wanted.book_id] if wanted.book_id else []),
    ]
    yield from (column.in_(values) for column, values in accepted if values)
    if wanted.min_percent is not None:
        before, after = (type_coerce(entries.c[name], BigInteger) for name in ("before", "after"))
        least = int(wanted.min_percent * _HUNDREDTHS)
        by = 100 * _HUNDREDTHS
        yield entries.c.kind.in_([EntryKind.PRICE_DROP.value, EntryKind.PRICE_RISE.value])
        yield before > 0
        yield or_((before - after) * by >= before * least, (after - before) * by >= before * least)


def _build_row(event: BookChanged, kind: EntryKind, number: int, now: datetime) -> Mapping[str, object]:
    before, after = _extract_prices(event)
    shown = after or before
    is_comparable = before is None or after is None or before.currency == after.currency
    return {
        "sequence": number,
        "book_id": event.book_id,
        "version": event.version,
        "kind": kind.value,
        "source": event.book_id.partition(":")[0],
        "recorded_at": now,
        "currency": shown.currency if shown else None,
        "before": before.amount if before and is_comparable else None,
        "after": after.amount if after else None,
    }


def _to_entry(row: Mapping[str, object]) -> ChangeEntry:
    before, after = (
        Money(amount, str(row["currency"])) if isinstance(amount := row[name], Decimal) else None
        for name in ("before", "after")
    )
    return ChangeEntry(
        sequence=row["sequence"],  # type: ignore[arg-type]  # columns of the tables
        book_id=BookId(str(row["book_id"])),
        kind=EntryKind(str(row["kind"])),
        at=from_version(row["version"]),  # type: ignore[arg-type]
        recorded_at=row["recorded_at"],  # type: ignore[arg-type]
        source=str(row["source"]),
        title=row["title"],  # type: ignore[arg-type]
        category=row["category"],  # type: ignore[arg-type]
        before=before,
        after=after,
    )


def _extract_prices(event: BookChanged) -> tuple[Money | None, Money | None]:
    before, after = (_to_money(value) for value in _get_values(event, "price"))
    return before, after


def _get_values(event: BookChanged, field: str) -> tuple[Plain, Plain]:
    return next(((each.before, each.after) for each in event.changes if each.field == field), (None, None))


def _to_money(plain: Plain) -> Money | None:
    return (
        Money(Decimal(str(plain["amount"])), str(plain["currency"])) if isinstance(plain, Mapping) else None
    )


def _get_status(plain: Plain) -> object:
    return plain.get("status") if isinstance(plain, Mapping) else None


def _read_first_seen(connection: Connection, book_ids: set[BookId]) -> Mapping[str, int]:
    first_seen = type_coerce(books.c.first_seen_at, BigInteger)
    found: dict[str, int] = {}
    for ids in split_chunks(book_ids):
        query = select(books.c.id, first_seen).where(books.c.id.in_(ids))
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def _read_known(connection: Connection, events: Sequence[BookChanged]) -> set[tuple[str, int, str]]:
    """Keys of the entries that the feed has of these books' newest versions."""
    found: set[tuple[str, int, str]] = set()
    oldest = min((event.version for event in events), default=0)
    columns = (change_entries.c.book_id, change_entries.c.version, change_entries.c.kind)
    for ids in split_chunks({event.book_id for event in events}):
        query = select(*columns).where(change_entries.c.book_id.in_(ids), change_entries.c.version >= oldest)
        found |= {(row[0], row[1], row[2]) for row in connection.execute(query)}
    return found
