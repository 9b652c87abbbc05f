"""Turns typed text and filters into a query plan, the same for every engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from bookcore.domain.errors import Invalid
from bookcore.search import SearchQuery
from bookcore.search.text import fold, make_identifier_key, tokenize, tokenize_for_index, tokenize_query

FIELD_WEIGHTS = {"title": 4.0, "authors": 2.0, "category_words": 1.5, "description": 1.0}
"""Word fields; a word scores in its best field, and a tenth in the others."""
TIE_BREAKER = 0.1
IDENTIFIER_SCORE = 1_000.0
"""Above any sum of word scores: the book with the typed id or UPC comes first."""
FACETS = ("category", "source", "currency", "availability", "rating")
MAX_RESULTS = 10_000
"""Hits beyond cannot be reached by paging."""
PRICE_SCALE = 10_000
"""Prices are indexed in ten-thousandths of the major unit, whatever the currency."""

_LONG_PREFIX = 3  # one or two letters start a word of nearly every description
_HIGHEST = 10**14  # above any price


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


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """Each of `words`, and a word that starts with `prefix`, must occur in some field.

    A book whose identifier equals `identifier` always matches, first. `is_match_all`: no text was typed; all
    books match, ordered by a hash of their ids.
    """

    words: tuple[str, ...]
    prefix: str | None
    identifier: str | None
    is_match_all: bool
    filters: FilterClauses


def build_plan(query: SearchQuery) -> QueryPlan:
    """The last word is a prefix unless a space follows it.

    Raises: Invalid for a page beyond MAX_RESULTS and for bounds that are no numbers.
    """
    check_page(query.offset, query.limit)
    words = tokenize_query(query.text)
    unfinished = bool(words) and not query.text[-1:].isspace()
    return QueryPlan(
        words=tuple(words[:-1] if unfinished else words),
        prefix=words[-1] if unfinished else None,
        identifier=make_identifier_key(query.text) or None,
        is_match_all=not query.text.strip(),
        filters=_build_clauses(query),
    )


def check_page(offset: int, limit: int) -> None:
    """Raises: Invalid when the page is out of range."""
    if offset < 0:
        raise Invalid("is negative", field="offset")
    if limit < 0:
        raise Invalid("is negative", field="limit")
    if offset + limit > MAX_RESULTS:
        raise Invalid(f"offset + limit is at most {MAX_RESULTS}; narrow the search instead", field="offset")


def choose_prefix_fields(prefix: str) -> Sequence[str]:
    """Fields in which a prefix is searched."""
    return tuple(FIELD_WEIGHTS) if len(prefix) >= _LONG_PREFIX else ("title", "category_words")


def make_title_key(title: str) -> str:
    """Normalized title: for prefix matches and to recognise equal titles."""
    return " ".join(tokenize(title)) or fold(title)


def matches_prefix(text: str, words: Sequence[str]) -> bool:
    """Whether the text contains all words, the last one as a prefix."""
    there = tokenize_for_index(text)
    return all(word in there for word in words[:-1]) and any(word.startswith(words[-1]) for word in there)


def _build_clauses(query: SearchQuery) -> FilterClauses:
    filters = query.filters
    names = ("category", "source", "currency", "availability")
    accepted: dict[str, tuple[str | int, ...]] = {
        name: tuple(map(_replace_surrogates, chosen)) for name in names if (chosen := getattr(filters, name))
    }
    if filters.rating:
        accepted["rating"] = tuple(filters.rating)
    low = _scale_price(filters.min_price, "min_price", rounding=ROUND_CEILING)
    high = _scale_price(filters.max_price, "max_price", rounding=ROUND_FLOOR)
    bounds = {"price": (low, high), "rating": (_limit_rating(filters.min_rating), None)}
    return FilterClauses(accepted, {name: pair for name, pair in bounds.items() if pair != (None, None)})


def _limit_rating(least: int | None) -> int | None:
    return None if least is None else max(0, min(least, 6))


def _replace_surrogates(value: str) -> str:
    return value.encode("utf-8", "replace").decode()  # a lone surrogate matches no value and is no error


def _scale_price(price: Decimal | None, field: str, *, rounding: str) -> int | None:
    if price is None:
        return None
    if price.is_nan():
        raise Invalid("is not a number", field=field)
    limited = max(min(price, Decimal(_HIGHEST)), Decimal(-_HIGHEST))
    return int((limited * PRICE_SCALE).to_integral_value(rounding=rounding))
