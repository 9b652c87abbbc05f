"""Functions with which the search suites fill, read and kill an index."""

import subprocess
import sys
from collections import Counter

from bookcore.domain.book import VersionedBook
from bookcore.search import SearchFilters, SearchIndex, SearchQuery, open_search_index

_PUT_FOR_EVER = """
import sys
from bookcore.search import open_search_index
from bookcore.testing.builders import make_versioned_book
index = open_search_index(sys.argv[1], writable=True)
for n in range(1_000):
    index.put([make_versioned_book(f"k{n}-{m}") for m in range(20)])
    print(n, flush=True)
"""


def search_ids(
    index: SearchIndex, text: str, filters: SearchFilters | None = None, *, limit: int = 100
) -> list[str]:
    """Ids of the found books, best first."""
    page = index.search(SearchQuery(text, filters or SearchFilters(), limit=limit))
    return [hit.book.book.source_id for hit in page.hits]


def fill(url: str, *books: VersionedBook) -> None:
    """Writes the books with a writer of their own."""
    index = open_search_index(url, writable=True)
    index.put(books)
    index.close()


def kill_a_writer(url: str) -> int:
    """Kills a process that puts batches of 20 books (`k0-0`...); returns the number of acknowledged
    batches.
    """
    command = [sys.executable, "-c", _PUT_FOR_EVER, url]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(5)]
    writer.kill()
    rest, _ = writer.communicate()
    return len(lines) + rest.count("\n")


def count_commits(index: SearchIndex) -> Counter[str]:
    """Batch -> how many of its books are in the index."""
    return Counter(book_id.partition("-")[0] for book_id, _, _ in index.read_versions())
