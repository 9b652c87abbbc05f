"""Computes the effects of a batch of observations on the stored books; pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bookcore.domain.blocks import merge_blocks
from bookcore.domain.book import Book, BookId, Money, Offer, VersionedBook, from_version
from bookcore.events.book import ChangeKind


@dataclass(frozen=True, slots=True)
class Observation:
    """An accepted event: the observed book, or None for a withdrawal, which has a reason.

    `blocks`: those that an update of a held book states, empty for a whole book. `traceparent` is for the
    events that it causes.
    """

    book_id: BookId
    book: Book | None
    version: int
    event_id: str
    traceparent: str = ""
    reason: str = ""
    blocks: tuple[str, ...] = ()

    @property
    def precedence(self) -> tuple[int, str]:
        """(version, event id): the greater one wins."""
        return self.version, self.event_id


@dataclass(frozen=True, slots=True)
class StoredBook:
    """A row of the catalogue: the book with its version, and the id of the event that wrote it."""

    versioned: VersionedBook
    event_id: str

    @property
    def precedence(self) -> tuple[int, str]:
        """(version, event id); a newer observation must be greater."""
        return self.versioned.version, self.event_id


@dataclass(frozen=True, slots=True)
class PriceObservation:
    """One entry of the price history."""

    book_id: BookId
    version: int
    event_id: str
    price: Money


@dataclass(frozen=True, slots=True)
class OfferObservation:
    """The offers of a book at one moment, so that another rule of the price can be asked later."""

    book_id: BookId
    version: int
    event_id: str
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class BookTransition:
    """A book before and after an observation; `kind` None means that it was observed again, unchanged."""

    kind: ChangeKind | None
    before: Book | None
    after: VersionedBook
    traceparent: str = ""


@dataclass(slots=True)
class BatchEffects:
    """Rows to write, history to record (prices, offers, withdrawals), transitions to publish in order, and
    counts.
    """

    rows: dict[BookId, StoredBook] = field(default_factory=dict)
    prices: list[PriceObservation] = field(default_factory=list)
    offers: list[OfferObservation] = field(default_factory=list)
    withdrawals: list[Observation] = field(default_factory=list)
    transitions: list[BookTransition] = field(default_factory=list)
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    stale: int = 0


def split_by_version(
    orders: Mapping[BookId, tuple[int, str]], observations: Iterable[Observation]
) -> tuple[list[Observation], list[Observation]]:
    """Splits observations into those newer than the stored (version, event id) and the outdated ones."""
    fresh: list[Observation] = []
    outdated: list[Observation] = []
    for seen in observations:
        is_new = seen.precedence > orders.get(seen.book_id, (-1, ""))
        (fresh if is_new else outdated).append(seen)
    return fresh, outdated


def find_baseless(observations: Iterable[Observation], live: Collection[BookId]) -> set[str]:
    """Event ids of the updates of blocks whose book is neither live nor observed whole before them."""
    held, baseless = set(live), set[str]()
    for seen in sorted(observations, key=lambda each: each.precedence):
        if seen.book is None:
            held.discard(seen.book_id)
        elif not seen.blocks:
            held.add(seen.book_id)
        elif seen.book_id not in held:
            baseless.add(seen.event_id)
    return baseless


def fold(
    held: Mapping[BookId, StoredBook],
    observations: Iterable[Observation],
    *,
    outdated: Sequence[Observation] = (),
) -> BatchEffects:
    """Applies observations, oldest version first; an outdated one only adds to the history."""
    effects = BatchEffects(stale=len(outdated))
    for seen in outdated:
        _record_history(effects, seen)
    for seen in sorted(observations, key=lambda o: (o.book_id, o.version, o.event_id)):
        _record_history(effects, seen)
        before = effects.rows.get(seen.book_id) or held.get(seen.book_id)
        if before is not None and seen.precedence <= before.precedence:
            effects.stale += 1
        elif seen.book is None:
            _withdraw(effects, before, seen)
        elif not seen.blocks:
            _accept(effects, before, seen, seen.book)
        elif before is None or before.versioned.deleted:
            effects.stale += 1  # find_baseless refused it before, unless it was withdrawn meanwhile
        else:
            _accept(effects, before, seen, merge_blocks(before.versioned.book, seen.book, seen.blocks))
    return effects


def _record_history(effects: BatchEffects, seen: Observation) -> None:
    at = (seen.book_id, seen.version, seen.event_id)
    if seen.book is None:
        effects.withdrawals.append(seen)
        return
    if seen.book.price:
        effects.prices.append(PriceObservation(*at, seen.book.price))
    if seen.book.offers:
        effects.offers.append(OfferObservation(*at, seen.book.offers))


def _withdraw(effects: BatchEffects, before: StoredBook | None, seen: Observation) -> None:
    if before is None:
        effects.unchanged += 1
        return
    gone = replace(before.versioned, version=seen.version, deleted=True)
    effects.rows[seen.book_id] = StoredBook(gone, seen.event_id)
    if before.versioned.deleted:
        effects.unchanged += 1
        effects.transitions.append(BookTransition(None, None, gone, seen.traceparent))
    else:
        effects.deleted += 1
        effects.transitions.append(
            BookTransition(ChangeKind.DELETED, before.versioned.book, gone, seen.traceparent)
        )


def _accept(effects: BatchEffects, before: StoredBook | None, seen: Observation, book: Book) -> None:
    moment = from_version(seen.version)
    first = before.versioned.first_seen_at if before else moment
    now = VersionedBook(book, seen.version, first, moment)
    effects.rows[seen.book_id] = StoredBook(now, seen.event_id)
    if before is None or before.versioned.deleted:
        effects.created += 1
        effects.transitions.append(BookTransition(ChangeKind.CREATED, None, now, seen.traceparent))
    elif before.versioned.book != book:
        effects.updated += 1
        effects.transitions.append(
            BookTransition(ChangeKind.UPDATED, before.versioned.book, now, seen.traceparent)
        )
    else:
        effects.unchanged += 1
        effects.transitions.append(BookTransition(None, before.versioned.book, now, seen.traceparent))
