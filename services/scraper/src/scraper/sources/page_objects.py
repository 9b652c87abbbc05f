"""What a source must be able to say of a page: pure functions of its bytes and URL."""

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
    """Absolute addresses in the page's order, each once."""

    listings: tuple[str, ...]
    books: tuple[str, ...]


class BookPage(Protocol):
    """The page of one book. `is_whole`: it came to its end; one that was cut can't be trusted."""

    is_complete: bool

    def __init__(self, html: bytes, url: str) -> None: ...

    @property
    def source_id(self) -> str | None:
        """The source's own key of the book, None where the page prints none."""

    def to_item(self) -> PrintedBook:
        """Never raises, whatever the bytes are."""


class ListPage(Protocol):
    """A page that leads to books."""

    is_complete: bool

    def __init__(self, html: bytes, url: str) -> None: ...

    def list_links(self) -> PageLinks:
        """Where to go on; never raises."""

    @property
    def total(self) -> int | None:
        """How many books the listing says it has, None when it doesn't say."""


class Element(Protocol):
    """The part of lxml's elements that page objects use; several times cheaper than a selector per field."""

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
    """The root of whatever can be read; an empty page has an empty root."""
    text = decode_html(html).strip().replace("\x00", "").encode()
    root = etree.fromstring(text or _EMPTY, _PARSER)
    return cast(Element, etree.fromstring(_EMPTY, _PARSER) if root is None else root)


def decode_html(html: bytes) -> str:
    """The text by the charset that the page itself declares, else UTF-8.

    Bytes that don't fit become U+FFFD: normalise refuses those, where a guessed charset would pass as text.
    """
    declared = _DECLARED.search(html, 0, 2_048)
    try:
        return html.decode(declared[1].decode() if declared else "utf-8", "replace")
    except LookupError:
        return html.decode("utf-8", "replace")


def is_complete(html: bytes) -> bool:
    """Whether the page came to its end: in one that was cut, "£51.77" may read "£5"."""
    return b"</html>" in html[-1_000:].lower()


def read_text(element: Element | None) -> str | None:
    """Stripped text with white space inside as printed; None for no element and for no text."""
    if element is None:
        return None
    text = "".join(element.itertext()) if len(element) else element.text or ""
    return text.strip() or None


def resolve_link(url: str, link: str) -> str | None:
    """The link as it stands on the page at `url`; None for what only looks like an address (`http://[`)."""
    link = link.strip()
    folder = url if link[:1] in ("?", "#", "") else url[: url.rfind("/") + 1]
    return _join_url(folder, link)


@lru_cache(8_192)
def _join_url(folder: str, link: str) -> str | None:
    """Pages of one folder share most of their links."""
    try:
        return urljoin(folder, link)
    except ValueError:
        return None
