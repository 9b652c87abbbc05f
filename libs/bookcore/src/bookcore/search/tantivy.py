"""A tantivy index in a folder: one process writes, any number read.

Each document keeps the whole book as JSON beside its tokens. A removed book stays as a mark with its version,
so that an older state can't bring it back.
"""

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import tantivy

from bookcore.domain.book import BookId, VersionedBook
from bookcore.domain.errors import Conflict, Invalid, Unavailable
from bookcore.events.book import BookState
from bookcore.search import Hit, Removed, SearchIndex, SearchPage, SearchQuery, Suggestion
from bookcore.search.query import plan
from bookcore.search.tantivy_queries import facets_of, filtered, matching, suggesting
from bookcore.search.text import query_tokens, tokens

_HEAP = 50_000_000
_LAST = 10_000
_CHUNK = 1_000


def open_index(url: str, *, writable: bool) -> SearchIndex:
    """`tantivy:///absolute/folder`; the folder is made when it isn't there."""
    return TantivyIndex(Path(url.removeprefix("tantivy://")), writable=writable)


def schema() -> tantivy.Schema:
    """Token fields take text already split by text.py."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_integer_field("version", stored=True, fast=True)
    builder.add_boolean_field("deleted", stored=True, indexed=True, fast=True)
    for name in ("title", "category_tokens", "description"):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    for name in ("identifier", "source", "category", "availability"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in ("rating", "price"):
        builder.add_integer_field(name, indexed=True, fast=True)
    builder.add_bytes_field("state", stored=True)
    return builder.build()


class TantivyIndex:
    """Readers reload before each question; a writer holds a file lock that the kernel frees when it dies."""

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self._schema = schema()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _take(folder / "writer.flock") if writable else None
            with (folder / "create.flock").open("w") as creating:
                fcntl.flock(creating, fcntl.LOCK_EX)
                self._index = tantivy.Index(self._schema, path=str(folder))
        except (OSError, ValueError) as error:
            raise _unavailable(folder, error) from error
        self._index.config_reader(reload_policy="manual")
        self._writer = self._index.writer(heap_size=_HEAP, num_threads=1) if writable else None

    def put(self, changes: Sequence[VersionedBook | Removed]) -> int:
        """As SearchIndex.put."""
        if self._writer is None:
            raise Conflict("this index was opened for reading only")
        newest = _newest(changes)
        known = self._known(list(newest))
        newer = [change for book_id, change in newest.items() if change.version > known.get(book_id, -1)]
        try:
            for change in newer:
                self._writer.delete_documents_by_term("id", _id_of(change))
                self._writer.add_document(_document(change))
            if newer:
                self._writer.commit()
        except (OSError, ValueError) as error:
            self._writer.rollback()
            raise Unavailable(f"the search index can't be written ({error}); free some space") from error
        return len(newer)

    def query(self, query: SearchQuery) -> SearchPage:
        """As SearchIndex.query."""
        if query.offset + query.limit > _LAST:
            raise Invalid(f"offset and limit reach beyond {_LAST}; narrow the search", field="offset")
        searcher = self._searcher()
        wanted = plan(query)
        found = searcher.search(
            filtered(self._schema, matching(self._schema, wanted), wanted.filters),
            limit=query.limit,
            offset=query.offset,
            order_by_field="id" if wanted.everything else None,
            order=tantivy.Order.Asc if wanted.everything else tantivy.Order.Desc,
        )
        hits = [Hit(_book_of(searcher.doc(at)), _score(score)) for score, at in found.hits]
        facets = facets_of(self._schema, searcher, wanted)
        total: int = found.count  # type: ignore[attr-defined]  # the library has it, its stub doesn't
        return SearchPage(hits, total, facets)

    def suggest(self, text: str, *, limit: int) -> Sequence[Suggestion]:
        """As SearchIndex.suggest."""
        words = query_tokens(text)
        if not words:
            return []
        searcher = self._searcher()
        found = searcher.search(suggesting(self._schema, words), limit=limit * 3)
        books = [_book_of(searcher.doc(at)).book for _, at in found.hits]
        categories = dict.fromkeys(b.category for b in books if b.category and _continues(b.category, words))
        titles = {b.title: b.id for b in books if _continues(b.title, words)}
        suggestions = [Suggestion(category, "category") for category in categories]
        suggestions += [Suggestion(title, "title", book_id) for title, book_id in titles.items()]
        return suggestions[:limit]

    def versions(self) -> Iterator[tuple[BookId, int, bool]]:
        """As SearchIndex.versions."""
        searcher = self._searcher()
        total, done = searcher.num_docs, 0
        while done < total:
            page = searcher.search(tantivy.Query.all_query(), limit=_CHUNK, offset=done, count=False)
            for _, at in page.hits:
                document = searcher.doc(at)
                yield BookId(document["id"][0]), document["version"][0], document["deleted"][0]
            done += len(page.hits)

    def close(self) -> None:
        """As SearchIndex.close."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None
        if self._lock is not None:
            self._lock.close()

    def _searcher(self) -> tantivy.Searcher:
        self._index.reload()
        return self._index.searcher()

    def _known(self, ids: Sequence[str]) -> Mapping[str, int]:
        searcher = self._searcher()
        there = [book_id for book_id in ids if searcher.doc_freq("id", book_id)]
        if not there:
            return {}
        found = searcher.search(
            tantivy.Query.term_set_query(self._schema, "id", there), limit=len(there), count=False
        )
        documents = [searcher.doc(at) for _, at in found.hits]
        return {document["id"][0]: document["version"][0] for document in documents}


