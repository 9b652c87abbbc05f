"""Page objects of a source: pure functions of a page's bytes and URL."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, Self, cast
from urllib.parse import urljoin

from lxml import etree  # type: ignore[import-untyped]  # ships no types; Element below is what we use of it

from bookcore.domain.normalise import PrintedBook

_PARSER = etree.HTMLParser(encoding="utf-8", recover=True, huge_tree=True, collect_ids=False)
_EMPTY = b"<html/>"
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)


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


class Element(Protocol):
    """The part of lxml's elements that page objects use; several times faster than a selector for each
    field."""

    tag: str
    text: str | None

    def find(self, path: str) -> Self | None: ...
    def findall(self, path: str) -> list[Self]: ...
    def get(self, name: str, default: str = ..., /) -> str: ...
    def getnext(self) -> Self | None: ...
    def itertext(self) -> Iterator[str]: ...
    def __iter__(self) -> Iterator[Self]: ...
    def __len__(self) -> int: ...


def parse_html(html: bytes) -> Element:
    """Root of a tolerant parse; an empty page has an empty root."""
    text = decode_html(html).strip().replace("\x00", "").encode()
    root = etree.fromstring(text or _EMPTY, _PARSER)
    return cast(Element, etree.fromstring(_EMPTY, _PARSER) if root is None else root)


def decode_html(html: bytes) -> str:
    """Text in the charset that the page declares, else UTF-8.

    Invalid bytes become U+FFFD, which normalise refuses; text of a guessed charset would be accepted.
    """
    declared = _DECLARED.search(html, 0, 2_048)
    try:
        return html.decode(declared[1].decode() if declared else "utf-8", "replace")
    except LookupError:
        return html.decode("utf-8", "replace")


def is_complete(html: bytes) -> bool:
    """Whether the page isn't truncated: in a truncated one "£51.77" may read "£5"."""
    return b"</html>" in html[-1_000:].lower()


def read_text(element: Element | None) -> str | None:
    """Stripped text with inner white space as printed; None without an element or text."""
    if element is None:
        return None
    text = "".join(element.itertext()) if len(element) else element.text or ""
    return text.strip() or None


def resolve_link(url: str, link: str) -> str | None:
    """Absolute URL of a link on the page at `url`; None for an invalid one (`http://[`)."""
    link = link.strip()
    folder = url if link[:1] in ("?", "#", "") else url[: url.rfind("/") + 1]
    return _join_url(folder, link)


@lru_cache(8_192)
def _join_url(folder: str, link: str) -> str | None:
    """Cached: pages of one folder share most of their links."""
    try:
        return urljoin(folder, link)
    except ValueError:
        return None
