"""Reading and writing one folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import tantivy
from tantivy import Order, Query

from bookcore.domain.book import BookId
from bookcore.domain.errors import Conflict, Unavailable
from bookcore.search import Hit, SearchPage, SearchQuery, Suggestion
from bookcore.search.documents import Change, id_of, newest
from bookcore.search.query_plan import plan
from bookcore.search.suggestions import MOST_SUGGESTIONS, TITLES_PER_SUGGESTION, chosen
from bookcore.search.tantivy.documents import book_of, document_of, name_of, schema, version_of
from bookcore.search.tantivy.facets import categories_of, facets_of
from bookcore.search.tantivy.folder import Snapshots, take_writing
from bookcore.search.tantivy.hits import ranked, unranked
from bookcore.search.tantivy.queries import categories_continuing, matching, narrowed, titles_continuing
from bookcore.search.text import query_tokens

_HEAP = 50_000_000  # bytes that tantivy may gather before it writes a segment
_CHUNK = 1_000


class TantivyIndex:
    """Answers from the newest commit. The kernel keeps a writer's lock and frees it when the process is gone.

    Versions are looked up in the index itself: memory doesn't grow with the number of books.
    """

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self._schema = schema()
        self._lock: IO[bytes] | None = take_writing(folder) if writable else None
        self._writer: tantivy.IndexWriter | None = None
        try:
            self._snapshots = Snapshots(folder, self._schema)
        except BaseException:
            self.close()
            raise

    def put(self, changes: Sequence[Change]) -> int:
        """As SearchIndex.put; one commit.

        Raises: Unavailable when the disk refuses; the index is then as it was before.
        """
        if self._lock is None:
            raise Conflict("this search index was opened for reading; open it with writable=True")
        latest = newest(changes)
        known = self._known(list(latest))
        newer = [change for key, change in latest.items() if change.version > known.get(key, -1)]
        if newer:
            self._write([(id_of(change), document_of(change)) for change in newer])
        return len(newer)

    def query(self, query: SearchQuery) -> SearchPage:
        """As SearchIndex.query; `limit` 0 asks for total and facets alone."""
        wanted = plan(query)
        searcher = self._snapshots.newest()
        text = matching(self._schema, wanted)
        page = (unranked if wanted.everything else ranked)(
            searcher,
            narrowed(self._schema, text, wanted.narrowing),
            offset=query.offset,
            limit=query.limit,
        )
        hits = [Hit(book_of(searcher.doc(at)), score) for score, at in page.hits]
        return SearchPage(hits, page.total, facets_of(self._schema, searcher, text, wanted=wanted))

    def suggest(self, text: str, *, limit: int) -> Sequence[Suggestion]:
        """As SearchIndex.suggest; at most 100."""
        words = query_tokens(text)
        limit = min(limit, MOST_SUGGESTIONS)
        if not words or limit < 1:
            return []
        searcher = self._snapshots.newest()
        categories = categories_of(searcher, categories_continuing(self._schema, words))
        found = ranked(
            searcher,
            titles_continuing(self._schema, words),
            offset=0,
            limit=TITLES_PER_SUGGESTION * limit,
        )
        titles = [name_of(searcher.doc(at)) for _, at in found.hits]
        return chosen(words, categories, titles, limit=limit)

    def versions(self) -> Iterator[tuple[BookId, int, bool]]:
        """As SearchIndex.versions; of one moment, however long the reading takes."""
        searcher = self._snapshots.newest()
        for done in range(0, searcher.num_docs, _CHUNK):
            page = searcher.search(Query.all_query(), limit=_CHUNK, offset=done, count=False)
            yield from (version_of(searcher.doc(at)) for _, at in page.hits)

    def close(self) -> None:
        """As SearchIndex.close; waits until segments under way are merged."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _known(self, ids: Sequence[BookId]) -> Mapping[str, int]:
        """Versions of those that are there; sorted by id because only then an answer tells which is which."""
        searcher = self._snapshots.newest()
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
