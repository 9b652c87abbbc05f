"""Reads a page of a shop: its books with their offers, and its links to lists and books."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from booksources.reading import Document, Link, Listing, Parked, ReadItem, SourceProfile
from booksources.schema_org.address import choose_source_id, find_canonical
from booksources.schema_org.candidates import Candidates, find_candidates, is_book, iterate_editions
from booksources.schema_org.facts import ListingReader
from booksources.schema_org.json_ld import BrokenBlock, read_json_ld
from booksources.schema_org.microdata import read_microdata
from booksources.schema_org.node import Node
from booksources.schema_org.open_graph import read_meta_tags, read_open_graph
from booksources.web_pages.elements import PageElement, find_base, parse_html, resolve_link

_LONGEST_RAW = 100_000  # bytes of a parked block
_BOOK_WORDS = ('"book"', '"product"', "/book", "/product")
_UNFOLLOWED = (
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
    ".webp",
    ".svg",
    ".css",
    ".js",
    ".pdf",
    ".zip",
    ".mp3",
    ".mp4",
)


@dataclass(frozen=True, slots=True)
class _Page:
    """`url`: the address that the page gives itself; `base`: what its links are relative to."""

    root: PageElement
    url: str
    base: str
    books: tuple[Node, ...]
    listed: tuple[Node, ...]
    broken: tuple[BrokenBlock, ...]


def read_page(document: Document, profile: SourceProfile) -> Iterator[ReadItem]:
    """JSON-LD, else microdata, else OpenGraph; the first of them that states a book.

    A truncated page gives no listing: none of its fields can be trusted.
    """
    page = _parse_page(document, profile)
    listings = [*_read_listings(page, profile)] if document.is_whole else []
    has_listing = any(isinstance(item, Listing) for item in listings)
    yield from listings
    if not has_listing:
        yield from _park_broken(page.broken)
    yield from _read_links(page, has_listing=has_listing)


def _parse_page(document: Document, profile: SourceProfile) -> _Page:
    html = document.body.read()
    root = parse_html(html, document.content_type)
    base = find_base(root, html, document.url)
    tags = read_meta_tags(root)
    url = find_canonical(root, tags, base=base, url=document.url)
    json_ld = read_json_ld(root)
    candidates = _choose_syntax(root, json_ld.nodes, base, tags, profile)
    return _Page(root, url, base, candidates.books, candidates.listed, json_ld.broken)


def _choose_syntax(
    root: PageElement,
    nodes: tuple[Node, ...],
    base: str,
    tags: dict[str, tuple[str, ...]],
    profile: SourceProfile,
) -> Candidates:
    """Products that are no books don't hide a book that another syntax states."""
    graph = read_open_graph(tags)
    listed: tuple[Node, ...] = ()
    for things in (nodes, read_microdata(root, base), (graph,) if graph else ()):
        found = find_candidates(things)
        listed = listed or found.listed
        books = tuple(
            node for node in found.books if _has_book(node, sells_only_books=profile.sells_only_books)
        )
        if books:
            return Candidates(books, listed)
    return Candidates((), listed)


def _has_book(node: Node, *, sells_only_books: bool) -> bool:
    return any(is_book(edition, sells_only_books=sells_only_books) for edition in iterate_editions(node))


def _read_listings(page: _Page, profile: SourceProfile) -> Iterator[ReadItem]:
    """A book with an address of its own elsewhere is only linked, unless it is the page's only one."""
    own = [book for book in page.books if len(page.books) == 1 or not _is_elsewhere(book, page)]
    editions = [
        edition
        for book in [*own, *_list_unlinked(page)]
        for edition in iterate_editions(book)
        if is_book(edition, sells_only_books=profile.sells_only_books)
    ]
    reader = ListingReader(profile, page.base)
    for number, edition in enumerate(editions, 1):
        if not edition.get_text("name", "headline", "title"):
            yield Parked(f"book {number} of the page", b"", "has no title")
            continue
        if len(editions) > 1 and not _has_key(edition, profile):
            reason = "is one of several books of the page and has no key of its own"
            yield Parked(f"book {number} of the page", (edition.get_text("name") or "").encode(), reason)
            continue
        url = _find_address(edition, page) if len(editions) > 1 else page.url
        printed = reader.read(edition, page.broken)
        yield Listing(choose_source_id(edition, url, profile), url, printed)


def _list_unlinked(page: _Page) -> Iterator[Node]:
    """Books of a list that have no page of their own."""
    return (node for node in page.listed if node.types and not _resolve_own(node, page))


def _has_key(edition: Node, profile: SourceProfile) -> bool:
    return "url" in edition.properties or any(
        name in edition.properties for name in profile.identified_by if name != "url"
    )


def _find_address(edition: Node, page: _Page) -> str:
    return _resolve_own(edition, page) or page.url


def _is_elsewhere(book: Node, page: _Page) -> bool:
    address = _resolve_own(book, page)
    return address is not None and address != page.url


def _resolve_own(node: Node, page: _Page) -> str | None:
    """The thing's own address; None without one, and for a place on this page."""
    link = next((value for value in node.properties.get("url", ()) if isinstance(value, str)), None)
    address = (resolve_link(page.base, link) or "").partition("#")[0] if link else ""
    is_web = address.startswith(("http://", "https://"))
    return address if is_web and address != page.url else None


def _park_broken(blocks: Iterable[BrokenBlock]) -> Iterator[Parked]:
    """Broken blocks that may have stated a book."""
    for block in blocks:
        if any(word in block.text.lower() for word in _BOOK_WORDS):
            raw = block.text.encode()[:_LONGEST_RAW]
            yield Parked(f"JSON-LD block {block.number}", raw, block.reason)


def _read_links(page: _Page, *, has_listing: bool) -> Iterator[Link]:
    """The next page and the books of a list; on a page without a book, also its other links of the site."""
    seen = {page.url}
    for role, link in (*_list_next(page.root), *_list_books(page)):
        if (address := _resolve(page, link)) and address not in seen:
            seen.add(address)
            yield Link(role, address)
    if has_listing:
        return
    host = urlsplit(page.url).netloc
    for anchor in page.root.iter("a"):
        address = _resolve(page, anchor.get("href", ""))
        if not address or address in seen or "nofollow" in anchor.get("rel", "").lower():
            continue
        parts = urlsplit(address)
        if parts.netloc == host and not parts.path.lower().endswith(_UNFOLLOWED):
            seen.add(address)
            yield Link("list", address)


def _list_next(root: PageElement) -> Iterator[tuple[str, str]]:
    for element in root.iter("link", "a"):
        if "next" in element.get("rel", "").lower().split():
            yield "next", element.get("href", "")


def _list_books(page: _Page) -> Iterator[tuple[str, str]]:
    for node in (*page.listed, *(book for book in page.books if len(page.books) > 1)):
        for value in node.properties.get("url", ()):
            if isinstance(value, str):
                yield "book", value


def _resolve(page: _Page, link: str) -> str | None:
    address = resolve_link(page.base, link) if link.strip() else None
    return address.partition("#")[0] if address and address.startswith(("http://", "https://")) else None
