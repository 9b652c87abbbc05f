"""By which names a cached answer is forgotten: the book that it shows, or the list that it is.

A change of a book may move it in, out of or within any list, so that all lists go with it; what is kept of
other books stays.
"""

from gateway.http.caching import normal_query

EVERYTHING = "*"
LISTS = "list"
EVERY_USER = "user:*"
"""What is remembered of all users, not their cached answers."""
_BOOKS = "/books/"


def tags_of(path: str, query: bytes) -> tuple[str, ...]:
    """Of the answer to a GET of a service path."""
    book = _book_in(path)
    return (f"book:{book}",) if book else (LISTS, f"list:{path}?{normal_query(query)}")


def tags_of_change(book_id: str | None) -> tuple[str, ...]:
    """What a changed book drops; everything when it isn't known which."""
    return (f"book:{book_id}", LISTS) if book_id and " " not in book_id else (EVERYTHING,)


def tags_of_write(path: str) -> tuple[str, ...]:
    """What a write to a service path drops."""
    return tags_of_change(_book_in(path)) if _book_in(path) else (LISTS,)


def _book_in(path: str) -> str:
    if not path.startswith(_BOOKS):
        return ""
    book = path[len(_BOOKS) :].partition("/")[0]
    return book if " " not in book else ""
