"""Rebuilds the search index from the catalogue beside the live one, and compares both before the swap.

Golden queries are titles and codes of the catalogue's own books, and those of the operator's file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bookcore.catalogue import Catalogue, open_catalogue
from bookcore.domain.book import BookId, VersionedBook
from bookcore.domain.errors import Conflict, Invalid
from bookcore.search import (
    OutdatedIndex,
    RemovedBook,
    SearchIndex,
    SearchQuery,
    begin_rebuild,
    open_search_index,
    roll_back,
)
from ingestor.settings import Settings

_CHUNK = 2_000
_GOLDEN_BOOKS = 100
_COMPARED = 5  # hits of a query
_SHOWN = 10  # differences


@dataclass(frozen=True, slots=True)
class IndexComparison:
    """Of the live and the rebuilt index; `live_books` is None where the live one can't be read.

    `agreement` is 0 to 1: the mean share of the live index's first five hits that are among the new one's.
    """

    live_books: int | None
    books: int
    queries: int
    agreement: float
    differences: tuple[str, ...]

    def __str__(self) -> str:
        """A line for the counts and one for each difference."""
        if self.live_books is None:
            return f"books={self.books} the live index is of another version, so that hits can't be compared"
        counts = f"books={self.books} living={self.live_books} queries={self.queries}"
        return "\n".join((f"{counts} agreement={self.agreement:.1%}", *self.differences))


def rebuild_index(settings: Settings, *, force: bool = False) -> Iterator[str]:
    """Lines that say what was compared and done. The replaced index is kept for a rollback.

    Raises: Conflict when counts or hits differ too much from the live index, unless forced, and while
    another process writes an embedded index; the live index is unchanged then.
    """
    queries = _read_golden_file(settings.search_golden_file)
    catalogue = open_catalogue(settings.catalogue_url)
    rebuild = begin_rebuild(settings.search_url)
    try:
        index_newer(catalogue, rebuild.index)
        comparison = _compare_with_live(settings.search_url, rebuild.index, catalogue, queries)
        yield str(comparison)
        if not force:
            check_comparison(comparison, settings)
        rebuild.swap()
        index_newer(catalogue, rebuild.index)  # changes that went to the old index meanwhile
        yield "the rebuilt index is live now; the one of before is kept until the next swap"
    finally:
        rebuild.discard()
        catalogue.close()


def roll_back_index(settings: Settings) -> Iterator[str]:
    """Exchanges the live index and the one that the last rebuild replaced, and indexes what it missed.

    Raises: NotFound without a kept index, Conflict when this version can't read it or another process
    writes an embedded index.
    """
    roll_back(settings.search_url)
    catalogue = open_catalogue(settings.catalogue_url)
    index = open_search_index(settings.search_url, writable=True)
    try:
        count = index_newer(catalogue, index)
    finally:
        index.close()
        catalogue.close()
    yield f"the index of before the last rebuild is live again; {count} changes since were indexed"


def compare_indexes(live: SearchIndex, rebuilt: SearchIndex, queries: Sequence[str]) -> IndexComparison:
    """Counts of books, and the first hits of each query."""
    shares, differences = [], []
    for text in queries:
        before, after = _list_first(live, text), _list_first(rebuilt, text)
        share = len(set(before) & set(after)) / len(before) if before else 1.0
        shares.append(share)
        if before[:1] != after[:1] or share < 1.0:
            first, then = (next(iter(found), "nothing") for found in (before, after))
            differences.append(f"{text!r}: first {first}, now {then}; {share:.0%} of the hits are there")
    agreement = sum(shares) / len(shares) if shares else 1.0
    shown = tuple(differences[:_SHOWN])
    return IndexComparison(_count_books(live), _count_books(rebuilt), len(queries), agreement, shown)


def check_comparison(comparison: IndexComparison, settings: Settings) -> None:
    """Raises: Conflict when the rebuilt index has too few books or other hits."""
    if comparison.live_books is None:
        return
    remedy = "look at the differences; --force swaps it in"
    least = settings.search_least_books * comparison.live_books
    if comparison.books < least:
        raise Conflict(
            f"the rebuilt index has {comparison.books} books, the live one {comparison.live_books}; {remedy}"
        )
    if comparison.agreement < settings.search_least_agreement:
        raise Conflict(
            f"the rebuilt index agrees in {comparison.agreement:.1%} of the hits, less than"
            f" {settings.search_least_agreement:.0%}; {remedy}"
        )


def index_newer(catalogue: Catalogue, index: SearchIndex) -> int:
    """Index the books whose version in the catalogue is newer; returns how many there are."""
    indexed = {book_id: version for book_id, version, _ in index.read_versions()}
    newer = (
        stored for stored in catalogue.iterate_books() if stored.version > indexed.get(stored.book.id, -1)
    )
    changes, count = _build_changes(newer), 0
    while chunk := list(islice(changes, _CHUNK)):
        index.put(chunk)
        count += len(chunk)
    return count


def list_golden_queries(books: Iterator[VersionedBook]) -> list[str]:
    """The titles and codes of the first hundred books."""
    first = islice((stored.book for stored in books if not stored.deleted), _GOLDEN_BOOKS)
    return [text for book in first for text in (book.title, *list(book.identifiers.values())[:1])]


def _compare_with_live(
    url: str, rebuilt: SearchIndex, catalogue: Catalogue, queries: Sequence[str]
) -> IndexComparison:
    try:
        live = open_search_index(url)
    except OutdatedIndex:
        return IndexComparison(None, _count_books(rebuilt), 0, 1.0, ())
    try:
        return compare_indexes(live, rebuilt, [*queries, *list_golden_queries(catalogue.iterate_books())])
    finally:
        live.close()


def _read_golden_file(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} can't be read ({error})", field="search_golden_file") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _list_first(index: SearchIndex, text: str) -> list[BookId]:
    return [hit.book.book.id for hit in index.search(SearchQuery(text, limit=_COMPARED)).hits]


def _count_books(index: SearchIndex) -> int:
    return index.search(SearchQuery("", limit=0)).total


def _build_changes(books: Iterator[VersionedBook]) -> Iterator[VersionedBook | RemovedBook]:
    for stored in books:
        yield RemovedBook(stored.book.id, stored.version) if stored.deleted else stored
