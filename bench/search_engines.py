"""The two search engines on the same books and questions, in turn: writing, and answering.

`python -m bench.search_engines elasticsearch://127.0.0.1:9200/bench [--books 50000] [--rounds 3]`
Books are the sample shop's; the index `ALIAS` is deleted at the end. Both answers are compared on the way.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

import typer
from bench.report import Figure, save_figures, write_docs_table
from elasticsearch import Elasticsearch

from bookcore.domain.book import Availability, AvailabilityStatus, Book, Money, Rating, VersionedBook
from bookcore.search import (
    SearchFilters,
    SearchIndex,
    SearchPage,
    SearchQuery,
    begin_rebuild,
    open_search_index,
)
from bookcore.search.elasticsearch.connection import parse_address
from bookcore.testing.builders import get_price
from sample_shop.shop import Moment, Shop

SEEN = datetime(2026, 1, 1, tzinfo=UTC)
BATCHES = (1_000, 5_000)
PAUSE = 2.0  # seconds for what an engine does after writing, before it is asked


def build_book(shop: Shop, number: int) -> VersionedBook:
    """A book of the sample shop as the catalogue would hold it."""
    edition = shop.edition(number)
    now = shop.get_book(number, Moment())
    book = Book(
        source="bench",
        source_id=edition.upc,
        url=f"https://bench.example/{edition.slug}",
        title=edition.title,
        category=shop.get_category(number).name,
        rating=Rating(edition.rating),
        price=Money(Decimal(now.pence_with_tax) / 100, "GBP"),
        availability=Availability(AvailabilityStatus.IN_STOCK, now.stock),
        identifiers={"upc": edition.upc},
        description=shop.get_description(number),
        image_url=f"https://bench.example/{edition.upc}.svg",
        attributes={"tax": str(now.tax), "reviews": edition.reviews},
    )
    return VersionedBook(book, 1, SEEN, SEEN)


def generate_queries(books: Sequence[VersionedBook]) -> Iterator[SearchQuery]:
    """Words, unfinished words, identifiers, filters and deep pages, made of the books themselves."""
    for n, stored in enumerate(books[:: max(len(books) // 60, 1)]):
        words = stored.book.title.split()
        yield SearchQuery(f"{words[n % len(words)]} ")
        yield SearchQuery(" ".join(words[:2]))
        yield SearchQuery(words[-1][:3])
        yield SearchQuery(stored.book.source_id)
        yield SearchQuery(words[0], SearchFilters(category=(stored.book.category or "",), min_rating=3))
        yield SearchQuery("", SearchFilters(max_price=get_price(stored.book).amount), offset=40 * n)


def load_books(index: SearchIndex, books: Sequence[VersionedBook], *, batch: int) -> float:
    """Books per second."""
    begun = time.perf_counter()
    for start in range(0, len(books), batch):
        index.put(books[start : start + batch])
    return len(books) / (time.perf_counter() - begun)


def run_queries(index: SearchIndex, asked: Sequence[SearchQuery]) -> tuple[list[float], list[SearchPage]]:
    """Milliseconds and answers."""
    took, pages = [], []
    for query in asked:
        begun = time.perf_counter()
        pages.append(index.search(query))
        took.append(1_000 * (time.perf_counter() - begun))
    return took, pages


def have_same_order(a: SearchPage, b: SearchPage) -> bool:
    """Whether both pages show the same books in the same order."""
    return [hit.book for hit in a.hits] == [hit.book for hit in b.hits]


def measure(name: str, url: str, books: Sequence[VersionedBook], *, rounds: int) -> list[Figure]:
    """Writing into a new index each time; the last one stays for the questions."""
    figures = []
    for batch in BATCHES:
        speeds = []
        for _ in range(rounds):
            fresh = begin_rebuild(url)
            speeds.append(load_books(fresh.index, books, batch=batch))
            fresh.swap()
            fresh.delete_old()
            fresh.discard()
        figures.append(
            Figure(f"{name}, first load, batches of {batch}", statistics.median(speeds), "books/s")
        )
    index = open_search_index(url, writable=True)
    stale = statistics.median(load_books(index, books, batch=1_000) for _ in range(rounds))
    one = [load_books(index, [touch_book(stored)], batch=1) for stored in books[:200]]
    index.close()
    figures.append(Figure(f"{name}, stale replay, batches of 1000", stale, "books/s"))
    return [*figures, Figure(f"{name}, one book until it can be found", 1e3 / statistics.median(one), "ms")]


def touch_book(stored: VersionedBook) -> VersionedBook:
    """The same book, seen a moment later."""
    return VersionedBook(stored.book, stored.version + 1, SEEN, SEEN)


def main(
    url: Annotated[str, typer.Argument(help="elasticsearch://host:port/alias; the alias is deleted.")],
    *,
    books: Annotated[int, typer.Option(help="In the index.")] = 50_000,
    rounds: Annotated[int, typer.Option(help="Medians are quoted.")] = 3,
    docs: Annotated[bool, typer.Option("--docs", help="Write the table into docs/benchmarks.md.")] = False,
) -> None:
    """Print one line per figure, keep them in bench/results/search_engines.json."""
    shop = Shop(books=books)
    shelf = [build_book(shop, number) for number in range(1, books + 1)]
    asked = list(generate_queries(shelf))
    with tempfile.TemporaryDirectory() as folder:
        urls = {"tantivy": f"tantivy://{folder}/search", "elasticsearch": url}
        figures = [f for name in urls for f in measure(name, urls[name], shelf, rounds=rounds)]
        time.sleep(PAUSE)
        answers: dict[str, list[SearchPage]] = {}
        took: dict[str, list[float]] = {name: [] for name in urls}
        for _, (name, where) in itertools.product(range(rounds + 1), urls.items()):
            index = open_search_index(where)
            milliseconds, answers[name] = run_queries(index, asked)
            took[name] += milliseconds
            index.close()
    for name, times in took.items():
        cuts = statistics.quantiles(times[len(asked) :], n=100)  # the first round warms up
        figures += [Figure(f"{name}, query p{p}", cuts[p - 1], "ms") for p in (50, 95, 99)]
    pairs = list(zip(*answers.values(), strict=True))
    alike = sum(a.total == b.total and a.facets == b.facets for a, b in pairs)
    figures.append(Figure("same totals and facets", 100 * alike / len(pairs), "%", goal=100))
    figures.append(
        Figure(
            "same first page in the same order",
            100 * sum(have_same_order(a, b) for a, b in pairs) / len(pairs),
            "%",
        )
    )
    save_figures("search_engines", figures)
    print(*figures, sep="\n")
    if docs:
        write_docs_table("search_engines", figures, command="python -m bench search_engines")
    address = parse_address(url)
    with Elasticsearch(f"http://{address.host}:{address.port}", basic_auth=address.user) as server:
        for index_name in server.indices.get(index=f"{address.alias}-*"):
            server.indices.delete(index=index_name)


if __name__ == "__main__":
    typer.run(main)
