"""The search port: books as documents, queries with filters and facets, suggestions.

Elasticsearch in production, tantivy on a laptop. Text analysis (text.py) runs above the engines, so that both
index the same tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Protocol, cast

from bookcore.domain.book import BookId, VersionedBook
from bookcore.domain.errors import Conflict, Invalid
from bookcore.kit.adapters import load_adapter

_NAMED = 3


@dataclass(frozen=True, slots=True)
class RemovedBook:
    """A tombstone; no document older than `version` may replace it."""

    id: BookId
    version: int


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """Filters combined with AND, the values of one filter with OR; None or empty means no filter.

    Prices are in major units, bounds inclusive.
    """

    category: Sequence[str] = ()
    source: Sequence[str] = ()
    currency: Sequence[str] = ()
    availability: Sequence[str] = ()
    rating: Sequence[int] = ()
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_rating: int | None = None
    author: Sequence[str] = ()
    publisher: Sequence[str] = ()
    language: Sequence[str] = ()
    min_year: int | None = None
    max_year: int | None = None


class SearchOrder(StrEnum):
    """Orders of a result; books without the value come last, equal values by a hash of their ids."""

    RELEVANCE = "relevance"
    PRICE = "price"
    PRICE_DESCENDING = "-price"
    RATING_DESCENDING = "-rating"
    NEWEST = "-first_seen_at"
    YEAR_DESCENDING = "-year"


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """`text` as typed (empty matches all books); `offset` + `limit` <= 10,000."""

    text: str
    filters: SearchFilters = field(default_factory=SearchFilters)
    offset: int = 0
    limit: int = 20
    sort: SearchOrder = SearchOrder.RELEVANCE


@dataclass(frozen=True, slots=True)
class Highlight:
    """A word of the book that met a typed one: field (`title` or `authors[n]`), characters start to end."""

    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class WordMatch:
    """A typed word, the book's word that meets it best, its field, and their likeness 0 to 1."""

    typed: str
    found: str
    field: str
    likeness: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why a book has its score: quality and exactness 0 to 1, popularity in steps, the words that met.

    `edit` is `none`, `spelling`, `spacing` or `identifier`.
    """

    score: float
    quality: float
    exactness: float
    popularity: int
    matches: Sequence[WordMatch]
    edit: str


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A book with its score (higher is better, comparable within one result only).

    A hit without a judgement follows those with one; its score is the engine's.
    """

    book: VersionedBook
    score: float
    judgement: Judgement | None = None
    highlights: Sequence[Highlight] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """What would find books where the typed text finds none, and how many.

    `kind` is `correction`, `spacing`, `dropped_words` or `relaxed_filter`; `text` is what to type instead,
    `dropped` names the words or filters that are left out.
    """

    kind: str
    text: str
    dropped: Sequence[str]
    total: int


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`total` counts all matches; `facets` maps a facet's name to value -> number of matches.

    `did_you_mean` is the text as books have it, where none has it as typed; the ladder is for no result.
    """

    hits: Sequence[SearchHit]
    total: int
    facets: Mapping[str, Mapping[str, int]]
    did_you_mean: str | None = None
    ladder: Sequence[Rung] = ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A title, author, series or category that completes the typed text."""

    text: str
    kind: str
    book_id: BookId | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """What two books share: a series, author, subject, category, or words of `title` or `description`."""

    kind: str
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class SimilarBook:
    """A book like another one, with its score (higher is liker) and at least one reason."""

    book: VersionedBook
    score: float
    reasons: Sequence[Reason]


class UnindexableBooks(Invalid):
    """The engine rejects these books, by id with the reason; all others are indexed."""

    def __init__(self, books: Mapping[BookId, str]) -> None:
        first = [f"{book} ({reason})" for book, reason in islice(books.items(), _NAMED)]
        super().__init__(f"{len(books)} books can't be indexed: {'; '.join(first)}", field="book")
        self.books = books


