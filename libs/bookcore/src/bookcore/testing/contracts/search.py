"""Behaviour of every search index."""

import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from bookcore.domain.book import Money, VersionedBook
from bookcore.domain.details import Details
from bookcore.domain.errors import Conflict, Invalid
from bookcore.search import (
    RemovedBook,
    Rung,
    SearchFilters,
    SearchIndex,
    SearchQuery,
    open_search_index,
)
from bookcore.testing.builders import make_versioned_book
from bookcore.testing.contracts.search_rebuild import IndexRebuildContract
from bookcore.testing.contracts.search_typing import SearchTypingContract
from bookcore.testing.index_access import count_commits, kill_a_writer, search_ids
from bookcore.testing.listings import make_listed_book


def make_priced_book(source_id: str, price: str, *, category: str = "Poetry") -> VersionedBook:
    """A book at that price in GBP."""
    stored = make_versioned_book(source_id)
    return replace(stored, book=replace(stored.book, price=Money(Decimal(price), "GBP"), category=category))


class SearchContract(IndexRebuildContract, SearchTypingContract):
    """A subclass provides `url` for an empty index."""

    @pytest.fixture
    def url(self) -> str:
        """Where the adapter under test finds an empty index."""
        raise NotImplementedError

    @pytest.fixture
    def index(self, url: str) -> Iterator[SearchIndex]:
        """The index, open for writing."""
        index = open_search_index(url, writable=True)
        yield index
        index.close()

    def test_a_found_book_equals_the_indexed_book(self, index: SearchIndex) -> None:
        stored = make_versioned_book("u1", version=5)
        index.put([stored])
        assert [hit.book for hit in index.search(SearchQuery("lamp")).hits] == [stored]

    @pytest.mark.parametrize(
        "text", ["ČÍŽ", "ciz", "Číž lamp", "the lamp of c", "poetry", "lamplight fell", "u1 ", "Ciz,"]
    )
    def test_words_are_found_whatever_their_case_accents_order_or_field(
        self, index: SearchIndex, text: str
    ) -> None:
        index.put([make_versioned_book("u1"), make_versioned_book("u2", title="Other")])
        assert "u1" in search_ids(index, text)

    def test_a_book_is_found_by_its_authors_and_isbn(self, index: SearchIndex) -> None:
        stored = make_versioned_book("u1")
        told = Details(authors=("Ana Huang", "Milena Sekulić"), pages=288)
        book = replace(stored.book, details=told, identifiers={"isbn13": "9780439023481"})
        index.put([replace(stored, book=book), make_versioned_book("u2")])
        assert [search_ids(index, text) for text in ("sekulic lamp", "ana hua", "9780439023481")] == [
            ["u1"]
        ] * 3
        assert index.search(SearchQuery("huang")).hits[0].book.book.details == told

    def test_a_book_is_found_by_its_other_people_subtitle_and_series(self, index: SearchIndex) -> None:
        listed = replace(make_versioned_book("u1"), book=make_listed_book("u1"))
        index.put([listed, make_versioned_book("u2")])
        for text in ("sekulic", "story of light", "harbour nights"):
            assert search_ids(index, text) == ["u1"]
        assert index.search(SearchQuery("sekulic")).hits[0].book == listed

    def test_a_book_without_a_price_is_found_and_matches_no_filter_on_prices(
        self, index: SearchIndex
    ) -> None:
        unpriced = replace(make_versioned_book("u1"), book=make_listed_book("u1", price=None))
        index.put([unpriced, make_versioned_book("u2")])
        page = index.search(SearchQuery("volume"))
        assert {hit.book.book.id for hit in page.hits} == {"shop:u1", "shop:u2"}
        assert page.facets["currency"] == {"GBP": 1}
        for filters in (SearchFilters(min_price=Decimal(0)), SearchFilters(max_price=Decimal(1_000))):
            found = index.search(SearchQuery("volume", filters)).hits
            assert [hit.book.book.id for hit in found] == ["shop:u2"]

    def test_accents_that_do_not_decompose_are_folded_too(self, index: SearchIndex) -> None:
        index.put(
            [make_versioned_book("u1", title="Đavolja straße"), make_versioned_book("u2", title="Smørrebrød")]
        )
        assert search_ids(index, "davolja strasse") == ["u1"]
        assert search_ids(index, "smorrebrod") == ["u2"]

    def test_every_word_has_to_be_there(self, index: SearchIndex) -> None:
        index.put([make_versioned_book("u1", title="Red lamp"), make_versioned_book("u2", title="Red boat")])
        assert search_ids(index, "red boat ") == ["u2"]
        page = index.search(SearchQuery("red tram "))
        assert page.hits == []
        assert page.ladder == [Rung("dropped_words", "red", ("tram",), 2)]

    def test_a_title_counts_more_than_a_description(self, index: SearchIndex) -> None:
        index.put([make_versioned_book("u1", title="Boats"), make_versioned_book("u2", title="Lamplight")])
        assert search_ids(index, "lamplight ") == ["u2", "u1"]

    def test_an_id_with_its_source_comes_first_and_a_bare_one_after_titles(self, index: SearchIndex) -> None:
        index.put([make_versioned_book("u1", title="u2 u2 u2"), make_versioned_book("u2", title="Other")])
        assert search_ids(index, "shop:u2") == ["u2"]
        assert search_ids(index, "u2") == ["u1", "u2"]

    @pytest.mark.parametrize("typed", ["U-2", "shop:u2", " u2 ", "SHOP u2"])
    def test_identifiers_match_regardless_of_case_spaces_and_hyphens(
        self, index: SearchIndex, typed: str
    ) -> None:
        index.put([make_versioned_book("u1"), make_versioned_book("u2")])
        assert search_ids(index, typed)[0] == "u2"

    @pytest.mark.parametrize("typed", ["women ", "womens ", "women's ", "WOMEN\u2019S ", "wom"])
    def test_a_word_with_an_apostrophe_is_found_with_and_without(
        self, index: SearchIndex, typed: str
    ) -> None:
        index.put(
            [make_versioned_book("u1", title="Women\u2019s Lives"), make_versioned_book("u2", title="Men")]
        )
        assert search_ids(index, typed) == ["u1"]

    def test_only_the_last_word_may_be_unfinished_another_cut_word_is_a_misspelling(
        self, index: SearchIndex
    ) -> None:
        index.put([make_versioned_book("u1", title="Yellow harbour")])
        pages = [index.search(SearchQuery(text)) for text in ("yellow harb", "yell harbour", "ye harbour ")]
        assert [page.total for page in pages] == [1, 1, 0]
        assert [page.did_you_mean for page in pages] == [None, "yellow harbour", None]

    @pytest.mark.parametrize("text", ["", "lamp"])
    def test_pages_show_every_book_once_in_an_order_that_is_the_same_in_every_index(
        self, index: SearchIndex, url: str, text: str
    ) -> None:
        books = [make_versioned_book(f"u{n:02d}", title="Lamp") for n in range(25)]
        index.put(books)
        pages = [index.search(SearchQuery(text, offset=o, limit=10)) for o in (0, 10, 20)]
        paged = [hit.book.book.source_id for page in pages for hit in page.hits]
        assert sorted(paged) == [book.book.source_id for book in books]
        assert {page.total for page in pages} == {25}
        other = open_search_index(url + "-other", writable=True)
        for start in (20, 10, 0):
            other.put(books[start : start + 10])
        assert search_ids(other, text) == search_ids(index, text) == paged
        other.close()

    def test_a_page_of_size_zero_has_total_and_facets(self, index: SearchIndex) -> None:
        index.put([make_versioned_book("u1")])
        for text in ("", "lamp"):
            page = index.search(SearchQuery(text, limit=0))
            assert (page.hits, page.total, page.facets["rating"]) == ([], 1, {"3": 1})

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            (SearchFilters(category=("Travel",)), ["u3"]),
            (SearchFilters(category=("Travel", "Poetry")), ["u1", "u2", "u3"]),
            (SearchFilters(min_price=Decimal("10.01")), ["u2", "u3"]),
            (SearchFilters(max_price=Decimal("20.00")), ["u1", "u2"]),
            (SearchFilters(min_price=Decimal("10.00"), max_price=Decimal("10.00")), ["u1"]),
            (SearchFilters(min_rating=4), []),
            (SearchFilters(rating=(3, 5)), ["u1", "u2", "u3"]),
            (SearchFilters(rating=(4, 5)), []),
            (SearchFilters(rating=(3,), min_rating=4), []),
            (SearchFilters(currency=("RSD", "GBP")), ["u1", "u2", "u3"]),
            (SearchFilters(currency=("RSD",)), []),
            (SearchFilters(source=("other", "shop")), ["u1", "u2", "u3"]),
            (SearchFilters(min_rating=3, source=("shop",), availability=("in_stock",)), ["u1", "u2", "u3"]),
            (SearchFilters(availability=("out_of_stock",)), []),
            (SearchFilters(category=("travel", "\ud800", "")), []),
            (SearchFilters(min_price=Decimal("-1e30"), max_price=Decimal("1e30")), ["u1", "u2", "u3"]),
            (SearchFilters(min_price=Decimal("10.00001"), max_price=Decimal("Infinity")), ["u2", "u3"]),
        ],
    )
    def test_filters_narrow(self, index: SearchIndex, filters: SearchFilters, found: list[str]) -> None:
        index.put(
            [
                make_priced_book("u1", "10.00"),
                make_priced_book("u2", "20.00"),
                make_priced_book("u3", "30.00", category="Travel"),
            ]
        )
        assert sorted(search_ids(index, "", filters)) == found

    def test_facets_count_and_ignore_their_own_filter(self, index: SearchIndex) -> None:
        index.put(
            [
                make_priced_book("u1", "10.00"),
                make_priced_book("u2", "20.00"),
                make_priced_book("u3", "30.00", category="Travel"),
            ]
        )
        page = index.search(SearchQuery("", SearchFilters(category=("Travel",))))
        assert page.total == 1
        assert page.facets["category"] == {"Poetry": 2, "Travel": 1}
        assert page.facets["rating"] == {"3": 1}

    def test_facets_are_narrowed_by_the_filters_of_the_others(self, index: SearchIndex) -> None:
        index.put(
            [
                make_priced_book("u1", "10.00"),
                make_priced_book("u2", "20.00"),
                make_priced_book("u3", "30.00", category="Travel"),
            ]
        )
        page = index.search(SearchQuery("lamp", SearchFilters(category=("Poetry",), min_price=Decimal(20))))
        assert page.facets == {
            "category": {"Poetry": 1, "Travel": 1},
            "source": {"shop": 1},
            "currency": {"GBP": 1},
            "availability": {"in_stock": 1},
            "rating": {"3": 1},
        }

    def test_older_and_equal_versions_change_nothing(self, index: SearchIndex) -> None:
        assert index.put([make_versioned_book("u1", version=5, title="New")]) == 1
        assert index.put([make_versioned_book("u1", version=4, title="Old")]) == 0
        assert index.put([make_versioned_book("u1", version=5, title="Same")]) == 0
        assert search_ids(index, "new") == ["u1"]

    def test_a_removed_book_stays_away_until_something_newer_comes(self, index: SearchIndex) -> None:
        book = make_versioned_book("u1", version=5)
        index.put([book])
        index.put([RemovedBook(book.book.id, 7)])
        assert index.put([replace(book, version=6)]) == 0
        assert (search_ids(index, ""), list(index.read_versions())) == ([], [("shop:u1", 7, True)])
        index.put([replace(book, version=8)])
        assert search_ids(index, "") == ["u1"]

    def test_the_newest_of_a_batch_counts(self, index: SearchIndex) -> None:
        versions = [(5, "Old"), (9, "New"), (7, "Older")]
        assert index.put([make_versioned_book("u1", version=v, title=t) for v, t in versions]) == 1
        assert (
            index.put(
                [make_versioned_book("u2", version=3), RemovedBook(make_versioned_book("u2").book.id, 4)]
            )
            == 1
        )
        assert [(hit.book.book.title, hit.book.version) for hit in index.search(SearchQuery("")).hits] == [
            ("New", 9)
        ]

    def test_any_order_of_the_same_changes_ends_the_same(self, index: SearchIndex, url: str) -> None:
        story: list[VersionedBook | RemovedBook] = [
            make_versioned_book(f"u{n % 4}", version=n, title=f"T{n}") for n in range(1, 30)
        ]
        story.append(RemovedBook(make_versioned_book("u1").book.id, 40))
        index.put(story)
        other = open_search_index(url + "-other", writable=True)
        for change in random.Random(5).sample(story, len(story)):
            other.put([change])
        assert sorted(other.read_versions()) == sorted(index.read_versions())
        assert search_ids(other, "") == search_ids(index, "")
        assert sorted(search_ids(other, "")) == ["u0", "u2", "u3"]
        other.close()

    def test_a_document_is_there_once(self, index: SearchIndex) -> None:
        for version in range(1, 6):
            index.put([make_versioned_book("u1", version=version)] * 3)
        assert len(list(index.read_versions())) == 1

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
    def test_typed_text_is_data(self, index: SearchIndex, text: str) -> None:
        index.put([make_versioned_book("u1")])
        assert index.search(SearchQuery(text)).total in (0, 1)
        assert len(index.suggest(text, limit=5)) <= 2

    def test_query_syntax_in_typed_text_has_no_meaning(self, index: SearchIndex) -> None:
        index.put([make_versioned_book("u1", title="Red lamp"), make_versioned_book("u2", title="Blue lamp")])
        for text in ('"red" lamp ', "+red -lamp ", "title:red ", "red* ", "(red) [lamp] ", "\\red "):
            assert search_ids(index, text.replace("title:", "")) == ["u1"]
        assert search_ids(index, "red OR blue ") == []

    def test_a_page_too_far_is_refused(self, index: SearchIndex) -> None:
        for query in (SearchQuery("", offset=9_990, limit=20), SearchQuery("", offset=-1)):
            with pytest.raises(Invalid, match="offset"):
                index.search(query)
        with pytest.raises(Invalid, match="min_price"):
            index.search(SearchQuery("", SearchFilters(min_price=Decimal("NaN"))))

    def test_suggestions_complete_the_typed_text(self, index: SearchIndex) -> None:
        index.put([make_versioned_book("u1", title="Žuta lampa"), make_versioned_book("u2", title="Zebra")])
        assert [s.text for s in index.suggest("zu", limit=5)] == ["Žuta lampa"]
        assert [s.text for s in index.suggest("zuta lam", limit=5)] == ["Žuta lampa"]
        assert [(s.text, s.kind) for s in index.suggest("poe", limit=5)] == [("Poetry", "category")]
        assert [s.text for s in index.suggest("z", limit=1)] in (["Žuta lampa"], ["Zebra"])
        assert (index.suggest("", limit=5), index.suggest("zu", limit=0)) == ([], [])

    def test_suggestions_that_start_with_the_text_come_first_and_titles_are_unique(
        self, index: SearchIndex
    ) -> None:
        titles = ["The lamp", "Lamp", "lamp", "LÁMP", "Lamps of old", "Harbour"]
        index.put([make_versioned_book(f"u{n}", title=title) for n, title in enumerate(titles)])
        found = [s.text for s in index.suggest("lam", limit=10)]
        assert [found[0].casefold() in ("lamp", "lámp", "lamps of old"), found[2]] == [True, "The lamp"]
        assert len(found) == 3

    def test_a_removed_book_is_not_suggested(self, index: SearchIndex) -> None:
        index.put([make_versioned_book("u1", version=1)])
        index.put([RemovedBook(make_versioned_book("u1").book.id, 2)])
        assert [index.suggest(text, limit=5) for text in ("t", "the", "poe")] == [[], [], []]

    def test_an_empty_index_answers(self, url: str) -> None:
        reader = open_search_index(url)
        assert (reader.search(SearchQuery("x")).total, reader.suggest("x", limit=3)) == (0, [])
        reader.close()

    def test_a_reader_sees_commits_of_another_process(self, index: SearchIndex, url: str) -> None:
        reader = open_search_index(url)
        index.put([make_versioned_book("u1")])
        code = "import sys; from bookcore.search import *; i = open_search_index(sys.argv[1]);"
        code += " print(i.search(SearchQuery('lamp')).total)"
        told = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
        assert told.stdout == "1\n"
        assert search_ids(reader, "lamp") == ["u1"]
        reader.close()

    def test_a_second_writer_is_refused(self, index: SearchIndex, url: str) -> None:
        assert search_ids(index, "") == []
        with pytest.raises(Conflict, match="another process writes"):
            open_search_index(url, writable=True)

    def test_a_killed_writer_keeps_acknowledged_batches_and_releases_its_lock(self, url: str) -> None:
        told = kill_a_writer(url)
        index = open_search_index(url, writable=True)
        found = count_commits(index)
        assert [found[f"shop:k{n}"] for n in range(told)] == [20] * told
        assert index.put([make_versioned_book("after")]) == 1
        index.close()
