"""A small golden set: seeded typing for the catalogue of the contract suite, with a floor per class."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.search_typing import CLASSES, TypingClass, generate, make_wanted
from tests.promises import carries

from bookcore.search import SearchIndex, SearchQuery, open_search_index
from bookcore.testing.contracts.search_typing import make_catalogue

_FLOOR = 95.0  # percent
_EACH = 12


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchIndex]:
    folder: Path = tmp_path_factory.mktemp("golden")
    index = open_search_index(f"tantivy://{folder}/search", writable=True)
    index.put(make_catalogue())
    yield index
    index.close()


def is_answered(index: SearchIndex, kind: TypingClass) -> Iterator[bool]:
    shelf = [make_wanted(stored) for stored in make_catalogue()]
    for typed in generate(kind, shelf, seed=3, count=_EACH):
        hits = index.search(SearchQuery(typed.text, limit=kind.depth)).hits
        yield any(typed.is_right(hit.book) for hit in hits)


@carries("forgiving")
def test_typed_texts_find_the_meant_book(index: SearchIndex) -> None:
    answered = [right for kind in CLASSES for right in is_answered(index, kind)]
    assert len(answered) > 150
    assert 100 * sum(answered) / len(answered) >= _FLOOR
