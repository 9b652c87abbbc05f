"""What people type and what is found first, by class of typing, beside two plain peers in the same run.

`python -m bench.search [--books 50000] [--each 200] [--seed 2] [--url elasticsearch://…/bench] [--docs]`
Books and texts come from the public files in BOOKSTREAM_TEST_DATA (`bench/search_books.py`). Seed 1 is for
tuning, seed 2 is the gate. CPU is that of this process per search with facets and ten books, without HTTP.
"""

import re
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated

import tantivy
import typer
from bench.report import Figure, save_figures, write_docs_table
from bench.search_books import read_library, read_shelf
from bench.search_typing import CLASSES, JUNK, Typed, TypingClass, generate, make_wanted

from bookcore.domain.book import VersionedBook
from bookcore.search import SearchIndex, SearchQuery, begin_rebuild, open_search_index
from bookcore.search.text import fold

Search = Callable[[str], Sequence[VersionedBook]]
_SHOWN = 10
_BATCH = 5_000


def open_plain_bm25(books: Sequence[VersionedBook]) -> Search:
    """The engine's own BM25 over lower-cased words of title and authors: any word may match."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text")
    builder.add_integer_field("row", stored=True)
    schema = builder.build()
    index = tantivy.Index(schema)
    writer = index.writer(num_threads=1)
    for row, stored in enumerate(books):
        writer.add_document(tantivy.Document(text=_join_names(stored), row=row))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def search(text: str) -> Sequence[VersionedBook]:
        words = [tantivy.Query.term_query(schema, "text", word) for word in re.findall(r"\w+", text.lower())]
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, word) for word in words])
        hits = searcher.search(query, limit=_SHOWN).hits if words else []
        return [books[searcher.doc(at)["row"][0]] for _, at in hits]

    return search


def open_sqlite_trigrams(books: Sequence[VersionedBook]) -> Search:
    """SQLite's FTS5 with its trigram tokenizer, accents folded: any three letters may match."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE shelf USING fts5(text, tokenize='trigram')")
    database.executemany(
        "INSERT INTO shelf(rowid, text) VALUES (?, ?)",
        ((row, fold(_join_names(stored))) for row, stored in enumerate(books)),
    )

    def search(text: str) -> Sequence[VersionedBook]:
        folded = fold(text).replace('"', " ")
        parts = dict.fromkeys(folded[at : at + 3] for at in range(len(folded) - 2))
        query = " OR ".join(f'"{part}"' for part in parts if "\x00" not in part)
        sql = "SELECT rowid FROM shelf WHERE shelf MATCH ? ORDER BY rank LIMIT ?"
        return [books[row] for (row,) in database.execute(sql, (query, _SHOWN))] if query else []

    return search


def measure_class(search: Search, asked: Sequence[Typed], kind: TypingClass) -> tuple[float, float]:
    """Percent answered within the class's depth, and percent without any book."""
    right = empty = 0
    for typed in asked:
        found = search(typed.text)
        right += any(map(typed.is_right, found[: kind.depth]))
        empty += not found
    return 100 * right / len(asked), 100 * empty / len(asked)


def load(url: str, books: Sequence[VersionedBook]) -> tuple[SearchIndex, float]:
    """A new index with the books, and books per second of CPU of this process."""
    fresh = begin_rebuild(url)
    begun = time.process_time()
    for start in range(0, len(books), _BATCH):
        fresh.index.put(books[start : start + _BATCH])
    speed = len(books) / (time.process_time() - begun)
    fresh.swap()
    fresh.delete_old()
    fresh.discard()
    return open_search_index(url), speed


def measure(searches: Mapping[str, Search], *, each: int, seed: int) -> list[Figure]:
    """One figure for each class and engine; the bars are for ours."""
    shelf = [make_wanted(stored) for stored in read_shelf()]
    figures, empties = [], []
    for kind in CLASSES:
        asked = list(generate(kind, shelf, seed=seed, count=each))
        for name, search in searches.items():
            right, empty = measure_class(search, asked, kind)
            goal = None if name.startswith("plain") else kind.bar
            label = f"{name}: {kind.name} ({len(asked)}), {'first' if kind.depth == 1 else 'top 3'}"
            figures.append(Figure(label, right, "%", goal=goal))
            empties += [] if name.startswith("plain") else [empty]
    junk = list(generate(JUNK, shelf, seed=seed, count=each))
    for name, search in searches.items():
        answered = 100 - measure_class(search, junk, JUNK)[1]
        goal = None if name.startswith("plain") else JUNK.bar
        figures.append(Figure(f"{name}: junk answered with books", answered, "%", goal=goal, at_most=True))
    figures.append(Figure("ours: empty answers", statistics.mean(empties), "%", goal=0.5, at_most=True))
    return figures


def measure_cpu(name: str, index: SearchIndex, *, seed: int) -> list[Figure]:
    """CPU of this process per search, over all classes."""
    shelf = [make_wanted(stored) for stored in read_shelf()]
    took = []
    for kind in CLASSES:
        for typed in generate(kind, shelf, seed=seed + 1, count=20):
            begun = time.process_time()
            index.search(SearchQuery(typed.text, limit=_SHOWN))
            took.append(1_000 * (time.process_time() - begun))
    cuts = statistics.quantiles(took, n=100)
    goals = {95: 10.0} if name == "tantivy" else {}
    return [
        Figure(f"{name}: CPU per search, p{p}", cuts[p - 1], "ms", goal=goals.get(p), at_most=True)
        for p in (50, 95)
    ]


def main(
    *,
    books: Annotated[int, typer.Option(help="In the index.")] = 50_000,
    each: Annotated[int, typer.Option(help="Texts of a class.")] = 200,
    seed: Annotated[int, typer.Option(help="2 is the gate's.")] = 2,
    url: Annotated[str, typer.Option(help="Of an Elasticsearch, too: elasticsearch://…/ALIAS.")] = "",
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Print one line per figure, keep them in bench/results/search.json."""
    library = read_library(books)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        urls = {"tantivy": f"tantivy://{folder}/search", **({"elasticsearch": url} if url else {})}
        searches: dict[str, Search] = {}
        for name, where in urls.items():
            index, speed = load(where, library)
            goal = 30_000.0 if name == "tantivy" else None
            figures += [Figure(f"{name}: indexing, CPU", speed, "books/s", goal=goal)]
            figures += measure_cpu(name, index, seed=seed)
            searches[name] = partial(_search_books, index)
        searches["plain BM25"] = open_plain_bm25(library)
        searches["plain SQLite trigrams"] = open_sqlite_trigrams(library)
        figures += measure(searches, each=each, seed=seed)
    save_figures("search", figures)
    print(*figures, sep="\n")
    if docs:
        write_docs_table("search", figures, command="make bench-search")


def _search_books(index: SearchIndex, text: str) -> Sequence[VersionedBook]:
    return [hit.book for hit in index.search(SearchQuery(text, limit=_SHOWN)).hits]


def _join_names(stored: VersionedBook) -> str:
    return " ".join((stored.book.title, *stored.book.details.authors, *stored.book.identifiers.values()))


if __name__ == "__main__":
    typer.run(main)
