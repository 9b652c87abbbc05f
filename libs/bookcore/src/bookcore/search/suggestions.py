"""Chooses suggestions among the categories and titles that an engine found."""

from collections.abc import Iterable, Sequence

from bookcore.domain.book import BookId
from bookcore.search import Suggestion
from bookcore.search.query_plan import make_title_key, matches_prefix

MAX_SUGGESTIONS = 100
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
