"""Reads and writes an index folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import tantivy
from tantivy import Order, Query

from bookcore.domain.book import BookId
from bookcore.domain.errors import Conflict, Unavailable
from bookcore.search import SearchPage, SearchQuery, SimilarBook, Suggestion
from bookcore.search.documents import Change, get_id, keep_newest
from bookcore.search.nodes import Node
from bookcore.search.query_plan import build_category_prefixes, build_title_prefixes
from bookcore.search.ranked import search_ranked
from bookcore.search.similar import find_similar
from bookcore.search.suggestions import (
    MAX_SUGGESTIONS,
    TITLES_PER_SUGGESTION,
    add_ranked_suggestions,
    choose_suggestions,
)
from bookcore.search.tantivy.documents import build_schema, read_id_and_title, read_version, to_document
from bookcore.search.tantivy.facets import count_categories
from bookcore.search.tantivy.folder import ReaderSnapshots, acquire_writer_lock
from bookcore.search.tantivy.hits import search_scored
from bookcore.search.tantivy.queries import translate
from bookcore.search.tantivy.view import TantivyView
from bookcore.search.text import tokenize_query

_HEAP = 50_000_000  # bytes buffered before a segment is written
_CHUNK = 1_000


class TantivyIndex:
    """Reads the newest commit. The kernel holds the writer's lock and releases it when the process ends.

    Versions are looked up in the index itself: memory does not grow with the number of books.
    """

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self._schema = build_schema()
        self._lock: IO[bytes] | None = acquire_writer_lock(folder) if writable else None
        self._writer: tantivy.IndexWriter | None = None
        try:
            self._snapshots = ReaderSnapshots(folder, self._schema)
        except BaseException:
            self.close()
            raise

    def put(self, changes: Sequence[Change]) -> int:
        """One commit.

        Raises: Unavailable when the disk fails; the index is unchanged then.
        """
        if self._lock is None:
            raise Conflict("this search index was opened for reading; open it with writable=True")
        latest = keep_newest(changes)
        known = self._read_known_versions(list(latest))
        newer = [change for key, change in latest.items() if change.version > known.get(key, -1)]
        if newer:
            self._write([(get_id(change), to_document(change)) for change in newer])
        return len(newer)

    def search(self, query: SearchQuery) -> SearchPage:
        """`limit` 0 returns total and facets only."""
        return search_ranked(TantivyView(self._schema, self._snapshots.get_newest()), query)

    def suggest(self, text: str, *, limit: int) -> Sequence[Suggestion]:
        """At most 100."""
        words = tokenize_query(text)
        limit = min(limit, MAX_SUGGESTIONS)
        if not words or limit < 1:
            return []
        searcher = self._snapshots.get_newest()
        categories = count_categories(searcher, self._translate(build_category_prefixes(words)))
        found = search_scored(
            searcher,
            self._translate(build_title_prefixes(words)),
            offset=0,
            limit=TITLES_PER_SUGGESTION * limit,
        )
        titles = [read_id_and_title(searcher.doc(at)) for _, at in found.hits]
        chosen = choose_suggestions(words, categories, titles, limit=limit)
        return add_ranked_suggestions(TantivyView(self._schema, searcher), text, chosen, limit=limit)

    def find_similar(self, book_id: BookId, *, limit: int) -> Sequence[SimilarBook]:
        return find_similar(TantivyView(self._schema, self._snapshots.get_newest()), book_id, limit=limit)

    def read_versions(self) -> Iterator[tuple[BookId, int, bool]]:
        """A consistent snapshot, however long the reading takes."""
        searcher = self._snapshots.get_newest()
        for done in range(0, searcher.num_docs, _CHUNK):
            page = searcher.search(Query.all_query(), limit=_CHUNK, offset=done, count=False)
            yield from (read_version(searcher.doc(at)) for _, at in page.hits)

    def close(self) -> None:
        """Waits for running merges."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _translate(self, node: Node) -> Query:
        """Without removed books: they have no words."""
        return translate(self._schema, node)

    def _read_known_versions(self, ids: Sequence[BookId]) -> Mapping[str, int]:
        """Versions of the stored ids; sorted by id, because only then the result tells which is which."""
        searcher = self._snapshots.get_newest()
        wanted = Query.term_set_query(self._schema, "id", ids)
        found = searcher.search(
            wanted, limit=max(len(ids), 1), count=False, order_by_field="id", order=Order.Asc
        )
        versions = searcher.fast_field_values("version", [at for _, at in found.hits])
        return {key: int(version or 0) for (key, _), version in zip(found.hits, versions, strict=True)}

    def _write(self, documents: Sequence[tuple[BookId, tantivy.Document]]) -> None:
        try:
            if self._writer is None:
                self._writer = self._snapshots.index.writer(heap_size=_HEAP, num_threads=1)
            for key, document in documents:
                self._writer.delete_documents_by_term("id", key)
                self._writer.add_document(document)
            self._writer.commit()
        except (OSError, ValueError) as error:
            self._writer = None  # discards the buffered documents; the next put creates a writer
            raise Unavailable(
                f"the search index can't be written ({error}); free some disk space", retry_after=5.0
            ) from error
