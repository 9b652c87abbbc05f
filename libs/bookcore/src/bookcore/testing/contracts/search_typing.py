"""What people type, and the book that they mean: the same for every search engine."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from bookcore.domain.book import BookId, Money, Rating, VersionedBook
from bookcore.domain.details import Details
from bookcore.domain.errors import NotFound
from bookcore.search import RemovedBook, SearchFilters, SearchIndex, SearchOrder, SearchQuery
from bookcore.testing.builders import make_versioned_book
from bookcore.testing.index_access import search_ids

_BOOKS = (
    # id, title, author, readers, identifiers
    ("hunger", "The Hunger Games (The Hunger Games, #1)", "Suzanne Collins", 4_780_653, "439023483"),
    ("hamsun", "Hunger", "Knut Hamsun", 30_102, ""),
    ("gone2", "Hunger (Gone, #2)", "Michael Grant", 51_000, ""),
    ("orwell", "1984", "George Orwell", 1_956_832, "9780451524935"),
    ("bolano", "2666", "Roberto Bola\u00f1o", 25_000, ""),
    ("war", "300", "Frank Miller", 60_000, ""),
    ("1984", "A Row with a Number", "Nobody Known", 10, ""),
    ("angels", "Angels & Demons (Robert Langdon, #1)", "Dan Brown", 2_001_311, "0671027360"),
    ("qa", "Q & A", "Vikas Swarup", 20_000, ""),
    ("hp1", "Harry Potter and the Sorcerer's Stone (Harry Potter, #1)", "J.K. Rowling", 4_602_479, ""),
    ("hp2", "Harry Potter and the Chamber of Secrets (Harry Potter, #2)", "J.K. Rowling", 1_779_331, ""),
    ("hpbox", "Harry Potter Boxset (Harry Potter, #1-7)", "J.K. Rowling", 190_050, ""),
    ("howling", "The Howling", "Gary Brandner", 5_000, ""),
    ("ring", "The Fellowship of the Ring (The Lord of the Rings, #1)", "J.R.R. Tolkien", 1_766_803, ""),
    ("sandman1", "The Sandman, Vol. 1: Preludes & Nocturnes (The Sandman, #1)", "Neil Gaiman", 134_000, ""),
    ("sandman2", "The Sandman, Vol. 2: The Doll's House (The Sandman, #2)", "Neil Gaiman", 50_000, ""),
    ("gonegirl", "Gone Girl", "Gillian Flynn", 512_475, "9780297859406"),
    ("got", "A Game of Thrones (A Song of Ice and Fire, #1)", "George R.R. Martin", 1_319_204, ""),
    ("gotcomic", "A Game of Thrones: Comic Book, Issue 1", "Daniel Abraham", 21_000, ""),
    ("muller", "Die Stra\u00dfe nach \u00dcbersee", "J\u00f6rg M\u00fcller", 0, ""),
    ("ljubav", "Ljubav u doba kolere", "Gabrijel Garsija Markes", 0, ""),
    ("djavo", "\u0110avo i gospo\u0111ica Prim", "Paulo Koeljo", 0, ""),
    ("prince", "Mali princ", "Antoan de Sent Egziperi", 0, ""),
    ("human", "\u4eba\u9593\u5931\u683c", "\u592a\u5bb0\u6cbb", 0, ""),
    ("cat", "\u543e\u8f29\u306f\u732b\u3067\u3042\u308b", "\u590f\u76ee\u6f31\u77f3", 0, ""),
    ("catch", "Catch-22", "Joseph Heller", 560_000, ""),
    ("xmen", "X-Men: God Loves, Man Kills", "Chris Claremont", 12_000, ""),
    ("bird", "To Kill a Mockingbird", "Harper Lee", 3_198_671, "006112008X"),
    ("five", "Slaughterhouse-Five", "Kurt Vonnegut", 846_000, ""),
    ("csharp", "C# in Depth", "Jon Skeet", 900, ""),
    ("cpp", "The C++ Programming Language", "Bjarne Stroustrup", 2_000, ""),
    ("c", "The C Programming Language", "Brian Kernighan", 9_000, ""),
    ("undernet", "Under the Net", "Iris Murdoch", 7_000, ""),
    ("immortal", "The Immortal Life of Henrietta Lacks", "Rebecca Skloot", 400_000, ""),
    ("evermore", "Evermore (The Immortals, #1)", "Alyson Noel", 190_000, ""),
    ("summer", "One Summer", "David Baldacci", 30_000, ""),
    ("pretty", "The Summer I Turned Pretty (Summer, #1)", "Jenny Han", 90_000, ""),
    ("listing", "Angels and Demons (Paperback)", "Dan Brown", 0, "9780671027360"),
    ("html", "<b>Bold</b> & <script>alert(1)</script>", "Robert'); DROP TABLE", 0, ""),
)
_MEANT = {
    "1984": "orwell",
    "2666": "bolano",
    "300": "war",
    "shop:1984": "1984",
    "0439023483": "hunger",
    "439023483": "hunger",
    "0-439-02348-3": "hunger",
    "978-0-439-02348-1": "hunger",
    "ISBN 9780439023481": "hunger",
    "isbn-10: 0451524934": "orwell",
    "0-06-112008-x": "bird",
    "Angels and Demons": "angels",
    "Q and A": "qa",
    "JK Rowling": "hp1",
    "j. k. rowling": "hp1",
    "jrr tolkien": "ring",
    "rowling": "hp1",
    "Joerg Mueller": "muller",
    "Jorg Muller": "muller",
    "Uebersee": "muller",
    "\u0459\u0443\u0431\u0430\u0432": "ljubav",
    "djavo": "djavo",
    "davo i gospodica": "djavo",
    "\u5931\u683c": "human",
    "\u732b": "cat",
    "Sandman volume 2": "sandman2",
    "sandman two": "sandman2",
    "Harry Potter book 1": "hp1",
    "harry potter 1": "hp1",
    "harry potter 2": "hp2",
    "harry potter": "hp1",
    "gone girl book": "gonegirl",
    "harry potter pdf": "hp1",
    "game of thrones": "got",
    "hunger": "hunger",
    "hary potter": "hp1",
    "mali prinic": "prince",
    "tolkein": "ring",
    "harrypotter": "hp1",
    "catch22": "catch",
    "catch twenty two": "catch",
    "XMen": "xmen",
    "x-men": "xmen",
    "mocking bird": "bird",
    "Slaughterhouse 5": "five",
    "C#": "csharp",
    "C++": "cpp",
    "title:hunger games": "hunger",
    "hunger AND games": "hunger",
    "suzane colins hungr": "hunger",
    "<b>Bold</b>": "html",
    "the immortal": "immortal",
    "1 summer": "summer",
}
_HOSTILE = (
    *(
        "x" * 10_000,
        "lamp " * 2_000,
        "the of and",
        "a",
        "the",
        "?!...",
        "\U0001f4da\U0001f4da",
        "\u202e\u200fabc",
    ),
    *(
        ".*",
        "(a+)+$",
        "[1 TO 2]",
        "title:(a AND",
        '{"query":{"match_all":{}}}',
        "\x00\x01",
        "\ud800",
        "\\",
        "'",
    ),
    *(
        "<script>alert(1)</script>",
        "%27 OR 1=1 --",
        "~1",
        "^9",
        "* *",
        "0",
        "-",
        "\u0e01\u0e02",
        "\u732b" * 300,
    ),
)


def make_catalogue() -> list[VersionedBook]:
    """Books whose names invite other spellings."""
    return [_make_book(*row) for row in _BOOKS]


def _make_book(key: str, title: str, author: str, readers: int, code: str) -> VersionedBook:
    stored = make_versioned_book(key, title=title)
    book = replace(
        stored.book,
        description=None,
        category=None,
        details=Details(authors=(author,), year=1900 + len(title), language="en", publisher="Laguna d.o.o."),
        attributes={"ratings_count": readers} if readers else {},
        identifiers={"isbn": code} if code else {},
    )
    return replace(stored, book=book)


class SearchTypingContract:
    """Tests of ranking, tolerance and the ladder; `index` is a fixture of the inheriting class."""

    def test_the_meant_book_comes_first(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        found = {text: next(iter(search_ids(index, text)), None) for text in _MEANT}
        assert found == _MEANT

    def test_listings_of_one_code_come_in_the_order_of_their_readers(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        for text in ("0671027360", "978-0-671-02736-0"):
            assert search_ids(index, text) == ["angels", "listing"]

    def test_a_symbol_is_no_other_word(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        assert search_ids(index, "C#") == ["csharp"]
        assert search_ids(index, "C++") == ["cpp"]
        assert search_ids(index, ".NET") == []

    def test_hostile_text_is_bounded_and_no_error(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        for text in _HOSTILE:
            page = index.search(SearchQuery(text, SearchFilters(min_year=0, language=("",)), limit=5))
            assert (page.hits, page.total) == ([], 0)
            page = index.search(SearchQuery(text, limit=5))
            assert len(page.hits) <= 5
            assert len(index.suggest(text, limit=5)) <= 5

    def test_a_misspelled_text_is_told_as_books_have_it(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        told = {
            text: index.search(SearchQuery(text)).did_you_mean
            for text in ("hary potter", "gone girl", "1984")
        }
        assert told == {"hary potter": "harry potter", "gone girl": None, "1984": None}

    def test_an_empty_result_says_what_would_find_books(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        cases: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
            "rowling zeppelin": ("dropped_words", "rowling", ("zeppelin",)),
            "prelxjdz nocturnes": ("correction", "preludes nocturnes", ()),
        }
        for text, expected in cases.items():
            page = index.search(SearchQuery(text))
            assert (page.hits, page.total) == ([], 0)
            assert expected in [(rung.kind, rung.text, rung.dropped) for rung in page.ladder]
            assert all(index.search(SearchQuery(f"{rung.text} ")).total == rung.total for rung in page.ladder)

    def test_a_filter_that_hides_all_books_is_told(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        page = index.search(SearchQuery("rowling", SearchFilters(language=("sr",), max_price=Decimal(1_000))))
        assert page.hits == []
        relaxed = [(rung.dropped, rung.total) for rung in page.ladder if rung.kind == "relaxed_filter"]
        assert relaxed == [(("language",), 3)]

    def test_total_facets_and_pages_agree_when_candidates_are_ranked(self, index: SearchIndex) -> None:
        index.put([*make_catalogue(), *(make_versioned_book(f"v{n:03d}", title="Harry") for n in range(120))])
        pages = [index.search(SearchQuery("harry", offset=at, limit=25)) for at in range(0, 150, 25)]
        shown = [hit.book.book.source_id for page in pages for hit in page.hits]
        assert len(shown) == len(set(shown)) == pages[0].total == 123
        assert {page.total for page in pages} == {123}
        assert pages[0].facets["source"] == {"shop": 123}
        one = index.search(SearchQuery("hary", SearchFilters(category=("Poetry",)), limit=200))
        assert (one.total, len(one.hits)) == (one.facets["category"]["Poetry"], one.total)

    def test_filters_on_people_and_facts_ignore_case_accents_and_points(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        assert search_ids(index, "", SearchFilters(author=("jorg MULLER",))) == ["muller"]
        assert sorted(search_ids(index, "", SearchFilters(author=("JK Rowling",)))) == ["hp1", "hp2", "hpbox"]
        assert len(search_ids(index, "", SearchFilters(publisher=("laguna doo",)))) == len(_BOOKS)
        assert search_ids(index, "", SearchFilters(language=("EN",), min_year=1904, max_year=1904)) == [
            "bolano",
            "orwell",
            "human",
        ]

    def test_results_are_sorted_as_asked(self, index: SearchIndex) -> None:
        prices = {"a": "9.00", "b": "7.00", "c": "8.00"}
        books = []
        for key, price in prices.items():
            stored = make_versioned_book(key, title="Lamp")
            book = replace(stored.book, price=Money(Decimal(price), "GBP"), rating=Rating(ord(key) - 96))
            books.append(replace(stored, book=book))
        unpriced = make_versioned_book("d", title="Lamp")
        books.append(replace(unpriced, book=replace(unpriced.book, price=None, rating=None)))
        index.put(books)
        for text in ("", "lamp"):
            orders = {
                sort: [hit.book.book.source_id for hit in index.search(SearchQuery(text, sort=sort)).hits]
                for sort in (SearchOrder.PRICE, SearchOrder.PRICE_DESCENDING, SearchOrder.RATING_DESCENDING)
            }
            assert orders == {
                SearchOrder.PRICE: ["b", "c", "a", "d"],
                SearchOrder.PRICE_DESCENDING: ["a", "c", "b", "d"],
                SearchOrder.RATING_DESCENDING: ["c", "b", "a", "d"],
            }
        pages = [
            index.search(SearchQuery("lamp", sort=SearchOrder.PRICE, offset=at, limit=2)) for at in (0, 2)
        ]
        assert [h.book.book.source_id for page in pages for h in page.hits] == ["b", "c", "a", "d"]

    def test_suggestions_name_people_series_and_misspelled_titles(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        cases = {"rowl": ("J.K. Rowling", "author"), "tolkein": ("J.R.R. Tolkien", "author")}
        cases |= {"robert lang": ("Robert Langdon", "series"), "gone gril": ("Gone Girl", "title")}
        found = {text: [(s.text, s.kind) for s in index.suggest(text, limit=5)] for text in cases}
        assert {text: next(iter(items), None) for text, items in found.items()} == cases

    def test_highlights_are_offsets_of_the_words_that_met(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        hit = index.search(SearchQuery("mueller strase")).hits[0]
        assert [(h.field, h.start, h.end) for h in hit.highlights] == [
            ("title", 4, 10),
            ("authors[0]", 5, 11),
        ]

    @pytest.mark.parametrize("text", ["hary potter", "rowling"])
    def test_a_hit_says_why_it_has_its_score(self, index: SearchIndex, text: str) -> None:
        index.put(make_catalogue())
        judgement = index.search(SearchQuery(text)).hits[0].judgement
        assert judgement is not None
        assert judgement.edit == ("spelling" if text == "hary potter" else "none")
        assert judgement.matches[0].field == ("title" if text == "hary potter" else "author")

    def test_similar_books_have_reasons_and_are_no_other_listing(self, index: SearchIndex) -> None:
        index.put(make_catalogue())
        found = index.find_similar(BookId("shop:hp1"), limit=3)
        assert [each.book.book.source_id for each in found] == ["hp2", "hpbox"]
        assert [(reason.kind, reason.values) for reason in found[0].reasons] == [
            ("series", ("Harry Potter",)),
            ("author", ("J.K. Rowling",)),
            ("title", ("potter", "harry")),
        ]
        assert "listing" not in [
            b.book.book.source_id for b in index.find_similar(BookId("shop:angels"), limit=9)
        ]
        index.put([RemovedBook(BookId("shop:hp1"), make_catalogue()[0].version + 1)])
        for key in ("shop:none", "shop:hp1"):
            with pytest.raises(NotFound, match=f"no book {key}"):
                index.find_similar(BookId(key), limit=3)
