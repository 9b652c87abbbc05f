"""What every search index does, whatever engine it is on."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from bookcore.domain.book import Money, VersionedBook
from bookcore.domain.details import Details
from bookcore.domain.errors import Conflict, Invalid
from bookcore.search import Filters, Removed, SearchIndex, SearchQuery, open_search, rebuild
from bookcore.testing.builders import a_stored_book

_PUT_FOR_EVER = """
import sys
from bookcore.search import open_search
from bookcore.testing.builders import a_stored_book
index = open_search(sys.argv[1], writable=True)
for n in range(1_000):
    index.put([a_stored_book(f"k{n}-{m}") for m in range(20)])
    print(n, flush=True)
"""


def ids(index: SearchIndex, text: str, filters: Filters | None = None, *, limit: int = 100) -> list[str]:
    """Ids of the found books, best first."""
    page = index.query(SearchQuery(text, filters or Filters(), limit=limit))
    return [hit.book.book.source_id for hit in page.hits]


def priced(source_id: str, price: str, *, category: str = "Poetry") -> VersionedBook:
    """A book at that price in GBP."""
    stored = a_stored_book(source_id)
    return replace(stored, book=replace(stored.book, price=Money(Decimal(price), "GBP"), category=category))


class SearchContract:
    """Subclass it and give `url` for an index that is empty."""

    @pytest.fixture
    def url(self) -> str:
        """Where the adapter under test finds an empty index."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, url: str) -> Iterator[SearchIndex]:
        """The index, open for writing."""
        index = open_search(url, writable=True)
        yield index
        index.close()

    def test_a_book_is_found_and_comes_back_as_it_was_put(self, index: SearchIndex) -> None:
        stored = a_stored_book("u1", version=5)
        index.put([stored])
        assert [hit.book for hit in index.query(SearchQuery("lamp")).hits] == [stored]

    @pytest.mark.parametrize(
        "text", ["ČÍŽ", "ciz", "Číž lamp", "the lamp of c", "poetry", "lamplight fell", "u1 ", "Ciz,"]
    )
    def test_words_are_found_whatever_their_case_accents_order_or_field(
        self, index: SearchIndex, text: str
    ) -> None:
        index.put([a_stored_book("u1"), a_stored_book("u2", title="Other")])
        assert "u1" in ids(index, text)

    def test_a_book_is_found_by_its_authors_and_isbn(self, index: SearchIndex) -> None:
        stored = a_stored_book("u1")
        told = Details(authors=("Ana Huang", "Milena Sekulić"), pages=288)
        book = replace(stored.book, details=told, identifiers={"isbn13": "9780439023481"})
        index.put([replace(stored, book=book), a_stored_book("u2")])
        assert [ids(index, text) for text in ("sekulic lamp", "ana hua", "9780439023481")] == [["u1"]] * 3
        assert index.query(SearchQuery("huang")).hits[0].book.book.details == told

    def test_accents_that_do_not_decompose_are_folded_too(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1", title="Đavolja straße"), a_stored_book("u2", title="Smørrebrød")])
        assert ids(index, "davolja strasse") == ["u1"]
        assert ids(index, "smorrebrod") == ["u2"]

    def test_every_word_has_to_be_there(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1", title="Red lamp"), a_stored_book("u2", title="Red boat")])
        assert ids(index, "red boat ") == ["u2"]
        assert ids(index, "red tram ") == []

    def test_a_title_counts_more_than_a_description(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1", title="Boats"), a_stored_book("u2", title="Lamplight")])
        assert ids(index, "lamplight ") == ["u2", "u1"]

    def test_an_identifier_as_typed_comes_first(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1", title="u2 u2 u2"), a_stored_book("u2", title="Other")])
        assert ids(index, "u2")[0] == "u2"

    @pytest.mark.parametrize("typed", ["U-2", "shop:u2", " u2 ", "SHOP u2"])
    def test_an_identifier_is_known_whatever_its_case_spaces_and_hyphens(
        self, index: SearchIndex, typed: str
    ) -> None:
        index.put([a_stored_book("u1"), a_stored_book("u2")])
        assert ids(index, typed)[0] == "u2"

    @pytest.mark.parametrize("typed", ["women ", "womens ", "women's ", "WOMEN\u2019S ", "wom"])
    def test_a_word_with_an_apostrophe_is_found_with_and_without(
        self, index: SearchIndex, typed: str
    ) -> None:
        index.put([a_stored_book("u1", title="Women\u2019s Lives"), a_stored_book("u2", title="Men")])
        assert ids(index, typed) == ["u1"]

    def test_only_the_last_word_may_be_unfinished(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1", title="Yellow harbour")])
        assert [ids(index, text) for text in ("yellow harb", "yell harbour", "yellow harb ")] == [
            ["u1"],
            [],
            [],
        ]

    @pytest.mark.parametrize("text", ["", "lamp"])
    def test_pages_show_every_book_once_in_an_order_that_is_the_same_in_every_index(
        self, index: SearchIndex, url: str, text: str
    ) -> None:
        books = [a_stored_book(f"u{n:02d}", title="Lamp") for n in range(25)]
        index.put(books)
        pages = [index.query(SearchQuery(text, offset=o, limit=10)) for o in (0, 10, 20)]
        paged = [hit.book.book.source_id for page in pages for hit in page.hits]
        assert sorted(paged) == [book.book.source_id for book in books]
        assert {page.total for page in pages} == {25}
        other = open_search(url + "-other", writable=True)
        for start in (20, 10, 0):
            other.put(books[start : start + 10])
        assert ids(other, text) == ids(index, text) == paged
        other.close()

    def test_a_page_of_nothing_still_counts(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1")])
        for text in ("", "lamp"):
            page = index.query(SearchQuery(text, limit=0))
            assert (page.hits, page.total, page.facets["rating"]) == ([], 1, {"3": 1})

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            (Filters(category=("Travel",)), ["u3"]),
            (Filters(category=("Travel", "Poetry")), ["u1", "u2", "u3"]),
            (Filters(min_price=Decimal("10.01")), ["u2", "u3"]),
            (Filters(max_price=Decimal("20.00")), ["u1", "u2"]),
            (Filters(min_price=Decimal("10.00"), max_price=Decimal("10.00")), ["u1"]),
            (Filters(min_rating=4), []),
            (Filters(min_rating=3, source=("shop",), availability=("in_stock",)), ["u1", "u2", "u3"]),
            (Filters(availability=("out_of_stock",)), []),
            (Filters(category=("travel", "\ud800", "")), []),
            (Filters(min_price=Decimal("-1e30"), max_price=Decimal("1e30")), ["u1", "u2", "u3"]),
            (Filters(min_price=Decimal("10.00001"), max_price=Decimal("Infinity")), ["u2", "u3"]),
        ],
    )
    def test_filters_narrow(self, index: SearchIndex, filters: Filters, found: list[str]) -> None:
        index.put([priced("u1", "10.00"), priced("u2", "20.00"), priced("u3", "30.00", category="Travel")])
        assert sorted(ids(index, "", filters)) == found

    def test_facets_count_and_ignore_their_own_filter(self, index: SearchIndex) -> None:
        index.put([priced("u1", "10.00"), priced("u2", "20.00"), priced("u3", "30.00", category="Travel")])
        page = index.query(SearchQuery("", Filters(category=("Travel",))))
        assert page.total == 1
        assert page.facets["category"] == {"Poetry": 2, "Travel": 1}
        assert page.facets["rating"] == {"3": 1}

    def test_facets_are_narrowed_by_the_filters_of_the_others(self, index: SearchIndex) -> None:
        index.put([priced("u1", "10.00"), priced("u2", "20.00"), priced("u3", "30.00", category="Travel")])
        page = index.query(SearchQuery("lamp", Filters(category=("Poetry",), min_price=Decimal(20))))
        assert page.facets == {
            "category": {"Poetry": 1, "Travel": 1},
            "source": {"shop": 1},
            "availability": {"in_stock": 1},
            "rating": {"3": 1},
        }

    def test_an_older_version_never_overwrites_and_an_equal_one_changes_nothing(
        self, index: SearchIndex
    ) -> None:
        assert index.put([a_stored_book("u1", version=5, title="New")]) == 1
        assert index.put([a_stored_book("u1", version=4, title="Old")]) == 0
        assert index.put([a_stored_book("u1", version=5, title="Same")]) == 0
        assert ids(index, "new") == ["u1"]

    def test_a_removed_book_stays_away_until_something_newer_comes(self, index: SearchIndex) -> None:
        book = a_stored_book("u1", version=5)
        index.put([book])
        index.put([Removed(book.book.id, 7)])
        assert index.put([replace(book, version=6)]) == 0
        assert (ids(index, ""), list(index.versions())) == ([], [("shop:u1", 7, True)])
        index.put([replace(book, version=8)])
        assert ids(index, "") == ["u1"]

    def test_the_newest_of_a_batch_counts(self, index: SearchIndex) -> None:
        versions = [(5, "Old"), (9, "New"), (7, "Older")]
        assert index.put([a_stored_book("u1", version=v, title=t) for v, t in versions]) == 1
        assert index.put([a_stored_book("u2", version=3), Removed(a_stored_book("u2").book.id, 4)]) == 1
        assert [(hit.book.book.title, hit.book.version) for hit in index.query(SearchQuery("")).hits] == [
            ("New", 9)
        ]

    def test_any_order_of_the_same_changes_ends_the_same(self, index: SearchIndex, url: str) -> None:
        story: list[VersionedBook | Removed] = [
            a_stored_book(f"u{n % 4}", version=n, title=f"T{n}") for n in range(1, 30)
        ]
        story.append(Removed(a_stored_book("u1").book.id, 40))
        index.put(story)
        other = open_search(url + "-other", writable=True)
        for change in random.Random(5).sample(story, len(story)):
            other.put([change])
        assert sorted(other.versions()) == sorted(index.versions())
        assert ids(other, "") == ids(index, "")
        assert sorted(ids(other, "")) == ["u0", "u2", "u3"]
        other.close()

    def test_a_document_is_there_once(self, index: SearchIndex) -> None:
        for version in range(1, 6):
            index.put([a_stored_book("u1", version=version)] * 3)
        assert len(list(index.versions())) == 1

    @pytest.mark.parametrize(
        "text",
        [
            '"',
            "title:lamp AND (",
            "a* OR b~",
            "\\",
            "📚",
            "x" * 10_000,
            "[1 TO 2]",
            "-lamp",
            " ",
            "\x00",
            "\ud800",
            "^",
            "lamp " * 500,
            ".*",
        ],
    )
    def test_what_is_typed_is_data(self, index: SearchIndex, text: str) -> None:
        index.put([a_stored_book("u1")])
        assert index.query(SearchQuery(text)).total in (0, 1)
        assert len(index.suggest(text, limit=5)) <= 2

    def test_signs_of_query_languages_mean_nothing(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1", title="Red lamp"), a_stored_book("u2", title="Blue lamp")])
        for text in ('"red" lamp ', "+red -lamp ", "title:red ", "red* ", "(red) [lamp] ", "\\red "):
            assert ids(index, text.replace("title:", "")) == ["u1"]
        assert ids(index, "red OR blue ") == []

    def test_a_page_too_far_is_refused(self, index: SearchIndex) -> None:
        for query in (SearchQuery("", offset=9_990, limit=20), SearchQuery("", offset=-1)):
            with pytest.raises(Invalid, match="offset"):
                index.query(query)
        with pytest.raises(Invalid, match="min_price"):
            index.query(SearchQuery("", Filters(min_price=Decimal("NaN"))))

    def test_suggestions_continue_what_was_typed(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1", title="Žuta lampa"), a_stored_book("u2", title="Zebra")])
        assert [s.text for s in index.suggest("zu", limit=5)] == ["Žuta lampa"]
        assert [s.text for s in index.suggest("zuta lam", limit=5)] == ["Žuta lampa"]
        assert [(s.text, s.kind) for s in index.suggest("poe", limit=5)] == [("Poetry", "category")]
        assert [s.text for s in index.suggest("z", limit=1)] in (["Žuta lampa"], ["Zebra"])
        assert (index.suggest("", limit=5), index.suggest("zu", limit=0)) == ([], [])

    def test_suggestions_begin_with_the_text_before_they_hold_it_and_name_a_title_once(
        self, index: SearchIndex
    ) -> None:
        titles = ["The lamp", "Lamp", "lamp", "LÁMP", "Lamps of old", "Harbour"]
        index.put([a_stored_book(f"u{n}", title=title) for n, title in enumerate(titles)])
        found = [s.text for s in index.suggest("lam", limit=10)]
        assert [found[0].casefold() in ("lamp", "lámp", "lamps of old"), found[2]] == [True, "The lamp"]
        assert len(found) == 3

    def test_a_removed_book_is_not_suggested(self, index: SearchIndex) -> None:
        index.put([a_stored_book("u1", version=1)])
        index.put([Removed(a_stored_book("u1").book.id, 2)])
        assert [index.suggest(text, limit=5) for text in ("t", "the", "poe")] == [[], [], []]

    def test_an_empty_index_answers(self, url: str) -> None:
        reader = open_search(url)
        assert (reader.query(SearchQuery("x")).total, reader.suggest("x", limit=3)) == (0, [])
        reader.close()

    def test_a_reader_sees_what_another_process_put(self, index: SearchIndex, url: str) -> None:
        reader = open_search(url)
        index.put([a_stored_book("u1")])
        code = "import sys; from bookcore.search import *; i = open_search(sys.argv[1]);"
        code += " print(i.query(SearchQuery('lamp')).total)"
        told = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
        assert told.stdout == "1\n"
        assert ids(reader, "lamp") == ["u1"]
        reader.close()

    def test_a_second_writer_is_refused(self, index: SearchIndex, url: str) -> None:
        assert ids(index, "") == []
        with pytest.raises(Conflict, match="another process writes"):
            open_search(url, writable=True)

    def test_a_writer_killed_in_the_midst_leaves_what_it_was_told_is_there_and_a_free_lock(
        self, url: str
    ) -> None:
        told = kill_a_writer(url)
        index = open_search(url, writable=True)
        found = batches(index)
        assert [found[f"shop:k{n}"] for n in range(told)] == [20] * told
        assert index.put([a_stored_book("after")]) == 1
        index.close()

    def test_a_rebuilt_index_takes_the_place_of_the_living_one_at_the_swap(self, url: str) -> None:
        fill(url, a_stored_book("u1"), a_stored_book("u2"))
        reader = open_search(url)
        rebuilt = rebuild(url)
        assert rebuilt.index.put([a_stored_book("u2"), a_stored_book("u3")]) == 2
        assert sorted(ids(reader, "")) == ["u1", "u2"]
        rebuilt.swap()
        assert sorted(ids(reader, "")) == ["u2", "u3"]
        assert rebuilt.index.put([a_stored_book("u3"), a_stored_book("u4")]) == 1
        rebuilt.retire()
        rebuilt.discard()
        assert sorted(ids(reader, "")) == ["u2", "u3", "u4"]
        fill(url, a_stored_book("u5"))
        assert len(ids(reader, "")) == 4
        reader.close()

    def test_a_discarded_rebuild_leaves_the_living_index_as_it_was(self, url: str) -> None:
        fill(url, a_stored_book("u1"))
        rebuilt = rebuild(url)
        rebuilt.index.put([a_stored_book("u2")])
        rebuilt.discard()
        again = rebuild(url)
        assert list(again.index.versions()) == []
        again.discard()
        reader = open_search(url)
        assert ids(reader, "") == ["u1"]
        reader.close()

    def test_an_index_can_be_rebuilt_where_none_is(self, url: str) -> None:
        rebuilt = rebuild(url)
        rebuilt.index.put([a_stored_book("u1")])
        rebuilt.swap()
        rebuilt.retire()
        assert ids(rebuilt.index, "") == ["u1"]
        rebuilt.discard()
        reader = open_search(url)
        assert ids(reader, "") == ["u1"]
        reader.close()


def fill(url: str, *books: VersionedBook) -> None:
    """Put them by a writer of their own."""
    index = open_search(url, writable=True)
    index.put(books)
    index.close()


def kill_a_writer(url: str) -> int:
    """Kill a process that puts batches of 20 books (`k0-0`...); how many batches it was told are there."""
    command = [sys.executable, "-c", _PUT_FOR_EVER, url]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    lines = [writer.stdout.readline() for _ in range(5)]
    writer.kill()
    rest, _ = writer.communicate()
    return len(lines) + rest.count("\n")


def batches(index: SearchIndex) -> Counter[str]:
    """Batch -> how many of its books are in the index."""
    return Counter(book_id.partition("-")[0] for book_id, _, _ in index.versions())
