"""Response models of the figures of a book's prices."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from bookcore.domain.money import Money
from bookcore.domain.price_figures import Coverage, PriceFigures, PriorPrice
from bookcore.events.book import Price
from bookcore.kit.openapi import NextCursor

_DAY = timedelta(days=1)
_POUNDS: JsonDict = {"amount": "51.77", "currency": "GBP"}
_COVERAGE: JsonDict = {"days_asked": "30.00", "days_observed": "28.50", "complete": False}
_EXAMPLE: JsonDict = {
    "id": "books_toscrape:a897fe39b1053632",
    "as_of": "2026-04-01T12:00:00Z",
    "withdrawn": False,
    "items": [
        {
            "currency": "GBP",
            "lowest": _POUNDS,
            "highest": {"amount": "59.99", "currency": "GBP"},
            "mean": {"amount": "55.20", "currency": "GBP"},
            "current": _POUNDS,
            "coverage": _COVERAGE,
            "low": _POUNDS,
            "low_days": 30,
            "low_coverage": _COVERAGE,
            "first_seen_at": "2026-03-02T12:00:00Z",
            "last_seen_at": "2026-04-01T11:00:00Z",
        }
    ],
    "next": None,
    "prior_price": {
        "price": None,
        "percent": None,
        "reason": "not_covered",
        "reduced_at": "2026-03-20T12:00:00Z",
        "coverage": _COVERAGE,
    },
    "ignored_observations": 0,
}


class CoverageOut(BaseModel):
    """For how many of the asked days the price is known, rounded down to hundredths of a day."""

    days_asked: Annotated[str, Field(examples=["30.00"])]
    days_observed: Annotated[str, Field(examples=["28.50"])]
    complete: bool

    @classmethod
    def from_coverage(cls, coverage: Coverage) -> "CoverageOut":
        return cls(
            days_asked=_count_days(coverage.asked),
            days_observed=_count_days(coverage.observed),
            complete=coverage.is_complete,
        )


class PriceFiguresOut(BaseModel):
    """Prices in one currency: `lowest`, `highest` and `mean` (weighted by time, rounded half up) since the
    first observation, with `coverage`; `low` of the last `low_days`, with `low_coverage`; `current` is null
    when the book has no price in this currency now."""

    currency: str
    lowest: Price
    highest: Price
    mean: Price | None
    current: Price | None
    coverage: CoverageOut
    low: Price | None
    low_days: int
    low_coverage: CoverageOut
    first_seen_at: AwareDatetime
    last_seen_at: AwareDatetime

    @classmethod
    def from_figures(cls, figures: PriceFigures, days: int) -> "PriceFiguresOut":
        return cls(
            currency=figures.currency,
            lowest=Price.from_money(figures.lowest),
            highest=Price.from_money(figures.highest),
            mean=_to_price(figures.mean),
            current=_to_price(figures.current),
            coverage=CoverageOut.from_coverage(figures.coverage),
            low=_to_price(figures.low),
            low_days=days,
            low_coverage=CoverageOut.from_coverage(figures.low_coverage),
            first_seen_at=figures.first_seen_at,
            last_seen_at=figures.last_seen_at,
        )


class PriorPriceOut(BaseModel):
    """The lowest price of the 30 days before the current reduction began, and the percentage from it, rounded
    down; null with a reason when there was no reduction, or when the days aren't all covered."""

    price: Price | None
    percent: Annotated[str | None, Field(examples=["25.0"])]
    reason: Annotated[
        str | None,
        Field(
            description="`not_reduced`, `not_below_the_lowest` (of these days), `not_covered`, `no_price`,"
            " `no_price_before`, `currency_changed`"
        ),
    ]
    reduced_at: AwareDatetime | None
    coverage: CoverageOut | None

    @classmethod
    def from_prior(cls, prior: PriorPrice) -> "PriorPriceOut":
        return cls(
            price=_to_price(prior.price),
            percent=None if prior.percent is None else str(prior.percent),
            reason=prior.reason or None,
            reduced_at=prior.reduced_at,
            coverage=None if prior.coverage is None else CoverageOut.from_coverage(prior.coverage),
        )


class BookPricesOut(BaseModel):
    """Figures of a book's prices by currency. Observations dated after `as_of` are counted as ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    as_of: AwareDatetime
    withdrawn: bool
    items: list[PriceFiguresOut]
    next: NextCursor
    prior_price: PriorPriceOut
    ignored_observations: int


def _to_price(money: Money | None) -> Price | None:
    return None if money is None else Price.from_money(money)


def _count_days(length: timedelta) -> str:
    return f"{Decimal(length // (_DAY / 100)) / 100:.2f}"
