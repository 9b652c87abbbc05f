"""The search port: books as documents, queries with filters and facets, suggestions while typing.

Elasticsearch in production, tantivy on a laptop. Text analysis (text.py) happens above the engines, so
that both index the same tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from itertools import islice
from typing import Protocol, cast

from bookcore.domain.book import BookId, VersionedBook
from bookcore.domain.errors import Invalid

_NAMED = 3


@dataclass(frozen=True, slots=True)
class RemovedBook:
    """The end of a book; nothing older than `version` may bring it back."""

    id: BookId
    version: int


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """Each field narrows; None or empty doesn't. Prices are in major units, bounds inclusive."""

    category: Sequence[str] = ()
    source: Sequence[str] = ()
    availability: Sequence[str] = ()
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_rating: int | None = None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """`text` as typed (may be empty: all books); `offset` + `limit` <= 10,000."""

    text: str
    filters: SearchFilters = field(default_factory=SearchFilters)
    offset: int = 0
    limit: int = 20


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A found book with its score (higher is better, comparable within one answer only)."""

    book: VersionedBook
    score: float


@dataclass(frozen=True, slots=True)
class SearchPage:
    """`total` counts all matches; `facets` maps a facet's name to value -> number of matches."""

    hits: Sequence[SearchHit]
    total: int
    facets: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A title or category that continues what was typed."""

    text: str
    kind: str
    book_id: BookId | None = None


class UnindexableBooks(Invalid):
    """The engine refuses these books for what they hold, by id with the reason; all others are indexed."""

    def __init__(self, books: Mapping[BookId, str]) -> None:
        first = [f"{book} ({reason})" for book, reason in islice(books.items(), _NAMED)]
        super().__init__(f"{len(books)} books can't be indexed: {'; '.join(first)}", field="book")
        self.books = books


class SearchIndex(Protocol):
    """Blocking; reading is safe from several threads and processes, writing is for one process at a time."""

    def put(self, changes: Sequence[VersionedBook | RemovedBook]) -> int:
        """Durably index what is newer than what is there (by version, removals included).

        A removal leaves a mark that an older version can't overwrite. Returns how many were newer; the
        rest are already there or outdated, which is success. Raises: Unindexable, when all others are done.
        """

    def search(self, query: SearchQuery) -> SearchPage:
        """Best matches first."""

    def suggest(self, text: str, *, limit: int) -> Sequence[Suggestion]:
        """Titles and categories that begin with, or hold a word that begins with, the text."""

    def read_versions(self) -> Iterator[tuple[BookId, int, bool]]:
        """(id, version, deleted) of every document; a doubled document would show twice."""

    def close(self) -> None:
        """Free files and connections."""


class IndexRebuild(Protocol):
    """An index built anew beside the living one, which goes on answering and, where the engine can, growing.

    What is written to the living index between the filling and the swap is not in the new one. So:

        fill(rebuild.index)       # everything
        catch_up(rebuild.index)   # what the catalogue accepted meanwhile; only makes the next step short
        rebuild.swap()            # from here on readers and writers are at the new index
        catch_up(rebuild.index)   # what writers told the old index before the swap
        rebuild.retire()
        rebuild.discard()         # in a `finally`

    The second catch-up misses nothing, because whatever a writer puts was in the catalogue before. Doubled
    writes are harmless: versions decide.
    """

    @property
    def index(self) -> SearchIndex:
        """The new index, for writing; after the swap it is the living one."""

    def swap(self) -> None:
        """Put the new index in the place of the living one, at one moment. The old one is kept aside.

        Raises: Conflict when somebody else is in the way; the living index is then as it was.
        """

    def delete_old(self) -> None:
        """Delete the index that was replaced."""

    def discard(self) -> None:
        """Free files and connections; delete what was built, unless it was swapped in. Always at the end."""


_ADAPTERS = {"tantivy": "bookcore.search.tantivy", "elasticsearch": "bookcore.search.elasticsearch"}


class _Adapter(Protocol):
    def open_index(self, url: str, *, writable: bool) -> SearchIndex: ...
    def open_rebuild(self, url: str) -> IndexRebuild: ...


def open_search_index(url: str, *, writable: bool = False) -> SearchIndex:
    """`writable` takes the one writer's lock, where the engine has one.

    Raises: Invalid when no adapter speaks the URL's scheme, Conflict when another process writes.
    """
    return _adapter(url).open_index(url, writable=writable)


def begin_rebuild(url: str) -> IndexRebuild:
    """Begin an empty index beside the living one; leftovers of a rebuild that was killed are cleared away.

    The living index may be missing, or of another version's make.
    Raises: as open_search_index.
    """
    return _adapter(url).open_rebuild(url)


def _adapter(url: str) -> _Adapter:
    scheme = url.partition("://")[0]
    if scheme not in _ADAPTERS:
        raise Invalid(f"no search for {scheme}://; use one of {', '.join(_ADAPTERS)}", field="search_url")
    return cast(_Adapter, import_module(_ADAPTERS[scheme]))
