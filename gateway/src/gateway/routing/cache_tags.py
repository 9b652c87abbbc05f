"""By which names a cached answer is forgotten: the book that it shows, or the list that it is.

A change of a book may move it in, out of or within any list, so that all lists go with it; what is kept of
other books stays.
"""

from gateway.http.caching import normalize_query

ALL = "*"
LISTS = "list"
ALL_USERS = "user:*"
"""What is remembered of all users, not their cached answers."""
_BOOKS = "/books/"


def build_tags(path: str, query: bytes) -> tuple[str, ...]:
    """Of the answer to a GET of a service path."""
    book = _extract_book(path)
    return (f"book:{book}",) if book else (LISTS, f"list:{path}?{normalize_query(query)}")


def build_change_tags(book_id: str | None) -> tuple[str, ...]:
    """What a changed book drops; everything when it isn't known which."""
    return (f"book:{book_id}", LISTS) if book_id and " " not in book_id else (ALL,)


def build_write_tags(path: str) -> tuple[str, ...]:
    """What a write to a service path drops."""
    return build_change_tags(_extract_book(path)) if _extract_book(path) else (LISTS,)


def _extract_book(path: str) -> str:
    if not path.startswith(_BOOKS):
        return ""
    book = path[len(_BOOKS) :].partition("/")[0]
    return book if " " not in book else ""
