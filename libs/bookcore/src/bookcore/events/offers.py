"""Prices and offers on the wire."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from bookcore.domain.availability import AvailabilityStatus
from bookcore.domain.money import Money
from bookcore.domain.offer import Condition, Offer, PriceType, Unpriced


class Price(BaseModel):
    """An amount as text, so that no client parses it as a float."""

    model_config = ConfigDict(frozen=True)

    amount: str
    currency: str

    @classmethod
    def from_money(cls, money: Money) -> "Price":
        """With the currency's decimals."""
        return cls(amount=money.plain, currency=money.currency)

    def to_money(self) -> Money:
        """Inverse of from_money."""
        return Money(Decimal(self.amount), self.currency)


class OfferState(BaseModel):
    """An offer of a book: at what price, to whom, where, when and by whom it is sold; null and empty where
    the source states nothing.

    `unpriced` says why there is no price. Without `price_type` it is a consumer price with tax, without
    `condition` a new copy, without `territories` an offer to everywhere. `valid_from` and `valid_until` are
    days, both included, or moments.
    """

    model_config = ConfigDict(frozen=True)

    price: Price | None = None
    unpriced: Unpriced | None = None
    price_type: PriceType | None = None
    price_qualifier: str | None = None
    territories: tuple[str, ...] = ()
    excluded_territories: tuple[str, ...] = ()
    seller: str | None = None
    condition: Condition | None = None
    availability: AvailabilityStatus | None = None
    quantity: int | None = None
    minimum_quantity: int | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    url: str | None = None

    @classmethod
    def from_offer(cls, offer: Offer) -> "OfferState":
        """The wire form of an offer."""
        return cls.model_validate(offer.plain)

    def to_offer(self) -> Offer:
        """Inverse of from_offer."""
        return Offer.from_plain(self.model_dump(exclude_none=True))