class OutdatedIndex(Conflict):
    """The index was made by another version of the analysis; it must be rebuilt."""


class SearchIndex(Protocol):
    """Blocking; reads are safe from several threads and processes, writes are for one process at a time."""

    def put(self, changes: Sequence[VersionedBook | RemovedBook]) -> int:
        """Indexes durably every change that is newer than the stored document (by version, removals
        included).

        A removal leaves a tombstone that an older version cannot replace. Returns the number of newer
        changes; the others are stored already or outdated, which is a success. Raises: UnindexableBooks
        after indexing the others.
        """

    def search(self, query: SearchQuery) -> SearchPage:
        """Best matches first."""

    def suggest(self, text: str, *, limit: int) -> Sequence[Suggestion]:
        """Categories, people, series and titles that the text begins or misspells."""

    def find_similar(self, book_id: BookId, *, limit: int) -> Sequence[SimilarBook]:
        """The likest books first, at most 200, without other listings of the book.

        Raises: NotFound when no such book is indexed.
        """

    def read_versions(self) -> Iterator[tuple[BookId, int, bool]]:
        """(id, version, deleted) of every document; a duplicate document would appear twice."""

    def close(self) -> None:
        """Frees files and connections."""


class IndexRebuild(Protocol):
    """Builds a new index beside the live one, which keeps serving reads and, where the engine can, writes.

    Writes to the live index between fill and swap are missing from the new one. The procedure is therefore:

        fill(rebuild.index)       # everything
        catch_up(rebuild.index)   # changes accepted meanwhile; makes the last step short
        rebuild.swap()            # readers and writers now use the new index
        catch_up(rebuild.index)   # writes to the old index before the swap
        rebuild.delete_old()      # or keep it for roll_back
        rebuild.discard()         # in a `finally`

    The second catch-up is complete, because every write was in the catalogue before. Duplicate writes are
    harmless: versions decide.
    """

    @property
    def index(self) -> SearchIndex:
        """The new index, open for writing; live after the swap."""

    def swap(self) -> None:
        """Replaces the live index atomically; the old one is kept aside.

        Raises: Conflict when another process interferes; the live index is unchanged then.
        """

    def delete_old(self) -> None:
        """Deletes the replaced index; without this it is kept until the next swap."""

    def discard(self) -> None:
        """Frees files and connections; deletes the new index unless it was swapped in. Always call it at the
        end.
        """


_ADAPTERS = {
    "tantivy": "bookcore.search.tantivy",
    "elasticsearch": "bookcore.search.elasticsearch",
    "elasticsearch+https": "bookcore.search.elasticsearch",
}


class _Adapter(Protocol):
    def open_index(self, url: str, *, writable: bool) -> SearchIndex: ...
    def open_rebuild(self, url: str) -> IndexRebuild: ...
    def restore_replaced(self, url: str) -> None: ...


def open_search_index(url: str, *, writable: bool = False) -> SearchIndex:
    """`writable` takes the single writer's lock, where the engine has one.

    Raises: Invalid when no adapter supports the URL's scheme, Conflict when another process writes,
    OutdatedIndex when another version made the index.
    """
    return _load_adapter(url).open_index(url, writable=writable)


def begin_rebuild(url: str) -> IndexRebuild:
    """Creates an empty index beside the live one; leftovers of a killed rebuild are deleted.

    The live index may be missing, or of another version.
    Raises: the same errors as open_search_index.
    """
    return _load_adapter(url).open_rebuild(url)


def roll_back(url: str) -> None:
    """Exchanges the live index and the one that the last rebuild replaced; again exchanges them back.

    Raises: NotFound when none is kept, OutdatedIndex when this version can't read it.
    """
    _load_adapter(url).restore_replaced(url)


def _load_adapter(url: str) -> _Adapter:
    return cast(_Adapter, load_adapter(url, _ADAPTERS, port="search index", field="search_url"))
