"""Books like another one, found by what the index has of it, each with its reasons."""

from collections.abc import Iterator, Mapping

from bookcore.domain.book import Book, BookId
from bookcore.domain.errors import NotFound
from bookcore.search import Reason, SimilarBook
from bookcore.search.cards import MAX_POPULARITY, count_popularity, list_people
from bookcore.search.documents import compute_tie
from bookcore.search.filters import FilterClauses, make_name_key
from bookcore.search.nodes import AllOf, AnyOf, Constant, Listed, Node, OneOf, Word
from bookcore.search.query_plan import build_popularity
from bookcore.search.ranked import SearchView
from bookcore.search.text import is_light, make_identifier_key, make_product_key, read_text
from bookcore.search.titles import split_title

MAX_SIMILAR = 200
_WEIGHTS = {"series": 4.0, "author": 3.0, "subject": 1.0, "category": 1.0, "title": 1.0, "description": 1.0}
"""Of a whole agreement; subjects, title and description count by the share of words that agree."""
_POPULARITY = 0.5
_PER_ARM = 40
_MOST_WORDS = 12
_SHORTEST_WORD = 4
_EVERYWHERE = FilterClauses({}, {})

_Traits = Mapping[str, Mapping[str, str]]
"""Kind of reason -> key -> the value as printed."""


def find_similar(view: SearchView, book_id: BookId, *, limit: int) -> list[SimilarBook]:
    """The likest first, without the book's other listings: an equal title or code.

    Raises: NotFound when the index has no such book.
    """
    there = AllOf([Listed([book_id]), OneOf("identifier", [make_identifier_key(book_id)])])  # not removed
    if not view.find_candidates([Constant(there, 1.0)], _EVERYWHERE, limit=1)[0]:
        raise NotFound(f"there is no book {book_id}")
    book = view.read_books([book_id])[book_id].book
    ours = _list_traits(book)
    arms = list(_build_arms(ours))
    found = view.find_candidates(arms, _EVERYWHERE, limit=_PER_ARM) if arms else []
    others = view.read_books(list({each.id: None for arm in found for each in arm}))
    rated = [
        SimilarBook(other, *_rate(ours, other.book))
        for other in others.values()
        if not _is_same(book, other.book)
    ]
    rated.sort(key=lambda each: (-each.score, compute_tie(each.book.book.id)))
    return [each for each in rated if each.reasons][: min(limit, MAX_SIMILAR)]


def _build_arms(traits: _Traits) -> Iterator[Node]:
    """For each kind of trait the books that may share one, well-known books first among equals."""
    popularity = build_popularity()
    for field in ("author", "category"):
        if keys := list(traits[field]):
            yield AllOf([Constant(OneOf(field, keys), 1.0)], popularity)
    for words in map(str.split, traits["series"]):
        yield AllOf([Constant(Word("series", word), 1.0) for word in words], popularity)
    for field in ("title", "description"):
        if traits[field]:
            yield AnyOf([Word(field, word) for word in traits[field]])


def _list_traits(book: Book) -> _Traits:
    parts = split_title(book.title)
    series = [each.name for each in book.details.series] or [parts.series]
    return {
        "series": {" ".join(words): name for name in series for words in read_text(name)[:1]},
        "author": {make_name_key(name): name for name in list_people(book)},
        "category": {book.category: book.category} if book.category else {},
        "subject": {
            make_name_key(name): name for each in book.details.subjects if (name := each.heading or each.code)
        },
        "title": _list_words(parts.main),
        "description": _list_words(book.description or ""),
    }


def _list_words(text: str) -> dict[str, str]:
    """The longest words that say something: rare ones, mostly."""
    words = dict.fromkeys(word for reading in read_text(text)[:1] for word in reading)
    said = [word for word in words if len(word) >= _SHORTEST_WORD and not is_light(word)]
    return {word: word for word in sorted(said, key=lambda word: (-len(word), word))[:_MOST_WORDS]}


def _rate(ours: _Traits, other: Book) -> tuple[float, tuple[Reason, ...]]:
    theirs = _list_traits(other)
    score, reasons = 0.0, []
    for kind, weight in _WEIGHTS.items():
        shared = [key for key in ours[kind] if key in theirs[kind]]
        if shared:
            share = 1.0 if kind in ("series", "author", "category") else len(shared) / len(ours[kind])
            score += weight * share
            reasons.append(Reason(kind, tuple(ours[kind][key] for key in shared)))
    return score + _POPULARITY * count_popularity(other.attributes) / MAX_POPULARITY, tuple(reasons)


def _is_same(book: Book, other: Book) -> bool:
    """Whether both are listings of one book."""
    return bool(
        book.id == other.id
        or _list_titles(book) & _list_titles(other)
        or _list_codes(book) & _list_codes(other)
    )


def _list_titles(book: Book) -> set[str]:
    return {make_name_key(split_title(book.title).main)}


def _list_codes(book: Book) -> set[str]:
    return set(filter(None, map(make_product_key, book.identifiers.values())))
