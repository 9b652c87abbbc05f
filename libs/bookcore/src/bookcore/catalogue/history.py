"""The history of a book: its prices, its offers, and when and why it was gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, null, select

from bookcore.catalogue.tables import books, offer_observations, price_observations, withdrawals
from bookcore.domain.book import Money, Offer, from_version
from bookcore.domain.price_figures import PricePoint


@dataclass(frozen=True, slots=True)
class PricePeriod:
    """A price with the times of its first and last observation, and no other price in between."""

    price: Money
    valid_from: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A book was gone from that time on, for that reason, until it was observed again."""

    at: datetime
    reason: str


def get_price_history(connection: Connection, book_id: str) -> Sequence[PricePeriod]:
    """Price periods of a book in time order; equal neighbours are merged."""
    return get_price_histories(connection, first=book_id, last=book_id).get(book_id, [])


def get_price_histories(
    connection: Connection, *, first: str, last: str
) -> Mapping[str, Sequence[PricePeriod]]:
    """Price periods of all books from id to id, inclusive."""
    seen = price_observations
    query = select(seen).where(seen.c.book_id.between(first, last))
    histories: dict[str, list[PricePeriod]] = {}
    for row in connection.execute(query.order_by(seen.c.book_id, seen.c.version, seen.c.event_id)).mappings():
        price, moment = Money(row["amount"], row["currency"]), from_version(row["version"])
        periods = histories.setdefault(row["book_id"], [])
        if periods and periods[-1].price == price:
            periods[-1] = replace(periods[-1], last_seen_at=moment)
        else:
            periods.append(PricePeriod(price, moment, moment))
    return histories


def get_withdrawals(connection: Connection, book_id: str) -> Sequence[Withdrawal]:
    """When and why the book was withdrawn, oldest first."""
    query = select(withdrawals.c.version, withdrawals.c.reason).where(withdrawals.c.book_id == book_id)
    rows = connection.execute(query.order_by(withdrawals.c.version, withdrawals.c.event_id))
    return [Withdrawal(from_version(version), reason) for version, reason in rows]


def get_offer_history(connection: Connection, book_id: str) -> Sequence[tuple[datetime, tuple[Offer, ...]]]:
    """(moment, offers) of each observation that had offers, oldest first; for another rule of the price."""
    seen = offer_observations
    query = select(seen.c.version, seen.c.offers).where(seen.c.book_id == book_id)
    rows = connection.execute(query.order_by(seen.c.version, seen.c.event_id))
    return [(from_version(version), tuple(map(Offer.from_plain, offers))) for version, offers in rows]


def get_price_points(connection: Connection, book_id: str) -> Sequence[PricePoint]:
    """Every observed price of a book, and every moment from which it had none, in any order."""
    seen = price_observations
    rows = connection.execute(select(seen).where(seen.c.book_id == book_id))
    priced = [
        PricePoint(from_version(row.version), row.event_id, Money(row.amount, row.currency)) for row in rows
    ]
    return priced + _get_unpriced_points(connection, book_id)


def _get_unpriced_points(connection: Connection, book_id: str) -> list[PricePoint]:
    """Withdrawals, offers among which none was the price, and the book as it is now without a price."""
    gone, offered, priced = withdrawals.c, offer_observations.c, price_observations.c
    same = and_(
        priced.book_id == offered.book_id,
        priced.version == offered.version,
        priced.event_id == offered.event_id,
    )
    queries = (
        select(gone.version, gone.event_id).where(gone.book_id == book_id),
        select(offered.version, offered.event_id)
        .select_from(offer_observations.outerjoin(price_observations, same))
        .where(offered.book_id == book_id, priced.book_id == null()),
        select(books.c.version, books.c.event_id).where(books.c.id == book_id, books.c.price == null()),
    )
    rows = [row for query in queries for row in connection.execute(query)]
    return [PricePoint(from_version(version), event_id, None) for version, event_id in rows]
