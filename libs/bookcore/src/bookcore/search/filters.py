"""Filters in the form that every engine indexes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bookcore.domain.errors import Invalid
from bookcore.search import SearchFilters
from bookcore.search.text import tokenize

FACETS = ("category", "source", "currency", "availability", "rating")
PRICE_SCALE = 10_000
"""Prices are indexed in ten-thousandths of the major unit, whatever the currency."""

_HIGHEST = 10**14  # above any price
_MOST_YEARS = 10_000


@dataclass(frozen=True, slots=True)
class FilterClauses:
    """Filters by field in an engine's form: accepted values; inclusive bounds in whole numbers."""

    accepted: dict[str, tuple[str | int, ...]]
    bounds: dict[str, tuple[int | None, int | None]]

    def without(self, field: str) -> "FilterClauses":
        """The clauses of all other fields."""
        return FilterClauses(
            {name: values for name, values in self.accepted.items() if name != field},
            {name: bounds for name, bounds in self.bounds.items() if name != field},
        )

    def has(self, field: str) -> bool:
        """Whether the field is filtered."""
        return field in self.accepted or field in self.bounds

    @property
    def fields(self) -> list[str]:
        """The filtered fields."""
        return list(dict.fromkeys((*self.accepted, *self.bounds)))


def build_clauses(filters: SearchFilters) -> FilterClauses:
    """Raises: Invalid for a bound that is no number."""
    accepted: dict[str, tuple[str | int, ...]] = {
        name: tuple(map(_replace_surrogates, chosen))
        for name in ("category", "source", "currency", "availability")
        if (chosen := getattr(filters, name))
    }
    accepted |= {
        name: tuple(map(make_name_key, chosen))
        for name in ("author", "publisher", "language")
        if (chosen := getattr(filters, name))
    }
    if filters.rating:
        accepted["rating"] = tuple(filters.rating)
    low = _scale_price(filters.min_price, "min_price", rounding=ROUND_CEILING)
    high = _scale_price(filters.max_price, "max_price", rounding=ROUND_FLOOR)
    bounds = {
        "price": (low, high),
        "rating": (_limit(filters.min_rating, 6), None),
        "year": (_limit(filters.min_year, _MOST_YEARS), _limit(filters.max_year, _MOST_YEARS)),
    }
    return FilterClauses(accepted, {name: pair for name, pair in bounds.items() if pair != (None, None)})


def make_name_key(name: str) -> str:
    """A person, publisher or language, whatever its case, accents, points and spaces."""
    return "".join(tokenize(name)) or " "


def make_name_keys(names: Sequence[str | None]) -> list[str]:
    """The keys of the names that are there, each once."""
    return list(dict.fromkeys(make_name_key(name) for name in names if name))


def _limit(value: int | None, most: int) -> int | None:
    return None if value is None else max(0, min(value, most))


def _replace_surrogates(value: str) -> str:
    return value.encode("utf-8", "replace").decode()  # a lone surrogate matches no value and is no error


def _scale_price(price: Decimal | None, field: str, *, rounding: str) -> int | None:
    if price is None:
        return None
    if price.is_nan():
        raise Invalid("is not a number", field=field)
    limited = max(min(price, Decimal(_HIGHEST)), Decimal(-_HIGHEST))
    return int((limited * PRICE_SCALE).to_integral_value(rounding=rounding))
