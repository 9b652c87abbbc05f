"""Sitemap -> links to pages (`book`) and to further sitemaps (`list`); nothing else of it is used.

A file is read as it comes: neither its size nor what it unpacks to decides how much memory it takes, and what
the protocol allows bounds it.
"""

import gzip
import zlib
from collections.abc import Iterator
from typing import IO, cast
from urllib.parse import urlsplit

from lxml import etree  # type: ignore[import-untyped]  # ships no types

from bookcore.domain.errors import Invalid
from booksources.cleaning.moments import parse_moment
from booksources.reading import Document, Link, ReadItem, SourceProfile

_GZIP = b"\x1f\x8b"
_MOST_BYTES = 52_428_800
"""Unpacked; the protocol's limit."""

_MOST_LINKS = 50_000
_LONGEST_LINK = 2_048
_ROLES = {"url": "book", "sitemap": "list"}


def read_sitemap(document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """XML, plain text of one address a line, or robots.txt, each also as gzip.

    Raises, while items are taken: Invalid for other content, and from the place on where a file is damaged or
    larger than the protocol allows.
    """
    body = _Bounded(_unpack(document.body))
    head = body.peek()
    if urlsplit(document.url).path.lower().endswith("/robots.txt"):
        links = _read_robots(body)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        links = _read_xml(body)
    else:
        links = _read_lines(body)
    for number, link in enumerate(links):
        if number == _MOST_LINKS:
            raise Invalid(f"lists more than {_MOST_LINKS:,} addresses; the rest is left out")
        yield link


def _unpack(body: IO[bytes]) -> IO[bytes]:
    head = body.read(2)
    rest = cast(IO[bytes], _Joined(head, body))
    return cast(IO[bytes], gzip.GzipFile(fileobj=rest)) if head == _GZIP else rest


class _Joined:
    """A file whose first bytes have been read."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._rest.read(size)
        head, self._head = self._head, b""
        return head if size >= 0 else head + self._rest.read()


class _Bounded:
    """A file that is never read beyond the limit of the protocol. Raises: Invalid."""

    def __init__(self, body: IO[bytes]) -> None:
        self._body = body
        self._left = _MOST_BYTES
        self._head = b""

    def peek(self) -> bytes:
        """The first bytes, which are read again."""
        self._head = self.read(64)
        return self._head

    def read(self, size: int = 65_536) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        try:
            chunk = self._body.read(min(size, 65_536) if size >= 0 else 65_536)
        except (OSError, EOFError, zlib.error) as error:
            raise Invalid("is damaged: it can't be unpacked to its end") from error
        self._left -= len(chunk)
        if self._left < 0:
            raise Invalid(f"is larger than {_MOST_BYTES:,} bytes")
        return chunk

    def iterate_lines(self) -> Iterator[str]:
        """Lines of bounded length; a longer one is cut."""
        rest = b""
        while chunk := self.read():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace").strip("\ufeff \t\r")
            rest = rest[: 2 * _LONGEST_LINK]
        yield rest.decode("utf-8", "replace").strip("\ufeff \t\r")


def _read_robots(body: _Bounded) -> Iterator[Link]:
    for line in body.iterate_lines():
        name, _, value = line.partition(":")
        address = value.partition(" #")[0].strip()
        if name.strip().lower() == "sitemap" and _is_address(address):
            yield Link("list", address)


def _read_lines(body: _Bounded) -> Iterator[Link]:
    found = False
    for line in body.iterate_lines():
        if _is_address(line):
            found = True
            yield Link("book", line)
        elif line and not found:
            raise Invalid("is no sitemap: it begins neither with XML nor with an address")


def _read_xml(body: _Bounded) -> Iterator[Link]:
    """Entities are not expanded, nothing else is loaded, and every element is freed once it is read."""
    parser = etree.XMLPullParser(
        events=("end",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=False,
    )
    is_sitemap = False
    try:
        while chunk := body.read():
            parser.feed(chunk)
            for _, element in parser.read_events():
                role = _ROLES.get(_get_name(element))
                if role is None:
                    continue
                is_sitemap = True
                yield from _read_entry(role, element)
                _free(element)
        root = parser.close()
    except etree.XMLSyntaxError as error:
        raise Invalid("is damaged: it is no whole XML") from error
    if not is_sitemap and _get_name(root) not in ("urlset", "sitemapindex"):
        raise Invalid("is no sitemap")


def _read_entry(role: str, element: etree._Element) -> Iterator[Link]:
    texts = {_get_name(child): (child.text or "").strip() for child in element if isinstance(child.tag, str)}
    address = texts.get("loc", "")
    if _is_address(address):
        yield Link(role, address, parse_moment(texts.get("lastmod", "")))


def _free(element: etree._Element) -> None:
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _get_name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2] if isinstance(element.tag, str) else ""


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://")) and len(text) <= _LONGEST_LINK and " " not in text
