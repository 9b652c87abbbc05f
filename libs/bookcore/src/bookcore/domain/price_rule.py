"""The price of a book among its offers. docs/prices.md says the rule in words.

A change of the rule is a new number: prices that an earlier one chose stay in the history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from bookcore.domain.availability import Availability, AvailabilityStatus
from bookcore.domain.offer import WORLD, Condition, Offer, PriceType

RULE = "consumer-price/1"
"""Name and version of the rule."""
_PUBLIC = (None, "promotion", "from")  # qualifiers of prices that everybody pays
_UNTAXED_SHELVES = frozenset({"CA", "US"})
"""Territories whose shops state prices without the sales tax of the customer's address."""
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Market:
    """Territory (ISO 3166) and currency (ISO 4217) that a source declares; None where it declares none."""

    territory: str | None = None
    currency: str | None = None


def choose_offer(offers: Sequence[Offer], market: Market, at: datetime) -> Offer | None:
    """The offer whose price is the book's: what a consumer pays with tax for one new copy, at that moment.

    Among several that hold, one for exactly this territory comes before one for the world, a price before the
    lowest of a range, a validity that began later before one that began earlier, then the lower price. None
    when none holds, or when the source declares no currency or territory and the offers differ in it.
    """
    holding = [offer for offer in offers if _is_holding(offer, market, at)]
    if not market.currency and len({offer.price.currency for offer in holding if offer.price}) > 1:
        return None
    if not market.territory and len({(o.territories, o.excluded_territories) for o in holding}) > 1:
        return None
    return min(holding, key=lambda offer: _rank(offer, market), default=None)


def choose_availability(offers: Sequence[Offer], chosen: Offer | None) -> Availability:
    """Of the chosen offer; without one, of the first new copy whose availability is stated."""
    new = [offer for offer in offers if offer.condition in (None, Condition.NEW)]
    for offer in ([chosen] if chosen else []) + new:
        if offer.availability is not None:
            return Availability(offer.availability, offer.quantity)
    return Availability(AvailabilityStatus.UNKNOWN)


def _is_holding(offer: Offer, market: Market, at: datetime) -> bool:
    return (
        offer.price is not None
        and (market.currency in (None, offer.price.currency))
        and offer.price_type in _list_price_types(market.territory)
        and offer.price_qualifier in _PUBLIC
        and offer.condition in (None, Condition.NEW)
        and offer.minimum_quantity in (None, 0, 1)
        and _covers(offer, market.territory)
        and _begin(offer.valid_from) <= at < _end(offer.valid_until)
    )


def _list_price_types(territory: str | None) -> tuple[PriceType | None, ...]:
    if territory in _UNTAXED_SHELVES:
        return None, PriceType.CONSUMER_WITH_TAX, PriceType.CONSUMER_WITHOUT_TAX
    return None, PriceType.CONSUMER_WITH_TAX


def _covers(offer: Offer, territory: str | None) -> bool:
    if territory is None:
        return True
    if territory in offer.excluded_territories:
        return False
    return not offer.territories or territory in offer.territories or WORLD in offer.territories


def _rank(offer: Offer, market: Market) -> tuple[bool, bool, timedelta, Decimal]:
    since = _begin(offer.valid_from) - _ALWAYS
    amount = offer.price.amount if offer.price else Decimal(0)
    return market.territory not in offer.territories, offer.price_qualifier == "from", -since, amount


def _begin(text: str | None) -> datetime:
    return _ALWAYS if text is None else _read_moment(text)


def _end(text: str | None) -> datetime:
    """The first moment at which a price no longer holds."""
    if text is None or text.startswith("9999"):
        return datetime.max.replace(tzinfo=UTC)
    return _read_moment(text) + (timedelta(days=1) if is_day(text) else timedelta(microseconds=1))


def is_day(text: str) -> bool:
    """Whether it is a day and not a moment."""
    return len(text) == len("2026-01-01")


def _read_moment(text: str) -> datetime:
    if is_day(text):
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    return datetime.fromisoformat(text)
