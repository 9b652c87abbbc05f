"""Elements and links of a page."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol, Self, cast
from urllib.parse import urljoin, urlsplit

from lxml import etree  # type: ignore[import-untyped]  # ships no types; PageElement below is what we use of it

from booksources.web_pages.charset import decode_html

_PARSER = etree.HTMLParser(encoding="utf-8", recover=True, huge_tree=True, collect_ids=False)
_EMPTY = b"<html/>"
_SCHEMES = ("http", "https")


class PageElement(Protocol):
    """The part of lxml's elements that readers of pages use; several times faster than a selector for each
    field."""

    tag: str
    text: str | None

    def find(self, path: str) -> Self | None: ...
    def findall(self, path: str) -> list[Self]: ...
    def get(self, name: str, default: str = ..., /) -> str: ...
    def getnext(self) -> Self | None: ...
    def getparent(self) -> Self | None: ...
    def iter(self, *tags: str) -> Iterator[Self]: ...
    def itertext(self) -> Iterator[str]: ...
    def __iter__(self) -> Iterator[Self]: ...
    def __len__(self) -> int: ...


def parse_html(html: bytes, content_type: str = "") -> PageElement:
    """Root of a tolerant parse; an empty page has an empty root."""
    text = decode_html(html, content_type).strip().replace("\x00", "").encode("utf-8", "replace")
    root = etree.fromstring(text or _EMPTY, _PARSER)
    return cast(PageElement, etree.fromstring(_EMPTY, _PARSER) if root is None else root)


def read_text(element: PageElement | None) -> str | None:
    """Stripped text with inner white space as printed; None without an element or text."""
    if element is None:
        return None
    text = "".join(element.itertext()) if len(element) else element.text or ""
    return text.strip() or None


def find_base(page: PageElement, html: bytes, url: str) -> str:
    """What the page's links are relative to: its first `<base href>`, else its URL."""
    if b"<base" not in html and b"<BASE" not in html and b"<Base" not in html:
        return url
    base = page.find(".//base[@href]")
    target = resolve_link(url, base.get("href", "")) if base is not None else None
    return target if target and urlsplit(target).scheme in _SCHEMES else url


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
