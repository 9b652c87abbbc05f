"""The same books and the same questions: the laptop's engine and production's give the same answers."""

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch
from tests.integration.test_search_elasticsearch import server, url

from bookcore.domain.book import Money, Rating, VersionedBook
from bookcore.search import (
    RemovedBook,
    SearchFilters,
    SearchIndex,
    SearchPage,
    SearchQuery,
    open_search_index,
)
from bookcore.testing.builders import make_versioned_book

__all__ = ["server", "url"]

_WORDS = (
    *("lamp", "Lámp", "lampe", "women's", "Žuta", "straße", "river", "riverside"),
    *("of", "the", "a", "1984", "O\u2019Neil-Smith", "smörgås", "tram"),
)
_CATEGORIES = ("Poetry", "Travel", "Číž & Sons", "poetry")
_TYPED = (
    "lamp",
    "la",
    "l",
    "womens ",
    "the r",
    "of the lamp",
    "u12",
    "SHOP:u7",
    "strasse",
    "neil",
    "",
    "zut trav",
)


def some_books(dice: random.Random) -> Iterator[VersionedBook]:
    for n in range(300):
        stored = make_versioned_book(f"u{n}", title=" ".join(dice.choices(_WORDS, k=dice.randint(1, 6))))
        yield replace(
            stored,
            book=replace(
                stored.book,
                category=dice.choice((None, *_CATEGORIES)),
                rating=dice.choice((None, *map(Rating, range(1, 6)))),
                price=Money(Decimal(dice.randint(0, 5_000)) / 100, "GBP"),
                description=dice.choice((None, " ".join(dice.choices(_WORDS, k=30)))),
            ),
        )


def some_questions(dice: random.Random) -> Iterator[SearchQuery]:
    for text in (*_TYPED, *(" ".join(dice.choices(_WORDS, k=2)) for _ in range(20))):
        for filters in (
            SearchFilters(),
            SearchFilters(category=dice.sample(_CATEGORIES, 2), min_rating=dice.randint(1, 5)),
            SearchFilters(min_price=Decimal("9.99"), max_price=Decimal(dice.randint(10, 50))),
        ):
            yield SearchQuery(text, filters, limit=300)


@pytest.fixture
def engines(url: str, tmp_path: Path) -> Iterator[list[SearchIndex]]:
    opened = [open_search_index(address, writable=True) for address in (f"tantivy://{tmp_path}/search", url)]
    yield opened
    for index in opened:
        index.close()


def told(page: SearchPage) -> tuple[object, ...]:
    facets = {name: list(counts.items()) for name, counts in page.facets.items()}
    return sorted(hit.book.book.id for hit in page.hits), page.total, facets


def test_both_engines_find_and_count_the_same(engines: list[SearchIndex], server: Elasticsearch) -> None:
    dice = random.Random(7)
    books = list(some_books(dice))
    gone = [RemovedBook(stored.book.id, stored.version + 1) for stored in books[::9]]
    assert [[index.put(books), index.put(gone)] for index in engines] == [[300, len(gone)]] * 2
    assert sorted(engines[0].read_versions()) == sorted(engines[1].read_versions())
    for query in some_questions(dice):
        tantivy, elasticsearch = (index.search(query) for index in engines)
        assert told(tantivy) == told(elasticsearch), query
        if not query.text:
            assert tantivy.hits == elasticsearch.hits


@pytest.mark.parametrize("typed", [typed for typed in _TYPED if typed])
def test_both_engines_suggest_the_same(engines: list[SearchIndex], typed: str) -> None:
    books = list(some_books(random.Random(8)))
    for index in engines:
        index.put(books)
    one, other = (index.suggest(typed, limit=40) for index in engines)
    assert {(s.text.casefold(), s.kind) for s in one} == {(s.text.casefold(), s.kind) for s in other}