def _score(score: object) -> float:
    return score if isinstance(score, float) else 0.0  # ordered by id, there is no score


def _newest(changes: Sequence[VersionedBook | Removed]) -> dict[str, VersionedBook | Removed]:
    newest: dict[str, VersionedBook | Removed] = {}
    for change in changes:
        known = newest.get(_id_of(change))
        if known is None or change.version > known.version:
            newest[_id_of(change)] = change
    return newest


def _id_of(change: VersionedBook | Removed) -> str:
    return change.id if isinstance(change, Removed) else change.book.id


def _document(change: VersionedBook | Removed) -> tantivy.Document:
    document = tantivy.Document()
    document.add_text("id", _id_of(change))
    document.add_integer("version", change.version)
    document.add_boolean("deleted", isinstance(change, Removed))
    if isinstance(change, VersionedBook):
        _describe(document, change)
    return document


def _describe(document: tantivy.Document, stored: VersionedBook) -> None:
    book = stored.book
    for name, text in (
        ("title", book.title),
        ("category_tokens", book.category),
        ("description", book.description),
    ):
        document.add_text(name, " ".join(tokens(text or "")))
    for identifier in {book.id, book.source_id, *book.identifiers.values()}:
        document.add_text("identifier", identifier)
    document.add_text("source", book.source)
    document.add_text("availability", book.availability.status.value)
    if book.category:
        document.add_text("category", book.category)
    if book.rating is not None:
        document.add_integer("rating", book.rating)
    document.add_integer("price", int(book.price.amount * 10_000))
    document.add_bytes("state", BookState.of(stored).model_dump_json().encode())


def _book_of(document: tantivy.Document) -> VersionedBook:
    return BookState.model_validate_json(bytes(document["state"][0])).to_book()


def _continues(text: str, words: Sequence[str]) -> bool:
    there = tokens(text)
    return all(word in there for word in words[:-1]) and any(t.startswith(words[-1]) for t in there)


def _take(path: Path) -> IO[bytes]:
    lock = path.open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise Conflict(f"another process writes the search index {path.parent}; stop it first") from error
    return lock


def _unavailable(folder: Path, error: OSError | ValueError) -> Unavailable:
    return Unavailable(f"the search index {folder} can't be opened ({error}); check the folder")
