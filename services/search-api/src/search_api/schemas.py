"""Request and response models of the search API."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from bookcore.domain.book import AvailabilityStatus
from bookcore.domain.errors import Invalid
from bookcore.events.book import BookState
from bookcore.kit.book_filters import Currencies
from bookcore.kit.openapi import NextCursor
from bookcore.kit.query_parameters import CommaSeparated, CommasInside
from bookcore.search import SearchFilters, SearchHit, SearchPage, SearchQuery, Suggestion

Amount = Annotated[Decimal, Field(ge=0, le=1_000_000_000, decimal_places=2, allow_inf_nan=False)]
Names = Annotated[list[Annotated[str, Field(max_length=200)]], Query(max_length=50)]
_ANY = "a book matches any of them; repeat the parameter or separate by commas"
_ONE_CURRENCY = "needs `currency` where the books have prices in several"


class SearchIn(BaseModel):
    """Search parameters. Values of one filter are alternatives (or), different filters are combined (and)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: str = Field(
        "", max_length=10_000, description="search text; empty matches every book", examples=["ciz lamp"]
    )
    category: Annotated[Names, CommasInside] = Field(
        [],
        description="exact names; a book matches any of them. Repeat the parameter for several: a comma is"
        " part of a name",
        examples=[["Poetry", "Travel"]],
    )
    source: Annotated[Names, CommaSeparated] = Field(
        [], description=f"names of sources; {_ANY}", examples=[["books_toscrape"]]
    )
    currency: Currencies = ()
    availability: Annotated[list[AvailabilityStatus], Query(max_length=5), CommaSeparated] = Field(
        [], description=f"states; {_ANY}", examples=[["in_stock"]]
    )
    min_price: Amount | None = Field(
        None, description=f"lowest price, inclusive; {_ONE_CURRENCY}", examples=["9.99"]
    )
    max_price: Amount | None = Field(
        None, description=f"highest price, inclusive; {_ONE_CURRENCY}", examples=["20"]
    )
    rating: Annotated[list[Annotated[int, Field(ge=1, le=5)]], Query(max_length=5), CommaSeparated] = Field(
        [], description=f"stars, 1 to 5; {_ANY}", examples=[[4, 5]]
    )
    min_rating: Annotated[int, Field(ge=1, le=5)] | None = Field(None, description="lowest rating, in stars")
    offset: Annotated[int, Field(ge=0, le=9_999)] = Field(
        0, description="first match to return; `offset` plus `limit` is at most 10,000"
    )
    cursor: str | None = Field(
        None, max_length=2_000, description="`next` of the page before, instead of `offset`"
    )
    limit: Annotated[int, Field(ge=1, le=200)] = Field(20, description="most books in the response")

    def to_query(self) -> SearchQuery:
        """Raises: Invalid when min_price is above max_price."""
        low, high = self.min_price, self.max_price
        if low is not None and high is not None and low > high:
            raise Invalid(f"{low} is above max_price {high}", field="min_price")
        filters = SearchFilters(
            category=tuple(self.category),
            source=tuple(self.source),
            currency=tuple(self.currency),
            availability=tuple(status.value for status in self.availability),
            rating=tuple(self.rating),
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
    """Best matches first; `next` is the cursor of the next page, null on the last one.

    The counts of a facet ignore its own filter, so that other values stay visible.
    """

    query: Annotated[str, Field(examples=["light"])]
    total: Annotated[int, Field(examples=[3])]
    took_ms: Annotated[float, Field(examples=[1.73])]
    items: list[HitOut]
    next: NextCursor
    facets: Annotated[
        dict[str, list[FacetValue]], Field(examples=[{"category": [{"value": "Poetry", "count": 3}]}])
    ]

    @classmethod
    def from_page(
        cls, text: str, page: SearchPage, *, next_cursor: str | None, took_ms: float
    ) -> "SearchOut":
        return cls(
            query=text,
            total=page.total,
            took_ms=round(took_ms, 2),
            next=next_cursor,
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
    next: NextCursor

    @classmethod
    def from_suggestions(cls, suggestions: list[Suggestion]) -> "SuggestOut":
        return cls(
            items=[SuggestionOut(text=s.text, kind=s.kind, book_id=s.book_id) for s in suggestions], next=None
        )


def _sort_values(counts: Mapping[str, int]) -> list[FacetValue]:
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FacetValue(value=value, count=count) for value, count in by_count]
