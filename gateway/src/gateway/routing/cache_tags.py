"""Cache tags: by which names a cached response is purged.

A changed book may enter, leave or move within any list, so all lists are purged with it; responses about
other books stay.
"""

from gateway.http.caching import normalize_query

ALL = "*"
LISTS = "list"
ALL_USERS = "user:*"
"""All cached callers, but no cached responses."""
_BOOKS = "/books/"


def build_tags(path: str, query: bytes) -> tuple[str, ...]:
    """The tags of a response to a GET of a service path."""
    book = _extract_book(path)
    return (f"book:{book}",) if book else (LISTS, f"list:{path}?{normalize_query(query)}")


def build_change_tags(book_id: str | None) -> tuple[str, ...]:
    """What a changed book purges; everything when the book is unknown."""
    return (f"book:{book_id}", LISTS) if book_id and " " not in book_id else (ALL,)


def build_write_tags(path: str) -> tuple[str, ...]:
    """What a write to a service path purges."""
    return build_change_tags(_extract_book(path)) if _extract_book(path) else (LISTS,)


def _extract_book(path: str) -> str:
    if not path.startswith(_BOOKS):
        return ""
    book = path[len(_BOOKS) :].partition("/")[0]
    return book if " " not in book else ""
