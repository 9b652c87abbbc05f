"""What goes in and out of the search API."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bookcore.domain.book import AvailabilityStatus
from bookcore.events.book import BookState
from bookcore.search import Filters, Hit, SearchPage, SearchQuery, Suggestion

Amount = Annotated[Decimal, Field(ge=0, le=1_000_000_000, decimal_places=2, allow_inf_nan=False)]
Names = Annotated[list[Annotated[str, Field(max_length=200)]], Query(max_length=50)]


class SearchIn(BaseModel):
    """A question. Filters of one name add up (either value), filters of different names narrow (both)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: str = Field("", max_length=10_000, description="what to look for; empty means every book")
    category: Names = []
    source: Names = []
    availability: Annotated[list[AvailabilityStatus], Query(max_length=5)] = []
    min_price: Amount | None = None
    max_price: Amount | None = None
    min_rating: Annotated[int, Field(ge=1, le=5)] | None = None
    offset: Annotated[int, Field(ge=0, le=9_999)] = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 20

    @model_validator(mode="after")
    def _range_is_the_right_way_round(self) -> "SearchIn":
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise ValueError("min_price is above max_price")
        return self

    def to_query(self) -> SearchQuery:
        """For the index."""
        filters = Filters(
            category=tuple(self.category),
            source=tuple(self.source),
            availability=tuple(status.value for status in self.availability),
            min_price=self.min_price,
            max_price=self.max_price,
            min_rating=self.min_rating,
        )
        return SearchQuery(self.q, filters, self.offset, self.limit)


class HitOut(BaseModel):
    """A found book; scores compare within one answer only."""

    book: BookState
    score: float

    @classmethod
    def of(cls, hit: Hit) -> "HitOut":
        """From the index's."""
        return cls(book=BookState.of(hit.book), score=round(hit.score, 4))


class FacetValue(BaseModel):
    """A value of a facet and how many matches have it."""

    value: str
    count: int


class SearchOut(BaseModel):
    """Best matches first; a facet's counts ignore its own filter, so that other choices stay visible."""

    query: str
    total: int
    took_ms: float
    items: list[HitOut]
    facets: dict[str, list[FacetValue]]

    @classmethod
    def of(cls, question: SearchIn, page: SearchPage, *, took_ms: float) -> "SearchOut":
        """From the index's."""
        return cls(
            query=question.q,
            total=page.total,
            took_ms=round(took_ms, 2),
            items=[HitOut.of(hit) for hit in page.hits],
            facets={name: _values(counts) for name, counts in page.facets.items()},
        )


class SuggestionOut(BaseModel):
    """Something to complete the typed text with; `book_id` for a title."""

    text: str
    kind: str
    book_id: str | None


class SuggestOut(BaseModel):
    """Suggestions, categories first."""

    items: list[SuggestionOut]

    @classmethod
    def of(cls, found: list[Suggestion]) -> "SuggestOut":
        """From the index's."""
        return cls(items=[SuggestionOut(text=s.text, kind=s.kind, book_id=s.book_id) for s in found])


def _values(counts: Mapping[str, int]) -> list[FacetValue]:
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FacetValue(value=value, count=count) for value, count in by_count]
