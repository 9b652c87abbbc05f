"""Request and response models of the search API."""

from collections.abc import Mapping, Sequence
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
from bookcore.search import (
    Judgement,
    SearchFilters,
    SearchHit,
    SearchOrder,
    SearchPage,
    SearchQuery,
    SimilarBook,
    Suggestion,
)
from bookcore.search.text import ANALYSIS_VERSION

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
    author: Annotated[Names, CommasInside] = Field(
        [],
        description="names of authors and other contributors, whatever their case, accents and points; a book"
        " matches any of them",
        examples=[["J.K. Rowling"]],
    )
    publisher: Annotated[Names, CommasInside] = Field(
        [], description="names of publishers and imprints; a book matches any of them", examples=[["Laguna"]]
    )
    language: Annotated[Names, CommaSeparated] = Field(
        [], description=f"languages as the sources name them; {_ANY}", examples=[["en"]]
    )
    min_year: Annotated[int, Field(ge=0, le=9_999)] | None = Field(
        None, description="first year of publication, inclusive", examples=[1990]
    )
    max_year: Annotated[int, Field(ge=0, le=9_999)] | None = Field(
        None, description="last year of publication, inclusive", examples=[2024]
    )
    sort: SearchOrder = Field(
        SearchOrder.RELEVANCE,
        description="order of the matches; a minus is for descending. An order by price needs `currency`"
        " where the books have prices in several",
        examples=["price"],
    )
    explain: bool = Field(default=False, description="say of each match why it has its score")
    offset: Annotated[int, Field(ge=0, le=9_999)] = Field(
        0, description="first match to return; `offset` plus `limit` is at most 10,000"
    )
    cursor: str | None = Field(
        None, max_length=2_000, description="`next` of the page before, instead of `offset`"
    )
    limit: Annotated[int, Field(ge=1, le=200)] = Field(20, description="most books in the response")

    def to_query(self) -> SearchQuery:
        """Raises: Invalid when a lower bound is above the upper one."""
        low, high = self.min_price, self.max_price
        if low is not None and high is not None and low > high:
            raise Invalid(f"{low} is above max_price {high}", field="min_price")
        if self.min_year is not None and self.max_year is not None and self.min_year > self.max_year:
            raise Invalid(f"{self.min_year} is above max_year {self.max_year}", field="min_year")
        filters = SearchFilters(
            category=tuple(self.category),
            source=tuple(self.source),
            currency=tuple(self.currency),
            availability=tuple(status.value for status in self.availability),
            rating=tuple(self.rating),
            min_price=low,
            max_price=high,
            min_rating=self.min_rating,
            author=tuple(self.author),
            publisher=tuple(self.publisher),
            language=tuple(self.language),
            min_year=self.min_year,
            max_year=self.max_year,
        )
        return SearchQuery(self.q, filters, self.offset, self.limit, self.sort)


class HighlightOut(BaseModel):
    """A word that met a typed one: characters `start` to `end` of `title` or `authors[n]`."""

    field: Annotated[str, Field(examples=["title"])]
    start: Annotated[int, Field(examples=[2])]
    end: Annotated[int, Field(examples=[7])]


class WordMatchOut(BaseModel):
    """A typed word, the book's word that meets it best, its field, and their likeness 0 to 1."""

    typed: Annotated[str, Field(examples=["ligth"])]
    found: Annotated[str, Field(examples=["light"])]
    field: Annotated[str, Field(examples=["title"])]
    likeness: Annotated[float, Field(examples=[0.8083])]


class ExplanationOut(BaseModel):
    """Why a match has its score, as docs/search-ranking.md explains it.

    `edit` is `none`, `spelling`, `spacing` or `identifier`, or `words` for a match that follows the ranked
    ones in the order of the engine; `popularity` is in doublings of the number of readers.
    """

    edit: Annotated[str, Field(examples=["spelling"])]
    quality: Annotated[float, Field(examples=[0.8083])]
    exactness: Annotated[float, Field(examples=[0.6534])]
    popularity: Annotated[int, Field(examples=[0])]
    words: list[WordMatchOut]
    index_version: Annotated[int, Field(examples=[2])]

    @classmethod
    def from_judgement(cls, judgement: Judgement | None) -> "ExplanationOut":
        if judgement is None:
            return cls(
                edit="words", quality=0, exactness=0, popularity=0, words=[], index_version=ANALYSIS_VERSION
            )
        words = [
            WordMatchOut(typed=m.typed, found=m.found, field=m.field, likeness=round(m.likeness, 4))
            for m in judgement.matches
        ]
        return cls(
            edit=judgement.edit,
            quality=round(judgement.quality, 4),
            exactness=round(judgement.exactness, 4),
            popularity=judgement.popularity,
            words=words,
            index_version=ANALYSIS_VERSION,
        )


