"""Page objects of a source: pure functions of a page's bytes and URL."""

from dataclasses import dataclass
from typing import Protocol

from bookcore.domain.normalise import PrintedBook
from booksources.web_pages.charset import decode_html
from booksources.web_pages.elements import PageElement, find_base, parse_html, read_text, resolve_link
from booksources.web_pages.wholeness import is_complete

__all__ = [
    "BookPage",
    "ListPage",
    "PageElement",
    "PageLinks",
    "decode_html",
    "find_base",
    "is_complete",
    "parse_html",
    "read_text",
    "resolve_link",
]


@dataclass(frozen=True, slots=True)
class PageLinks:
    """Absolute URLs in the page's order, each once."""

    listings: tuple[str, ...]
    books: tuple[str, ...]


class BookPage(Protocol):
    """Page of one book. `is_complete`: not truncated; the fields of a truncated page can't be trusted."""

    is_complete: bool

    def __init__(self, html: bytes, url: str) -> None: ...

    @property
    def source_id(self) -> str | None:
        """The source's own key of the book, None if the page prints none."""

    def to_item(self) -> PrintedBook:
        """Printed fields; never raises."""


class ListPage(Protocol):
    """Page with links to books."""

    is_complete: bool

    def __init__(self, html: bytes, url: str) -> None: ...

    def list_links(self) -> PageLinks:
        """Links to follow; never raises."""

    @property
    def total(self) -> int | None:
        """Printed number of books, None if the page prints none."""
