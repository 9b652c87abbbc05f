"""Reading and writing one folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import tantivy
from tantivy import Order, Query

from bookcore.domain.book import BookId
from bookcore.domain.errors import Conflict, Unavailable
from bookcore.search import SearchHit, SearchPage, SearchQuery, Suggestion
from bookcore.search.documents import Change, get_id, keep_newest
from bookcore.search.query_plan import build_plan
from bookcore.search.suggestions import MAX_SUGGESTIONS, TITLES_PER_SUGGESTION, choose_suggestions
from bookcore.search.tantivy.documents import (
    build_schema,
    read_id_and_title,
    read_version,
    to_book,
    to_document,
)
from bookcore.search.tantivy.facets import count_categories, count_facets
from bookcore.search.tantivy.folder import ReaderSnapshots, acquire_writer_lock
from bookcore.search.tantivy.hits import search_ranked, search_unranked
from bookcore.search.tantivy.queries import (
    add_filters,
    build_category_prefix_query,
    build_text_query,
    build_title_prefix_query,
)
from bookcore.search.text import tokenize_query

_HEAP = 50_000_000  # bytes that tantivy may gather before it writes a segment
_CHUNK = 1_000


class TantivyIndex:
    """Answers from the newest commit. The kernel keeps a writer's lock and frees it when the process is gone.

    Versions are looked up in the index itself: memory doesn't grow with the number of books.
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
        """As SearchIndex.put; one commit.

        Raises: Unavailable when the disk refuses; the index is then as it was before.
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
        """As SearchIndex.query; `limit` 0 asks for total and facets alone."""
        wanted = build_plan(query)
        searcher = self._snapshots.get_newest()
        text = build_text_query(self._schema, wanted)
        page = (search_unranked if wanted.is_match_all else search_ranked)(
            searcher,
            add_filters(self._schema, text, wanted.filters),
            offset=query.offset,
            limit=query.limit,
        )
        hits = [SearchHit(to_book(searcher.doc(at)), score) for score, at in page.hits]
        return SearchPage(hits, page.total, count_facets(self._schema, searcher, text, wanted=wanted))

    def suggest(self, text: str, *, limit: int) -> Sequence[Suggestion]:
        """As SearchIndex.suggest; at most 100."""
        words = tokenize_query(text)
        limit = min(limit, MAX_SUGGESTIONS)
        if not words or limit < 1:
            return []
        searcher = self._snapshots.get_newest()
        categories = count_categories(searcher, build_category_prefix_query(self._schema, words))
        found = search_ranked(
            searcher,
            build_title_prefix_query(self._schema, words),
            offset=0,
            limit=TITLES_PER_SUGGESTION * limit,
        )
        titles = [read_id_and_title(searcher.doc(at)) for _, at in found.hits]
        return choose_suggestions(words, categories, titles, limit=limit)

    def read_versions(self) -> Iterator[tuple[BookId, int, bool]]:
        """As SearchIndex.versions; of one moment, however long the reading takes."""
        searcher = self._snapshots.get_newest()
        for done in range(0, searcher.num_docs, _CHUNK):
            page = searcher.search(Query.all_query(), limit=_CHUNK, offset=done, count=False)
            yield from (read_version(searcher.doc(at)) for _, at in page.hits)

    def close(self) -> None:
        """As SearchIndex.close; waits until segments under way are merged."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _read_known_versions(self, ids: Sequence[BookId]) -> Mapping[str, int]:
        """Versions of those that are there; sorted by id because only then an answer tells which is which."""
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
            self._writer = None  # what it had gathered goes with it; the next put begins with a new one
            raise Unavailable(
                f"the search index can't be written ({error}); free some disk space", retry_after=5.0
            ) from error
