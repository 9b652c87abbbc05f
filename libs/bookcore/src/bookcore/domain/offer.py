"""An offer: at what price, to whom, where, when and by whom an edition is sold."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

from bookcore.domain.availability import AvailabilityStatus
from bookcore.domain.money import Money

PlainOffer = Mapping[str, str | int | list[str] | Mapping[str, str]]
"""The stated facts of an offer as plain JSON values."""
WORLD = "WORLD"


class Unpriced(StrEnum):
    """Why an offer has no price."""

    FREE = "free"
    ON_REQUEST = "on_request"
    TO_BE_ANNOUNCED = "to_be_announced"


class PriceType(StrEnum):
    """Who pays the price, and whether it includes tax."""

    CONSUMER_WITH_TAX = "consumer_with_tax"
    CONSUMER_WITHOUT_TAX = "consumer_without_tax"
    LIBRARY_WITH_TAX = "library_with_tax"
    LIBRARY_WITHOUT_TAX = "library_without_tax"
    TRADE = "trade"
    OTHER = "other"


class Condition(StrEnum):
    """State of the copy."""

    NEW = "new"
    USED = "used"
    REFURBISHED = "refurbished"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """None and empty where the source states nothing.

    `territories` and `excluded_territories`: ISO 3166 codes or WORLD. `valid_from` and `valid_until`: days
    (YYYY-MM-DD, of UTC), both within the period, or moments with an offset.
    """

    price: Money | None = None
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

    @property
    def plain(self) -> PlainOffer:
        """What is stated, as plain JSON values."""
        return {name: _to_plain(value) for name in _NAMES if (value := getattr(self, name)) not in (None, ())}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Offer":  # Any: JSON
        """Inverse of `plain`."""
        return cls(**{name: _READERS.get(name, _keep)(value) for name, value in plain.items()})


_NAMES = tuple(f.name for f in fields(Offer))


def _to_plain(value: object) -> Any:  # Any: JSON
    if isinstance(value, Money):
        return {"amount": value.plain, "currency": value.currency}
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, StrEnum) else value


def _read_money(plain: Mapping[str, str]) -> Money:
    return Money(Decimal(plain["amount"]), plain["currency"])


def _keep(value: Any) -> Any:  # Any: text or number
    return value


_READERS: Mapping[str, Any] = {  # Any: one value of JSON -> the field's type
    "price": _read_money,
    "unpriced": Unpriced,
    "price_type": PriceType,
    "condition": Condition,
    "availability": AvailabilityStatus,
    "territories": tuple,
    "excluded_territories": tuple,
}
