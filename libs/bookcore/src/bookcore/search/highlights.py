"""Places of the words that met the typed ones."""

import re
from collections.abc import Iterator, Sequence

from bookcore.domain.book import Book
from bookcore.search import Highlight, WordMatch
from bookcore.search.cards import list_people
from bookcore.search.text import read_text

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*[+#]*")
_MOST = 20


def locate_matches(book: Book, matches: Sequence[WordMatch]) -> list[Highlight]:
    """Offsets in characters of the printed title and of `authors[n]`; at most 20."""
    found = {match.found for match in matches if match.found}
    if not found:
        return []
    places = list(_locate("title", book.title[:1_000], found))
    for number, name in enumerate(list_people(book)[: len(book.details.authors)]):
        places += _locate(f"authors[{number}]", name, found)
    return places[:_MOST]


def _locate(field: str, text: str, found: set[str]) -> Iterator[Highlight]:
    for word in _WORD.finditer(text):
        if any(found.issuperset(reading) for reading in read_text(word[0])):
            yield Highlight(field, word.start(), word.end())
