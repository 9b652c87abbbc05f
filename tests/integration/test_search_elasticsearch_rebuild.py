"""Rebuilding beside an index that is read and written all the time."""

from collections.abc import Iterator, Sequence
from threading import Event, Thread

import pytest
from elasticsearch import Elasticsearch
from tests.integration.test_search_elasticsearch import alias_of, server, url

from bookcore.domain.book import BookId, VersionedBook
from bookcore.domain.errors import Conflict
from bookcore.search import SearchIndex, SearchQuery, begin_rebuild, open_search_index
from bookcore.testing.builders import make_versioned_book
from bookcore.testing.index_access import search_ids

__all__ = ["server", "url"]


class Living:
    """A writer that keeps each book before it indexes it, as the ingestor does with its catalogue."""

    def __init__(self, url: str) -> None:
        self.kept: list[VersionedBook] = []
        self.errors: list[Exception] = []
        self._index = open_search_index(url, writable=True)
        self._stop = Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def await_books(self, count: int) -> None:
        deadline = 600
        while len(self.kept) < count and not self.errors and deadline:
            self._stop.wait(0.05)
            deadline -= 1
        assert len(self.kept) >= count, self.errors

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        self._index.close()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                stored = make_versioned_book(f"u{len(self.kept)}")
                self.kept.append(stored)
                self._index.put([stored])
        except Exception as error:  # noqa: BLE001  # told to the test, which fails on it
            self.errors.append(error)


@pytest.fixture
def living(url: str) -> Iterator[Living]:
    living = Living(url)
    yield living
    living.stop()


def missing(index: SearchIndex, books: Sequence[VersionedBook]) -> set[BookId]:
    return {stored.book.id for stored in books} - {book_id for book_id, _, _ in index.read_versions()}


def test_writes_during_rebuild_and_swap_are_not_lost(living: Living, server: Elasticsearch, url: str) -> None:
    living.await_books(20)
    for round_ in range(1, 4):
        rebuilt = begin_rebuild(url)
        rebuilt.index.put(living.kept[:10])
        living.await_books(20 + 20 * round_)
        rebuilt.swap()
        rebuilt.index.put(list(living.kept))
        rebuilt.delete_old()
        rebuilt.discard()
    living.await_books(len(living.kept) + 10)
    living.stop()
    reader = open_search_index(url)
    assert (living.errors, missing(reader, living.kept)) == ([], set())
    assert len(server.indices.get(index=f"{alias_of(url)}*")) == 1
    reader.close()


def test_readers_get_an_answer_all_through_a_swap(url: str) -> None:
    open_search_index(url, writable=True).put([make_versioned_book("u1")])
    totals: set[int] = set()
    stop = Event()
    reader = open_search_index(url)

    def read() -> None:
        while not stop.is_set():
            totals.add(reader.search(SearchQuery("lamp")).total)

    reading = Thread(target=read)
    reading.start()
    for _ in range(3):
        rebuilt = begin_rebuild(url)
        rebuilt.index.put([make_versioned_book("u1")])
        rebuilt.swap()
        rebuilt.delete_old()
        rebuilt.discard()
    stop.set()
    reading.join(30)
    assert totals == {1}
    reader.close()


def test_a_later_rebuild_deletes_leftovers_and_supersedes_the_first(server: Elasticsearch, url: str) -> None:
    first = begin_rebuild(url)
    second = begin_rebuild(url)
    second.index.put([make_versioned_book("u2")])
    with pytest.raises(Conflict, match="another rebuild"):
        first.swap()
    first.discard()
    second.swap()
    second.swap()
    second.discard()
    reader = open_search_index(url)
    assert search_ids(reader, "") == ["u2"]
    assert len(server.indices.get(index=f"{alias_of(url)}*")) == 1
    reader.close()


def test_an_index_of_another_make_can_be_rebuilt(server: Elasticsearch, url: str) -> None:
    server.indices.create(index=f"{alias_of(url)}-0-1", aliases={alias_of(url): {"is_write_index": True}})
    rebuilt = begin_rebuild(url)
    rebuilt.index.put([make_versioned_book("u1")])
    rebuilt.swap()
    rebuilt.delete_old()
    rebuilt.discard()
    reader = open_search_index(url)
    assert search_ids(reader, "") == ["u1"]
    assert list(server.indices.get(index=f"{alias_of(url)}*")) == [f"{reader_name(server, url)}"]
    reader.close()


def reader_name(server: Elasticsearch, url: str) -> str:
    return str(next(iter(server.indices.get_alias(name=alias_of(url)))))
