"""Request and response models of the search API."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from bookcore.domain.book import AvailabilityStatus
from bookcore.domain.errors import Invalid
from bookcore.events.book import BookState
from bookcore.search import SearchFilters, SearchHit, SearchPage, SearchQuery, Suggestion

Amount = Annotated[Decimal, Field(ge=0, le=1_000_000_000, decimal_places=2, allow_inf_nan=False)]
Names = Annotated[list[Annotated[str, Field(max_length=200)]], Query(max_length=50)]


class SearchIn(BaseModel):
    """Search parameters. Values of one filter are alternatives (or), different filters are combined (and)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: str = Field(
        "", max_length=10_000, description="search text; empty matches every book", examples=["ciz lamp"]
    )
    category: Names = Field(
        [], description="exact names; a book matches any of them", examples=[["Poetry", "Travel"]]
    )
    source: Names = Field(
        [], description="names of sources; a book matches any of them", examples=[["books_toscrape"]]
    )
    availability: Annotated[list[AvailabilityStatus], Query(max_length=5)] = Field(
        [], description="states; a book matches any of them", examples=[["in_stock"]]
    )
    min_price: Amount | None = Field(
        None, description="lowest price, inclusive, in any currency", examples=["9.99"]
    )
    max_price: Amount | None = Field(
        None, description="highest price, inclusive, in any currency", examples=["20"]
    )
    min_rating: Annotated[int, Field(ge=1, le=5)] | None = Field(None, description="lowest rating, in stars")
    offset: Annotated[int, Field(ge=0, le=9_999)] = Field(
        0, description="first match to return; `offset` plus `limit` is at most 10,000"
    )
    limit: Annotated[int, Field(ge=1, le=100)] = Field(20, description="most books in the response")

    def to_query(self) -> SearchQuery:
        """Raises: Invalid when min_price is above max_price."""
        low, high = self.min_price, self.max_price
        if low is not None and high is not None and low > high:
            raise Invalid(f"{low} is above max_price {high}", field="min_price")
        filters = SearchFilters(
            category=tuple(self.category),
            source=tuple(self.source),
            availability=tuple(status.value for status in self.availability),
            min_price=low,
            max_price=high,
            min_rating=self.min_rating,
        )
        return SearchQuery(self.q, filters, self.offset, self.limit)


class HitOut(BaseModel):
    """A matching book; scores are comparable within one response only."""

    book: BookState
    score: Annotated[float, Field(examples=[12.3456])]

    @classmethod
    def from_hit(cls, hit: SearchHit) -> "HitOut":
        return cls(book=BookState.from_stored(hit.book), score=round(hit.score, 4))


class FacetValue(BaseModel):
    """A facet value and its number of matches."""

    value: Annotated[str, Field(examples=["Poetry"])]
    count: Annotated[int, Field(examples=[3])]


class SearchOut(BaseModel):
    """Best matches first. The counts of a facet ignore its own filter, so that other values stay visible."""

    query: Annotated[str, Field(examples=["light"])]
    total: Annotated[int, Field(examples=[3])]
    took_ms: Annotated[float, Field(examples=[1.73])]
    items: list[HitOut]
    facets: Annotated[
        dict[str, list[FacetValue]], Field(examples=[{"category": [{"value": "Poetry", "count": 3}]}])
    ]

    @classmethod
    def from_page(cls, params: SearchIn, page: SearchPage, *, took_ms: float) -> "SearchOut":
        return cls(
            query=params.q,
            total=page.total,
            took_ms=round(took_ms, 2),
            items=[HitOut.from_hit(hit) for hit in page.hits],
            facets={name: _sort_values(counts) for name, counts in page.facets.items()},
        )


class SuggestionOut(BaseModel):
    """A completion of the typed text; `book_id` is set for a title."""

    text: Annotated[str, Field(examples=["A Light in the Attic"])]
    kind: Annotated[str, Field(examples=["title"])]
    book_id: Annotated[str | None, Field(examples=["books_toscrape:a897fe39b1053632"])]


class SuggestOut(BaseModel):
    """Suggestions, categories first."""

    items: list[SuggestionOut]

    @classmethod
    def from_suggestions(cls, suggestions: list[Suggestion]) -> "SuggestOut":
        return cls(items=[SuggestionOut(text=s.text, kind=s.kind, book_id=s.book_id) for s in suggestions])


def _sort_values(counts: Mapping[str, int]) -> list[FacetValue]:
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FacetValue(value=value, count=count) for value, count in by_count]
