"""The search suite on Elasticsearch, and what its index does that a folder can't."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from threading import Thread
from uuid import uuid4

import pytest
from elasticsearch import Elasticsearch

from bookcore.domain.book import Money, Rating, VersionedBook
from bookcore.domain.errors import Conflict, Unavailable
from bookcore.search import SearchIndex, SearchQuery, UnindexableBooks, open_search_index
from bookcore.search.elasticsearch.bulk import RetryPolicy
from bookcore.search.elasticsearch.connection import Connection, parse_address
from bookcore.search.elasticsearch.index import ElasticsearchIndex
from bookcore.testing.builders import make_versioned_book
from bookcore.testing.contracts.search import SearchContract
from bookcore.testing.index_access import search_ids

_OPEN = """
import sys
from bookcore.search import SearchQuery, open_search_index
print(open_search_index(sys.argv[1], writable=True).search(SearchQuery("")).total)
"""


@pytest.fixture(scope="session")
def server(elasticsearch_url: str) -> Iterator[Elasticsearch]:
    """To look behind the adapter's back, and to clear away."""
    address = parse_address(elasticsearch_url)
    with Elasticsearch(f"http://{address.host}:{address.port}", basic_auth=address.user) as client:
        yield client


@pytest.fixture
def url(elasticsearch_url: str, server: Elasticsearch) -> Iterator[str]:
    """With an alias that isn't there; whatever begins with it is deleted afterwards."""
    alias = f"t{uuid4().hex}"
    yield f"{elasticsearch_url.rpartition('/')[0]}/{alias}"
    for name in server.indices.get(index=f"{alias}*"):
        server.indices.delete(index=name)


@pytest.fixture
def index(url: str) -> Iterator[SearchIndex]:
    index = open_search_index(url, writable=True)
    yield index
    index.close()


class TestElasticsearchIndex(SearchContract):
    @pytest.fixture
    def url(self, url: str) -> str:
        return url

    @pytest.mark.xfail(reason="no lock: the server compares versions, so several writers do no harm")
    def test_a_second_writer_is_refused(self, index: SearchIndex, url: str) -> None:
        super().test_a_second_writer_is_refused(index, url)


def alias_of(url: str) -> str:
    return parse_address(url).alias


def block(server: Elasticsearch, url: str, *, full: bool | None) -> None:
    """As the server does by itself when the disk is nearly full; None: as when there is room again."""
    server.indices.put_settings(index=alias_of(url), settings={"index.blocks.read_only_allow_delete": full})


def with_rating(stored: VersionedBook, stars: int) -> VersionedBook:
    return replace(stored, book=replace(stored.book, rating=Rating(stars)))


def test_processes_that_start_together_make_the_index_once(server: Elasticsearch, url: str) -> None:
    command = [sys.executable, "-c", _OPEN, url]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate()[0] for process in started] == ["0\n"] * 4
    assert len(server.indices.get(index=f"{alias_of(url)}*")) == 1


def test_two_writers_leave_the_newest_of_each_book(index: SearchIndex, url: str) -> None:
    def write(offset: int) -> None:
        writer = open_search_index(url, writable=True)
        for version in range(1 + offset, 41, 2):
            writer.put([make_versioned_book(f"u{n}", version=version) for n in range(10)])
        writer.close()

    threads = [Thread(target=write, args=(offset,)) for offset in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(index.read_versions()) == sorted((f"shop:u{n}", 40, False) for n in range(10))


def test_a_reader_takes_no_writes(url: str) -> None:
    reader = open_search_index(url)
    with pytest.raises(Conflict, match="writable"):
        reader.put([make_versioned_book("u1")])
    reader.close()


def test_more_books_than_one_request_or_page_holds_are_all_there(index: SearchIndex) -> None:
    assert index.put([make_versioned_book(f"u{n}") for n in range(6_001)]) == 6_001
    assert len({book_id for book_id, _, _ in index.read_versions()}) == 6_001


def test_a_book_that_cannot_be_indexed_is_named_when_all_others_are_there(index: SearchIndex) -> None:
    dear = make_versioned_book("u3")
    dear = replace(dear, book=replace(dear.book, price=Money(Decimal(10) ** 20, "GBP")))
    with pytest.raises(UnindexableBooks, match=r"2 books .*shop:u1 .*\[rating\].*shop:u3 .*\[price\]"):
        index.put(
            [
                with_rating(make_versioned_book("u1"), 1_000),
                make_versioned_book("u2"),
                dear,
                make_versioned_book("u4"),
            ]
        )
    assert sorted(search_ids(index, "")) == ["u2", "u4"]


def test_a_very_long_word_or_title_is_no_error(index: SearchIndex) -> None:
    index.put([make_versioned_book("u1", title="lamp " + "x" * 40_000)])
    assert search_ids(index, "lamp " + "x" * 30) == ["u1"]
    assert search_ids(index, "x" * 120 + " ") == []


def test_writing_waits_until_a_full_disk_has_room_again(
    server: Elasticsearch, index: SearchIndex, url: str
) -> None:
    block(server, url, full=True)
    counted: list[int] = []
    writing = Thread(
        target=lambda: counted.append(index.put([make_versioned_book("u1"), make_versioned_book("u2")]))
    )
    writing.start()
    writing.join(0.5)
    assert counted == []
    block(server, url, full=None)
    writing.join(30)
    assert (counted, sorted(search_ids(index, ""))) == ([2], ["u1", "u2"])


def test_writing_gives_up_in_the_end_and_can_be_done_again(
    server: Elasticsearch, index: SearchIndex, url: str
) -> None:
    impatient = ElasticsearchIndex(
        Connection(parse_address(url)),
        alias_of(url),
        writable=True,
        patience=RetryPolicy(tries=2, first=0.01),
    )
    block(server, url, full=True)
    with pytest.raises(Unavailable, match=r"refuses 1 of 1 books .*429") as caught:
        impatient.put([make_versioned_book("u1")])
    assert caught.value.retry_after > 0
    block(server, url, full=None)
    assert impatient.put([make_versioned_book("u1")]) == 1
    impatient.close()


def test_a_deleted_index_is_an_error_and_is_not_created_by_a_write(
    server: Elasticsearch, index: SearchIndex, url: str
) -> None:
    impatient = ElasticsearchIndex(
        Connection(parse_address(url)),
        alias_of(url),
        writable=True,
        patience=RetryPolicy(tries=2, first=0.01),
    )
    server.indices.delete(index=next(iter(server.indices.get(index=alias_of(url)))))
    with pytest.raises(Unavailable, match="no such index"):
        impatient.put([make_versioned_book("u1")])
    with pytest.raises(Unavailable, match="no such index"):
        index.search(SearchQuery(""))
    assert not server.indices.exists(index=alias_of(url))
    impatient.close()


def test_an_index_of_another_make_is_refused_with_the_remedy(server: Elasticsearch, url: str) -> None:
    server.indices.create(index=f"{alias_of(url)}-0-1", aliases={alias_of(url): {"is_write_index": True}})
    with pytest.raises(Conflict, match="bookstream replay"):
        open_search_index(url)


def test_the_name_of_an_index_is_no_alias(server: Elasticsearch, url: str) -> None:
    server.indices.create(index=alias_of(url))
    with pytest.raises(Conflict, match="must be an alias"):
        open_search_index(url)
