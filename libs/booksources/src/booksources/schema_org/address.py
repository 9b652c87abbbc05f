"""The address of a page and the source's key of a book."""

import re
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from booksources.reading import SourceProfile
from booksources.schema_org.candidates import find_isbn
from booksources.schema_org.node import Node
from booksources.web_pages.elements import PageElement, resolve_link

_ODD = re.compile(r"[^A-Za-z0-9._~-]+")
_LONGEST = 110


def find_canonical(page: PageElement, tags: Mapping[str, tuple[str, ...]], *, base: str, url: str) -> str:
    """The address that the page gives itself, when it is one of the same site; else the one it came from."""
    links = (
        link.get("href", "")
        for link in page.iter("link")
        if "canonical" in link.get("rel", "").lower().split()
    )
    for link in (*links, *tags.get("og:url", ())):
        address = resolve_link(base, link) if link.strip() else None
        if address and _get_site(address) == _get_site(url):
            return address.partition("#")[0]
    return url.partition("#")[0]


def choose_source_id(thing: Node, url: str, profile: SourceProfile) -> str | None:
    """The first of the properties that the source declares, else a digest of the address's path and query."""
    for name in profile.identified_by:
        if name == "url":
            break
        text = find_isbn(thing) if name == "isbn" else thing.get_text(name)
        if text:
            return _make_key(text)
    parts = urlsplit(url)
    place = parts.path + (f"?{parts.query}" if parts.query else "")
    return sha256(place.encode()).hexdigest()[:24]


def _make_key(text: str) -> str:
    """The text itself where it can be a key; else what can, and a digest of the whole."""
    text = text.strip()
    if not _ODD.search(text) and len(text) <= _LONGEST:
        return text
    digest = sha256(text.encode()).hexdigest()[:12]
    return f"{_ODD.sub('-', text)[:_LONGEST].strip('-')}~{digest}"


def _get_site(address: str) -> tuple[str, int | None] | None:
    """Host without `www.`, and port; None for no web address."""
    try:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        return parts.hostname.removeprefix("www."), parts.port
    except ValueError:
        return None
