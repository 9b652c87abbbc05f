"""Chooses suggestions among the categories, people, series and titles that an engine found."""

from collections.abc import Iterable, Sequence

from bookcore.domain.book import BookId
from bookcore.search import SearchQuery, Suggestion
from bookcore.search.cards import list_people
from bookcore.search.query_plan import build_plan, make_title_key, matches_prefix
from bookcore.search.ranked import RankedBook, SearchView, rank_books
from bookcore.search.text import is_light, read_text
from bookcore.search.titles import split_title

MAX_SUGGESTIONS = 100
_SHORTEST = 3  # characters: fewer begin words of most books
TITLES_PER_SUGGESTION = 3
"""Several books may share a title, so more titles than the limit are fetched."""


def choose_suggestions(
    words: Sequence[str], categories: Iterable[str], titles: Iterable[tuple[BookId, str]], *, limit: int
) -> Sequence[Suggestion]:
    """Matching categories, then titles, each once: the best hit's book represents its title."""
    fitting = [Suggestion(name, "category") for name in categories if matches_prefix(name, words)]
    first: dict[str, Suggestion] = {}
    for book_id, title in titles:
        first.setdefault(make_title_key(title), Suggestion(title, "title", book_id))
    return [*fitting, *first.values()][:limit]


def add_ranked_suggestions(
    view: SearchView, text: str, found: Sequence[Suggestion], *, limit: int
) -> Sequence[Suggestion]:
    """People and series first among the titles, and titles that the text misspells, while there is room.

    What the text names is taken from the accepted candidates of a search for it.
    """
    if len(text.strip()) < _SHORTEST:
        return found
    ranked = rank_books(view, build_plan(SearchQuery(text)), limit=limit)
    named = [_choose_name(each) for each in ranked]
    names = [each for each in named if each.kind != "title"]
    titles = [each for each in named if each.kind == "title"]
    categories = [each for each in found if each.kind == "category"]
    rest = [each for each in found if each.kind != "category"]
    order = [*categories, *names, *rest, *titles]
    unique = dict.fromkeys((each.kind, make_title_key(each.text)) for each in order)
    first = {(each.kind, make_title_key(each.text)): each for each in reversed(order)}
    return [first[key] for key in unique][:limit]


def _choose_name(ranked: RankedBook) -> Suggestion:
    """The person or series that all typed words name, else the title."""
    book = ranked.book.book
    said = [match for match in ranked.judgement.matches if not is_light(match.typed) and match.found]
    fields = {match.field for match in said}
    found = {match.found for match in said}
    if fields == {"author"}:
        for name in list_people(book):
            if any(found <= set(reading) for reading in read_text(name)):
                return Suggestion(name, "author")
    series = book.details.series[0].name if book.details.series else split_title(book.title).series
    if fields == {"series"} and any(found <= set(reading) for reading in read_text(series)):
        return Suggestion(series, "series")
    return Suggestion(book.title, "title", book.id)