class HitOut(BaseModel):
    """A matching book; scores are comparable within one response only.

    `explanation` is there where `explain=true`.
    """

    book: BookState
    score: Annotated[float, Field(examples=[12.3456])]
    highlights: list[HighlightOut] = []
    explanation: ExplanationOut | None = None

    @classmethod
    def from_hit(cls, hit: SearchHit, *, explain: bool) -> "HitOut":
        return cls(
            book=BookState.from_stored(hit.book),
            score=round(hit.score, 4),
            highlights=[HighlightOut(field=h.field, start=h.start, end=h.end) for h in hit.highlights],
            explanation=ExplanationOut.from_judgement(hit.judgement) if explain else None,
        )


class RungOut(BaseModel):
    """What would find books: `kind` is `correction`, `spacing`, `dropped_words` or `relaxed_filter`, `text`
    what to type, `dropped` the words or filters to leave out, `total` the matches then.
    """

    kind: Annotated[str, Field(examples=["dropped_words"])]
    text: Annotated[str, Field(examples=["light"])]
    dropped: Annotated[list[str], Field(examples=[["zeppelin"]])]
    total: Annotated[int, Field(examples=[3])]


class FacetValue(BaseModel):
    """A facet value and its number of matches."""

    value: Annotated[str, Field(examples=["Poetry"])]
    count: Annotated[int, Field(examples=[3])]


class SearchOut(BaseModel):
    """Best matches first; `next` is the cursor of the next page, null on the last one.

    `did_you_mean` is the text as books have it, where no book has it as typed. `ladder` is filled where
    nothing is found: what would find books, never mixed into `items`. The counts of a facet ignore its own
    filter, so that other values stay visible.
    """

    query: Annotated[str, Field(examples=["light"])]
    total: Annotated[int, Field(examples=[3])]
    took_ms: Annotated[float, Field(examples=[1.73])]
    items: list[HitOut]
    next: NextCursor
    facets: Annotated[
        dict[str, list[FacetValue]], Field(examples=[{"category": [{"value": "Poetry", "count": 3}]}])
    ]
    did_you_mean: Annotated[str | None, Field(examples=["light"])] = None
    ladder: list[RungOut] = []

    @classmethod
    def from_page(
        cls, params: SearchIn, page: SearchPage, *, next_cursor: str | None, took_ms: float
    ) -> "SearchOut":
        return cls(
            query=params.q,
            total=page.total,
            took_ms=round(took_ms, 2),
            next=next_cursor,
            items=[HitOut.from_hit(hit, explain=params.explain) for hit in page.hits],
            facets={name: _sort_values(counts) for name, counts in page.facets.items()},
            did_you_mean=page.did_you_mean,
            ladder=[
                RungOut(kind=rung.kind, text=rung.text, dropped=list(rung.dropped), total=rung.total)
                for rung in page.ladder
            ],
        )


class SuggestionOut(BaseModel):
    """A completion of the typed text: `kind` is `category`, `author`, `series` or `title`; `book_id` is set
    for a title.
    """

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


class ReasonOut(BaseModel):
    """What two books share: `kind` is `series`, `author`, `subject`, `category`, `title` or `description`."""

    kind: Annotated[str, Field(examples=["author"])]
    values: Annotated[list[str], Field(examples=[["Shel Silverstein"]])]


class SimilarBookOut(BaseModel):
    """A book like the asked one; scores are comparable within one response only."""

    book: BookState
    score: Annotated[float, Field(examples=[4.25])]
    reasons: list[ReasonOut]


class SimilarOut(BaseModel):
    """The likest books first."""

    items: list[SimilarBookOut]
    next: NextCursor

    @classmethod
    def from_books(cls, books: Sequence[SimilarBook]) -> "SimilarOut":
        items = [
            SimilarBookOut(
                book=BookState.from_stored(each.book),
                score=round(each.score, 4),
                reasons=[ReasonOut(kind=r.kind, values=list(r.values)) for r in each.reasons],
            )
            for each in books
        ]
        return cls(items=items, next=None)


def _sort_values(counts: Mapping[str, int]) -> list[FacetValue]:
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FacetValue(value=value, count=count) for value, count in by_count]
